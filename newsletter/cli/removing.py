"""`newsletter subscribers remove`, `delete` and `move`: one person, or many at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from newsletter.cli.frame import Session, command
from newsletter.cli.showing import who
from newsletter.errors import Refused, UsageError

if TYPE_CHECKING:
    from newsletter.model.address import Address


@dataclass(frozen=True, slots=True)
class _Whom:
    """One address, the addresses of a file, or the people of a segment; many only with `yes`."""

    address: str | None
    file: Path | None
    segment: str | None
    yes: bool

    def people(self, session: Session, list_name: str | None) -> "Sequence[Address]":
        from newsletter.audience import removing
        from newsletter.audience.address import parse
        from newsletter.cli.segments import moment_of

        if sum(choice is not None for choice in (self.address, self.file, self.segment)) != 1:
            raise UsageError(
                "whom?", hint="Name one address, or a --file of addresses, or a --segment."
            )
        if self.address is not None:
            return [parse(self.address)]
        if self.file is not None:
            people: Sequence[Address] = list(dict.fromkeys(removing.addresses_in(self.file)))
        else:
            assert self.segment is not None
            moment = moment_of(session)
            people = removing.addresses_of(session.store, self.segment, list_name, moment)
        if not self.yes:
            raise Refused(
                f"this concerns {len(people):,} people",
                hint="Nothing was done. Add --yes to do it.",
            )
        return people


def _about(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that name people, as one `whom`."""

    @wraps(function)
    def wrapped(
        address: str | None, file: Path | None, segment: str | None, yes: bool, **others: Any
    ) -> Any:
        return function(whom=_Whom(address, file, segment, yes), **others)

    for option in (
        click.option("--yes", is_flag=True, help="Do it to many people, or despite a warning."),
        click.option("--segment", help="Everybody in this segment."),
        click.option(
            "--file",
            "file",
            type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True),
            help="Everybody in this CSV file, or list of addresses.",
        ),
    ):
        wrapped = option(wrapped)
    return click.argument("address", required=False)(wrapped)


@click.command()
@_about
@click.option("--list", "list_name", help="The list to leave; all if left out.")
@command
def remove(session: Session, whom: _Whom, list_name: str | None) -> None:
    """Unsubscribe people; the record stays, so that no import brings them back."""
    from newsletter.audience import removing
    from newsletter.cli.subscribers import hashes_of

    people = whom.people(session, list_name)
    removed = removing.remove(
        session.store, people, list_name, session.clock(), hashes_of(session), who(session)
    )
    if whom.address is None:
        unsubscribed = sum(bool(each.lists) for each in removed)
        suppressed = sum(each.suppressed for each in removed)
        unchanged = len(removed) - unsubscribed - suppressed
        _show(
            session,
            {"unsubscribed": unsubscribed, "suppressed": suppressed, "unchanged": unchanged},
        )
        return
    (one,), (mailbox,) = removed, people
    if session.json:
        session.emit(
            {
                "address": mailbox.text,
                "unsubscribed": list(one.lists),
                "suppressed": one.suppressed,
            }
        )
    elif one.lists:
        session.console.print(f"{mailbox.text} left {', '.join(one.lists)}.")
    elif one.suppressed:
        session.console.print(f"Nobody has {mailbox.text}; it is never mailed from now on.")
    else:
        session.console.print(f"{mailbox.text} was not subscribed; nothing changed.")


@click.command()
@_about
@click.option("--list", "list_name", help="With --segment: only members of this list.")
@command
def delete(session: Session, whom: _Whom, list_name: str | None) -> None:
    """Delete people for good, without a ban: an import may bring them back."""
    from newsletter.audience import removing

    people = whom.people(session, list_name)
    deleted = removing.delete(
        session.store, people, session.clock(), who(session), confirmed=whom.yes
    )
    if whom.address is not None and not deleted[0]:
        raise UsageError(
            "nobody has subscribed with this address", hint="See all: newsletter subscribers list"
        )
    _show(session, {"deleted": sum(deleted), "unknown": len(deleted) - sum(deleted)})


@click.command()
@_about
@click.option("--list", "list_name", required=True, help="The list that they are on.")
@click.option("--to", "target", required=True, help="The list that they are moved to.")
@command
def move(session: Session, whom: _Whom, list_name: str, target: str) -> None:
    """Let members of one list be members of another instead, with the consent they gave."""
    from newsletter.audience import removing

    people = whom.people(session, list_name)
    moved = removing.move(session.store, people, list_name, target, session.clock(), who(session))
    _show(session, {"moved": sum(moved), "left_alone": len(moved) - sum(moved)})


def _show(session: Session, counts: dict[str, int]) -> None:
    if session.json:
        session.emit(counts)
        return
    parts = (f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items())
    session.console.print(f"{', '.join(parts)}.")
