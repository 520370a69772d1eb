"""The jobs that wake workers: which there are, and what becomes of those of dead workers."""

import asyncio
from collections.abc import Collection

import pytest
import sqlalchemy as sa
from procrastinate import App, PsycopgConnector

from newsletter.errors import Refused, StoreError
from newsletter.sending import control
from newsletter.sending.plan import plan
from newsletter.sending.worker import Worker
from newsletter.store import Store, jobs, postgresql, state
from newsletter.store.clock import clock_of
from newsletter.store.ledger import workers
from newsletter.transports.memory import Memory
from newsletter.workers.checking import check
from newsletter.workers.tending import remove_dead, tending
from tests.integration.sending import NOW, fill_list, order, worker

pytestmark = pytest.mark.postgresql


@pytest.fixture
def store(postgresql_store: Store) -> Store:
    fill_list(postgresql_store, 3)
    return postgresql_store


def begin(store: Store, *locks: str) -> None:
    """Let workers begin these jobs, as fetching them does."""
    query = "UPDATE procrastinate_jobs SET status = 'doing' WHERE queueing_lock = ANY(:locks)"
    with store.write() as connection:
        connection.execute(sa.text(query), {"locks": list(locks)})


def present(store: Store) -> Collection[str]:
    """The locks of all jobs for sends, in the order in which they were made."""
    query = "SELECT queueing_lock FROM procrastinate_jobs WHERE queue_name = 'sends' ORDER BY id"
    with store.read() as connection:
        return list(connection.execute(sa.text(query)).scalars())


def lives(store: Store, *names: str) -> None:
    with store.write() as connection:
        for name in names:
            workers.appear(connection, name, clock_of(store, lambda: NOW)())


def one(store: Store) -> Worker:
    return worker(store, Memory(), clock=clock_of(store, lambda: NOW))


def test_a_plan_makes_a_job_for_each_living_worker(store: Store) -> None:
    lives(store, "a/1/0/a", "b/2/0/b")

    send_id = plan(store, order(), clock_of(store, lambda: NOW)())

    assert present(store) == [f"{send_id}#0", f"{send_id}#1"]


def test_a_plan_that_is_refused_makes_none(store: Store) -> None:
    plan(store, order(), NOW)
    before = present(store)

    with pytest.raises(Refused):
        plan(store, order(), NOW)

    assert present(store) == before


def test_what_is_missing_is_made_and_nothing_twice(store: Store) -> None:
    """A job that a worker has begun is there as well."""
    lives(store, "a/1/0/a")
    send_id = plan(store, order(), clock_of(store, lambda: NOW)())
    begin(store, f"{send_id}#0")
    lives(store, "b/2/0/b", "c/3/0/c")
    tend = tending(one(store))

    tend()
    once = present(store)
    tend()

    assert once == present(store) == [f"{send_id}#{slot}" for slot in range(3)]


def test_none_is_made_for_a_send_that_a_person_stopped(store: Store) -> None:
    send_id = plan(store, order(), NOW)
    with store.write() as connection:
        connection.execute(sa.text("DELETE FROM procrastinate_jobs"))
    control.pause(store, send_id, lambda: NOW)

    tending(one(store))()

    assert present(store) == []


def test_the_jobs_of_dead_workers_are_removed(store: Store) -> None:
    """That of a living one stays, and so do those that wait."""
    lives(store, *(f"{host}/1/0/a" for host in "abcd"))
    send_id = plan(store, order(), clock_of(store, lambda: NOW)())
    begin(store, *(f"{send_id}#{slot}" for slot in range(3)))
    with store.write() as connection:
        register = "INSERT INTO procrastinate_workers (last_heartbeat) VALUES "
        for slot, age in ((1, "1 minute"), (2, "0 minutes")):
            registering = sa.text(
                f"{register} (now() - CAST(:age AS interval)) RETURNING id"
            ).bindparams(age=age)
            number = connection.execute(registering).scalar_one()
            belongs = (
                "UPDATE procrastinate_jobs SET worker_id = :number WHERE queueing_lock = :lock"
            )
            connection.execute(sa.text(belongs), {"number": number, "lock": f"{send_id}#{slot}"})

    asyncio.run(rescue(store))

    assert present(store) == [f"{send_id}#2", f"{send_id}#3"]


async def rescue(store: Store) -> None:
    with store.read() as connection:
        connector = PsycopgConnector(kwargs=postgresql.driver_arguments(connection))
    app = App(connector=connector)
    async with app.open_async():
        await remove_dead(app)


@pytest.mark.parametrize("difference", [-1, 1])
def test_a_worker_and_a_store_of_different_versions_do_not_fit(
    store: Store, difference: int
) -> None:
    with store.write() as connection:
        state.put(connection, jobs.SCHEMA, jobs.installed_schema() + difference)

    with pytest.raises(StoreError, match="the store's jobs have schema"):
        check(store)
