"""The file of rejected rows."""

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from newsletter.audience.output import written_whole
from newsletter.audience.spreadsheet import guard

_EXTRA = ["line", "reason"]


class WriteReject(Protocol):
    def __call__(self, line: int, reason: str, cells: Sequence[str]) -> None: ...


@dataclass(frozen=True, slots=True)
class Rejects:
    """A writer of rejects for each file; `flush` raises OSError where some could not be written,
    which must be known before anything is imported."""

    writing: Sequence[WriteReject]
    flush: Callable[[], None]


@contextmanager
def rejects_file(path: Path | None, headers: Sequence[Sequence[str]]) -> Iterator[Rejects]:
    """A file `line,reason,<original columns>` for what is left out of files with these headers.
    Once corrected, it can be imported as it is.

    Without a path, nothing is written.
    """
    if path is None:
        yield Rejects([_lose] * len(headers), lambda: None)
        return
    columns: dict[str, str] = {}  # by name in lower case, as they were first written
    for header in headers:
        for cell in _own(header, header):
            columns.setdefault(cell.lower(), cell)
    with written_whole(path) as file:
        writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow([*_EXTRA, *map(guard, columns.values())])

        def writing(header: Sequence[str]) -> WriteReject:
            names = [cell.lower() for cell in _own(header, header)]
            is_like_all = names == list(columns)

            def write(line: int, reason: str, cells: Sequence[str]) -> None:
                if len(cells) == len(header) and not is_like_all:
                    mine = dict(zip(names, _own(header, cells), strict=True))
                    cells = [mine.get(name, "") for name in columns]
                elif len(cells) > len(_EXTRA):
                    cells = _own(header, cells)
                writer.writerow([line, reason, *map(guard, cells)])

            return write

        yield Rejects([writing(header) for header in headers], file.flush)


def _own(header: Sequence[str], cells: Sequence[str]) -> Sequence[str]:
    """The cells without the two extra ones at the start of an earlier file of rejects."""
    again = [cell.lower() for cell in header[: len(_EXTRA)]] == _EXTRA
    return cells[len(_EXTRA) :] if again else cells


def _lose(line: int, reason: str, cells: Sequence[str]) -> None:
    """The writer where no file was asked for."""
