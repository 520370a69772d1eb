"""Slots of the rate that a process reserves ahead, for its next calls.

At a high rate a write for each call would cost as much as its claim. What is reserved is a tenth of
a second's worth at most, and what was not used soon is lost, so that no burst follows a pause.
"""

import datetime as dt
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from newsletter.store.ledger.limiter import Slot
from newsletter.times import Clock

_AHEAD_SECONDS = 0.1
_MOST = 20
_USED_WITHIN = dt.timedelta(seconds=1)


@dataclass
class Slots:
    """What is reserved at one rate; threads share it."""

    _rate: float = 0.0
    _begins: deque[dt.datetime] = field(default_factory=deque, repr=False)
    _taking: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def next(
        self, recipients: int, rate: float, reserve: Callable[[int], Slot], clock: Clock
    ) -> Slot:
        """The slot of the next call to so many recipients, which begins then. `reserve` takes a
        slot of the whole store for a number of recipients, where nothing is left of the last."""
        with self._taking:
            if (begins := self._take(rate, clock())) is not None:
                return Slot(begins, begins)
            calls = max(1, min(_MOST, int(rate * _AHEAD_SECONDS / recipients)))
            slot = reserve(recipients * calls)
            self._rate = rate
            lasts = slot.ends - slot.begins
            self._begins.extend(slot.begins + lasts * number / calls for number in range(1, calls))
            return slot

    def _take(self, rate: float, now: dt.datetime) -> dt.datetime | None:
        while self._begins:
            begins = self._begins.popleft()
            if rate == self._rate and now - begins <= _USED_WITHIN:
                return begins
        return None
