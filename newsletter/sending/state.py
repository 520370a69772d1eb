"""What goes on with a send: whether anybody runs it, what it waits for, and until when.

Derived from its row, from whether its owner lives, and from the clock, and from nothing else: the
one answer for every command, for the worker and for `/metrics`.
"""

import datetime as dt
from dataclasses import dataclass

from newsletter.model.record import Owner
from newsletter.model.send import Send, SendStatus, State, Wait
from newsletter.sending import owner

_UNHEARD = dt.timedelta(seconds=30)  # of the 60 of a lease: it is renewed every few seconds


@dataclass(frozen=True, slots=True)
class Activity:
    """`state` is None for a send that is over, or paused until a person goes on with it.

    `owner` runs the send, `since` then; `rate` is in recipients a second, lately.
    """

    state: State | None
    waiting_for: Wait | None = None
    until: dt.datetime | None = None
    owner: str | None = None
    since: dt.datetime | None = None
    rate: float | None = None
    time_left: dt.timedelta | None = None


def activity_of(send: Send, now: dt.datetime) -> Activity:
    """Where a send stands at this moment."""
    match send.status:
        case SendStatus.SCHEDULED:
            return Activity(State.WAITING, Wait.SCHEDULE, send.scheduled_at)
        case SendStatus.PAUSED if send.resume_at is not None:
            return Activity(State.WAITING, Wait.QUOTA, send.resume_at)
        case SendStatus.SENDING:
            return _in_hand(send, now)
        case _:
            return Activity(None)


def _in_hand(send: Send, now: dt.datetime) -> Activity:
    tenure = send.tenure
    name, lease_until = tenure.owner, tenure.lease_until
    if name is None or lease_until is None or owner.is_dead(name):
        return Activity(State.INTERRUPTED)
    if not owner.is_here(Owner(name, 0, lease_until)):
        if lease_until <= now:
            return Activity(State.INTERRUPTED)
        if owner.is_of_a_wrong_clock(lease_until, now):
            return _activity(send, State.WAITING, Wait.CLOCK)
        if lease_until - now <= _UNHEARD:
            return _activity(send, State.WAITING, Wait.LEASE, lease_until)
    if tenure.waiting_for is not None:
        return _activity(send, State.WAITING, tenure.waiting_for, tenure.waiting_until)
    return _activity(send, State.RUNNING)


def _activity(
    send: Send, state: State, waiting_for: Wait | None = None, until: dt.datetime | None = None
) -> Activity:
    tenure = send.tenure
    rate = tenure.speed if state is State.RUNNING else None
    return Activity(
        state=state,
        waiting_for=waiting_for,
        until=until,
        owner=tenure.owner and owner.describe(tenure.owner),
        since=tenure.since,
        rate=rate,
        time_left=dt.timedelta(seconds=send.counts.queued / rate) if rate else None,
    )
