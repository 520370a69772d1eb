"""`newsletter report`: numbers and pictures of one send."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from newsletter.cli.frame import Session, command, examples
from newsletter.cli.options import SendId
from newsletter.cli.sends import find, warn_if_restored
from newsletter.errors import UsageError

if TYPE_CHECKING:
    from newsletter.reports.figures import SendReport

_COMPARED = 5
_NARROWEST, _WIDEST, _USUAL = 40, 120, 80  # columns
_NEW_FILE = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command(
    epilog=examples(
        "report", "report 20260107-k3x9p2 --compare --out report.html", "report --csv figures"
    )
)
@click.argument("send", type=SendId(), required=False)
@click.option("--out", type=_NEW_FILE, metavar="FILE.html", help="Write it as one HTML page, too.")
@click.option("--csv", "folder", type=_FOLDER, metavar="DIR", help="Write each table as CSV, too.")
@click.option(
    "--compare",
    type=click.IntRange(min=1, max=100),
    is_flag=False,
    flag_value=_COMPARED,
    metavar="[N]",
    help=f"Compare it with the N sends to its audience before it ({_COMPARED}).",
)
@command
def report(
    session: Session,
    send: str | None,
    out: Path | None,
    folder: Path | None,
    compare: int | None,
) -> None:
    """Show what became of a send: numbers and pictures."""
    from newsletter.operations.records.reports import report as report_record
    from newsletter.reports import counting

    if out is not None and not out.absolute().parent.is_dir():
        raise UsageError("its folder is missing", where=str(out), hint=f"mkdir -p {out.parent}")
    warn_if_restored(session)
    found = counting.count(
        session.store,
        session.project.settings,
        find(session, send).id,
        session.clock(),
        compared=compare or 0,
    )
    files = _write(found, out, folder)
    if session.json:
        session.emit({**report_record(found), "files": [str(file) for file in files]})
        return
    _show(session, found)
    for file in files:
        session.notes.print(f"Written: {file}")


def _show(session: Session, found: "SendReport") -> None:
    from rich.text import Text

    from newsletter.gate import visible
    from newsletter.reports import lines

    screen = session.console
    width = screen.width if screen.is_terminal else _USUAL
    strokes = lines.strokes_for(sys.stdout.encoding)
    for line in lines.lines(found, min(_WIDEST, max(_NARROWEST, width)), strokes):
        if line.is_heading:
            screen.print(Text(visible(line.text), style="bold"), soft_wrap=True)
        else:
            screen.print(line.text)


def _write(found: "SendReport", out: Path | None, folder: Path | None) -> list[Path]:
    """The page and the tables, where they are asked for: all is ready before anything is
    written."""
    from newsletter.files import make_folder, write_whole

    written = []
    if out is not None:
        from newsletter.reports.page import page

        write_whole(out, page(found).encode(), follows=True)
        written.append(out)
    if folder is not None:
        from newsletter.operations.reporting import csv_of
        from newsletter.reports.tables import tables

        files = {folder / f"{table.name}.csv": csv_of(table) for table in tables(found)}
        make_folder(folder)
        for file, content in files.items():
            write_whole(file, content, follows=True)
        written += files
    return written
