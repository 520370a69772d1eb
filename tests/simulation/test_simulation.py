"""A few hundred schedules of the simulation, and that it fails where it has to."""

import pytest

from newsletter.sending import core
from tests.crash import guards as of_crashes
from tests.share import count
from tests.simulation import campaign
from tests.simulation.choices import Choices
from tests.simulation.play import Played, play
from tests.simulation.postgresql import PostgreSQL
from tests.simulation.scheduler import Endless, Process, Scheduler
from tests.simulation.shrink import shrink
from tests.simulation.store import Memory


@pytest.fixture(scope="module")
def database() -> Memory:
    return Memory()


def first_failure(database: Memory) -> Played:
    """The first schedule that fails, where some have to."""
    played = (play(database, Choices(seed)) for seed in range(100))
    return next(each for each in played if each.fault)


def test_no_schedule_breaks_a_promise(database: Memory) -> None:
    failed = {
        seed: fault
        for seed in range(count(6_000))
        if (fault := play(database, Choices(seed)).fault)
    }

    assert failed == {}


@pytest.mark.postgresql
def test_where_transactions_go_on_beside_each_other_none_does(postgresql_url: str) -> None:
    on = PostgreSQL(postgresql_url)
    try:
        played = [play(on, Choices(seed)) for seed in range(count(400))]
    finally:
        on.close()

    assert [each.fault for each in played if each.fault] == []
    assert sum(each.points["waits for a lock"] for each in played) > 0


@pytest.mark.parametrize("seed", [5, 37])
def test_a_seed_is_one_schedule(database: Memory, seed: int) -> None:
    first, second = (play(database, Choices(seed), traced=True) for _ in range(2))

    assert len(first.trace) > 5
    assert (first.trace, first.choices, first.points) == (
        second.trace,
        second.choices,
        second.points,
    )


def test_what_was_recorded_is_played_again(database: Memory) -> None:
    first = play(database, Choices(7), traced=True)

    again = play(database, Choices(recorded=first.choices), traced=True)

    assert again.trace == first.trace


def test_a_schedule_that_fails_is_shrunk(database: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each recipient of a batch is recorded alone: a batch of two is enough to show it."""
    monkeypatch.setattr(core, "_record", core._record)
    of_crashes.switch_off("one-transaction")
    failed = first_failure(database)

    shortest = shrink(failed, lambda choices: play(database, Choices(recorded=choices)))

    assert shortest.fault is not None
    assert "its batch is closed" in shortest.fault
    assert sum(value > 0 for value in shortest.choices) == 1


@pytest.mark.parametrize(
    ("guard", "seed"),
    [("claim-before-send", 1), ("claim-fence", 18), ("what is recorded late settles the send", 66)],
    ids=["claim-before-send", "claim-fence", "what is recorded late settles the send"],
)
def test_a_guard_that_is_off_is_missed(guard: str, seed: int) -> None:
    """From the first seed on that shows it; as the code changes, another one of many does."""
    _, fault = campaign.find_without(guard, schedules=campaign.OF_A_GUARD, seed=seed)

    assert fault is not None


def test_a_process_that_crashes_does_nothing_more() -> None:
    """Not even what it does in any case at its end."""
    done: list[str] = []
    scheduler = Scheduler(Choices())
    process = Process("m1/1/boot:1/n1")

    def wait_for_ever() -> None:
        try:
            scheduler.wait(None, lambda: False)
        finally:
            scheduler.point("at its end")
            done.append("wrote")

    def crash() -> None:
        scheduler.sleep(1)
        scheduler.crash(process)
        done.append("went on")

    scheduler.start("one thread", process, wait_for_ever)
    scheduler.start("another", process, crash)
    scheduler.run(lambda: not scheduler.tasks)

    assert done == []


def test_where_everybody_waits_for_ever_the_schedule_fails() -> None:
    scheduler = Scheduler(Choices())
    scheduler.start("a task", Process("m1/1/b:1/n"), lambda: scheduler.wait(None, lambda: False))

    with pytest.raises(Endless, match="a task"):
        scheduler.run(lambda: False)
