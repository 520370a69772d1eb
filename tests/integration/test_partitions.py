"""PostgreSQL keeps the deliveries of a send apart from those of others."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from newsletter.audience.erasing import erase
from newsletter.audience.explaining import explain
from newsletter.audience.removing import delete
from newsletter.feedback.apply import apply_late
from newsletter.model.address import Address
from newsletter.model.email import Message
from newsletter.model.send import Accepted, Counts, Outcome, RetryLater, SendStatus, SkipReason
from newsletter.model.subscriber import Consent
from newsletter.sending import control
from newsletter.sending.plan import plan
from newsletter.sending.reading import read
from newsletter.sending.run import run
from newsletter.store import Store, maintenance, open_store, upgrade
from newsletter.store.ledger import freezing, partitions, sends
from newsletter.store.schema import deliveries, metadata
from newsletter.store.segments.conditions import Moment
from newsletter.transports.memory import Memory
from tests import older
from tests.factories import erased_hash, is_waiting
from tests.integration.reporting import BOUNCE, DELIVERY, replay, told
from tests.integration.sending import (
    EMAIL,
    NOW,
    FixedClock,
    TickingClock,
    fill_list,
    ledger,
    order,
    worker,
)
from tests.waiting import until

pytestmark = pytest.mark.postgresql


@pytest.fixture
def small_store(postgresql_store: Store) -> Store:
    """A store with few people, that has planned nothing yet."""
    with postgresql_store.write() as connection:
        connection.execute(sa.text("DROP TABLE IF EXISTS deliveries_0_100"))
    fill_list(postgresql_store, 3)
    return postgresql_store


@pytest.fixture
def big_store(small_store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store with so many people that each of its sends has a partition of its own."""
    monkeypatch.setattr(partitions, "MANY", 0)
    return small_store


def names(store: Store) -> list[str]:
    query = sa.text(
        "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid "
        "WHERE inhparent = 'deliveries'::regclass ORDER BY relname"
    )
    with store.read() as connection:
        return list(connection.execute(query).scalars())


def send_all(store: Store, slug: str = "news") -> str:
    send_id = plan(store, order(slug), NOW)
    run(worker(store, Memory(), clock=FixedClock()), send_id)
    return send_id


def test_a_large_send_has_a_partition_of_its_own(big_store: Store) -> None:
    first, second = send_all(big_store, "one"), send_all(big_store, "two")

    assert names(big_store) == ["deliveries_1_2", "deliveries_2_3"]
    assert [read(big_store, each).counts for each in (first, second)] == [Counts(accepted=3)] * 2
    with big_store.read() as connection:
        assert older.differences(connection) == []


def test_a_partition_has_all_indexes_of_the_table(big_store: Store) -> None:
    """Else attaching it would have made them, while nobody could plan."""
    plan(big_store, order(), NOW)
    attached = sa.text(
        "SELECT count(*) FROM pg_index JOIN pg_inherits ON inhrelid = indexrelid "
        "WHERE indrelid = 'deliveries_1_2'::regclass"
    )
    made = sa.text("SELECT count(*) FROM pg_index WHERE indrelid = 'deliveries_1_2'::regclass")

    with big_store.read() as connection:
        assert connection.execute(attached).scalar() == len(deliveries.indexes) + 1
        assert connection.execute(made).scalar() == len(deliveries.indexes) + 1


def test_a_hundred_small_sends_share_one(small_store: Store) -> None:
    for slug in ("one", "two"):
        send_all(small_store, slug)
    with small_store.write() as connection:
        connection.execute(sa.text("SELECT setval('sends_number_seq', 99)"))
    hundredth = send_all(small_store, "hundred")

    assert names(small_store) == ["deliveries_0_100", "deliveries_100_200"]
    assert read(small_store, hundredth).counts == Counts(accepted=3)
    assert maintenance.verify(small_store) == []


