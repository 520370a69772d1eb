"""What stands in a place, and where a path leads."""

import errno
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from newsletter import platforms

# What only some systems know; on Windows bytes would be taken for text without O_BINARY.
_BYTES: int = getattr(os, "O_BINARY", 0)
_NO_LINKS: int = getattr(os, "O_NOFOLLOW", 0)
EXACTLY = _NO_LINKS | _BYTES
# What somebody else put there is read, but no link is followed and no pipe is waited for.
FOUND = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | EXACTLY
# A pipe or a device: it is not made, and a terminal does not become that of this process.
_IN_PLACE = os.O_WRONLY | getattr(os, "O_NOCTTY", 0) | _BYTES
_DESCRIPTOR = re.compile(r"/(?:dev|proc/(?:self|thread-self|(\d+)))/fd/(\d+)")
_MOST_LINKS = 40


def read_ordinary(path: Path) -> bytes:
    """The bytes of an ordinary file, or of one that a link leads to. What is none, such as a pipe,
    is not waited for. Raises OSError."""
    handle = os.open(path, FOUND & ~_NO_LINKS)
    with _ordinary(handle, path) as file:
        return file.read()


def open_ordinary(path: Path) -> BinaryIO:
    """A stream from an ordinary file; what is none is not waited for, and no link is followed.
    Raises OSError."""
    return _ordinary(os.open(path, FOUND), path)


def in_the_way(path: Path) -> Path | None:
    """The nearest existing folder above a path, where nothing can be written into it; None where
    that can be done."""
    folder = next(folder for folder in path.parents if os.path.exists(folder))
    is_open = folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
    return None if is_open else folder


def version_of(path: Path) -> tuple[int, int]:
    """What differs once a file has changed. Raises OSError."""
    state = path.stat()
    return state.st_mtime_ns, state.st_size


def leads_out(path: Path, root: Path) -> bool:
    """Whether a file below a folder is a link that leads out of it.

    Whoever gives us a folder, as in a pull request, could have any file of this machine read.
    """
    lies_below = Path(os.path.abspath(path)).is_relative_to(root)
    return lies_below and not path.resolve().is_relative_to(root.resolve())


def refuse_unlike_a_file(path: Path) -> None:
    """Raises OSError where there is a link, or anything else that is no regular file."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if stat.S_ISLNK(mode):
        raise OSError(errno.ELOOP, "it is a link, which is not followed here", str(path))
    _refuse_unordinary(path, mode)


def target_of(path: Path) -> Path | None:
    """The place of the file that a path leads to, which may not be there yet; None where it leads
    to what is written into instead: see `opened_in_place`. Raises OSError."""
    try:
        mode = path.stat().st_mode  # the system may forbid to follow a link of somebody else
    except FileNotFoundError:
        mode = stat.S_IFREG
    *_, last = _led(path)
    return last if stat.S_ISREG(mode) and _descriptor_of(last) is None else None


def opened_in_place(path: Path) -> int:
    """A handle to write into what is no regular file, once somebody reads where it is a pipe.

    Of an open file of this process, such as /dev/stdout, it is another handle: a regular file is
    gone on with there. Raises OSError.
    """
    *_, last = _led(path)
    descriptor = _descriptor_of(last)
    handle = os.open(path, _IN_PLACE) if descriptor is None else os.dup(descriptor)
    if not platforms.IS_WINDOWS:
        os.set_blocking(handle, True)  # a slow reader is waited for
    return handle


def _led(path: Path) -> Iterator[Path]:
    """A path, and where each link leads, up to an open file of this process."""
    for _ in range(_MOST_LINKS):
        yield path
        if _descriptor_of(path) is not None or not path.is_symlink():
            return
        path = path.parent / path.readlink()
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))


def _descriptor_of(path: Path) -> int | None:
    """The number by which this process has a file open, where a path names one."""
    match = _DESCRIPTOR.fullmatch(os.path.abspath(path))
    return int(match[2]) if match and match[1] in (None, str(os.getpid())) else None


def _ordinary(handle: int, path: Path) -> BinaryIO:
    try:  # before there is a stream, whose error would name the handle, and leave it open
        _refuse_unordinary(path, os.fstat(handle).st_mode)
    except OSError:
        os.close(handle)
        raise
    return os.fdopen(handle, "rb")


def _refuse_unordinary(path: Path, mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is not an ordinary file", str(path))
