"""How far a whole send is: what this worker settles, and what the ledger says of all."""

import threading
import types
from dataclasses import replace

import pytest

from newsletter.cli.showing import pulse
from newsletter.errors import StoreAway
from newsletter.model.send import Counts, Send
from newsletter.sending import progress
from newsletter.sending.pace import Vitals
from newsletter.sending.progress import SendProgress, follow
from newsletter.store import Store
from tests.unit.sending.test_state import ELSEWHERE, HERE, NOW, SEND, tenure

SHARED = replace(
    SEND,
    counts=Counts(accepted=70, skipped=5, queued=25),
    tenures=(tenure(HERE, speed=20.0), tenure(ELSEWHERE, speed=30.0)),
)


def begun() -> SendProgress:
    return SendProgress(SEND, lambda _: None)


def test_a_send_that_goes_on_begins_where_it_stands() -> None:
    assert (begun().settled, begun().total) == (40, 100)


def test_what_this_worker_settles_counts_at_once_and_never_twice() -> None:
    found, seen = begun(), list[int]()
    found._changed = lambda progress: seen.append(progress.settled)

    found.add(10)
    found.look(replace(SEND, counts=Counts(accepted=50, queued=50)), lambda: NOW)
    found.add(60)  # half of it is in what the ledger said

    assert seen == [50, 50, 100]


def test_what_others_settle_and_who_they_are_is_looked_up() -> None:
    found = begun()

    found.look(SHARED, lambda: NOW)

    assert (found.settled, found.workers, found.rate) == (75, 2, 50.0)
    assert said(found, Vitals(speed=20.0)) == "50.0 a second, 0:00:00 left, 2 workers"


def test_who_is_alone_again_goes_by_its_own_speed() -> None:
    found = begun()
    found.look(SHARED, lambda: NOW)

    found.look(replace(SEND, tenures=(tenure(HERE, speed=1.0),)), lambda: NOW)

    assert said(found, Vitals(speed=20.0)) == "20.0 a second, 0:00:03 left"


def said(found: SendProgress, vitals: Vitals) -> str:
    return pulse(types.SimpleNamespace(), vitals, found)  # type: ignore[arg-type]


class Ticking(threading.Event):
    """Over after so many pauses, which it keeps and does not wait for."""

    def __init__(self, ticks: int) -> None:
        super().__init__()
        self.ticks, self.pauses = ticks, list[float | None]()

    def wait(self, timeout: float | None = None) -> bool:
        self.pauses.append(timeout)
        return len(self.pauses) > self.ticks


def test_the_ledger_is_looked_at_now_and_then_and_a_last_time_at_the_end(
    memory_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dearer a look, the rarer; and one that fails is made up for by the next."""
    seconds, looks = iter([0.0, 0.01, 1.0, 1.5, 9.0, 9.01, 20.0, 20.01]), list[str]()

    def read(store: Store, send_id: str) -> Send:
        looks.append(send_id)
        if len(looks) == 2:
            raise StoreAway("it is away")
        return SHARED

    monkeypatch.setattr(progress, "read", read)
    monkeypatch.setattr(progress, "time", types.SimpleNamespace(monotonic=lambda: next(seconds)))
    found, over = begun(), Ticking(3)

    follow(found, memory_store, SEND.id, lambda: NOW, over)

    assert looks == [SEND.id] * 4
    assert over.pauses == [1.0, 1.0, 10.0, 1.0]
    assert found.settled == 75