def test_a_store_that_grew_fills_the_partition_that_it_has(
    small_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_all(small_store, "small")
    monkeypatch.setattr(partitions, "MANY", 0)

    send_all(small_store, "large")

    assert names(small_store) == ["deliveries_0_100"]


def test_a_hundred_that_was_begun_apart_goes_on_so(
    big_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_all(big_store, "large")
    monkeypatch.setattr(partitions, "MANY", 100)

    send_all(big_store, "small")

    assert names(big_store) == ["deliveries_1_2", "deliveries_2_3"]


# --- at once --------------------------------------------------------------------------------------


@contextmanager
def while_it_is_planned(store: Store) -> Iterator[None]:
    """While another audience is frozen, and attached, and nothing of that is committed."""
    send_id = plan(store, replace(order("slow"), scheduled_at=NOW), NOW)
    with store.write() as connection:
        number = sends.number_of(connection, send_id)
        freezing.freeze(connection, number, Moment(NOW, "UTC"))
        yield


@pytest.fixture
def hasty(big_store: Store, postgresql_url: str) -> Iterator[Store]:
    """The same store for somebody who waits for nothing for long."""
    store = open_store(postgresql_url, Path(), busy_seconds=1)
    yield store
    store.close()


def test_nobody_waits_for_a_plan(big_store: Store, hasty: Store, tmp_path: Path) -> None:
    """A send that runs, one that is cancelled, events, a person who is erased or looked up."""
    running, cancelled = (plan(big_store, order(slug), NOW) for slug in ("runs", "stops"))
    said = Consent(NOW, "forget", "test")

    with while_it_is_planned(big_store):
        run(worker(hasty, Memory(), clock=FixedClock()), running)
        control.cancel(hasty, cancelled, FixedClock())
        replay(hasty, told(running, 1, DELIVERY, NOW), told(running, 2, BOUNCE, NOW))
        erase(hasty, tmp_path, erased_hash, Address("r3@example.com"), said)
        facts = explain(hasty, "r1@example.com", erased_hash, NOW).facts

    assert read(hasty, running).counts == Counts(accepted=3)
    assert read(hasty, running).reports.bounced == 1
    assert read(hasty, cancelled).status is SendStatus.CANCELLED
    assert "runs" in repr(facts)
    assert maintenance.verify(hasty) == []


def test_who_is_planned_for_is_not_deleted_meanwhile(big_store: Store) -> None:
    """They are found by their delivery, so that their row stays and the send can end."""
    with ThreadPoolExecutor() as threads:
        with while_it_is_planned(big_store):
            people = [Address("r2@example.com")]
            gone = threads.submit(delete, big_store, people, NOW, confirmed=True)
            until(lambda: is_waiting(big_store) or gone.done())
            assert not gone.done()
        assert gone.result() == [True]
    with big_store.read() as connection:
        [slow] = sends.due(connection, NOW)
    run(worker(big_store, Memory(), clock=FixedClock()), slow)

    assert read(big_store, slow).counts == Counts(accepted=2, skipped=1)
    assert ledger(big_store, slow)[""].reason == SkipReason.ERASED


@pytest.mark.parametrize("many", [0, 100])
def test_many_plan_at_once(small_store: Store, monkeypatch: pytest.MonkeyPatch, many: int) -> None:
    monkeypatch.setattr(partitions, "MANY", many)
    slugs = [f"issue-{number}" for number in range(8)]
    barrier = threading.Barrier(len(slugs))

    def send(slug: str) -> str:
        barrier.wait()
        return send_all(small_store, slug)

    with ThreadPoolExecutor(len(slugs)) as threads:
        ids = list(threads.map(send, slugs))

    assert [read(small_store, each).counts for each in ids] == [Counts(accepted=3)] * 8
    assert len(names(small_store)) == (1 if many else 8)
    assert maintenance.verify(small_store) == []


# --- only what is asked for -----------------------------------------------------------------------


@contextmanager
def touched(store: Store) -> Iterator[set[str]]:
    """The partitions that transactions touch meanwhile, by the locks that they hold at their
    end."""
    seen: set[str] = set()

    def note(connection: sa.Connection) -> None:
        locked = connection.exec_driver_sql(
            "SELECT relname FROM pg_locks JOIN pg_class ON pg_class.oid = relation "
            "WHERE pid = pg_backend_pid() AND relname ~ '^deliveries_[0-9]+_[0-9]+$'"
        )
        seen.update(locked.scalars())

    sa.event.listen(store.engine, "commit", note)
    try:
        yield seen
    finally:
        sa.event.remove(store.engine, "commit", note)


def test_a_send_touches_no_partition_but_its_own(big_store: Store) -> None:
    """Whatever is asked for many times, from its plan to its last report."""
    for slug in ("one", "two"):
        send_all(big_store, slug)

    with touched(big_store) as own:
        third = plan(big_store, order("three"), NOW)
        calls: list[Callable[[], object]] = [
            lambda: run(worker(big_store, Memory(put_off_once), clock=TickingClock()), third),
            lambda: read(big_store, third),
            lambda: replay(big_store, told(third, 1, DELIVERY, NOW), told(third, 2, BOUNCE, NOW)),
            lambda: apply_late(big_store, NOW),
        ]
        for call in calls:
            call()

    assert own == {"deliveries_3_4"}
    assert read(big_store, third).counts == Counts(accepted=3)


def put_off_once(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
    return [
        Accepted(f"m{message.ref}")
        if message.ref.endswith(".2")
        else RetryLater("busy", is_failure=True)
        for message in batch
    ]


def test_what_changes_again_and_again_has_room_and_is_vacuumed_soon(big_store: Store) -> None:
    """As the code has it, whether a migration or a plan made the table."""
    plan(big_store, order(), NOW)
    expected = {
        table.name: dict(table.dialect_options["postgresql"]["with"])
        for table in metadata.sorted_tables
        if table.dialect_options["postgresql"]["with"]
    }
    with big_store.read() as connection:
        query = sa.text("SELECT relname, reloptions FROM pg_class WHERE reloptions IS NOT NULL")
        found = {
            name: dict(option.split("=") for option in options)
            for name, options in connection.execute(query)
        }

    assert {name: found[name] for name in expected} == expected
    assert found["deliveries_1_2"]["autovacuum_vacuum_scale_factor"] == "0.02"


# --- stores that were there before ----------------------------------------------------------------


@pytest.mark.parametrize(("people", "end"), [(3, 100), (50_001, 6)])
def test_an_earlier_store_keeps_its_deliveries_in_one(
    postgresql_empty: str, people: int, end: int
) -> None:
    older.migrate(postgresql_empty, "0004")
    older.fill(postgresql_empty, EMAIL.to_json())
    older.migrate(postgresql_empty, "0008")
    engine = sa.create_engine(postgresql_empty.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO subscribers (address, address_key, created_at, updated_at) "
                "SELECT n || '@example.com', n || '@example.com', 1, 1 "
                "FROM generate_series(1, :people) AS n"
            ),
            {"people": people},
        )
        before = connection.execute(sa.text("SELECT * FROM deliveries ORDER BY 1, 2")).all()
    engine.dispose()

    upgrade(postgresql_empty, Path())

    store = open_store(postgresql_empty, Path())
    with store.read() as connection:
        after = connection.execute(sa.text("SELECT * FROM deliveries ORDER BY 1, 2")).all()
    assert names(store) == [f"deliveries_0_{end}"]
    assert after == before
    assert maintenance.verify(store) == []
    store.close()
