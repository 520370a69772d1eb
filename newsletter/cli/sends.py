"""`newsletter status`, `sends` and `deliveries`: what the ledger says."""

import sys
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import click

from newsletter.cli.archiving import archive
from newsletter.cli.frame import Session, command
from newsletter.cli.options import SendId
from newsletter.cli.showing import in_zone, send_record, show, standing_of
from newsletter.errors import UsageError
from newsletter.gate import visible
from newsletter.model.send import DeliveryStatus, Reported, Send, SendStatus

if TYPE_CHECKING:
    from newsletter.operations.records import JsonObject

EXIT_CODES = {
    SendStatus.FINISHED: 0,
    SendStatus.SCHEDULED: 0,
    SendStatus.SENDING: 4,
    SendStatus.PAUSED: 4,
    SendStatus.UNRESOLVED: 4,
    SendStatus.CANCELLED: 1,
}


@click.command()
@click.argument("send", type=SendId(), required=False)
@command
def status(session: Session, send: str | None) -> None:
    """Show one send: the newest, or the one named."""
    from newsletter.cli.events import unknown_words_line
    from newsletter.feedback.alarm import silence
    from newsletter.feedback.warning import many_bounces

    current = find(session, send)
    warn_if_restored(session)
    alarm = silence(session.store, session.project.settings, session.clock())
    warning = many_bounces(session.store, current, session.project.settings.policy)
    words = _unknown_words(session, current)
    if session.json:
        session.emit(
            send_record(session, current, alarm=alarm, unknown_words=words, warning=warning)
        )
        return
    show(session, current)
    if warning:
        session.console.print(f"Warning: {warning}.")
    if words:
        session.console.print(unknown_words_line(words))
    if alarm:
        session.console.print(f"Alarm: {alarm}.")


@click.group(invoke_without_command=True)
@click.option("--limit", type=click.IntRange(min=1), help="Only this many, the newest.")
@command
def sends(session: Session, limit: int | None) -> None:
    """Show all sends, newest first; archive what is old."""
    if click.get_current_context().invoked_subcommand is None:
        _show_all(session, limit)


sends.add_command(archive)


def _show_all(session: Session, limit: int | None) -> None:
    from newsletter.store.ledger import sends as queries

    with session.store.read() as connection:
        rows = queries.newest_first(connection, limit)
    warn_if_restored(session)
    if session.json:
        for send in rows:
            session.emit(send_record(session, send))
        return
    words = ("delivered", "bounced", "complained")
    table = session.table(
        "send", "issue", "list", "status", "at", "recipients", "accepted", "unknown", *words, "left"
    )
    table.columns[0].no_wrap = True  # it is copied into the next command
    for send in rows:
        state = standing_of(session, send).state
        table.add_row(
            send.id,
            send.slug,
            f"{send.list} ({send.segment})" if send.segment else send.list,
            f"{send.status}, {state}" if state else send.status,
            in_zone(session, send.scheduled_at or send.created_at),
            *(f"{getattr(send.counts, word):,}" for word in ("recipients", "accepted", "unknown")),
            *(f"{getattr(send.reports, word):,}" for word in words),
            f"{send.unsubscribed:,}",
        )
    session.console.print(table if rows else "Nothing was sent yet.")


@click.command()
@click.argument("send", type=SendId())
@click.option(
    "--status",
    "wanted",
    type=click.Choice([status.value for status in DeliveryStatus]),
    help="Only these.",
)
@click.option(
    "--reported",
    type=click.Choice([reported.value for reported in Reported]),
    help="Only those whose latest report is this.",
)
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV on standard output.")
@command
def deliveries(
    session: Session, send: str, wanted: str | None, reported: str | None, as_csv: bool
) -> None:
    """Show what became of each recipient of a send."""
    if as_csv and session.json:
        raise UsageError("--csv and --json exclude each other")
    rows = _rows(session, find(session, send), wanted, reported)
    if as_csv:
        _print_csv(rows)
        return
    for row in rows:
        if session.json:
            session.emit(row)
        else:
            notes = " ".join(filter(None, (row["reported"], row["reason"])))
            session.console.print(f"{row['status']:9} {row['address'] or '(erased)'}  {notes}")


def _rows(
    session: Session, send: Send, status: str | None, reported: str | None
) -> Iterable["JsonObject"]:
    """The deliveries of a send with this status and report, from the ledger or its archive."""
    from newsletter.operations import archives, records
    from newsletter.store.ledger import deliveries as queries
    from newsletter.store.ledger import sends as send_queries
    from newsletter.store.pages import stream

    if send.archive_file is not None:
        wanted = (("status", status), ("reported", reported))
        return (
            row
            for row in archives.read_for_people(session.store, send)
            if all(value in (None, row[name]) for name, value in wanted)
        )
    with session.store.read() as connection:
        number = send_queries.number_of(connection, send.id)
    page = partial(
        queries.page,
        send=number,
        status=DeliveryStatus(status) if status else None,
        reported=Reported(reported) if reported else None,
    )
    return map(records.delivery, stream(session.store, page))


def warn_if_restored(session: Session) -> None:
    """Say on stderr that nothing is sent from this store, and what to do."""
    from newsletter.sending import restored

    project = session.project
    with session.store.read() as connection:
        sign = restored.sign(connection, project.generation, project.settings.newsletter.timezone)
    if sign:
        session.notes.print(
            f"Nothing is sent from here: {sign}.", f"  {restored.ADVICE}", sep="\n", style="yellow"
        )


def _print_csv(rows: Iterable["JsonObject"]) -> None:
    """A line each, with cells that no terminal obeys and no spreadsheet runs as a formula."""
    import csv

    from newsletter.audience.spreadsheet import guard

    columns = ("delivery", "address", "status", "reported", "reason", "attempts", "at")
    writer = csv.writer(sys.stdout, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(columns)
    for values in rows:
        cells = (str(values[column] or "") for column in columns)
        writer.writerow(guard(visible(cell)) for cell in cells)


def find(session: Session, send: str | None) -> Send:
    """The send that is named, or the newest. Raises UsageError where there is none."""
    from newsletter.sending.reading import read
    from newsletter.store.ledger import sends as queries

    if send is not None:
        return read(session.store, send)
    with session.store.read() as connection:
        newest = queries.newest(connection)
    if newest is None:
        raise UsageError("nothing was sent yet", hint="newsletter send ISSUE --list LIST")
    return newest


def _unknown_words(session: Session, send: Send) -> Mapping[str, int]:
    from newsletter.store.ledger import sends as queries
    from newsletter.store.reported import events

    with session.store.read() as connection:
        return events.unknown_words(connection, queries.number_of(connection, send.id))
