"""What goes on with a send: whether anybody runs it, what it waits for, and until when.

Derived from its row, its tenures, whether their workers live, and the clock, and from nothing else:
the one answer for every command, for the worker and for `/metrics`.
"""

import datetime as dt
from dataclasses import dataclass

from newsletter.model.send import Send, SendStatus, State, Tenure, Wait
from newsletter.sending import processes

_UNHEARD = dt.timedelta(seconds=30)  # of the 60 of a lease: it is renewed every few seconds
_FURTHEST = dt.timedelta(minutes=2)  # of a lease that a clock like this one has set
_LONGEST_PAUSE = dt.timedelta(hours=25)  # for the quota of a rolling day, by clocks that differ


@dataclass(frozen=True, slots=True)
class WorkerActivity:
    """What goes on with one worker's part in a send; `rate` is in recipients a second, lately."""

    worker: str
    state: State
    since: dt.datetime
    waiting_for: Wait | None = None
    until: dt.datetime | None = None
    rate: float | None = None


@dataclass(frozen=True, slots=True)
class Activity:
    """`state` is None for a send that is over, or paused until a person goes on with it.

    `parts` are those of its workers, without the lost ones; the first of them is `since` then in
    the send. `rate` is that of all.
    """

    state: State | None
    waiting_for: Wait | None = None
    until: dt.datetime | None = None
    parts: tuple[WorkerActivity, ...] = ()
    rate: float | None = None
    time_left: dt.timedelta | None = None

    @property
    def since(self) -> dt.datetime | None:
        return self.parts[0].since if self.parts else None

    @property
    def workers(self) -> str | None:
        """Who runs it, for people."""
        return ", ".join(part.worker for part in self.parts) or None


def is_lost(tenure: Tenure, now: dt.datetime) -> bool:
    """Whether a worker is gone for certain: its process is, or its lease has ended elsewhere.

    A lease that ended proves nothing where another process of this host lives: then the clock is
    more likely at fault.
    """
    if processes.is_here(tenure.worker) and not processes.is_this(tenure.worker):
        return processes.is_dead(tenure.worker)
    return tenure.lease_until <= now


def resumes_at(send: Send, now: dt.datetime) -> dt.datetime | None:
    """When a paused send may go on by itself: at once where a clock that was ahead has put it off
    for longer than any quota."""
    if send.resume_at is None or send.resume_at - now <= _LONGEST_PAUSE:
        return send.resume_at
    return now


def activity_of(send: Send, now: dt.datetime) -> Activity:
    """Where a send stands at this moment."""
    match send.status:
        case SendStatus.SCHEDULED:
            return Activity(State.WAITING, Wait.SCHEDULE, send.scheduled_at)
        case SendStatus.PAUSED if send.resume_at is not None:
            return Activity(State.WAITING, Wait.QUOTA, resumes_at(send, now))
        case SendStatus.SENDING:
            return _in_hand(send, now)
        case _:
            return Activity(None)


def _in_hand(send: Send, now: dt.datetime) -> Activity:
    parts = tuple(part for tenure in send.tenures if (part := _part(tenure, now)))
    if not parts:
        return Activity(State.INTERRUPTED)
    running = [part for part in parts if part.state is State.RUNNING]
    if not running:
        first = parts[0]
        return Activity(State.WAITING, first.waiting_for, first.until, parts)
    rate = sum(part.rate or 0.0 for part in running) or None
    time_left = dt.timedelta(seconds=send.counts.queued / rate) if rate else None
    return Activity(State.RUNNING, parts=parts, rate=rate, time_left=time_left)


def _part(tenure: Tenure, now: dt.datetime) -> WorkerActivity | None:
    """None where the worker is lost."""
    if is_lost(tenure, now):
        return None
    waiting_for, until = tenure.waiting_for, tenure.waiting_until
    if not processes.is_here(tenure.worker):
        left = tenure.lease_until - now
        if left > _FURTHEST:
            waiting_for, until = Wait.CLOCK, None
        elif left <= _UNHEARD:
            waiting_for, until = Wait.LEASE, tenure.lease_until
    name = processes.describe(tenure.worker)
    if waiting_for is not None:
        return WorkerActivity(name, State.WAITING, tenure.since, waiting_for, until)
    return WorkerActivity(name, State.RUNNING, tenure.since, rate=tenure.speed)
