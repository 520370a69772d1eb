"""The rate of the whole store: slots one after the other, and no burst after a pause."""

import datetime as dt
import threading

import pytest

from newsletter.store import Store
from newsletter.store.ledger import limiter
from tests.factories import NOW, is_waiting
from tests.integration.sending import FixedClock
from tests.waiting import until


def _reserve(store: Store, recipients: int, rate: float, after_seconds: float = 0) -> float:
    """When a slot begins, in seconds after NOW."""
    with store.write() as connection:
        now = NOW + dt.timedelta(seconds=after_seconds)
        return (
            limiter.reserve(connection, recipients, rate, lambda: now).begins - NOW
        ).total_seconds()


def _slow_down(store: Store, after_seconds: float = 0) -> None:
    with store.write() as connection:
        limiter.slow_down(connection, lambda: NOW + dt.timedelta(seconds=after_seconds))


def test_slots_follow_one_another_at_the_rate(store: Store) -> None:
    """Two recipients at 20 a second take a tenth of a second, whoever asks."""
    assert [_reserve(store, 2, 20) for _ in range(4)] == [0.0, 0.1, 0.2, 0.3]


def test_unused_time_is_not_saved_up(store: Store) -> None:
    """After a pause the next slot begins now, and the one after it at the rate again."""
    _reserve(store, 1, 10)

    assert [_reserve(store, 1, 10, after_seconds=60) for _ in range(3)] == [60.0, 60.1, 60.2]


def test_an_overload_halves_the_rate_once_for_all_threads(store: Store) -> None:
    """Several threads hear of the same overload within a second."""
    for _ in range(3):
        _slow_down(store)

    assert [_reserve(store, 1, 10) for _ in range(2)] == [0.0, 0.2]


def test_the_rate_comes_back_slowly(store: Store) -> None:
    """A hundredth of the full rate each second: from a half it is whole after fifty."""
    _slow_down(store)

    slots = [_reserve(store, 1, 10, after_seconds=25) for _ in range(2)]
    later = [_reserve(store, 1, 10, after_seconds=50) for _ in range(2)]

    assert slots[1] - slots[0] == pytest.approx(0.1333, abs=1e-4)  # at three quarters
    assert later[1] - later[0] == pytest.approx(0.1)


def test_a_second_overload_halves_again_and_never_to_nothing(store: Store) -> None:
    for overload in range(20):
        _slow_down(store, after_seconds=overload)

    first, second = (_reserve(store, 1, 64, after_seconds=19) for _ in range(2))

    assert 0.5 < second - first <= 1.0


@pytest.mark.parametrize(
    "ahead", [dt.timedelta(minutes=11), dt.timedelta(hours=1), dt.timedelta(days=1)], ids=str
)
def test_slots_that_a_wrong_clock_took_far_ahead_are_told_and_begin_anew(
    store: Store, ahead: dt.timedelta
) -> None:
    """The clock of a machine was ahead, sent 60, and is put right 20 seconds later."""
    for _ in range(12):
        _reserve(store, 5, 50, after_seconds=ahead.total_seconds())

    with store.write() as connection:
        first, second = (
            limiter.reserve(connection, 5, 50, lambda: NOW + dt.timedelta(seconds=20))
            for _ in range(2)
        )

    assert first.was_booked_until == NOW + ahead + dt.timedelta(seconds=1.2)
    assert first.begins == NOW + dt.timedelta(seconds=20)
    begins = first.begins + dt.timedelta(seconds=0.1)
    assert second == limiter.Slot(begins, begins + dt.timedelta(seconds=0.1))


@pytest.mark.parametrize("minutes", [1, 5, 9])
def test_slots_that_a_clock_took_some_minutes_ahead_are_waited_for(
    store: Store, minutes: int
) -> None:
    """They could be those of many processes at a low rate."""
    for _ in range(12):
        _reserve(store, 5, 50, after_seconds=60 * minutes)

    with store.write() as connection:
        slot = limiter.reserve(connection, 5, 50, lambda: NOW)

    assert slot.begins == NOW + dt.timedelta(minutes=minutes, seconds=1.2)
    assert slot.was_booked_until is None


def test_slots_that_many_processes_took_ahead_are_no_fault(store: Store) -> None:
    for _ in range(300):
        _reserve(store, 1, 1)

    with store.write() as connection:
        slot = limiter.reserve(connection, 1, 1, lambda: NOW)

    begins = NOW + dt.timedelta(seconds=300)
    assert slot == limiter.Slot(begins, begins + dt.timedelta(seconds=1))


def test_an_overload_in_the_future_slows_nobody_for_longer_than_another(store: Store) -> None:
    """It was noted by a clock that was a day ahead: the rate comes back all the same."""
    _slow_down(store, after_seconds=86_400)

    _reserve(store, 1, 10)
    slots = [_reserve(store, 1, 10, after_seconds=60) for _ in range(2)]

    assert slots == [60.0, 60.1]


@pytest.mark.postgresql
def test_who_waited_for_the_row_books_from_when_it_has_it(postgresql_store: Store) -> None:
    """A transaction that holds the row sleeps for a minute: what is booked then begins then, and
    not in the past, from where many could go at once."""
    store, clock = postgresql_store, FixedClock(NOW)
    booked: list[limiter.Slot] = []

    def book() -> None:
        with store.write() as connection:
            booked.append(limiter.reserve(connection, 1, 10, clock))

    waiting = threading.Thread(target=book)
    with store.write() as connection:
        limiter.reserve(connection, 1, 10, clock)
        waiting.start()
        until(lambda: is_waiting(store))
        clock.forward(60)
    waiting.join()

    assert booked[0].begins == NOW + dt.timedelta(seconds=60)
