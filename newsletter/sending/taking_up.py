"""The sends that a worker goes on with by itself: those that are due, were interrupted, or waited
for the day's quota. Those that a person stopped, or that need one, stay as they are."""

import datetime as dt
from collections.abc import Sequence

from newsletter.model.send import Send, SendStatus, State, StoppedBy, Wait
from newsletter.sending.run import run
from newsletter.sending.state import activity_of
from newsletter.sending.tenure import is_free
from newsletter.sending.worker import Worker
from newsletter.store import Store
from newsletter.store.ledger import sends, transitions


def due(store: Store, now: dt.datetime) -> Sequence[str]:
    """Ids of the sends that a worker takes up now: schedules first, then the longest waiting.

    Those whose owner may or may not live come last, since finding out takes a minute: see `run`.
    """
    with store.read() as connection:
        scheduled = sends.due(connection, now)
        unattended = sends.unattended(connection)
    resting = [send.id for send in unattended if _may_go_on(send, now)]
    doubted = [send.id for send in unattended if _is_doubted(send, now)]
    return [*scheduled, *resting, *doubted]


def unattended(store: Store, now: dt.datetime) -> Sequence[Send]:
    """The sends that nobody runs, or perhaps nobody, even where a person pressed Ctrl-C, and those
    that wait for the quota."""
    with store.read() as connection:
        candidates = sends.unattended(connection)
    return [
        send
        for send in candidates
        if send.status is SendStatus.PAUSED
        or activity_of(send, now).state is State.INTERRUPTED
        or _is_doubted(send, now)
    ]


def _is_doubted(send: Send, now: dt.datetime) -> bool:
    """Whether the lease of its owner proves nothing, since a wrong clock set it."""
    return activity_of(send, now).waiting_for is Wait.CLOCK


def _may_go_on(send: Send, now: dt.datetime) -> bool:
    if send.status is SendStatus.PAUSED:
        return send.resume_at is not None and send.resume_at <= now
    return send.stopped_by is None and activity_of(send, now).state is State.INTERRUPTED


def take_up(worker: Worker, send_id: str) -> Send:
    """Run a send that `due` named; returns where it stands then. One that has another time by now
    is left until then, since others are due.

    One that has rested for longer than a schedule may be late is paused for a person, as a schedule
    is. Raises RunElsewhere where another was faster.
    """
    paused = worker.patience.until_back(lambda: _go_on(worker, send_id))
    return paused or run(worker, send_id, waits_for_its_time=False)


def _go_on(worker: Worker, send_id: str) -> Send | None:
    """Keep a send for this process; one that rested for too long is paused instead.

    Returns a send that is not to be run, such as one that somebody ended or stopped since it was
    due.
    """
    with worker.store.write() as connection:
        number = sends.number_of(connection, send_id)
        record = sends.record(connection, number, lock=True)
        send = sends.get(connection, number)
        now = worker.clock()
        is_held = send.status is SendStatus.SENDING and not is_free(record.owner, now)
        if send.status is SendStatus.SCHEDULED or is_held:
            return None
        if not _may_go_on(send, now):
            return send
        rests_since = send.resume_at or send.tenure.lease_until or now
        if now - rests_since > worker.stale_after:
            hours = (now - rests_since).total_seconds() / 3600
            reason = f"it rested for {hours:.0f} hours: is it still wanted?"
            transitions.pause(connection, record, reason, StoppedBy.SCHEDULE)
            return sends.get(connection, number)
        transitions.resume(connection, record, now, worker.name)
    return None
