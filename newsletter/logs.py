"""The log of what the program does, on standard error: quiet but for warnings, until asked for.

A line has a time, a level, where it comes from, and what was done: an action with the ids that it
is about. Addresses, tokens and secrets are in none; should one get in, it is masked.
"""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from newsletter.gate import masked, visible

_ALL = logging.getLogger("newsletter")
_FORM = "%(asctime)sZ %(levelname)s %(name)s %(message)s"


class _Stderr(logging.Handler):
    """Writes to the standard error of the moment, since a progress bar replaces it."""

    def emit(self, record: logging.LogRecord) -> None:
        stream: TextIO = sys.stderr
        stream.write(self.format(record) + "\n")
        stream.flush()


class _Line(logging.Formatter):
    """One line for each record, in which a terminal finds nothing to obey."""

    def format(self, record: logging.LogRecord) -> str:
        return visible(masked(super().format(record)))


@contextmanager
def logging_at(level: str) -> Iterator[None]:
    """Write what is of a level or above, with times in UTC."""
    line = _Line(_FORM, "%Y-%m-%dT%H:%M:%S")
    line.converter = time.gmtime
    handler = _Stderr()
    handler.setFormatter(line)
    before = _ALL.level
    _ALL.addHandler(handler)
    _ALL.setLevel(level.upper())
    try:
        yield
    finally:
        _ALL.removeHandler(handler)
        _ALL.setLevel(before)
