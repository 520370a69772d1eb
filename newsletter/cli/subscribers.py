"""`newsletter subscribers`: add, show, list, export, forget, stats; `imports` and `removing` have
the rest."""

import sys
from collections.abc import Callable, Collection, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from newsletter.cli.asking import ask
from newsletter.cli.frame import Session, command, examples
from newsletter.cli.imports import import_, undo
from newsletter.cli.imports import list_ as imports
from newsletter.cli.options import csv_out
from newsletter.cli.removing import delete, move, remove
from newsletter.cli.showing import who
from newsletter.errors import Refused, UsageError
from newsletter.model.subscriber import ConsentHow, SubscriptionStatus

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from newsletter.store.people.people import Person
    from newsletter.store.segments.conditions import Condition

_TABLE_ROWS = 100  # people in a table; --limit shows more
_ERASED = ("subscriptions", "requests", "receipts", "events", "files")

_status = click.option(
    "--confirmed/--pending",
    "confirmed",
    default=True,
    help="Whether these people have said yes (default), or still have to.",
)


_segment = click.option(
    "--segment",
    help="Only people in this segment: confirmed members of the list, or of any list.",
)


class _Subscribers(click.Group):
    """Reads `import undo ID` as a command of its own; a file called `undo` is `./undo`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        words = [word for word in args[1:] if word not in ("--json", "--debug")]
        if args[:1] == ["import"] and words[:1] == ["undo"]:
            return undo.name, undo, [word for word in args[1:] if word != "undo"]
        return super().resolve_command(ctx, args)


@click.group(cls=_Subscribers)
def subscribers() -> None:
    """Import, add, remove, list, export and erase subscribers."""


for _command in (import_, undo, imports, remove, delete, move):
    subscribers.add_command(_command)


@subscribers.command(epilog=examples("subscribers add ada@example.com --list readers --name Ada"))
@click.argument("address")
@click.option("--list", "list_name", required=True, help="The list to join.")
@click.option("--name", help="The person's name.")
@click.option("--attr", "attributes", multiple=True, metavar="KEY=VALUE", help="May be repeated.")
@_status
@click.option("--resubscribe", is_flag=True, help="They left, and have asked to come back.")
@command
def add(
    session: Session,
    address: str,
    list_name: str,
    name: str | None,
    attributes: tuple[str, ...],
    confirmed: bool,
    resubscribe: bool,
) -> None:
    """Let one person join a list."""
    from newsletter.audience import subscribers as service
    from newsletter.audience.address import parse

    mailbox = parse(address)
    added = service.add(
        session.store,
        mailbox,
        list_name,
        status=_status_of(confirmed),
        now=session.clock(),
        hashes=hashes_of(session),
        name=name,
        attributes=_pairs(attributes),
        resubscribe=resubscribe,
    )
    if session.json:
        session.emit(
            {
                "address": mailbox.text,
                "list": list_name,
                "status": added.status,
                "result": added.outcome,
                "subscriber_id": added.subscriber_id,
            }
        )
    else:
        session.console.print(f"{mailbox.text} is {added.status} on {list_name} ({added.outcome}).")


@subscribers.command()
@click.argument("address")
@command
def show(session: Session, address: str) -> None:
    """Show what is known of one person."""
    from newsletter.audience import subscribers as service
    from newsletter.audience.address import parse
    from newsletter.operations import records

    mailbox = parse(address)
    profile = service.profile(session.store, mailbox, hashes_of(session))
    described: dict[str, Any] = {"address": mailbox.text, "subscriptions": []}
    if profile.person is not None:
        described = records.person(profile.person)
    suppression = profile.suppression
    described["suppression"] = None if suppression is None else records.suppression(suppression)
    if session.json:
        session.emit(described)
        return
    table = session.table("", "", header=False)
    table.add_row("address", described["address"])
    if profile.person is not None:
        table.add_row("name", profile.person.subscriber.name)
        for key, value in sorted(profile.person.subscriber.attributes.items()):
            table.add_row(key, value)
        for joined in profile.person.subscriptions:
            how = f"{joined.consent.how}, {joined.consent.source}, {joined.consent.at:%Y-%m-%d}"
            table.add_row(joined.list, f"{joined.status} ({how})")
    if profile.suppression is not None:
        reason, since = profile.suppression.reason, profile.suppression.created_at
        table.add_row("never mailed", f"{reason} since {since:%Y-%m-%d}")
    session.console.print(table)


@subscribers.command(name="list")
@click.option("--list", "list_name", help="Only those who ever joined this list.")
@click.option(
    "--status",
    type=click.Choice([status.value for status in SubscriptionStatus]),
    help="Only those with this status on it.",
)
@_segment
@click.option("--limit", type=click.IntRange(min=1), help="At most this many.")
@command
def list_(
    session: Session,
    list_name: str | None,
    status: str | None,
    segment: str | None,
    limit: int | None,
) -> None:
    """List subscribers, newest first."""
    from newsletter.operations import records
    from newsletter.store.pages import stream
    from newsletter.store.people import lists, people

    most = limit if limit is not None or session.json else _TABLE_ROWS

    def page(connection: "Connection", after: "Person | None") -> "Sequence[Person]":
        list_id = None if list_name is None else lists.id_of(connection, list_name)
        where = None if segment is None else _in_segment(session, connection, segment, list_id)
        wanted = None if status is None else SubscriptionStatus(status)
        return people.page(
            connection, after, list_id=list_id, status=wanted, where=where, most=most
        )

    matches = islice(stream(session.store, page), most)
    if session.json:
        for person in matches:
            session.emit(records.person(person))
        return
    table = session.table("address", "name", "lists")
    for person in matches:
        joined = ", ".join(f"{each.list} ({each.status})" for each in person.subscriptions)
        table.add_row(person.subscriber.address.text, person.subscriber.name, joined)
    session.console.print(table if table.row_count else "Nobody.")
    if limit is None and table.row_count == most:
        session.notes.print(f"The newest {most}; ask for more with --limit, or export.")


@subscribers.command(epilog=examples("subscribers export --list readers --out readers.csv"))
@click.option("--list", "list_name", help="Only this list.")
@_segment
@csv_out
@click.option("--raw", is_flag=True, help="Do not guard cells that a spreadsheet would run.")
@click.option(
    "--excel", is_flag=True, help="Begin with a byte order mark, so that Excel reads it as UTF-8."
)
@command
def export(
    session: Session,
    list_name: str | None,
    segment: str | None,
    out: Path | None,
    raw: bool,
    excel: bool,
) -> None:
    """Write subscribers as CSV, in the form that import reads back."""
    from newsletter.audience.exporting import export as write_csv
    from newsletter.cli.segments import moment_of

    write = partial(
        write_csv,
        session.store,
        list_name=list_name,
        segment=None if segment is None else (segment, moment_of(session)),
        raw=raw,
    )
    write_out(session, write, out, excel=excel)


def write_out(
    session: Session, write: Callable[[TextIO], int], out: Path | None, *, excel: bool = False
) -> None:
    """Let a service write CSV into a file, or to standard output: as UTF-8, whatever the terminal
    is."""
    from newsletter.audience.output import standard_output, written_whole

    if out == Path("-"):
        out = None
    if out is None and session.json:
        raise UsageError(
            "CSV and JSON cannot both go to standard output",
            hint="Name a file with --out, or leave --json out.",
        )
    with standard_output() if out is None else written_whole(out) as file:
        if excel:
            file.write("\ufeff")
        rows = write(file)
    if out is None:
        return
    if session.json:
        session.emit({"file": str(out), "rows": rows})
    else:
        session.console.print(f"{rows:,} rows in {out}")


@subscribers.command()
@click.argument("address")
@click.option("--yes", is_flag=True, help="Do not ask.")
@command
def forget(session: Session, address: str, yes: bool) -> None:
    """Erase one person for good; a keyed hash stays, so that no import brings them back."""
    from newsletter.audience.address import parse
    from newsletter.audience.erasing import erase
    from newsletter.model.subscriber import Consent

    mailbox = parse(address)
    if not yes:
        _confirm_erasing(mailbox.text)
    consent = Consent(session.clock(), ConsentHow.FORGET, "newsletter subscribers forget")
    outbox = session.project.outbox
    erased = erase(session.store, outbox, hashes_of(session), mailbox, consent, who(session))
    if not erased.complete:
        session.notes.print(
            "Another process keeps the store busy: traces may stay in the file that ends in -wal "
            "until it closes the store. Run this again later to clear them."
        )
    if erased.archives:
        session.notes.print(
            "Archived sends still hold the address, in", *erased.archives, sep="\n  "
        )
    counts = {name: getattr(erased, name) for name in _ERASED}
    if session.json:
        rest = {"archives": erased.archives, "complete": erased.complete}
        session.emit({"subscriber_id": erased.subscriber_id, **counts, **rest})
        return
    removed = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
    session.console.print(f"Erased, and never mailed again. It had: {removed or 'nothing more'}.")


@subscribers.command()
@command
def stats(session: Session) -> None:
    """Count subscribers by list and status, and suppressions by reason."""
    from newsletter.audience import subscribers as service
    from newsletter.cli.lists import lists_table
    from newsletter.operations import records

    totals = service.stats(session.store)
    if session.json:
        session.emit(
            {
                "subscribers": totals.subscribers,
                "lists": [records.mailing_list(each) for each in totals.lists],
                "suppressions": dict(totals.suppressions),
            }
        )
        return
    session.console.print(f"{totals.subscribers:,} subscribers")
    if totals.lists:
        session.console.print(lists_table(session, totals.lists))
    for reason, count in sorted(totals.suppressions.items()):
        session.console.print(f"{count:,} never mailed: {reason}")


def hashes_of(session: Session) -> Callable[[str], Collection[str]]:
    """The keyed hashes of an address; reads the keys when first asked, which is rarely."""
    from newsletter.operations.keys import hashes_of

    return hashes_of(session.project.root)


def _in_segment(
    session: Session, connection: "Connection", name: str, list_id: int | None
) -> "Condition":
    from newsletter.audience.segments import members_of
    from newsletter.cli.segments import moment_of

    return members_of(connection, name, list_id, moment_of(session))


def _confirm_erasing(address: str) -> None:
    """Ask for the address once more: erasing cannot be taken back."""
    if not sys.stdin.isatty():
        raise Refused(
            "erasing was not confirmed: there is no terminal to ask at",
            hint="Add --yes to erase without a question.",
        )
    question = "This cannot be undone. Type the address to erase it"
    if ask(question).strip().lower() != address.lower():
        raise Refused("erasing was not confirmed", hint="Nothing was erased.")


def _status_of(confirmed: bool) -> SubscriptionStatus:
    return SubscriptionStatus.CONFIRMED if confirmed else SubscriptionStatus.PENDING


def _pairs(attributes: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for attribute in attributes:
        key, equals, value = attribute.partition("=")
        if not equals:
            raise UsageError(f"{attribute!r} is not KEY=VALUE", where="--attr")
        pairs[key] = value
    return pairs
