"""The log of what the program does, on standard error: quiet but for warnings, until asked for.

What is logged is an action, a short verb, and what it is about, by name:
`_log.info("take", {"send": send.id, "worker": worker.name})`. Addresses, tokens and secrets are in
none; should one get in, it is masked. `newsletter.logs.lines` makes the lines.
"""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

_OURS = logging.getLogger("newsletter")
# What libraries say of a server or a loop of ours; each has a level of its own.
_THEIRS = (logging.getLogger("uvicorn"), logging.getLogger("asyncio"))


class _Stderr(logging.Handler):
    """Writes to the standard error of the moment, since a progress bar replaces it.

    Its lines are made by what `lines` returns at the first one: loading that takes a while, and
    most commands log nothing.
    """

    def __init__(self, lines: Callable[[], logging.Formatter]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        if self.formatter is None:
            self.formatter = self._lines()
        stream: TextIO = sys.stderr
        stream.write(self.format(record) + "\n")
        stream.flush()


@contextmanager
def logging_at(level: str, lines: Callable[[], logging.Formatter]) -> Iterator[None]:
    """Write what is of a level or above."""
    handler, before = _Stderr(lines), _OURS.level
    for logger in (_OURS, *_THEIRS):
        logger.addHandler(handler)
    _OURS.setLevel(level.upper())
    try:
        yield
    finally:
        for logger in (_OURS, *_THEIRS):
            logger.removeHandler(handler)
        _OURS.setLevel(before)
