"""The file of rejected rows."""

import csv
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TextIO

from newsletter.audience.spreadsheet import guard
from newsletter.errors import UsageError


class WriteReject(Protocol):
    def __call__(self, line: int, reason: str, cells: Sequence[str]) -> None: ...


@contextmanager
def rejects_file(path: Path | None, header: Sequence[str]) -> Iterator[WriteReject]:
    """A file `line,reason,<original columns>`; it can be put right and imported as it is.

    Without a path, what is given to it is lost.
    """
    if path is None:
        yield lambda line, reason, cells: None
        return
    again = [cell.lower() for cell in header[:2]] == ["line", "reason"]
    first = 2 if again else 0
    with written_whole(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["line", "reason", *map(guard, header[first:])])

        def write(line: int, reason: str, cells: Sequence[str]) -> None:
            writer.writerow([line, reason, *map(guard, cells[first:] or cells)])

        yield write


@contextmanager
def written_whole(path: Path) -> Iterator[TextIO]:
    """A file that appears under its name only when all of it is written.

    Raises UsageError where it cannot be made.
    """
    try:
        handle, temporary = tempfile.mkstemp(".tmp", f".{path.name}-", path.parent)
    except OSError as error:
        raise UsageError(f"cannot write the file: {error.strerror}", where=str(path)) from error
    try:
        with os.fdopen(
            handle, "w", encoding="utf-8", errors="backslashreplace", newline=""
        ) as file:
            yield file
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
