"""The file of rejected rows."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from newsletter.audience.output import written_whole
from newsletter.audience.spreadsheet import guard

_EXTRA = ["line", "reason"]


class WriteReject(Protocol):
    def __call__(self, line: int, reason: str, cells: Sequence[str]) -> None: ...


@contextmanager
def rejects_file(
    path: Path | None, headers: Sequence[Sequence[str]]
) -> Iterator[Sequence[WriteReject]]:
    """A file `line,reason,<original columns>` for what is left out of files with these headers, and
    what writes into it for each of them. It can be put right and imported as it is.

    Without a path, what is given to it is lost.
    """
    if path is None:
        yield [_lose] * len(headers)
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

        yield [writing(header) for header in headers]


def _own(header: Sequence[str], cells: Sequence[str]) -> Sequence[str]:
    """The cells without the two that an earlier file of rejects has before them."""
    again = [cell.lower() for cell in header[: len(_EXTRA)]] == _EXTRA
    return cells[len(_EXTRA) :] if again else cells


def _lose(line: int, reason: str, cells: Sequence[str]) -> None:
    """Where nobody wants them."""
