"""No send goes on unwatched: what ends or stops the watch over its threads ends them, too."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from newsletter.errors import Stopped, StoreAway
from newsletter.model.email import Message
from newsletter.model.send import Accepted, Counts, Outcome, SendStatus
from newsletter.sending import run
from newsletter.sending.pace import Vitals
from newsletter.sending.plan import plan
from newsletter.sending.reading import read
from newsletter.sending.worker import Worker
from newsletter.store import Store, maintenance, open_store
from newsletter.transports.memory import Deliver, Memory
from tests.integration.sending import NOW, FixedClock, fill_list, order, worker
from tests.unit.test_supervising import Seconds
from tests.waiting import PATIENCE_SECONDS, until

AMOUNT, BATCH = 6, 2


class Pairs(Memory):
    """Two at a time, by so many threads."""

    batch_size = BATCH

    def __init__(self, answer: Deliver, concurrency: int = 1) -> None:
        super().__init__(answer)
        self.concurrency = concurrency


def accepted(batch: Sequence[Message]) -> list[Outcome]:
    return [Accepted(f"m-{message.ref}") for message in batch]


def test_threads_stop_where_the_watch_hangs(sqlite_store: Store) -> None:
    """Its lease is not renewed any more, so that another may take the send."""
    fill_list(sqlite_store, AMOUNT)
    clock, seconds = FixedClock(), Seconds()
    hangs = threading.Event()

    def answer(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        if not hangs.is_set():
            clock.forward(61)  # it is time to look for events
            assert hangs.wait(PATIENCE_SECONDS)
            seconds.now += 60
        return accepted(batch)

    transport = Pairs(answer)

    def hang() -> None:
        hangs.set()
        until(lambda: busy.stop.is_set() or len(transport.delivered) == AMOUNT)

    busy = replace(
        worker(sqlite_store, transport, clock=clock),
        vitals=Vitals(seconds=seconds),
        check_events=hang,
    )
    send_id = plan(sqlite_store, order(), NOW)

    with pytest.raises(Stopped, match="nobody has watched over the send for 60 seconds") as stopped:
        run.run(busy, send_id)

    assert send_id in stopped.value.hint
    after = read(sqlite_store, send_id)
    assert (after.status, after.counts) == (SendStatus.SENDING, Counts(accepted=2, queued=4))
    assert maintenance.verify(sqlite_store) == []


def test_a_process_that_slept_goes_on(sqlite_store: Store) -> None:
    """As one that was put aside by Ctrl-Z: its watch wakes a moment after its threads."""
    fill_list(sqlite_store, AMOUNT)
    seconds = Seconds()

    def answer(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        seconds.now = 61
        return accepted(batch)

    awake = replace(worker(sqlite_store, Pairs(answer)), vitals=Vitals(seconds=seconds))

    after = run.run(awake, plan(sqlite_store, order(), NOW))

    assert (after.status, after.counts) == (SendStatus.FINISHED, Counts(accepted=AMOUNT))


def failing_watch() -> None:
    raise RuntimeError("the watch broke")


def test_threads_stop_where_the_watch_fails(sqlite_store: Store) -> None:
    fill_list(sqlite_store, AMOUNT)
    clock = FixedClock()
    busy: Worker

    def answer(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        clock.forward(61)
        until(busy.stop.is_set)
        return accepted(batch)

    busy = replace(worker(sqlite_store, Pairs(answer), clock=clock), check_events=failing_watch)
    send_id = plan(sqlite_store, order(), NOW)

    with pytest.raises(RuntimeError, match="the watch broke"):
        run.run(busy, send_id)

    assert read(sqlite_store, send_id).counts == Counts(accepted=2, queued=4)


def test_threads_stop_where_one_of_them_fails(sqlite_store: Store) -> None:
    """What broke one would break the others."""
    fill_list(sqlite_store, AMOUNT)
    both = threading.Barrier(2)
    busy: Worker

    def answer(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        if both.wait(PATIENCE_SECONDS) == 0:
            raise RuntimeError("a thread broke")
        until(busy.stop.is_set)
        return accepted(batch)

    busy = worker(sqlite_store, Pairs(answer, concurrency=2))
    send_id = plan(sqlite_store, order(), NOW)

    with pytest.raises(RuntimeError, match="a thread broke"):
        run.run(busy, send_id)

    assert read(sqlite_store, send_id).counts == Counts(accepted=2, unknown=2, queued=2)


def test_threads_stop_where_another_cannot_be_begun(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine has only so many: those that run would have nobody who watches over them."""
    fill_list(sqlite_store, AMOUNT)
    start = threading.Thread.start
    delivering = threading.Event()
    busy: Worker

    def start_one(thread: threading.Thread) -> None:
        if thread.name == "sender_1":
            assert delivering.wait(PATIENCE_SECONDS)
            raise RuntimeError("can't start new thread")
        start(thread)

    def answer(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        delivering.set()
        until(busy.stop.is_set)
        return accepted(batch)

    busy = worker(sqlite_store, Pairs(answer, concurrency=3))
    send_id = plan(sqlite_store, order(), NOW)
    monkeypatch.setattr(threading.Thread, "start", start_one)

    with pytest.raises(Stopped, match="this machine starts no more threads"):
        run.run(busy, send_id)

    assert read(sqlite_store, send_id).counts == Counts(accepted=2, queued=4)


def test_a_thread_that_keeps_the_store_to_itself_keeps_others_only_for_a_while(
    sqlite_store: Store,
) -> None:
    """As another process would: else all threads of a server hang behind one, without a word."""
    url = f"sqlite:///{sqlite_store.engine.url.database}"
    store = open_store(url, Path(), busy_seconds=0.05)
    writes, goes_on = threading.Event(), threading.Event()

    def hang() -> None:
        with store.write():
            writes.set()
            assert goes_on.wait(PATIENCE_SECONDS)

    thread = threading.Thread(target=hang)
    thread.start()
    assert writes.wait(PATIENCE_SECONDS)

    with pytest.raises(StoreAway, match="another thread"), store.write():
        pass

    goes_on.set()
    thread.join()
    with store.write():
        pass
    store.close()
