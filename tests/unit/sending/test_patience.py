"""How long a step waits for its store."""

import threading

import pytest

from newsletter.errors import StoreAway, StoreBusy, StoreError
from newsletter.sending.patience import Patience


class Step:
    """A step on a store that is away for its first calls."""

    def __init__(self, away: int, fault: type[StoreError] = StoreAway) -> None:
        self.away, self.fault, self.calls = away, fault, 0

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.away:
            raise self.fault("the store is away")
        return "done"


def test_a_store_that_comes_back_is_waited_for_and_both_are_told_once() -> None:
    told: list[str] = []
    patience = Patience(told.append)

    assert patience.until_back(Step(2)) == "done"
    assert patience.until_back(Step(0)) == "done"

    assert told == [
        "The store is away. Waiting for it, 60 seconds at most.",
        "The store is back.",
    ]


def test_once_it_was_waited_for_in_vain_each_step_asks_once() -> None:
    patience = Patience(seconds=0)
    with pytest.raises(StoreAway):
        patience.until_back(Step(99))
    patience.seconds = 0.5
    step = Step(99)

    with pytest.raises(StoreAway):
        patience.until_back(step)

    assert step.calls == 1


def test_once_it_was_back_it_is_waited_for_again() -> None:
    """Also where the very first call took all of the time, so that nobody was told to wait."""
    patience = Patience(seconds=0)
    with pytest.raises(StoreAway):
        patience.until_back(Step(99))
    patience.seconds = 60

    patience.until_back(Step(0))
    step = Step(1)

    assert patience.until_back(step) == "done"
    assert step.calls == 2


def test_a_fault_that_does_not_pass_is_not_waited_for() -> None:
    step = Step(1, StoreError)

    with pytest.raises(StoreError):
        Patience().until_back(step)

    assert step.calls == 1


def test_a_store_that_takes_the_steps_of_others_is_not_away() -> None:
    """A thread may wait for its turn beside many others, for longer than a store may be away."""
    seconds, done = [0.0], Step(0)
    patience = Patience(elapsed=lambda: seconds[0], sleep=lambda _: None)

    def waits_for_its_turn() -> str:
        seconds[0] += 31
        if seconds[0] < 120:
            patience.until_back(done)
            raise StoreBusy("another thread has written to the store for 30 seconds")
        return "done"

    assert patience.until_back(waits_for_its_turn) == "done"
    assert done.calls == 3


def test_a_disk_that_takes_small_steps_only_is_not_waited_for_without_end() -> None:
    """Whoever says that it lives finds a little room where an outcome finds none."""
    seconds, told = [0.0], list[str]()
    patience = Patience(told.append, elapsed=lambda: seconds[0], sleep=lambda _: None)

    def finds_no_room() -> None:
        seconds[0] += 2
        patience.until_back(Step(0))
        raise StoreAway("the disk of the store is full")

    with pytest.raises(StoreAway):
        patience.until_back(finds_no_room)

    assert 60 < seconds[0] < 70
    assert told == ["The disk of the store is full. Waiting for it, 60 seconds at most."]


def test_a_lock_of_others_is_waited_for_longer() -> None:
    seconds, told = [0.0], list[str]()
    patience = Patience(told.append, elapsed=lambda: seconds[0], sleep=lambda _: None)

    def finds_it_locked() -> None:
        seconds[0] += 30
        raise StoreBusy("database is locked")

    with pytest.raises(StoreBusy):
        patience.until_back(finds_it_locked)

    assert seconds[0] == 330
    assert told == ["Database is locked. Waiting for it, 300 seconds at most."]


@pytest.mark.parametrize("fault", [StoreAway, StoreBusy])
def test_a_process_that_is_to_end_waits_for_seconds(fault: type[StoreAway]) -> None:
    seconds, stop = [0.0], threading.Event()
    patience = Patience(elapsed=lambda: seconds[0], sleep=lambda _: None, stop=stop)

    def is_told_to_end() -> None:
        seconds[0] += 2
        if seconds[0] >= 20:
            stop.set()
        raise fault("the store is away")

    with pytest.raises(fault):
        patience.until_back(is_told_to_end)

    assert seconds[0] == 20


def test_a_process_that_slept_asks_the_store_again() -> None:
    """Its connections are gone, and the store may be there."""
    seconds, asked = [0.0], Step(1)
    patience = Patience(elapsed=lambda: seconds[0], sleep=lambda _: None)

    def sleeps_first() -> str:
        seconds[0] += 75
        return asked()

    assert patience.until_back(sleeps_first) == "done"
