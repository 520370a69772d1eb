"""A worker: it takes part in one send at a time, and in the chores of all workers."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import psycopg
from procrastinate import PsycopgConnector, exceptions

from newsletter.errors import (
    NewsletterError,
    Refused,
    StoreAway,
    StoreClosed,
    StoreError,
    place_in_code,
)
from newsletter.model.send import Send
from newsletter.operations.attend import take_up, waiting_for_account
from newsletter.sending import taking_up
from newsletter.sending.preflight import check_store
from newsletter.sending.worker import Worker
from newsletter.store import postgresql
from newsletter.store.ledger import workers
from newsletter.workers.apps import JobQueue, chores_queue, sends_queue
from newsletter.workers.checking import check
from newsletter.workers.chores import Chore
from newsletter.workers.tending import tending

_log = logging.getLogger(__name__)

_TEND_CRON = "* * * * * */5"
_BEAT_SECONDS = 5.0
_AGAIN_SECONDS = 1.0  # after Procrastinate failed
_FAILURES = 5  # of Procrastinate in a row, before somebody is told
_CONNECTIONS = 4  # beside those that listen
_CONNECT_SECONDS = 3.0  # to get one that is free, and works
_SIDE_THREADS = 4  # to wait for `stop`, to beat, to look whether the store is back, for addresses


def run(worker: Worker, chores: Sequence[Chore], settled: Callable[[Send], bool]) -> None:
    """Take part in sends as jobs wake it, until the worker is asked to stop.

    `settled` gets each send as it stands after work on it; where it returns False, the worker ends.
    Raises Refused where the store must not send, StoreClosed where it was moved, StoreAway where it
    stays away.
    """
    worker.patience.until_back(lambda: check_store(worker))
    for name in ("procrastinate", "psycopg"):  # what matters of it is told by us
        logging.getLogger(name).addHandler(logging.NullHandler())
    _log.info("work", {"worker": worker.name})
    every = (Chore("tend", _TEND_CRON, tending(worker)), *chores)
    slot = _Slot(worker, every, settled)
    try:
        asyncio.run(slot.work())
    finally:
        slot.leave()
        with suppress(StoreError), worker.store.write() as connection:
            workers.vanish(connection, worker.name)
    if slot.failure is not None:
        raise slot.failure


class _Slot:
    """What takes jobs. The work itself is done by threads, which outlive a job that is cancelled:
    when the store is away, Procrastinate gives up its jobs, while a send waits for the store."""

    def __init__(
        self, worker: Worker, chores: Sequence[Chore], settled: Callable[[Send], bool]
    ) -> None:
        self.failure: BaseException | None = None
        self._worker, self._chores, self._settled = worker, chores, settled
        self._drains = ThreadPoolExecutor(1, "drain")
        self._is_draining = False
        self._failures = 0  # of Procrastinate, since the last job
        self._chore_threads = ThreadPoolExecutor(len(chores), "chore")

    async def work(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(_log_unheeded)
        loop.set_default_executor(ThreadPoolExecutor(_SIDE_THREADS, "side"))
        stop = self._worker.stop
        stopped = loop.run_in_executor(None, stop.wait)
        beating = asyncio.create_task(self._beat())
        try:
            while not stop.is_set():
                await self._take_jobs(stopped)
                await self._wait_for_store(stopped)
        finally:
            stop.set()
            beating.cancel()
            await stopped

    def leave(self) -> None:
        """Wait for the batch in hand."""
        self._drains.shutdown()
        self._chore_threads.shutdown()

    async def _take_jobs(self, stopped: "asyncio.Future[bool]") -> None:
        """Until the worker is asked to stop, or the database fails."""
        try:
            arguments, listens = await asyncio.to_thread(self._how_to_connect)
        except StoreError:  # whoever waits for the store tells of it
            return
        connector = PsycopgConnector(
            kwargs=arguments, min_size=1, max_size=_CONNECTIONS, timeout=_CONNECT_SECONDS
        )
        try:
            await connector.open_async()
            queues = (
                sends_queue(connector, self._drain),
                chores_queue(connector, self._chores, self._do),
            )
            error = await _until_one_ends(queues, stopped, listens=listens)
        except (psycopg.Error, exceptions.ConnectorException) as failed:
            error = failed
        finally:
            await connector.close_async()
        if error is not None and not self._worker.stop.is_set():
            self._lose_jobs(error)

    def _lose_jobs(self, error: Exception) -> None:
        """Take note of a failure; one that does not pass is told, since the store answers."""
        cause = type(error.__cause__ or error).__name__
        _log.info("lose_jobs", {"worker": self._worker.name, "error": cause})
        self._failures += 1
        if self._failures == _FAILURES:
            self._worker.notify(
                f"The store answers, but no jobs can be taken from it ({cause}). Trying again. "
                "Check the rights of the database's user; `newsletter worker --once` needs no jobs."
            )

    def _how_to_connect(self) -> tuple[dict[str, Any], bool]:
        """(arguments of the driver, whether one can listen)"""
        with self._worker.store.read() as connection:
            is_pooled = postgresql.is_pooled(connection)
            return postgresql.driver_arguments(connection), not is_pooled

    async def _wait_for_store(self, stopped: "asyncio.Future[bool]") -> None:
        """Until it answers; one that stays away, or was upgraded, ends the worker."""
        if stopped.done():
            return
        try:
            await asyncio.to_thread(self._worker.patience.until_back, self._check)
        except StoreError as error:
            self._fail(error)
        await asyncio.wait([stopped], timeout=_AGAIN_SECONDS)

    def _check(self) -> None:
        check(self._worker.store)

    async def _beat(self) -> None:
        """Say that this worker lives, every few seconds; a send is watched over by itself."""
        while True:
            if not self._is_draining:
                self._worker.vitals.looks()
            with suppress(StoreError):
                await asyncio.to_thread(self._appear)
            await asyncio.sleep(_BEAT_SECONDS)

    def _appear(self) -> None:
        with self._worker.store.write(durable=False) as connection:
            workers.appear(connection, self._worker.name, self._worker.clock())

    async def _drain(self, send_id: str) -> None:
        self._failures = 0
        await asyncio.wrap_future(self._drains.submit(self._drain_here, send_id))

    def _drain_here(self, send_id: str) -> None:
        """Take part in a send, unless nothing of it is to do any more."""
        worker = self._worker
        try:
            until_back = worker.patience.until_back
            due = until_back(lambda: taking_up.due(worker.store, worker.clock()))
            if send_id not in due or worker.stop.is_set():
                return
            self._is_draining = True
            with waiting_for_account(worker):
                if not self._settled(take_up(worker, send_id)):
                    worker.stop.set()
        except BaseException as error:  # noqa: BLE001 -- it ends the worker, which raises it
            self._fail(error)
        finally:
            self._is_draining = False

    async def _do(self, chore: Chore) -> None:
        self._failures = 0
        await asyncio.wrap_future(self._chore_threads.submit(self._do_here, chore))

    def _do_here(self, chore: Chore) -> None:
        """Do a chore. What fails is done again at its next time, by whoever does it then."""
        try:
            chore.work()
        except (Refused, StoreClosed) as error:
            self._fail(error)
        except StoreAway:
            _log.info("skip", {"chore": chore.name, "error": "the store is away"})
        except NewsletterError as error:
            self._worker.notify(f"{chore.name}: {error.message}")
        except Exception as error:  # noqa: BLE001 -- whatever it is, the work goes on
            place = place_in_code(error) or "?"
            _log.error("fail", {"chore": chore.name, "error": type(error).__name__, "at": place})

    def _fail(self, error: BaseException) -> None:
        """End the worker with an error."""
        self.failure = self.failure or error
        self._worker.stop.set()


async def _until_one_ends(
    queues: Sequence[JobQueue], stopped: "asyncio.Future[bool]", *, listens: bool
) -> Exception | None:
    """Take jobs from all queues, until none is to be taken, or one cannot go on; returns its
    error."""
    tasks = [asyncio.create_task(queue.work(listens=listens)) for queue in queues]
    try:
        waited_for: list[asyncio.Future[Any]] = [*tasks, stopped]
        await asyncio.wait(waited_for, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    return next((error for error in ended if isinstance(error, Exception)), None)


def _log_unheeded(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What nobody waits for, such as the end of a job that was cancelled; not its message, which
    may hold anything."""
    error = context.get("exception")
    _log.info("leave_unheeded", {"error": type(error).__name__})
