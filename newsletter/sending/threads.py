"""The threads that work on a send, and the watch over them: lease, account, signs of a restore."""

import datetime as dt
import logging
import math
from collections.abc import Callable, Iterator
from concurrent.futures import ALL_COMPLETED, FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import assert_never

from newsletter.errors import ConfigurationError, Stopped, StoreError, TransportError
from newsletter.model.send import SendStatus, StoppedBy, Wait
from newsletter.sending import core, lost, processes, restored
from newsletter.sending.core import LEASE, Assignment, NotSent, SendPaused, Sent
from newsletter.sending.pace import LONG_WAIT_SECONDS
from newsletter.sending.worker import Worker
from newsletter.store.ledger import tenures
from newsletter.store.ledger.claims import NothingToClaim

_log = logging.getLogger(__name__)

_TICK_SECONDS = 0.2
_RENEW_SECONDS = 2.0
_OTHERS_SECONDS = 0.5
_WAKING_SECONDS = 10 * _TICK_SECONDS
_ASK_AGAIN_SECONDS = 60.0  # what the account allows
_PATIENCE = 5  # calls in a row that never left, before a send pauses itself
_THROTTLED_PATIENCE = 30
_LONGEST_BACKOFF_SECONDS = 30.0

Progress = Callable[[int], None]


def drain(worker: Worker, work: Assignment, progress: Progress) -> None:
    """Call the core in as many threads as the transport wants, and renew the lease meanwhile."""
    rate = work.pace.rate
    # Each thread takes a slot of the rate in advance: at a low rate few threads are enough, and a
    # pause does not wait for many slots.
    calls = None if rate is None else math.ceil(rate)
    limits = (work.transport.concurrency, worker.threads, calls)
    amount = max(1, min(limit for limit in limits if limit is not None))
    work.vitals.looks()
    began = worker.seconds()
    with ThreadPoolExecutor(amount, "sender") as pool, _ending(work):
        threads = [pool.submit(_send_all, worker, work, progress) for _ in range(amount)]
        _watch_over(worker, work, threads, began)
    for thread in threads:
        thread.result()


def _must_be_watched(work: Assignment) -> None:
    """Raises Stopped where the watch hangs. After a sleep of the whole process it wakes as well."""
    seconds = LEASE.total_seconds()
    if not work.vitals.is_unwatched(seconds):
        return
    work.stop.wait(_WAKING_SECONDS)
    if work.vitals.is_unwatched(seconds):
        work.stop.set()
        raise Stopped(
            f"nobody has watched over the send for {seconds:.0f} seconds",
            hint=f"Go on with it: newsletter resume {work.context.send_id}",
        )


@contextmanager
def _ending(work: Assignment) -> Iterator[None]:
    """Whatever ends the watch early ends the threads too: no send goes on unwatched."""
    try:
        yield
    except BaseException as error:
        _log.info("stop", {"send": work.context.send_id, "error": type(error).__name__})
        work.stop.set()
        raise


def _watch_over(
    worker: Worker, work: Assignment, threads: list[Future[None]], began: float
) -> None:
    """Renew the lease and ask what the account allows, until the threads are done."""
    renewed_at = asked_at = began
    awaited = FIRST_EXCEPTION
    watch, others = lost.LeaseWatch(worker.seconds, work.epoch), _Others(worker, work)
    while True:
        done, running = wait(threads, timeout=_TICK_SECONDS, return_when=awaited)
        if not running:
            return
        if any(thread.exception() for thread in done):
            _log.info("stop", {"send": work.context.send_id, "error": "a thread failed"})
            work.stop.set()  # what broke one thread would break the others
            awaited = ALL_COMPLETED  # or none of the waits that follow would take any time
        now = worker.seconds()
        work.vitals.look(len(running), work.tally.settled, now - began)
        others.look(now)
        if now - renewed_at >= _RENEW_SECONDS:
            try:
                if not _renew(work):
                    _log.info("lose", {"send": work.context.send_id, "epoch": work.epoch})
                    return  # this worker was given up, and its claims are refused
                renewed_at = now
                unknown = lost.look_for(work.store, [work.number], work.clock, watch)
                lost.tell(work.notify, unknown)
                pause_if_restored(worker, work)
            except StoreError as error:
                _log.info("renew", {"send": work.context.send_id, "error": error.code})
                if worker.seconds() - renewed_at >= LEASE.total_seconds():
                    raise  # others may have given this worker up by now
        if now - asked_at >= _ASK_AGAIN_SECONDS:
            _check_outside(worker, work)
            asked_at = now


