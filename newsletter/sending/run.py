"""Running a send: wait for its time, take part in it until nothing is queued, leave it.

Any number of workers take part in a send. The ledger says who, by leases that they renew.
"""

from newsletter.errors import Refused
from newsletter.model.send import ENDED, Allowance, Send, SendStatus, StoppedBy, Wait
from newsletter.sending import canary, lost, restored, tenure
from newsletter.sending.core import QUOTA_POLL, Assignment
from newsletter.sending.pace import Waiting
from newsletter.sending.patience import giving_up
from newsletter.sending.reading import read
from newsletter.sending.threads import Progress, drain, pause_if_restored
from newsletter.sending.worker import Worker
from newsletter.store.ledger import sends, transitions
from newsletter.times import time_text
from newsletter.transports import Transport

_OTHERS_SECONDS = 0.5


def run(
    worker: Worker,
    send_id: str,
    progress: Progress = lambda settled: None,
    *,
    by_itself: bool = False,
) -> Send:
    """Take part in a send until nothing of it is queued; returns where it stands then.

    Waits for a scheduled send's time, for what other workers hold, and for a store that is away,
    and says so. A worker that chose the send by itself leaves it to its time, and to a person who
    stopped it meanwhile. `progress` gets the number of recipients settled by each batch. A paused
    send stays paused: `control.reopen` comes first. Raises Refused where the account may not send,
    and Stopped where the store stays away.
    """
    with giving_up("send", f"newsletter resume {send_id}"):
        return _run(worker, send_id, progress, by_itself=by_itself)


def _run(worker: Worker, send_id: str, progress: Progress, *, by_itself: bool) -> Send:
    until_back = worker.patience.until_back
    send = until_back(lambda: read(worker.store, send_id))
    if not by_itself:
        send = _wait_until_due(worker, send)
    if send.status is SendStatus.SCHEDULED and _is_stale(worker, send):
        return until_back(lambda: _ask_a_person(worker, send))
    work = None
    try:
        if not worker.stop.is_set() and send.status not in (*ENDED, SendStatus.PAUSED):
            allowance = allowed(worker.transport)
            until_back(lambda: restored.compare(worker.store, allowance, worker.clock()))
            until_back(worker.refresh)
            work = until_back(lambda: tenure.take(worker, send, by_itself=by_itself))
    finally:
        if work is None:
            until_back(lambda: tenure.give_back(worker, send))
    if work is None:
        send = until_back(lambda: read(worker.store, send_id))
        is_moved = send.status is SendStatus.SCHEDULED and not worker.stop.is_set()
        if is_moved and not by_itself:
            return _run(worker, send_id, progress, by_itself=False)
        return send
    if allowance.warning not in ("", worker.warned):
        worker.notify(f"Warning: {allowance.warning}.")
    work.pace.follow(allowance)
    if work.spread and allowance.remaining == 0:
        work.pace.hold_until = worker.clock() + QUOTA_POLL
    try:
        until_back(lambda: restored.note_others(worker.store, allowance, worker.clock()))
        _work_off(worker, work, progress)
    finally:
        until_back(lambda: tenure.leave(worker, work))
    return _see_it_end(worker, send_id)


def _see_it_end(worker: Worker, send_id: str) -> Send:
    """Others may still hold some of it, or be about to leave."""
    watch = lost.LeaseWatch(worker.seconds)
    while True:
        worker.vitals.looks()
        send = worker.patience.until_back(lambda: read(worker.store, send_id))
        goes_on = send.status is SendStatus.SENDING and send.tenures
        if not goes_on or worker.stop.wait(_OTHERS_SECONDS):
            return send
        worker.patience.until_back(
            lambda: lost.look_for(worker.store, None, worker.clock, watch, worker.clear)
        )


def _work_off(worker: Worker, work: Assignment, progress: Progress) -> None:
    """Send what is queued; where there is a canary, that first, and the rest if it is well."""
    until_back = worker.patience.until_back
    drain(worker, work, progress)

    def look() -> None:
        """Bring in reports, which may also show that the store is a copy."""
        worker.poll_events()
        pause_if_restored(worker, work)

    if until_back(lambda: canary.is_out(work)) and until_back(
        lambda: canary.wait(work, worker.canary_limits, look, worker.notify)
    ):
        drain(worker, work, progress)


def unbarred(transport: Transport) -> Allowance:
    """What the account allows. Raises Refused where it may not send at all."""
    allowance = transport.allowance()
    if allowance.problem:
        raise Refused(allowance.problem, hint=f"Nothing was sent. {allowance.hint}".strip())
    return allowance


def allowed(transport: Transport) -> Allowance:
    """As `unbarred`, but also raises Refused where it may send to verified addresses only."""
    allowance = unbarred(transport)
    if allowance.sandbox:
        raise Refused(
            f"the account at {allowance.service} is in the sandbox: it may send to verified "
            "addresses only",
            hint=allowance.hint,
        )
    return allowance


def _wait_until_due(worker: Worker, send: Send) -> Send:
    if send.status is not SendStatus.SCHEDULED or send.scheduled_at is None:
        return send
    send_id, announced = send.id, None
    while not worker.stop.is_set() and send.status is SendStatus.SCHEDULED:
        assert send.scheduled_at is not None
        if send.scheduled_at != announced:  # it may be moved meanwhile
            announced = send.scheduled_at
            worker.notify(f"Waiting until {time_text(announced, worker.timezone)}.")
            worker.vitals.waiting = Waiting(Wait.SCHEDULE, announced)
        if (missing := (send.scheduled_at - worker.clock()).total_seconds()) <= 0:
            break
        worker.stop.wait(min(missing, 1.0))
        send = worker.patience.until_back(lambda: read(worker.store, send_id))
    return send


def _is_stale(worker: Worker, send: Send) -> bool:
    late = send.scheduled_at is not None and worker.clock() - send.scheduled_at
    return bool(late and late > worker.stale_after)


def _ask_a_person(worker: Worker, send: Send) -> Send:
    """Pause a send whose time passed long ago: nobody knows whether it is still wanted."""
    assert send.scheduled_at is not None
    late = worker.clock() - send.scheduled_at
    with worker.store.write() as connection:
        number = sends.number_of(connection, send.id)
        record = sends.record(connection, number, lock=True)
        if record.status is SendStatus.SCHEDULED:
            reason = f"its time passed {late.total_seconds() / 3600:.0f} hours ago"
            transitions.pause(connection, record, reason, StoppedBy.SCHEDULE)
    return read(worker.store, send.id)
