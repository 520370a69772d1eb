"""What the threads of a send do to each other."""

import threading
from collections.abc import Sequence
from concurrent.futures import ALL_COMPLETED, Future, wait
from dataclasses import replace

import pytest

from newsletter.errors import TransportDown
from newsletter.model.email import Message
from newsletter.model.send import Accepted, Counts, Outcome
from newsletter.sending import run, threads
from newsletter.sending.plan import plan
from newsletter.sending.reading import read
from newsletter.store import Store
from newsletter.transports.memory import Memory
from tests.integration.sending import NOW, fill_list, order, worker
from tests.waiting import PATIENCE_SECONDS

LOOKS = 50


def test_an_error_of_one_thread_stops_the_others(sqlite_store: Store) -> None:
    """The other call is under way until it is asked to stop, or until nobody asked for long."""
    fill_list(sqlite_store, 200)
    looks = threading.Semaphore(0)
    both_are_out = threading.Barrier(2)
    was_stopped: list[bool] = []

    def seconds() -> float:
        """What the watch over the threads asks each time that it looks at them."""
        looks.release()
        return 0.0

    def answer(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        if both_are_out.wait() == 0:
            raise RuntimeError("a fault of our own")
        for _ in range(LOOKS):
            looks.acquire()
            if sender.stop.is_set():
                break
        was_stopped.append(sender.stop.is_set())
        sender.stop.set()
        return [Accepted(message.ref) for message in batch]

    transport = Memory(answer, concurrency=2)
    sender = replace(worker(sqlite_store, transport), seconds=seconds)
    send_id = plan(sqlite_store, order(), NOW)

    with pytest.raises(RuntimeError, match="a fault of our own"):
        run.run(sender, send_id)

    assert was_stopped == [True]
    assert read(sqlite_store, send_id).counts == Counts(accepted=50, unknown=50, queued=100)


def test_after_an_error_of_one_thread_the_watch_waits_for_the_others(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wait for the first error would end at once, and the watch would do nothing else."""
    fill_list(sqlite_store, 200)
    waits = threading.Semaphore(0)
    both_are_out = threading.Barrier(2)
    after_the_error: list[str] = []

    def waiting(futures: list[Future[None]], timeout: float, return_when: str) -> object:
        if any(future.done() and future.exception() for future in futures):
            after_the_error.append(return_when)
            waits.release()
        return wait(futures, timeout, return_when)

    def answer(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        if both_are_out.wait() == 0:
            raise RuntimeError("a fault of our own")
        for _ in range(2):
            waits.acquire(timeout=PATIENCE_SECONDS)
        return [Accepted(message.ref) for message in batch]

    monkeypatch.setattr(threads, "wait", waiting)
    send_id = plan(sqlite_store, order(), NOW)

    with pytest.raises(RuntimeError, match="a fault of our own"):
        run.run(worker(sqlite_store, Memory(answer, concurrency=2)), send_id)

    # The first may have begun before the watch knew.
    assert set(after_the_error[1:]) == {ALL_COMPLETED}


def test_failures_with_successes_between_them_pause_nothing(sqlite_store: Store) -> None:
    fill_list(sqlite_store, 3)
    calls = 0

    def answer(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        nonlocal calls
        calls += 1
        if calls % 3:
            raise TransportDown("no route")
        return [Accepted(message.ref) for message in batch]

    sender = replace(worker(sqlite_store, Memory(answer)), max_rate=1_000)
    one_each = Memory(answer)
    one_each.batch_size = 1
    send_id = plan(sqlite_store, order(), NOW)

    after = run.run(replace(sender, transport=one_each), send_id)

    assert after.counts == Counts(accepted=3)
    assert calls == 9


@pytest.mark.parametrize(("threads", "most"), [(None, 4), (2, 2), (9, 4)])
def test_no_more_calls_are_made_at_once_than_a_worker_may_make(
    sqlite_store: Store, threads: int | None, most: int
) -> None:
    """Nor than the transport wants."""
    fill_list(sqlite_store, 400)
    names = set[str]()
    all_are_out = threading.Barrier(most)

    def answer(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        names.add(threading.current_thread().name)
        all_are_out.wait(PATIENCE_SECONDS)
        return [Accepted(message.ref) for message in batch]

    sender = worker(sqlite_store, Memory(answer, concurrency=4))
    run.run(replace(sender, threads=threads), plan(sqlite_store, order(), NOW))

    assert len(names) == most
