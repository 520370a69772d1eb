"""Threads beside a process's main work: started again where they fail, and reported where they
hang. What hangs cannot be ended from outside, so whoever watches the process has to know."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from newsletter.errors import place_in_code

if TYPE_CHECKING:
    import asyncio

_AGAIN_SECONDS = 30.0
SILENT_SECONDS = 15 * 60.0  # longer than any one call to the outside may take
_LEAVING_SECONDS = 60.0

_log = logging.getLogger(__name__)


class Trouble(StrEnum):
    """What is wrong with work that nobody waits for."""

    FAILED = "failed"  # it broke off, and is started again
    SILENT = "silent"  # it shows no sign of life
    DEAD = "dead"  # it is over, though nobody asked it to end

    @property
    def is_over(self) -> bool:
        """Whether only a new process can mend it."""
        return self is not Trouble.FAILED


class SideThread:
    """A thread that works until `stop`. `work` gets it, and calls its `beat` now and then.

    Where `work` raises, or returns unasked, that is logged without the message of the error, and it
    is started again after a while.
    """

    def __init__(
        self,
        name: str,
        work: Callable[["SideThread"], None],
        *,
        stop: threading.Event | None = None,
        again_seconds: float = _AGAIN_SECONDS,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.stop = stop or threading.Event()
        self._work = work
        self._again_seconds = again_seconds
        self._seconds = seconds
        self._beat_at = seconds()
        self._has_failed = False
        # At the end of the process nobody waits for one that hangs.
        self._thread = threading.Thread(target=self.run, name=name, daemon=True)

    def start(self) -> None:
        self.beat()
        self._thread.start()

    def beat(self) -> None:
        """Say that the work goes on, and well."""
        self._beat_at = self._seconds()
        self._has_failed = False

    def trouble(self) -> Trouble | None:
        if self.stop.is_set():
            return None
        if not self._thread.is_alive():
            return Trouble.DEAD
        if self._has_failed:
            return Trouble.FAILED
        return Trouble.SILENT if self._seconds() - self._beat_at > SILENT_SECONDS else None

    def run(self) -> None:
        """Work until `stop`, in the thread that calls this."""
        while not self.stop.is_set():
            try:
                self._work(self)
            except BaseException as error:  # noqa: BLE001 -- whatever it is, the work goes on
                reason = f"{type(error).__name__} at {place_in_code(error) or '?'}"
            else:
                reason = "it ended unasked"
            if not self.stop.is_set():
                self._has_failed = True
                _log.error("restart", {"thread": self.name, "after": reason})
                self.stop.wait(self._again_seconds)

    def leave(self, leaving_seconds: float = _LEAVING_SECONDS) -> None:
        """Ask it to end, and wait for that, but not for ever."""
        self.stop.set()
        if self._thread.ident is None:
            return
        self._thread.join(leaving_seconds)
        if self._thread.is_alive():
            _log.error("leave_behind", {"thread": self.name, "error": "it does not end"})


@dataclass
class Watch:
    """The side work of a process by name, each with a way to ask what is wrong with it."""

    _checks: dict[str, Callable[[], Trouble | None]] = field(default_factory=dict)

    def over(self, name: str, trouble: Callable[[], Trouble | None]) -> None:
        self._checks[name] = trouble

    def troubles(self) -> dict[str, Trouble]:
        troubles = {name: trouble() for name, trouble in self._checks.items()}
        return {name: trouble for name, trouble in troubles.items() if trouble is not None}


def heed(future: "asyncio.Future[Any]") -> None:
    """Take note of an error that nobody waits for any more: asyncio would print its message, which
    may hold anything. Whoever still waits gets it all the same."""
    if not future.cancelled():
        future.exception()
