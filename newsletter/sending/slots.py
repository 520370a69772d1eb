"""Slots of the rate that a process reserves ahead, for its next calls.

At a high rate a write for each call would cost as much as its claim. What is reserved is a tenth of
a second's worth at most, and what was not used soon is lost, so that no burst follows a pause.
"""

import datetime as dt
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from newsletter.store.ledger.limiter import Slot
from newsletter.times import Clock

_AHEAD_SECONDS = 0.1
_MOST = 20
_USED_WITHIN = dt.timedelta(seconds=1)


@dataclass
class Slots:
    """What is reserved, by all threads: each slot with the rate at which it is one. A thread that
    finds none reserves some, though another may do so at the same time."""

    _reserved: deque[tuple[float, dt.datetime]] = field(default_factory=deque, repr=False)

    def next(
        self, recipients: int, rate: float, reserve: Callable[[int], Slot], clock: Clock
    ) -> Slot:
        """The slot of the next call to so many recipients, which begins then. `reserve` takes a
        slot of the whole store for a number of recipients, where nothing is left of the last."""
        if (begins := self._take(rate, clock())) is not None:
            return Slot(begins, begins)
        calls = max(1, min(_MOST, int(rate * _AHEAD_SECONDS / recipients)))
        slot = reserve(recipients * calls)
        lasts = slot.ends - slot.begins
        self._reserved.extend((rate, slot.begins + lasts * n / calls) for n in range(1, calls))
        return slot

    def _take(self, rate: float, now: dt.datetime) -> dt.datetime | None:
        with suppress(IndexError):  # none left, as where another thread was faster
            while True:
                of_rate, begins = self._reserved.popleft()
                if of_rate == rate and now - begins <= _USED_WITHIN:
                    return begins
        return None
