"""Locks that keep other processes out."""

import errno
import logging
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from newsletter import platforms
from newsletter.errors import NewsletterError

if not platforms.IS_WINDOWS:
    import fcntl

OPENS_FOLDERS = hasattr(os, "O_DIRECTORY")  # Windows opens none
_LOCK = ".lock"  # the file that stands for its folder there
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)
_POLL_SECONDS = 0.05

_log = logging.getLogger(__name__)


@contextmanager
def folder_lock(
    folder: Path, *, tells_after: float = 2, gives_up_after: float = 30
) -> Iterator[None]:
    """Keep other processes out that hold the same folder; times are in seconds.

    Anybody who may read the folder can hold it, so the wait is limited, and not silent.
    Raises NewsletterError, also where its file system knows no locks.
    """
    with ExitStack() as handles:
        handle = _opened_for_locking(handles, folder)
        began, is_told = time.monotonic(), False
        while not _locked_there(handle, folder):
            waited = time.monotonic() - began
            if waited >= gives_up_after:
                raise NewsletterError(
                    f"another process has kept this folder locked for {waited:.0f} seconds",
                    where=str(folder),
                    hint="See which one (fuser or lsof with the folder's name) and stop it, then "
                    "run this again.",
                )
            if waited >= tells_after and not is_told:
                _log.warning("wait", {"for": "another process", "locked": folder})
                is_told = True
            time.sleep(_POLL_SECONDS)
        yield


def opened(handles: ExitStack, path: Path, flags: int, mode: int = 0) -> int:
    """Open a file until the stack is left."""
    handle = os.open(path, flags, mode)
    handles.callback(os.close, handle)
    return handle


def lock(handle: int, *, waits: bool = False) -> bool:
    """Lock an open file until it is closed; False where another process has it, unless this waits.
    Raises OSError."""
    from filelock import lock_descriptor  # noqa: PLC0415 -- reading commands lock nothing

    return lock_descriptor(handle, blocking=waits)


def lock_if_known(handle: int) -> bool:
    """As `lock`, but for thousands of files, and True where the file system knows no locks, or none
    of readers. Not for Windows. Raises OSError."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in (*_NO_LOCKS, errno.EBADF):
            raise
    return True


def _opened_for_locking(handles: ExitStack, folder: Path) -> int:
    if OPENS_FOLDERS:
        return opened(handles, folder, os.O_RDONLY)
    file = folder / _LOCK
    handles.callback(_removed, file)
    return opened(handles, file, os.O_RDWR | os.O_CREAT, 0o600)


def _removed(file: Path) -> None:
    with suppress(OSError):  # somebody else holds it by now
        file.unlink()


def _locked_there(handle: int, folder: Path) -> bool:
    try:
        return lock(handle)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        raise NewsletterError(
            f"the file system of this folder knows no locks: {error.strerror}",
            where=str(folder),
            hint="Keep it on a disk of this machine, or mount its share with locks.",
        ) from error
