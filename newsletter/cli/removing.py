"""`newsletter subscribers remove`, `delete` and `move`: one person, or many at once."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from newsletter.cli.frame import Session, command
from newsletter.errors import Refused, UsageError

if TYPE_CHECKING:
    from newsletter.model.address import Address

F = TypeVar("F", bound=Callable[..., Any])


def _whom(function: F) -> F:
    """One address, the addresses of a file, or the people of a segment."""
    for option in (
        click.option("--yes", is_flag=True, help="Do it to many, or in spite of what is told."),
        click.option("--segment", help="Everybody in this segment."),
        click.option(
            "--file",
            "file",
            type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True),
            help="Everybody in this CSV file, or list of addresses.",
        ),
    ):
        function = option(function)
    return click.argument("address", required=False)(function)


@click.command()
@_whom
@click.option("--list", "list_name", help="The list to leave; all if left out.")
@command
def remove(
    session: Session,
    address: str | None,
    file: Path | None,
    segment: str | None,
    yes: bool,
    list_name: str | None,
) -> None:
    """Unsubscribe people; the record stays, so that no import brings them back."""
    from newsletter.audience import removing
    from newsletter.cli.subscribers import hashes_of
    from newsletter.project import utc_now

    people = _people(session, address, file, segment, list_name, yes)
    removed = removing.remove(session.store, people, list_name, utc_now(), hashes_of(session))
    if address is None:
        left = sum(bool(each.lists) for each in removed)
        suppressed = sum(each.suppressed for each in removed)
        unchanged = len(removed) - left - suppressed
        _show(session, {"unsubscribed": left, "suppressed": suppressed, "unchanged": unchanged})
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
@_whom
@click.option("--list", "list_name", help="With --segment: only members of this list.")
@command
def delete(
    session: Session,
    address: str | None,
    file: Path | None,
    segment: str | None,
    yes: bool,
    list_name: str | None,
) -> None:
    """Delete people for good, without a ban: an import may bring them back."""
    from newsletter.audience import removing
    from newsletter.project import utc_now

    people = _people(session, address, file, segment, list_name, yes)
    deleted = removing.delete(session.store, people, utc_now(), confirmed=yes)
    if address is not None and not deleted[0]:
        raise UsageError("nobody has subscribed with this address")
    _show(session, {"deleted": sum(deleted), "unknown": len(deleted) - sum(deleted)})


@click.command()
@_whom
@click.option("--list", "list_name", required=True, help="The list that they are on.")
@click.option("--to", "target", required=True, help="The list that they are moved to.")
@command
def move(
    session: Session,
    address: str | None,
    file: Path | None,
    segment: str | None,
    yes: bool,
    list_name: str,
    target: str,
) -> None:
    """Let members of one list be members of another instead, with the consent they gave."""
    from newsletter.audience import removing
    from newsletter.project import utc_now

    people = _people(session, address, file, segment, list_name, yes)
    moved = removing.move(session.store, people, list_name, target, utc_now())
    _show(session, {"moved": sum(moved), "left_alone": len(moved) - sum(moved)})


def _people(
    session: Session,
    address: str | None,
    file: Path | None,
    segment: str | None,
    list_name: str | None,
    yes: bool,
) -> "Sequence[Address]":
    """Whom a command is about; many only with --yes."""
    from newsletter.audience import removing
    from newsletter.audience.address import parse
    from newsletter.cli.segments import moment_of

    if sum(given is not None for given in (address, file, segment)) != 1:
        raise UsageError(
            "whom?", hint="Name one address, or a --file of addresses, or a --segment."
        )
    if address is not None:
        return [parse(address)]
    if file is not None:
        people: Sequence[Address] = list(dict.fromkeys(removing.addresses_in(file)))
    else:
        assert segment is not None
        people = removing.addresses_of(session.store, segment, list_name, moment_of(session))
    if not yes:
        raise Refused(
            f"that is about {len(people):,} people",
            hint="Nothing was done. Add --yes to do it.",
        )
    return people


def _show(session: Session, counts: dict[str, int]) -> None:
    if session.json:
        session.emit(counts)
        return
    parts = (f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items())
    session.console.print(f"{', '.join(parts)}.")
