"""Slots of the rate that are reserved ahead: few writes, and no burst."""

import datetime as dt
from dataclasses import dataclass, field

from newsletter.sending.slots import Slots
from newsletter.store.ledger.limiter import Slot
from tests.factories import NOW


@dataclass
class Limiter:
    """The slots of a store, by themselves; `asked` is for how many recipients each was."""

    rate: float
    now: dt.datetime = NOW
    asked: list[int] = field(default_factory=list)
    _slots: Slots = field(default_factory=Slots)
    _next_at: dt.datetime = NOW

    def seconds(self, recipients: int) -> float:
        """When the next call begins, after NOW."""
        slot = self._slots.next(recipients, self.rate, self._reserve, lambda: self.now)
        return round((slot.begins - NOW).total_seconds(), 6)

    def _reserve(self, recipients: int) -> Slot:
        self.asked.append(recipients)
        begins = max(self.now, self._next_at)
        self._next_at = begins + dt.timedelta(seconds=recipients / self.rate)
        return Slot(begins, self._next_at)


def test_at_a_low_rate_each_call_has_a_slot_of_its_own() -> None:
    limiter = Limiter(rate=950)

    assert [limiter.seconds(50) for _ in range(3)] == [0.0, 0.052632, 0.105264]
    assert limiter.asked == [50, 50, 50]


def test_at_a_high_rate_a_tenth_of_a_second_is_reserved_at_once() -> None:
    """The calls go at the rate all the same."""
    limiter = Limiter(rate=2000)

    assert [limiter.seconds(50) for _ in range(6)] == [0.0, 0.025, 0.05, 0.075, 0.1, 0.125]
    assert limiter.asked == [200, 200]


def test_what_was_reserved_and_not_used_is_lost() -> None:
    """Else a burst would follow a pause."""
    limiter = Limiter(rate=2000)
    limiter.seconds(50)

    limiter.now = NOW + dt.timedelta(seconds=60)

    assert [limiter.seconds(50) for _ in range(2)] == [60.0, 60.025]


def test_what_was_reserved_at_another_rate_is_lost() -> None:
    limiter = Limiter(rate=2000)
    limiter.seconds(50)

    limiter.rate = 1000

    assert limiter.seconds(50) == 0.1
