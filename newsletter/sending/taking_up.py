"""The sends that a worker goes on with by itself: those that are due, shared, were interrupted, or
waited for the day's quota. Those that a person stopped, or that need one, stay as they are."""

import datetime as dt
from collections.abc import Sequence

from newsletter.model.send import Send, SendStatus, State, StoppedBy, Wait
from newsletter.sending.run import run
from newsletter.sending.state import Activity, activity_of, resumes_at
from newsletter.sending.worker import Worker
from newsletter.store import Store
from newsletter.store.ledger import sends, transitions


def due(store: Store, now: dt.datetime) -> Sequence[str]:
    """Ids of the sends that a worker takes up now: schedules first, then the longest waiting, also
    where others take part in them."""
    with store.read() as connection:
        scheduled = sends.due(connection, now)
        on_their_way = sends.on_their_way(connection)
    return [*scheduled, *(send.id for send in on_their_way if _may_go_on(send, now))]


def unattended(store: Store, now: dt.datetime) -> Sequence[Send]:
    """The sends that nobody runs, or perhaps nobody, even where a person pressed Ctrl-C, and those
    that wait for the quota."""
    with store.read() as connection:
        candidates = sends.on_their_way(connection)
    return [
        send
        for send in candidates
        if send.status is SendStatus.PAUSED or not _is_attended(activity_of(send, now))
    ]


def _is_attended(activity: Activity) -> bool:
    """Whether somebody runs it for certain: a lease that a wrong clock set proves nothing."""
    return activity.state is not State.INTERRUPTED and activity.waiting_for is not Wait.CLOCK


def _may_go_on(send: Send, now: dt.datetime) -> bool:
    if send.status is SendStatus.PAUSED:
        at = resumes_at(send, now)
        return at is not None and at <= now
    return send.status is SendStatus.SENDING and send.stopped_by is None


def take_up(worker: Worker, send_id: str) -> Send:
    """Run a send that `due` named; returns where it stands then. One that has another time by now
    is left until then, since others are due.

    One that has rested for longer than a schedule may be late is paused for a person, as a schedule
    is.
    """
    paused = worker.patience.until_back(lambda: _go_on(worker, send_id))
    return paused or run(worker, send_id, by_itself=True)


def _go_on(worker: Worker, send_id: str) -> Send | None:
    """Let a send go on that rested; one that rested for too long is paused instead.

    Returns a send that is not to be run, such as one that somebody ended or stopped since it was
    due.
    """
    with worker.store.write() as connection:
        number = sends.number_of(connection, send_id)
        record = sends.record(connection, number, lock=True)
        send = sends.get(connection, number)
        now = worker.clock()
        if send.status is SendStatus.SCHEDULED:
            return None
        if not _may_go_on(send, now):
            return send
        if send.status is SendStatus.SENDING and send.tenures:  # it is shared
            return None
        rests_since = resumes_at(send, now) or send.rests_since or send.created_at
        if now - rests_since > worker.stale_after:
            hours = (now - rests_since).total_seconds() / 3600
            reason = f"it rested for {hours:.0f} hours: is it still wanted?"
            transitions.pause(connection, record, reason, StoppedBy.SCHEDULE)
            return sends.get(connection, number)
        transitions.resume(connection, record)
    return None
