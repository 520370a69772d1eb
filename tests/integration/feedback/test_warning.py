"""The warning about hard bounces, long before the breaker."""

import pytest

from newsletter.config import PolicySettings
from newsletter.feedback.warning import many_bounces
from newsletter.sending import run
from newsletter.sending.plan import plan
from newsletter.sending.reading import read
from newsletter.store import Store
from newsletter.transports.memory import Memory
from tests.integration.reporting import BOUNCE, LISTED, SOFT, event, replay
from tests.integration.sending import NOW, FixedClock, fill_list, order, worker


def warned(store: Store, people: int, bounces: int, name: str = BOUNCE) -> str | None:
    fill_list(store, people)
    send_id = plan(store, order("news"), NOW)
    run.run(worker(store, Memory(), clock=FixedClock()), send_id)
    replay(store, *(event(send_id, number, name) for number in range(1, bounces + 1)))
    return many_bounces(store, read(store, send_id), PolicySettings())


@pytest.mark.parametrize(
    ("people", "bounces", "told"),
    [
        (20, 0, None),
        (20, 2, None),
        (20, 3, "3 hard bounces of 20 accepted, 15.00%"),
        (300, 3, "3 hard bounces of 300 accepted, 1.00%"),
        (310, 3, None),
        (300, 9, "9 hard bounces of 300 accepted, 3.00%"),
    ],
)
def test_it_comes_from_three_and_one_percent_on(
    sqlite_store: Store, people: int, bounces: int, told: str | None
) -> None:
    found = warned(sqlite_store, people, bounces)

    assert (found is None) == (told is None)
    assert told is None or told in (found or "")


@pytest.mark.parametrize("name", [SOFT, LISTED])
def test_other_bounces_are_no_reason(sqlite_store: Store, name: str) -> None:
    assert warned(sqlite_store, 100, 50, name) is None
