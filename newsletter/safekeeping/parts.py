"""Files that are written beside their place, by one process at a time, and gone after a failure.

What a kill leaves of them is deleted by the next command that opens the store: see `clear`.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from newsletter.errors import Refused, StoreError
from newsletter.files import held_part, part_of, remove_abandoned

BESIDE = ("-wal", "-shm", "-journal")  # what SQLite may write beside a file

# What is written, as the end of its name says.
BACKUP, DRILL, RESTORED, OPENED = ".backup", ".drill", ".restored", ".opened"
_ENDINGS = tuple(
    part_of(Path(ending)).name.removeprefix(".")
    for ending in (BACKUP, DRILL, RESTORED, f"{DRILL}{OPENED}", f"{RESTORED}{OPENED}")
)


def clear(folder: Path, *beginnings: str) -> None:
    """Delete the parts in a folder whose processes are gone, of files whose names begin so.

    A kill leaves them with the addresses of all readers. What cannot be deleted stays.
    """
    ours = tuple(f".{beginning}" for beginning in beginnings)
    with suppress(OSError):
        for name in os.listdir(folder):
            if name.startswith(ours) and name.endswith(_ENDINGS):
                _remove(folder / name)


def _remove(part: Path) -> None:
    with suppress(OSError):
        remove_abandoned(part, *(Path(f"{part}{ending}") for ending in BESIDE))


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """The part of a file that is being written, which is gone at the end unless it was put in its
    place. Raises Refused where another process writes it, StoreError where it cannot be written."""
    with ExitStack() as held:
        try:
            _remove(part_of(path))
            part = _held(path, held)
            held.callback(_clean, part)
            _clean(part)
            yield part
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"cannot write the copy: {getattr(error, 'strerror', None) or error}",
                where=str(path),
                hint="Name a file in a folder that exists, with room for it.",
            ) from error


def _held(path: Path, held: ExitStack) -> Path:
    try:
        return held.enter_context(held_part(path))
    except FileExistsError as error:
        raise Refused(
            "another process is making the same backup",
            where=str(path),
            hint="Wait for its end.",
        ) from error


def _clean(part: Path) -> None:
    for ending in BESIDE:
        with suppress(OSError):
            Path(f"{part}{ending}").unlink(missing_ok=True)
