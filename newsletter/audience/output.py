"""Files that are written: whole or not at all, where possible."""

import errno
import io
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from newsletter.errors import UsageError
from newsletter.files import put_in_place

_DESCRIPTOR = re.compile(r"/(?:dev|proc/(?:self|thread-self|\d+))/fd/(\d+)")
_MOST_LINKS = 40
STANDARD_OUTPUT = "standard output"


@contextmanager
def written_whole(path: Path) -> Iterator[TextIO]:
    """A file that appears under its name only when all of it is written, in UTF-8.

    A link is followed. A pipe, a device or the like is never replaced, but opened and written.
    Raises UsageError where it cannot be made.
    """
    try:
        place, descriptor = _followed(path)
        if descriptor is not None:
            handle, temporary = os.dup(descriptor), None
        elif place.exists() and not place.is_file():
            handle, temporary = os.open(place, os.O_WRONLY), None
        else:
            handle, temporary = tempfile.mkstemp(".tmp", f".{place.name}-", place.parent)
    except OSError as error:
        raise UsageError(
            f"cannot write the file: {error.strerror}",
            where=str(path),
            hint="Make room or give access, or name another file.",
        ) from error
    try:
        # Bytes that were not UTF-8 when they were read are written as they were.
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            yield file
        if temporary is not None:
            put_in_place(Path(temporary), place)
    except BaseException as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:  # as of a write to a full disk
            error.filename = str(path)
        raise


@contextmanager
def standard_output() -> Iterator[TextIO]:
    """Standard output in UTF-8, whatever the locale says: the output is data and not a message."""
    sys.stdout.flush()
    file = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="")
    try:
        yield file
        file.flush()
    except OSError as error:
        error.filename = error.filename or STANDARD_OUTPUT
        raise
    finally:
        with suppress(OSError):  # it has been told
            file.detach()


def _followed(path: Path) -> tuple[Path, int | None]:
    """Where a path leads. For one such as /dev/stdout it is the open file of this process: a
    regular file there must be continued, not truncated or replaced."""
    for _ in range(_MOST_LINKS):
        if match := _DESCRIPTOR.fullmatch(os.path.abspath(path)):
            return path, int(match[1])
        if not path.is_symlink():
            return path, None
        path = path.parent / path.readlink()
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
