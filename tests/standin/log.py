"""The append-only log: one JSON object a line, one write a request, before its answer leaves.

Lines of kind `accepted` are recipients that SES has taken, lines of kind `request` are calls, the
refused ones too. A process killed while it writes may leave a torn last line; readers skip it.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

Record = dict[str, Any]

encode = json.JSONEncoder(separators=(",", ":")).encode


class Log:
    """Opens `path` to append; what is there stays."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        if _torn(path):
            self._write(b"\n")

    def append(self, records: Sequence[Mapping[str, object]]) -> None:
        """When this returns, the operating system has the records."""
        self._write("".join([f"{encode(record)}\n" for record in records]).encode())

    def _write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._file, data) :]


def read(path: Path, offset: int = 0) -> Iterator[tuple[int, int, Record]]:
    """Each whole line from `offset` on: where it begins, where the next one does, what it says."""
    with path.open("rb") as file:
        file.seek(offset)
        for line in file:
            if not line.endswith(b"\n"):
                return
            start, offset = offset, offset + len(line)
            if (record := _record(line)) is not None:
                yield start, offset, record


def read_at(path: Path, offsets: Sequence[int]) -> Iterator[Record]:
    """The records whose lines begin at these offsets."""
    with path.open("rb") as file:
        for offset in offsets:
            file.seek(offset)
            record = _record(file.readline())
            assert record is not None, f"no record at {offset}"
            yield record


def _record(line: bytes) -> Record | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None  # torn by a kill
    return record if isinstance(record, dict) else None


def _torn(path: Path) -> bool:
    if not path.is_file() or path.stat().st_size == 0:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() != b"\n"
