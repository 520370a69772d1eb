"""The file of rejected rows."""

import csv
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from newsletter.audience.spreadsheet import guard
from newsletter.errors import UsageError


class RejectsFile:
    """CSV `line,reason,<original columns>`, there under its name only if all went well.

    It can be put right and imported as it is. Without a path it swallows what it is given.
    """

    def __init__(self, path: Path | None, header: Sequence[str]) -> None:
        self._path = path
        if path is None:
            return
        try:
            handle, temporary = tempfile.mkstemp(".tmp", f".{path.name}-", path.parent)
        except OSError as error:
            raise UsageError(f"cannot write the file: {error.strerror}", where=str(path)) from error
        self._temporary = Path(temporary)
        self._file = os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace", newline="")
        self._writer = csv.writer(self._file)
        original = (
            header[2:] if [cell.lower() for cell in header[:2]] == ["line", "reason"] else header
        )
        self._skip = len(header) - len(original)
        self._writer.writerow(["line", "reason", *map(guard, original)])

    def write(self, line: int, reason: str, cells: Sequence[str]) -> None:
        if self._path is not None:
            self._writer.writerow([line, reason, *map(guard, cells[self._skip :])])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._path is None:
            return
        self._file.close()
        if kind is None:
            self._temporary.replace(self._path)
        else:
            self._temporary.unlink(missing_ok=True)
