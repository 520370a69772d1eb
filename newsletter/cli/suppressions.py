"""`newsletter suppressions`: addresses that are never mailed."""

from functools import partial
from pathlib import Path

import click

from newsletter.cli.frame import Session, command
from newsletter.cli.options import SendId, csv_out
from newsletter.cli.showing import who
from newsletter.cli.subscribers import hashes_of
from newsletter.errors import UsageError
from newsletter.model.subscriber import SuppressionReason


@click.group()
def suppressions() -> None:
    """Addresses that are never mailed."""


@suppressions.command(name="list")
@click.option(
    "--reason",
    type=click.Choice([reason.value for reason in SuppressionReason]),
    help="Only those with this reason.",
)
@command
def list_(session: Session, reason: str | None) -> None:
    """Show all suppressions and their causes, newest first; an erased person is a hash."""
    from newsletter.operations import records
    from newsletter.store.pages import stream
    from newsletter.store.people import suppressions as queries

    only = None if reason is None else SuppressionReason(reason)
    for each in stream(session.store, partial(queries.page, reason=only)):
        if session.json:
            session.emit(records.suppression(each))
        else:
            session.console.print(
                f"{each.created_at:%Y-%m-%d}  {each.reason:11}  {each.address}  ({each.source})"
            )


@suppressions.command()
@click.argument("address")
@command
def add(session: Session, address: str) -> None:
    """Never mail an address again."""
    from newsletter.audience import subscribers as service
    from newsletter.audience.address import parse
    from newsletter.operations import records

    suppression = service.suppress(session.store, parse(address), session.clock(), who(session))
    if session.json:
        session.emit(records.suppression(suppression))
    else:
        session.console.print(f"{suppression.address} is never mailed ({suppression.reason}).")


@suppressions.command()
@click.argument("address", required=False)
@click.option("--send", type=SendId(), help="Every address that bounces of this send suppressed.")
@command
def remove(session: Session, address: str | None, send: str | None) -> None:
    """Allow an address to be mailed again."""
    from newsletter.transports import kind_of

    if (address is None) == (send is None):
        raise UsageError(
            "one address or one send is needed",
            hint="newsletter suppressions remove ADDRESS, or --send SEND.",
        )
    if address is not None:
        _remove_one(session, address)
    elif send is not None:
        _remove_bounced(session, send)
    kind = kind_of(session.project.settings.transport)
    if kind.open_account_list is not None:
        session.notes.print(
            f"{kind.service} may still hold it on its own list: newsletter suppressions sync"
        )


def _remove_one(session: Session, address: str) -> None:
    from newsletter.audience import subscribers as service
    from newsletter.audience.address import parse

    mailbox = parse(address)
    suppression = service.unsuppress(
        session.store, mailbox, hashes_of(session), session.clock(), who(session)
    )
    if session.json:
        session.emit({"address": mailbox.text, "send_id": None, "removed": suppression.reason})
    else:
        session.console.print(f"{mailbox.text} may be mailed again (it was: {suppression.reason}).")


def _remove_bounced(session: Session, send: str) -> None:
    from newsletter.feedback.consequences import undo_bounces
    from newsletter.sending.reading import read

    source = read(session.store, send)
    count = undo_bounces(session.store, source.id, session.clock(), who(session))
    if session.json:
        session.emit({"address": None, "send_id": source.id, "removed": count})
    else:
        session.console.print(f"May be mailed again after bounces of {source.id}: {count:,}.")


@suppressions.command(name="import")
@click.argument(
    "file", type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True)
)
@click.option(
    "--reason",
    type=click.Choice(["hard_bounce", "complaint", "manual"]),
    default="manual",
    show_default=True,
    help="The reason, where a row gives none.",
)
@click.option(
    "--rejects",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the rows that were left out to this CSV file.",
)
@command
def import_(session: Session, file: Path, reason: str, rejects: Path | None) -> None:
    """Never mail the addresses of a CSV file again, all of them or none."""
    from newsletter.audience.suppressing import import_suppressions
    from newsletter.cli.imports import show_rejects

    result = import_suppressions(
        session.store,
        file,
        SuppressionReason(reason),
        now=session.clock(),
        hashes=hashes_of(session),
        rejects=rejects,
        who=who(session),
    )
    show_rejects(session, result, rejects)
    counts = {name: result.counts[name] for name in _IMPORTED}
    if session.json:
        session.emit({**counts, "import_id": result.import_id})
        return
    table = session.table(*counts)
    table.add_row(*(f"{count:,}" for count in counts.values()))
    session.console.print(table)


@suppressions.command()
@csv_out
@command
def export(session: Session, out: Path | None) -> None:
    """Write all suppressions as CSV, in the form that import reads back."""
    from newsletter.audience.suppressing import export_suppressions
    from newsletter.cli.subscribers import write_out

    write_out(session, partial(export_suppressions, session.store), out)


_IMPORTED = ("suppressed", "unchanged", "skipped", "rejected")


@suppressions.command()
@command
def sync(session: Session) -> None:
    """Give the provider our bounces and complaints, and take over those on its own list."""
    from newsletter.audience import syncing
    from newsletter.transports import kind_of

    settings = session.project.settings.transport
    kind = kind_of(settings)
    if kind.open_account_list is None:
        raise UsageError(
            f"the transport is {settings.kind!r}, and {kind.service} has no suppression list of "
            "its own",
            where="transport.kind",
            hint="There is nothing to synchronise.",
        )
    account = kind.open_account_list(settings)
    synced = syncing.sync(session.store, account, hashes_of(session), session.clock())
    session.show_counts(synced.counts(account.kind))
