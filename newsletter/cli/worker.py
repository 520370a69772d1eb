"""`newsletter worker`: sends what is due and goes on with what was interrupted, until stopped."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from newsletter.cli.frame import Session, command
from newsletter.cli.running import open_worker
from newsletter.cli.sends import EXIT_CODES
from newsletter.cli.showing import as_json, next_step, status_in_words
from newsletter.errors import Interrupted, RunElsewhere, UsageError
from newsletter.model.send import Send, SendStatus, StoppedBy
from newsletter.stopping import stopping

if TYPE_CHECKING:
    from newsletter.sending.worker import Worker

_POLL_SECONDS = 1.0
_LEAVE_ALONE_SECONDS = 60.0  # what somebody else runs


@click.command()
@click.option("--once", is_flag=True, help="Send what is due or was interrupted, then leave.")
@command
def worker(session: Session, once: bool) -> int:
    """Send what is due and go on with what was interrupted, until stopped."""
    return attend(session, open_worker(session), once=once)


def attend(session: Session, worker: "Worker", *, once: bool) -> int:
    """Work as a worker does; returns its exit code. Raises Stopped where the store stays away."""
    from newsletter.sending.patience import giving_up

    with giving_up("worker", "newsletter worker"), stopping(worker.stop):
        return _work(session, worker, once=once)


def _work(session: Session, worker: "Worker", *, once: bool) -> int:
    from newsletter.sending import taking_up
    from newsletter.sending.preflight import check_store

    elsewhere = dict[str, float]()  # when it was seen that somebody else runs it

    def due() -> Sequence[str]:
        since = worker.seconds() - _LEAVE_ALONE_SECONDS
        found = taking_up.due(session.store, worker.clock())
        return [send_id for send_id in found if elsewhere.get(send_id, since) <= since]

    code = 0
    while not worker.stop.is_set():
        worker.patience.until_back(lambda: check_store(worker))
        for send_id in worker.patience.until_back(due):
            if worker.stop.is_set():
                return 0
            after = _take_up(session, worker, send_id)
            if after is None:
                elsewhere[send_id] = worker.seconds()
                continue
            _tell(session, after)
            if worker.stop.is_set() and after.status is SendStatus.SENDING:
                session.notes.print(f"Interrupted. {next_step(session, after)}")
                return 130
            code = max(code, EXIT_CODES[after.status])
        if once:
            return code
        worker.stop.wait(_POLL_SECONDS)
    return 0


def _tell(session: Session, send: Send) -> None:
    if session.json:
        session.emit(as_json(send))
    else:
        session.console.print(f"{send.id}: {status_in_words(session, send)}")


def _take_up(session: Session, worker: "Worker", send_id: str) -> Send | None:
    """Run one send; None where somebody else runs it, or where this is stopped as it waits to see
    that."""
    from newsletter.sending import control, taking_up

    try:
        return taking_up.take_up(worker, send_id)
    except RunElsewhere as error:
        session.notes.print(error.message)
        return None
    except Interrupted:
        return None
    except UsageError as error:  # whom it is for cannot be told, and others are due
        session.notes.print(f"{send_id}: {error.message}. It is paused.")
        by = StoppedBy.SCHEDULE
        return control.pause(session.store, send_id, worker.clock, error.message, by)
