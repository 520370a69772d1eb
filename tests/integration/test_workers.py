"""Workers on PostgreSQL, each a process, which the jobs of Procrastinate wake."""

import datetime as dt
import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import psutil
import pytest
import sqlalchemy as sa

from newsletter.store import Store, jobs, open_store, state
from newsletter.store.ledger import workers
from newsletter.store.relocation import relocations
from tests.crash.sleeper import sleep_at
from tests.integration.commandline import Call, plan_send
from tests.integration.reporting import DELIVERY, event
from tests.integration.sending import NOW, fill_list
from tests.integration.ses.wire import closed_port, through
from tests.standin.queue import running_queue
from tests.waiting import until
from tests.warm import Program

pytestmark = pytest.mark.postgresql

ISSUE = "2026-01-07-valley"
AMOUNT = 100
CLAIMED = "after the commit in sending.core._claim"


@pytest.fixture
def shared(project: Path, postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The store of the newsletter, on PostgreSQL, with a list of readers."""
    monkeypatch.setenv("NEWSLETTER_STORE__URL", postgresql_url)
    store = open_store(postgresql_url, project)
    fill_list(store, AMOUNT)
    yield store
    store.close()


@dataclass
class Working:
    """A worker: what it says about sends is read from `out`."""

    process: Program
    out: TextIO

    def stop(self, by: int = signal.SIGTERM) -> tuple[int, list[dict[str, Any]]]:
        """(exit code, what it said), once it was asked to leave."""
        self.process.send_signal(by)
        code = self.process.code
        return code, [json.loads(line) for line in self.out]

    def until(self, is_so: Callable[[], bool]) -> None:
        """Wait for something that has to come as long as it works."""

        def is_so_by_it() -> bool:
            assert self.process.is_alive(), "it left"
            return is_so()

        until(is_so_by_it)

    def wait_until_asleep(self) -> None:
        until(lambda: psutil.Process(self.process.pid).status() == psutil.STATUS_STOPPED)


@contextmanager
def a_worker(project: Path, *options: str, asleep_at: str = "") -> Iterator[Working]:
    out, written = os.pipe()
    with (project / "worker.log").open("ab") as notes:
        process = Program(
            project,
            *("worker", "--json", *options),
            stdout=written,
            stderr=notes.fileno(),
            first=partial(sleep_at, asleep_at) if asleep_at else None,
        )
    os.close(written)
    try:
        with open(out, encoding="utf-8") as output:
            yield Working(process, output)
    finally:
        process.kill()
        process.join()


def living(store: Store) -> list[str]:
    with store.read() as connection:
        now = connection.execute(sa.text("SELECT now()")).scalar_one()
        return workers.heard_of(connection, now)


def jobs_of(store: Store, queue: str = jobs.SENDS) -> list[tuple[str, str]]:
    """(lock, status) of each job."""
    query = "SELECT queueing_lock, status::text FROM procrastinate_jobs WHERE queue_name = :queue"
    with store.read() as connection:
        rows = connection.execute(sa.text(f"{query} ORDER BY id"), {"queue": queue})
        return [(str(lock), str(status)) for lock, status in rows]


def counts(call: Call, send_id: str) -> tuple[str, int, int]:
    """(status, accepted, unknown)"""
    send = call("status", send_id, "--json").json
    return send["status"], send["accepted"], send["unknown"]


def test_a_plan_wakes_all_workers_and_they_share_it(
    call: Call, project: Path, shared: Store
) -> None:
    """Each has a part of its own in it, and it ends once."""
    with ExitStack() as stack:
        working = [stack.enter_context(a_worker(project)) for _ in range(3)]
        until(lambda: len(living(shared)) == 3)
        send_id = plan_send(project, ISSUE, "readers", rate=30)
        waiting = jobs_of(shared)
        took_part = set[str]()

        def is_over() -> bool:
            send = call("status", send_id, "--json").json
            took_part.update(one["worker"] for one in send["workers"])
            return bool(send["status"] == "finished")

        until(is_over)
        ended = [each.stop() for each in working]

    assert {lock for lock, _ in waiting} <= {f"{send_id}#{slot}" for slot in range(3)}
    assert len(took_part) == 3
    assert [code for code, _ in ended] == [0, 0, 0]
    assert counts(call, send_id) == ("finished", AMOUNT, 0)
    assert len(list((project / "outbox" / send_id).iterdir())) == AMOUNT
    assert living(shared) == []
    assert jobs_of(shared) == []


def test_what_a_killed_worker_held_is_unknown_and_another_sends_the_rest(
    call: Call, project: Path, shared: Store
) -> None:
    """It dies between the claim and the call; its job is removed once it is silent."""
    with a_worker(project, asleep_at=CLAIMED) as victim:
        until(lambda: len(living(shared)) == 1)
        send_id = plan_send(project, ISSUE, "readers", rate=100)
        victim.wait_until_asleep()
        victim.process.kill()
        victim.process.join()
        with a_worker(project) as other:
            other.until(lambda: call("status", send_id, "--json").json["status"] == "unresolved")
            code, _ = other.stop()

    assert code == 0
    assert counts(call, send_id) == ("unresolved", AMOUNT - 10, 10)


def test_jobs_that_are_missing_are_made(call: Call, project: Path, shared: Store) -> None:
    """As where a store was restored, or somebody emptied their table."""
    send_id = plan_send(project, ISSUE, "readers")
    with shared.write() as connection:
        connection.execute(sa.text("DELETE FROM procrastinate_jobs"))

    with a_worker(project) as one:
        one.until(lambda: call("status", send_id, "--json").json["status"] == "finished")


def test_a_schedule_comes_due(call: Call, project: Path, shared: Store) -> None:
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1)
    send_id = plan_send(project, ISSUE, "readers", at=soon)
    before = jobs_of(shared)

    with a_worker(project) as one:
        one.until(lambda: call("status", send_id, "--json").json["status"] == "finished")

    assert before == []


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_worker_that_is_stopped_finishes_its_batch_and_leaves_the_rest(
    call: Call, project: Path, shared: Store, name: str
) -> None:
    with a_worker(project) as one:
        until(lambda: len(living(shared)) == 1)
        send_id = plan_send(project, ISSUE, "readers", rate=20)
        until(lambda: call("status", send_id, "--json").json["accepted"] > 0)
        code, said = one.stop(signal.Signals[name])

    send = call("status", send_id, "--json").json
    assert code == 130
    assert [line["send_id"] for line in said] == [send_id]
    assert (send["status"], send["state"], send["unknown"]) == ("sending", "interrupted", 0)
    assert 0 < send["accepted"] < AMOUNT
    assert living(shared) == []


def test_a_job_for_a_send_that_is_gone_ends_nothing(
    call: Call, project: Path, shared: Store
) -> None:
    """As where the ledger was restored to an earlier state, and the jobs were not."""
    with shared.write() as connection:
        jobs.defer(connection, "20260101-gone", 1)

    with a_worker(project) as one:
        one.until(lambda: jobs_of(shared) == [])
        send_id = plan_send(project, ISSUE, "readers")
        one.until(lambda: call("status", send_id, "--json").json["status"] == "finished")
        code, _ = one.stop()

    assert code == 0


def test_workers_fetch_events_and_each_is_fetched_once(
    call: Call, project: Path, shared: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_id = plan_send(project, ISSUE, "readers")
    assert call("worker", "--once").code == 0
    with running_queue() as queue, ExitStack() as stack:
        for name, value in queue.environment.items():
            monkeypatch.setenv(name, value)
        queue.add([event(send_id, number, DELIVERY) for number in range(1, AMOUNT + 1)])
        for _ in range(2):
            stack.enter_context(a_worker(project))
        until(lambda: queue.stats()["left"] == 0)
        deliveries = queue.stats()["deliveries"]

    assert deliveries == AMOUNT
    assert call("status", send_id, "--json").json["delivered"] == AMOUNT


# --- what ends or hinders a worker ----------------------------------------------------------------


def test_a_worker_of_a_store_that_is_moved_ends(project: Path, shared: Store) -> None:
    with a_worker(project) as working:
        working.until(lambda: len(living(shared)) == 1)
        with shared.write() as connection:
            relocations.begin(connection, "elsewhere", NOW)

        code, said = working.process.code, working.out.read()

    assert code == 5
    assert json.loads(said)["error"]["code"] == "store-closed"


def test_a_worker_that_can_take_no_jobs_says_so_once_and_nothing_else_does(
    project: Path, shared: Store
) -> None:
    log = project / "worker.log"
    with a_worker(project) as working:
        working.until(lambda: len(living(shared)) == 1)
        with shared.write() as connection:
            query = (
                "SELECT CAST(CAST(oid AS regprocedure) AS text), pg_get_functiondef(oid) "
                "FROM pg_proc WHERE proname ~ 'fetch_job'"
            )
            functions = connection.execute(sa.text(query)).all()
            for name, _ in functions:
                connection.execute(sa.text(f"DROP FUNCTION {name}"))
        working.until(lambda: "no jobs can be taken" in log.read_text())

        code, _ = working.stop()
    with shared.write() as connection:
        for _, definition in functions:  # other tests use this database
            connection.exec_driver_sql(definition, execution_options={"no_parameters": True})

    assert code == 0
    [line] = log.read_text().splitlines()
    assert "UndefinedFunction" in line


# --- what does not fit ----------------------------------------------------------------------------


def test_without_the_extra_a_worker_says_what_to_install(
    call: Call, shared: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "find_spec", lambda name: None)

    refused = call("worker")

    assert refused.code == 2
    assert "pip install 'newsletter-press[cluster]', then: newsletter db upgrade" in refused.err


def test_without_the_extra_a_store_works_and_one_round_is_done(
    call: Call, project: Path, postgresql_empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWSLETTER_STORE__URL", postgresql_empty)
    monkeypatch.setattr(jobs, "find_spec", lambda name: None)
    made = call("db", "upgrade", "--json").json
    with closing(open_store(postgresql_empty, project)) as store:
        fill_list(store, 3)
    send_id = plan_send(project, ISSUE, "readers")

    done = call("worker", "--once", "--json")

    assert made["jobs"] is None
    assert (done.code, done.json["send_id"], done.json["accepted"]) == (0, send_id, 3)


@pytest.mark.parametrize(
    ("version", "advice"),
    [
        (None, "newsletter db upgrade"),
        (3030001, "newsletter db upgrade"),
        (99990001, "python -m pip install --upgrade 'newsletter-press[cluster]'"),
    ],
)
def test_a_worker_of_another_version_than_the_stores_says_what_to_run(
    call: Call, shared: Store, version: int | None, advice: str
) -> None:
    with shared.write() as connection:
        if version is None:
            state.remove(connection, "jobs_schema")
        else:
            state.put(connection, "jobs_schema", version)

    refused = call("worker")

    assert refused.code == 1
    assert "jobs" in refused.err
    assert advice in refused.err


def test_where_nobody_tells_what_the_account_allows_a_worker_waits(
    call: Call, project: Path, shared: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its chores go on, and the send waits."""
    log = project / "worker.log"
    send_id = plan_send(project, ISSUE, "readers")
    with closed_port() as port, monkeypatch.context() as away:
        for name, value in through(f"http://127.0.0.1:{port}").items():
            away.setenv(name, value)
        with a_worker(project) as worker:
            worker.until(lambda: "No send is taken up: SES does not" in log.read_text("utf-8"))
            code, _ = worker.stop()

    assert code in (0, 130)  # it waited, or began to ask once more
    assert counts(call, send_id) == ("sending", 0, 0)


# --- their tables ---------------------------------------------------------------------------------


def test_jobs_of_another_program_are_left_alone(
    call: Call, postgresql_url: str, shared: Store
) -> None:
    with shared.write() as connection:
        state.remove(connection, "jobs_schema")

    refused = call("db", "upgrade")

    assert refused.code == 1
    assert "Give newsletter a database of its own." in refused.err


def test_their_tables_are_brought_up_step_by_step(
    call: Call,
    project: Path,
    postgresql_empty: str,
    postgresql_store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What an earlier Procrastinate left becomes what this one makes anew."""
    monkeypatch.setenv("NEWSLETTER_STORE__URL", postgresql_empty)
    *earlier, (version, last), _, _, (newest, _) = jobs.migrations()
    with monkeypatch.context() as without:
        without.setattr(jobs, "find_spec", lambda name: None)
        call("db", "upgrade")
    with closing(open_store(postgresql_empty, project)) as store, store.write() as connection:
        for file in (*(file for _, file in earlier), last):
            script = file.read_text("utf-8")
            connection.exec_driver_sql(script, execution_options={"no_parameters": True})
        state.put(connection, "jobs_schema", version)

    upgraded = call("db", "upgrade", "--json").json["jobs"]

    assert upgraded == jobs.told(newest)
    with closing(open_store(postgresql_empty, project)) as store:  # the upgrade ends connections
        assert parts_of_jobs(store) == parts_of_jobs(postgresql_store)


def parts_of_jobs(store: Store) -> list[str]:
    """The functions, tables and columns of Procrastinate that a store has."""
    query = """
        SELECT proname::text FROM pg_proc WHERE proname LIKE 'procrastinate%'
        UNION SELECT table_name || '.' || column_name FROM information_schema.columns
        WHERE table_name LIKE 'procrastinate%' ORDER BY 1
    """
    with store.read() as connection:
        return list(connection.execute(sa.text(query)).scalars())
