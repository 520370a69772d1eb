"""A store that goes away for a moment, under a send and under the web site."""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from newsletter.cli.frame import Session
from newsletter.cli.running import open_worker
from newsletter.cli.worker import attend
from newsletter.errors import Stopped, StoreBusy
from newsletter.model.email import Message
from newsletter.model.send import Accepted, DeliveryStatus, Outcome, Send, SendStatus
from newsletter.operations import attend as attend_to
from newsletter.operations import worker as operations_worker
from newsletter.project import Project, utc_now
from newsletter.sending import control, run
from newsletter.sending.patience import Patience
from newsletter.sending.plan import plan
from newsletter.store import Store, maintenance, open_store, upgrade
from newsletter.store.ledger import workers
from newsletter.times import Clock
from newsletter.transports.memory import Memory
from tests.integration.commandline import Call
from tests.integration.sending import NOW, FixedClock, addresses, fill_list, order, resume, worker
from tests.integration.server import Server, running
from tests.integration.web.stage import ONE_CLICK, open_stage
from tests.proxy import Proxy, proxied
from tests.waiting import PATIENCE_SECONDS, until

AMOUNT, BATCH = 6, 2


class Pairs(Memory):
    """Two at a time; `before` is called before each batch with its number."""

    batch_size = BATCH

    def __init__(self, before: Callable[[int], None] = lambda number: None) -> None:
        super().__init__(self._accept)
        self._before = before
        self._calls = 0

    def _accept(self, send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        self._calls += 1
        self._before(self._calls)
        return [Accepted(f"m-{message.ref}") for message in batch]

    @property
    def mailed(self) -> list[str]:
        return sorted(message.to.text for message in self.delivered)


def everybody(amount: int = AMOUNT) -> list[str]:
    return [f"r{number}@example.com" for number in range(1, amount + 1)]


# --- PostgreSQL -----------------------------------------------------------------------------------


@pytest.fixture
def cut(postgresql_url: str) -> Iterator[tuple[Store, Proxy]]:
    """A store with readers whose connections can be cut at any commit."""
    with proxied(postgresql_url) as proxy:
        store = open_store(proxy.url, Path())
        fill_list(store, AMOUNT)
        yield store, proxy
        store.close()


@pytest.mark.pressure
@pytest.mark.postgresql
@pytest.mark.parametrize("arrives", [False, True], ids=["lost", "answer-lost"])
def test_each_commit_of_a_send_may_be_lost(cut: tuple[Store, Proxy], arrives: bool) -> None:
    """Also one that the store has, where only its answer is lost: nobody is mailed twice."""
    store, proxy = cut
    cut_at, more = 0, True
    while more:
        cut_at += 1
        transport, notes = Pairs(), list[str]()
        send_id = plan(store, order(f"issue-{cut_at}"), NOW)
        proxy.cut(cut_at, arrives=arrives)
        patient = replace(worker(store, transport), patience=Patience(notes.append))

        after = run.run(patient, send_id)

        more = proxy.has_cut
        assert (after.status, after.counts.accepted) == (SendStatus.FINISHED, AMOUNT), cut_at
        assert transport.mailed == everybody()
        assert bool(notes) == more
    assert cut_at > 8  # to read, to take, to claim and record each pair, to leave
    proxy.cut(0, arrives=False)
    assert maintenance.verify(store) == []


@pytest.mark.pressure
@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("stopped", "arrives"),
    [(control.pause, False), (control.cancel, True)],
    ids=["paused-lost", "cancelled-answer-lost"],
)
def test_each_commit_of_resuming_may_be_lost(
    cut: tuple[Store, Proxy],
    call: Call,
    monkeypatch: pytest.MonkeyPatch,
    stopped: Callable[[Store, str, Clock], Send],
    arrives: bool,
) -> None:
    """Taking a send up waits for the store as sending does."""
    store, proxy = cut
    monkeypatch.setenv("NEWSLETTER_STORE__URL", store.engine.url.render_as_string())
    option = ("--cancelled",) if stopped is control.cancel else ()
    proxy.cut(0, arrives=False)
    assert call("sends").code == 0
    cut_at, more = proxy.commits, True  # those of opening it, which is no moment's absence
    while more:
        cut_at += 1
        send_id = plan(store, order(f"issue-{cut_at}"), NOW)
        stopped(store, send_id, FixedClock(NOW))
        proxy.cut(cut_at, arrives=arrives)

        ran = call("resume", send_id, *option)

        more = proxy.has_cut
        proxy.cut(0, arrives=False)
        assert ran.code == 0, (cut_at, ran.err)
        assert ("The store is back." in ran.err) == more
        accepted = addresses(store, send_id, DeliveryStatus.ACCEPTED)
        assert sorted(accepted) == everybody()
    assert cut_at > 8


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("runtime")) as started:
        upgrade(started.url(), Path())
        yield started


@pytest.mark.postgresql
@pytest.mark.parametrize("number", [1, 3])
def test_a_server_that_restarts_is_waited_for(server: Server, number: int) -> None:
    """It stops while SES has a batch, and starts once its answer could not be kept."""
    store = open_store(server.url(), Path())
    list_name = f"readers-{number}"
    fill_list(store, AMOUNT, list_name, first=100 * number)
    send_id = plan(store, order(f"issue-{number}", list_name), NOW)
    starting, notes = threading.Thread(target=server.start), list[str]()

    def stop(call: int) -> None:
        if call == number:
            server.stop()

    def tell(line: str) -> None:
        notes.append(line)
        if len(notes) == 1:
            starting.start()

    transport = Pairs(stop)
    patient = replace(worker(store, transport), patience=Patience(tell, PATIENCE_SECONDS))

    after = run.run(patient, send_id)

    starting.join()
    store.close()
    assert (after.status, after.counts.accepted) == (SendStatus.FINISHED, AMOUNT)
    assert len(transport.mailed) == len(set(transport.mailed)) == AMOUNT
    away, back = notes
    assert f"Waiting for it, {PATIENCE_SECONDS:.0f} seconds at most" in away
    assert back == "The store is back."


