"""The tasks of a worker: draining sends on one queue, everything else on another."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from procrastinate import App, PsycopgConnector

from newsletter.store import jobs
from newsletter.workers.chores import Chore
from newsletter.workers.tending import SILENT_SECONDS, remove_dead

_CHORES = "chores"
_POLL_SECONDS = 2.0  # where nobody listens, or a notification was lost
_RESCUE = "remove-dead"
_RESCUE_CRON = "* * * * * */10"


@dataclass(frozen=True, slots=True)
class JobQueue:
    """An app with one queue, of which it works on so many jobs at once."""

    app: App
    name: str
    concurrency: int

    async def work(self, *, listens: bool) -> None:
        """Until cancelled, or until the database fails; a pooler lets nobody listen.

        What runs when it ends is cancelled; its thread is not, and ends by itself.
        """
        await self.app.run_worker_async(
            queues=[self.name],
            name=self.name,
            concurrency=self.concurrency,
            listen_notify=listens,
            fetch_job_polling_interval=_POLL_SECONDS,
            delete_jobs="always",
            install_signal_handlers=False,
            shutdown_graceful_timeout=0,
            update_heartbeat_interval=SILENT_SECONDS / 6,
            stalled_worker_timeout=SILENT_SECONDS,
        )


def sends_queue(connector: PsycopgConnector, drain: Callable[[str], Awaitable[None]]) -> JobQueue:
    """One send at a time."""
    app = App(connector=connector)

    @app.task(name=jobs.DRAIN, queue=jobs.SENDS)
    async def drain_send(send_id: str) -> None:
        await drain(send_id)

    return JobQueue(app, jobs.SENDS, 1)


def chores_queue(
    connector: PsycopgConnector,
    chores: Sequence[Chore],
    do: Callable[[Chore], Awaitable[None]],
) -> JobQueue:
    """All chores at once, so that none waits for another, but each by one worker at a time.

    A dead worker holds the lock of its chores until its jobs are removed. So that has no lock:
    twice at once does no harm.
    """
    app = App(connector=connector)
    for chore in chores:
        _add(app, chore, do)

    @app.periodic(cron=_RESCUE_CRON)
    @app.task(name=_RESCUE, queue=_CHORES, queueing_lock=_RESCUE)
    async def rescue(timestamp: int) -> None:
        await remove_dead(app)

    return JobQueue(app, _CHORES, len(chores) + 1)


def _add(app: App, chore: Chore, do: Callable[[Chore], Awaitable[None]]) -> None:
    @app.periodic(cron=chore.cron)
    @app.task(name=chore.name, queue=_CHORES, lock=chore.name, queueing_lock=chore.name)
    async def work(timestamp: int) -> None:
        await do(chore)
