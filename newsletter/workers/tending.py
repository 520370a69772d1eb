"""Keeping the jobs complete: missing ones are made, those of dead workers are removed."""

from collections.abc import Callable
from contextlib import suppress

from procrastinate import App, exceptions
from procrastinate.jobs import Status

from newsletter.sending import lost, taking_up
from newsletter.sending.preflight import check_store
from newsletter.sending.worker import Worker
from newsletter.store import jobs
from newsletter.store.ledger import workers

SILENT_SECONDS = 30.0  # without a heartbeat, a worker of Procrastinate is taken for dead


def tending(worker: Worker) -> Callable[[], None]:
    """Give up lost workers, and wake living ones for all that is due: schedules, sends that were
    interrupted, and sends that others are at.

    Calling it raises Refused where the store must not send.
    """
    watch = lost.LeaseWatch(worker.seconds)

    def tend() -> None:
        check_store(worker)
        unknown = lost.look_for(worker.store, None, worker.clock, watch, worker.clear)
        lost.tell(worker.notify, unknown)
        due = taking_up.due(worker.store, worker.clock())
        if due:
            with worker.store.write(durable=False) as connection:
                living = workers.heard_of(connection, worker.clock())
                jobs.defer_missing(connection, due, len(living))

    return tend


async def remove_dead(app: App) -> None:
    """Remove the jobs that dead workers had begun, and forget these workers.

    What they held is still in the ledger, and the jobs that are missing now are made by `tend`.
    """
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=SILENT_SECONDS):
        with suppress(exceptions.ConnectorException):  # another worker was quicker
            await app.job_manager.finish_job(job, Status.FAILED, delete_job=True)
    await app.job_manager.prune_stalled_workers(SILENT_SECONDS)
