"""The clock of a store: PostgreSQL's own, whatever the clock of this machine says."""

import datetime as dt
import threading
import time

import pytest
import sqlalchemy as sa

from newsletter.errors import StoreError
from newsletter.store import Store
from newsletter.store.clock import ServerClock, clock_of
from tests.waiting import PATIENCE_SECONDS, until

NOW = dt.datetime(2026, 1, 7, 8, 0, tzinfo=dt.UTC)
SOON = dt.timedelta(seconds=60)


def of_the_server(store: Store) -> dt.datetime:
    with store.read() as connection:
        text = connection.execute(sa.text("SELECT clock_timestamp()::text")).scalar_one()
    return dt.datetime.fromisoformat(f"{text}00" if text[-3] in "+-" else text)


def test_sqlite_goes_by_the_clock_of_its_machine(sqlite_store: Store) -> None:
    assert clock_of(sqlite_store, lambda: NOW)() == NOW


@pytest.mark.postgresql
def test_postgresql_goes_by_its_own(postgresql_store: Store) -> None:
    clock = clock_of(postgresql_store, lambda: NOW)

    before = of_the_server(postgresql_store)
    now = clock()

    assert now.utcoffset() == dt.timedelta()
    assert before - SOON < now < before + SOON


@pytest.mark.postgresql
@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="a clock of Linux")
def test_it_counts_the_time_that_its_machine_slept(
    postgresql_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, before it has asked the server again."""
    slept = [0.0]
    ticks = time.clock_gettime
    monkeypatch.setattr(
        time, "clock_gettime", lambda of: ticks(of) + slept[0] * (of == time.CLOCK_BOOTTIME)
    )
    clock = ServerClock(postgresql_store)
    monkeypatch.setattr(clock, "_look_beside", lambda: None)
    before = clock()
    slept[0] = 3_600.0

    assert dt.timedelta(hours=1) <= clock() - before < dt.timedelta(hours=1) + SOON


@pytest.mark.postgresql
def test_it_counts_on_between_its_looks_and_where_the_server_is_away(
    postgresql_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds, asked = [0.0], []
    clock = ServerClock(postgresql_store, lambda: seconds[0])
    ask = clock._ask

    def count() -> tuple[dt.datetime, float]:
        asked.append(seconds[0])
        if len(asked) == 3:
            raise StoreError("it is away")
        return ask()

    monkeypatch.setattr(clock, "_ask", count)
    first = clock()
    seconds[0] = 29.0
    second = clock()
    for amount, now in ((2, 31.0), (3, 62.0)):
        seconds[0] = now
        away = clock()
        until(lambda amount=amount: len(asked) == amount and not clock._asking.locked())  # type: ignore[misc]
    seconds[0] = 63.0

    assert second - first == dt.timedelta(seconds=29)
    assert clock() - away == dt.timedelta(seconds=1)
    assert asked == [0.0, 31.0, 62.0]


@pytest.mark.postgresql
def test_nobody_waits_for_a_look_but_the_first(
    postgresql_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event loop reads it as well, and the server may be slow to answer, or away."""
    seconds, answers = [0.0], threading.Event()
    clock = ServerClock(postgresql_store, lambda: seconds[0])
    first = clock()
    ask = clock._ask

    def slowly() -> tuple[dt.datetime, float]:
        answers.wait(PATIENCE_SECONDS)
        return ask()

    monkeypatch.setattr(clock, "_ask", slowly)
    seconds[0] = 40.0
    during = [clock(), clock()]
    answers.set()
    until(lambda: not clock._asking.locked())

    assert during == [first + dt.timedelta(seconds=40)] * 2
    assert clock() < first + dt.timedelta(seconds=40)  # by the server less time has passed


@pytest.mark.postgresql
def test_where_no_thread_can_start_it_counts_on(
    postgresql_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [0.0]
    clock = ServerClock(postgresql_store, lambda: seconds[0])
    first = clock()

    def no_more(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_more)
    seconds[0] = 40.0

    assert [clock() - first, clock() - first] == [dt.timedelta(seconds=40)] * 2
