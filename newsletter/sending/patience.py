"""Waiting for a store that goes away for a moment: a restart, a failover, a lock."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from newsletter.errors import Stopped, StoreAway, StoreBusy, StoreError, exhausted

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 2.0
_STOPPING_SECONDS = 10.0  # that a step is repeated once the process is to end
_BUSY_TIMES = 5  # as long as for a store that is away

T = TypeVar("T")


@contextmanager
def giving_up(name: str, command: str) -> Iterator[None]:
    """End with Stopped where the store stays away, or this machine has no memory, no threads or no
    open files left; `name` is what stops, `command` goes on with it."""
    try:
        yield
    except StoreAway as error:
        advice = f"Once the store is back: {command}"
        raise _stopped(name, error.message, error.where, advice) from error
    except Exception as error:
        if not (reason := exhausted(error)):
            raise
        advice = f"Give it more, or raise the limit of what runs it, then: {command}"
        raise _stopped(name, reason, "", advice) from error


def _stopped(name: str, reason: str, where: str, advice: str) -> Stopped:
    return Stopped(
        f"the {name} stopped: {reason}",
        where=where,
        hint=f"Nobody is lost and nobody is mailed twice. {advice}",
    )


@dataclass
class Patience:
    """How long a send waits for its store. It is shared by the threads of a send, and says once
    that the store is away, and once that it is back. One whose lock others hold is not away while
    it takes a step of any of them, and none is that was asked once: the process may have slept
    meanwhile. `elapsed` measures the time, `sleep` passes it; `stop` asks to come to an end."""

    notify: Callable[[str], None] = lambda line: None
    seconds: float = 60.0
    elapsed: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    stop: threading.Event = field(default_factory=threading.Event)
    _is_away: bool = field(default=False, init=False)
    _is_lost: bool = field(default=False, init=False)
    _took_at: float = field(default=-math.inf, init=False)  # the last step
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def until_back(self, step: Callable[[], T], fault: type[StoreError] = StoreAway) -> T:
        """Repeat a step, which may be done twice, until the store takes it.

        Raises `fault` where the store stays away. After that it is asked only once for each
        further step, until one succeeds.
        """
        began, pause, is_again = self.elapsed(), _FIRST_PAUSE_SECONDS, False
        while True:
            try:
                result = step()
            except fault as error:
                # A thread may wait for its turn beside many others.
                is_busy = isinstance(error, StoreBusy)
                away_since = max(began, self._took_at) if is_busy else began
                is_over = is_again and self.elapsed() - away_since > self._most(is_busy)
                if self._is_lost or is_over:
                    self._is_lost = True
                    raise
                is_again = True
                self._tell_away(error, self._most(is_busy))
                self.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            else:
                self._took_at = self.elapsed()
                if is_again or self._is_lost:
                    self._tell_back()
                return result

    def _most(self, is_busy: bool) -> float:
        """How long a step is repeated, in seconds: longer while others work, less at the end."""
        if self.stop.is_set():
            return min(_STOPPING_SECONDS, self.seconds)
        return self.seconds * (_BUSY_TIMES if is_busy else 1)

    def _tell_away(self, error: StoreError, seconds: float) -> None:
        with self._lock:
            if not self._is_away:
                self._is_away = True
                reason = error.message[0].upper() + error.message[1:]
                self.notify(f"{reason}. Waiting for it, {seconds:.0f} seconds at most.")

    def _tell_back(self) -> None:
        with self._lock:
            if self._is_away:
                self.notify("The store is back.")
            self._is_away = self._is_lost = False
