"""`newsletter events`: what SES reported."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from newsletter.cli.frame import Session, command
from newsletter.errors import UsageError

if TYPE_CHECKING:
    from newsletter.feedback.apply import Applied

_COUNTS = ("read", "applied", "duplicate", "ignored", "set_aside")


@click.group()
def events() -> None:
    """Apply what SES reported about deliveries."""


@events.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@command
def replay(session: Session, file: Path) -> None:
    """Apply recorded events: one JSON a line, bare or in SNS envelopes."""
    from newsletter.feedback.apply import Applied, apply
    from newsletter.project import utc_now

    total = Applied()
    apply(session.store, _lines(file), utc_now(), total)
    show_applied(session, total)


def show_applied(session: Session, total: "Applied") -> None:
    """The counts of a run, and where the first messages stood that could not be read."""
    for place, reason in total.samples:
        session.notes.print(f"{place}: set aside: {reason}")
    counts = {name: getattr(total, name) for name in _COUNTS}
    if session.json:
        session.emit(counts)
        return
    table = session.table(*(name.replace("_", " ") for name in _COUNTS))
    table.add_row(*(f"{count:,}" for count in counts.values()))
    session.console.print(table)


def _lines(file: Path) -> Iterator[tuple[str, str]]:
    """The place and text of each line that holds something."""
    try:
        with file.open(encoding="utf-8-sig", errors="replace") as stream:
            for number, line in enumerate(_bounded(stream), start=1):
                if text := line.strip():
                    yield f"{file}:{number}", text
    except OSError as error:
        raise UsageError(f"cannot read the file: {error.strerror}", where=str(file)) from error


def _bounded(stream: TextIO) -> Iterator[str]:
    """The lines of a file; of one that is too long for an event, only its beginning."""
    from newsletter.feedback.events import MAX_CHARACTERS

    while line := stream.readline(MAX_CHARACTERS + 1):
        rest = line
        while rest and not rest.endswith("\n"):
            rest = stream.readline(MAX_CHARACTERS)
        yield line