@pytest.mark.postgresql
def test_a_worker_whose_store_stays_away_stops_resumably(
    server: Server, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server stops while nothing is due."""
    monkeypatch.setenv("NEWSLETTER_STORE__URL", server.url())
    session, notes = Session(project, debug=False), list[str]()
    patient = Patience(notes.append, seconds=0.1)

    def lives() -> bool:
        with session.store.read() as connection:
            return bool(workers.heard_of(connection, session.clock()))

    def stop() -> None:
        until(lives)
        server.stop()

    stopping = threading.Thread(target=stop)
    with closing(session):
        sender = replace(open_worker(session), patience=patient)
        stopping.start()
        with pytest.raises(Stopped) as stopped:
            attend(session, sender, once=False)
    stopping.join()
    server.start()

    assert stopped.value.exit_code == 4
    assert stopped.value.message.startswith("the worker stopped: nobody listens at 127.0.0.1")
    assert stopped.value.hint.endswith("Once the store is back: newsletter worker")
    assert "Waiting for it" in notes[0]


# --- SQLite ---------------------------------------------------------------------------------------


class Holder:
    """Holds the write lock of a SQLite store, as a program does that hangs."""

    def __init__(self, url: str) -> None:
        path = url.removeprefix("sqlite:///")
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)

    def hold(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def release(self) -> None:
        self._connection.execute("ROLLBACK")

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def holder(sqlite_url: str) -> Iterator[Holder]:
    with closing(Holder(sqlite_url)) as holder:
        yield holder


@pytest.fixture
def hasty(sqlite_url: str) -> Iterator[Store]:
    """A store with readers that waits for locks for a moment only."""
    store = open_store(sqlite_url, Path(), busy_seconds=0.02)
    fill_list(store, AMOUNT)
    yield store
    store.close()


def test_a_lock_that_is_held_long_is_waited_for(hasty: Store, holder: Holder) -> None:
    def hold(call: int) -> None:
        if call == 2:
            holder.hold()

    def tell(line: str) -> None:
        notes.append(line)
        if len(notes) == 1:
            holder.release()

    transport, notes = Pairs(hold), list[str]()
    send_id = plan(hasty, order(), NOW)
    patient = replace(worker(hasty, transport), patience=Patience(tell, PATIENCE_SECONDS))

    after = run.run(patient, send_id)

    assert (after.status, after.counts.accepted) == (SendStatus.FINISHED, AMOUNT)
    assert transport.mailed == everybody()
    assert len(notes) == 2


def test_a_store_that_stays_away_stops_the_send_resumably(hasty: Store, holder: Holder) -> None:
    """What it was told by then stands; what nobody could record is unknown, and never repeated."""
    clock = FixedClock(NOW)

    def hold(call: int) -> None:
        if call == 2:
            holder.hold()

    transport = Pairs(hold)
    send_id = plan(hasty, order(), NOW)
    patient = replace(worker(hasty, transport, clock=clock), patience=Patience(seconds=0.1))

    with pytest.raises(Stopped, match="the send stopped: the store is away") as stopped:
        run.run(patient, send_id)

    assert stopped.value.exit_code == 4
    assert f"newsletter resume {send_id}" in stopped.value.hint
    holder.release()
    clock.forward(61)  # its lease ends: it may be followed
    more = Pairs()
    after = resume(worker(hasty, more, clock=clock), send_id)
    assert (after.status, after.counts.accepted) == (SendStatus.UNRESOLVED, AMOUNT - BATCH)
    assert after.counts.unknown == BATCH
    assert sorted(transport.mailed + more.mailed) == everybody()


def test_a_worker_that_is_to_end_does_not_wait_out_a_lock(project: Path, sqlite_url: str) -> None:
    """Otherwise what runs it would kill it, before it wrote down what it has."""
    store = open_store(sqlite_url, Path(), busy_seconds=3600)
    opened = operations_worker.open_worker(Project.open(project), store, print, utc_now)
    stopped = replace(opened, patience=Patience(seconds=0.1, stop=opened.stop))

    with closing(store), ThreadPoolExecutor(1) as pool, closing(Holder(sqlite_url)) as holder:
        holder.hold()
        attending = pool.submit(attend_to.attend, stopped, once=False, settled=lambda send: True)
        with pytest.raises(TimeoutError):
            attending.result(0.2)
        stopped.stop.set()
        error = attending.exception(PATIENCE_SECONDS)
        holder.release()

    assert isinstance(error, StoreBusy)


# --- the web site ---------------------------------------------------------------------------------


def test_a_click_that_cannot_be_kept_is_not_confirmed(
    sqlite_url: str, holder: Holder, tmp_path: Path
) -> None:
    store = open_store(sqlite_url, Path(), busy_seconds=0.02)
    stage = open_stage(store, tmp_path)
    holder.hold()

    refused = stage.client.post(stage.leave_path(), data=ONE_CLICK)
    holder.release()
    left = stage.client.post(stage.leave_path(), data=ONE_CLICK)

    assert (refused.status_code, left.status_code) == (503, 200)
    assert int(refused.headers["Retry-After"]) > 0
    assert stage.status() == "unsubscribed"
    store.close()