class _Others:
    """Says once whom a worker waits for that has nothing left to do."""

    def __init__(self, worker: Worker, work: Assignment) -> None:
        self._worker, self._work = worker, work
        self._since: float | None = None
        self._is_told = False

    def look(self, now: float) -> None:
        waiting = self._work.vitals.waiting
        if waiting is None or waiting.what is not Wait.LEASE:
            self._since = None
            return
        self._since = now if self._since is None else self._since
        if now - self._since >= LONG_WAIT_SECONDS and not self._is_told:
            self._is_told = True
            for name in self._names():
                self._worker.notify(
                    f"{name} holds some of this send; waiting for its lease to end "
                    f"({LEASE.seconds} seconds at most)."
                )

    def _names(self) -> list[str]:
        number = self._work.number
        with self._work.store.read() as connection:
            among = tenures.of(connection, [number])[number]
        others = [tenure for tenure in among if tenure.epoch != self._work.epoch]
        return [processes.describe(tenure.worker) for tenure in others]


def _renew(work: Assignment) -> bool:
    waiting = work.vitals.waiting
    with work.store.write() as connection:
        return tenures.renew(
            connection,
            work.number,
            work.epoch,
            work.clock() + LEASE,
            speed=work.vitals.speed,
            waiting_for=waiting.what if waiting else None,
            waiting_until=waiting.until if waiting else None,
        )


def pause_if_restored(worker: Worker, work: Assignment) -> None:
    """The sign may appear only after the send was taken, as a report does."""
    with work.store.read() as connection:
        sign = restored.sign(connection, worker.generation, worker.timezone)
    if sign:
        core.pause(work, f"{sign}. {restored.ADVICE}", StoppedBy.STORE)


def _check_outside(worker: Worker, work: Assignment) -> None:
    """Check what the account allows, and whether events come; a store that is away is asked
    later."""
    try:
        _follow_account(worker, work)
        worker.check_events()
    except StoreError as error:
        worker.notify(error.message)


def _follow_account(worker: Worker, work: Assignment) -> None:
    """Follow what the account allows now; where that cannot be learnt, go on as before."""
    try:
        allowance = work.transport.allowance()
    except (ConfigurationError, TransportError) as error:
        worker.notify(error.message)
        return
    if allowance.problem:
        core.pause(work, allowance.problem, StoppedBy.TRANSPORT)
    work.pace.follow(allowance)


def _send_all(worker: Worker, work: Assignment, progress: Progress) -> None:
    """One thread: batch after batch until nothing is claimable or it is asked to stop."""
    failures = 0
    while not work.stop.is_set():
        _must_be_watched(work)
        step = work.patience.until_back(lambda: core.send_batch(work))
        match step:
            case Sent():
                failures = 0
                progress(len(step.outcomes) + step.skipped)
            case NotSent():
                failures += 1
                if failures == (_THROTTLED_PATIENCE if step.throttled else _PATIENCE):
                    core.pause(work, step.reason, StoppedBy.TRANSPORT)
                    return
                longest = min(_LONGEST_BACKOFF_SECONDS, worker.backoff_seconds * 2**failures)
                seconds = longest * (0.5 + worker.chance() / 2)
                if seconds > LONG_WAIT_SECONDS:
                    until = work.clock() + dt.timedelta(seconds=seconds)
                    work.vitals.waits(Wait.TRANSPORT, until)
                work.stop.wait(seconds)
            case NothingToClaim(
                status=SendStatus.SENDING, is_active=True, retry_at=dt.datetime() as at
            ):
                work.stop.wait(min(1.0, max(0.0, (at - work.clock()).total_seconds())))
            case NothingToClaim(status=SendStatus.SENDING, is_active=True, is_held_by_others=True):
                _wait_for_others(work)
            case SendPaused() | NothingToClaim():
                return
            case _:
                assert_never(step)


def _wait_for_others(work: Assignment) -> None:
    """What other workers hold may be queued again, or is unknown once they are given up."""
    work.vitals.waits(Wait.LEASE, None)
    work.stop.wait(_OTHERS_SECONDS)
