"""The clock of a store: PostgreSQL's own, whatever the clock of this machine says."""

import datetime as dt

import pytest
import sqlalchemy as sa

from newsletter.errors import StoreError
from newsletter.store import Store
from newsletter.store.clock import ServerClock, clock_of

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
    seconds[0] = 31.0
    clock()
    seconds[0] = 62.0
    away = clock()
    seconds[0] = 63.0

    assert second - first == dt.timedelta(seconds=29)
    assert clock() - away == dt.timedelta(seconds=1)
    assert asked == [0.0, 31.0, 62.0]
