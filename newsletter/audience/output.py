"""Where CSV is written to: a file that a person named, or standard output."""

import io
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TextIO

from newsletter.errors import STANDARD_OUTPUT, UsageError, naming
from newsletter.files import being_written


@contextmanager
def written_whole(path: Path) -> Iterator[TextIO]:
    """A private file in UTF-8 that has its name once all of it is written. A link is followed, and
    a pipe, a device or the like is written into. Raises UsageError where it cannot be made."""
    with ExitStack() as opened:
        try:
            file = opened.enter_context(being_written(path, private=True, follows=True))
        except OSError as error:
            raise UsageError(
                f"cannot write the file: {error.strerror}",
                where=str(path),
                hint="Make room or give access, or name another file.",
            ) from error
        # Bytes that were not UTF-8 when they were read are written as they were.
        text = io.TextIOWrapper(file, encoding="utf-8", errors="surrogateescape", newline="")
        opened.callback(text.detach)
        yield text


class _Borrowed(io.TextIOWrapper):
    """Another encoding of a stream that is not its own. What could not be written has been told;
    Python from 3.13 on would tell it again, by a traceback, where this ends."""

    def close(self) -> None:
        pass


@contextmanager
def standard_output() -> Iterator[TextIO]:
    """Standard output in UTF-8, whatever the locale says: the output is data and not a message."""
    sys.stdout.flush()
    file = _Borrowed(sys.stdout.buffer, encoding="utf-8", newline="")
    try:
        with naming(STANDARD_OUTPUT):
            yield file
            file.flush()
    finally:
        with suppress(OSError):  # it has been told
            file.detach()
