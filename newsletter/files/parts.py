"""The part of a file: what is written beside its place, before it gets its name."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from newsletter import platforms
from newsletter.files.locks import lock, lock_if_known, opened
from newsletter.files.places import EXACTLY, FOUND, target_of
from newsletter.platforms import needs_posix

# Never into what another put there, be it a file or a link that leads elsewhere.
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | EXACTLY
OWNERS_ALONE = 0o600
_PART = ".newsletter-part"  # of no other program: what has this name is replaced or deleted
_NAME_BYTES = 255  # the most that a file's name has on the file systems in use


def part_of(path: Path) -> Path:
    """Where a file is while it is written; what is there otherwise was left by a kill."""
    name = f".{path.name}{_PART}"
    if len(os.fsencode(name)) > _NAME_BYTES:
        name = f".{hashlib.sha256(os.fsencode(name)).hexdigest()}{_PART}"
    return path.with_name(name)


@contextmanager
def held_part(path: Path) -> Iterator[Path]:
    """An empty private part for what others write, such as SQLite, or what is put elsewhere than
    under this path: of this process alone until the end, and gone then unless it was put.

    One that a kill left is deleted before, but not that of a process that lives: then it raises
    FileExistsError. Raises OSError; and UsageError on Windows, which moves no open file.
    """
    needs_posix(f"writing {path.name}")
    part = part_of(path)
    with ExitStack() as handles:
        remove_abandoned(part)
        handle = _held_anew(handles, part)
        try:
            yield part
        finally:
            with suppress(OSError):
                if is_at(part, handle):
                    part.unlink()


def make_private(path: Path) -> None:
    """Make an empty file for its owner alone, or where a link leads to one; one that is there stays
    as it is. Raises OSError."""
    with suppress(FileExistsError):
        os.close(opened_anew(target_of(path) or path, OWNERS_ALONE))


def filled(part: Path) -> BinaryIO:
    """A stream into a held part, in place of what is in it."""
    return os.fdopen(os.open(part, os.O_WRONLY | os.O_TRUNC | EXACTLY), "wb")


def remove_abandoned(part: Path, *beside: Path) -> None:
    """Delete a `held_part` that a kill left, with what was written beside it; not that of a process
    that lives. Raises OSError."""
    with ExitStack() as handles:
        try:
            handle = opened(handles, part, FOUND)
        except FileNotFoundError:
            return
        if not (lock(handle) and is_at(part, handle)):
            return
        for path in (*beside, part):  # itself last: without it nobody looks for the others
            path.unlink(missing_ok=True)


def make_way(part: Path) -> bool:
    """Delete what another writer has begun, be it dead or not; False where that is just getting its
    name, or is held. It holds its lock meanwhile: else what is begun here would get that name.
    Raises OSError."""
    with ExitStack() as handles:
        if not platforms.IS_WINDOWS:  # where no open file is deleted, nor put elsewhere
            try:
                handle = opened(handles, part, FOUND)
            except FileNotFoundError:
                return True
            except OSError:
                pass  # a link, or what nobody of ours writes
            else:
                if not lock_if_known(handle):
                    return False
                if not is_at(part, handle):  # it has its name by now
                    return True
        part.unlink(missing_ok=True)
    return True


def clear_parts(folder: Path) -> None:
    """Delete what kills left of files in a folder of ours, in which nobody writes. What cannot be
    deleted stays."""
    with suppress(OSError):
        for name in os.listdir(folder):
            if name.startswith(".") and name.endswith(_PART):
                with suppress(OSError):
                    (folder / name).unlink()


def is_at(part: Path, handle: int) -> bool:
    """Whether an open file still has this name."""
    try:
        return os.path.samestat(os.fstat(handle), os.lstat(part))
    except FileNotFoundError:
        return False


def opened_anew(part: Path, mode: int | None) -> int:
    """Make a part that is not there, and open it. `mode` holds whatever the umask says, which
    decides where it is None. Raises OSError, FileExistsError where there is anything."""
    handle = os.open(part, _NEW, 0o666 if mode is None else OWNERS_ALONE)
    if mode is not None and hasattr(os, "fchmod"):
        try:
            os.fchmod(handle, mode)  # a umask may take even the owner's rights
        except OSError:
            os.close(handle)
            part.unlink(missing_ok=True)
            raise
    return handle


def _held_anew(handles: ExitStack, part: Path) -> int:
    """Make a part that nobody else can hold. Raises FileExistsError where another process does."""
    while True:
        handle = opened_anew(part, OWNERS_ALONE)
        handles.callback(os.close, handle)
        lock(handle, waits=True)  # whoever has it took the part for abandoned
        if is_at(part, handle):
            return handle
