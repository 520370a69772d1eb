"""`newsletter sends archive`: the deliveries of old sends become files."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from newsletter.cli.frame import Session, command
from newsletter.cli.options import Age, SendId
from newsletter.errors import UsageError

if TYPE_CHECKING:
    from newsletter.model.send import Send


@click.command()
@click.argument("sends", nargs=-1, metavar="[SEND]...", type=SendId())
@click.option(
    "--older-than",
    type=Age(),
    help="Those that ended at least this long ago: 12h, 90d, 6w. Default: [policy] "
    "archive_after_days.",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(["jsonl", "csv"]),
    default="jsonl",
    help="JSON lines (the default) or CSV, either packed by gzip.",
)
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder to write to. Default: [store] archive.",
)
@click.option("--dry-run", is_flag=True, help="Only say which sends it would archive.")
@command
def archive(
    session: Session,
    sends: Sequence[str],
    older_than: dt.timedelta | None,
    kind: str,
    out: Path | None,
    dry_run: bool,
) -> int:
    """Write the deliveries of ended sends into files, and remove them from the store.

    Their totals stay, and so does what each of their recipients got.
    """
    from newsletter.operations import archiving
    from newsletter.operations.archives import Format

    chosen = _chosen(session, sends, older_than)
    folder = out or session.project.archive
    is_left = False
    for send in chosen:
        if dry_run:
            _show(session, send.id, send.slug, send.counts.recipients, None)
            continue
        done = archiving.archive(session.store, send, folder, Format(kind), session.clock)
        _show(session, done.send_id, done.slug, done.rows, str(done.file))
        is_left |= not done.is_cleared
    if not chosen and not session.json:
        session.console.print("There is nothing to archive.")
    if is_left:
        session.notes.print(
            "Others were reading the ledger. Run newsletter sends archive again to remove its rows."
        )
    return 4 if is_left else 0


def _chosen(
    session: Session, sends: Sequence[str], older_than: dt.timedelta | None
) -> "Sequence[Send]":
    from newsletter.operations import archiving
    from newsletter.sending.reading import read

    if sends:
        if older_than is not None:
            raise UsageError("name the sends, or say how old they are: not both")
        named = [read(session.store, each) for each in sends]
        for send in named:
            archiving.check(send)
        return named
    if older_than is None:
        days = session.project.settings.policy.archive_after_days
        if not days:
            raise UsageError(
                "nothing says which sends to archive",
                hint="Name them, or say how old they are: newsletter sends archive "
                "--older-than 90d. [policy] archive_after_days does for good.",
            )
        older_than = dt.timedelta(days=days)
    return archiving.due(session.store, older_than, session.clock())


def _show(session: Session, send_id: str, slug: str, rows: int, file: str | None) -> None:
    """A send that was archived into a file, or would be."""
    if session.json:
        session.emit({"send_id": send_id, "slug": slug, "file": file, "rows": rows})
    else:
        where = f" in {file}" if file else ""
        session.console.print(f"{send_id} {slug}: {rows:,} deliveries{where}")
