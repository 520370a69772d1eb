"""What an operator decides about a send while it runs, or after."""

import datetime as dt
from enum import StrEnum
from typing import Any

from sqlalchemy.engine import Connection, Row

from newsletter.errors import Refused
from newsletter.model.send import DeliveryStatus, Send, SendStatus, StoppedBy
from newsletter.sending import owner
from newsletter.sending.core import Clock
from newsletter.sending.run import is_free, read
from newsletter.store import Store, claims, deliveries, sends


class Decision(StrEnum):
    """About all unknown deliveries of a send: send them again, or count them as one of two."""

    RESEND = "resend"
    ACCEPT = "accept"
    REJECT = "reject"


def pause(
    store: Store,
    send_id: str,
    clock: Clock,
    reason: str = "by the operator",
    by: StoppedBy = StoppedBy.PERSON,
) -> Send:
    """Stop a send after the batches in flight.

    Pausing a paused one changes nothing, but that one which waits for the quota waits for a person
    then.
    """
    send = read(store, send_id)
    with store.write() as connection:
        number = sends.number_of(connection, send.id)
        row = sends.row_of(connection, number, lock=True)
        if row.status in sends.OVER:
            raise Refused(
                f"{send.id} is {row.status}: there is nothing to pause",
                hint=f"See: newsletter status {send.id}",
            )
        if row.status != SendStatus.PAUSED or row.stopped_by == StoppedBy.QUOTA:
            sends.pause(connection, number, reason, by)
    return read(store, send.id)


def cancel(store: Store, send_id: str, clock: Clock) -> Send:
    """End a send for good: what is queued becomes skipped (`cancelled`)."""
    send = read(store, send_id)
    with store.write() as connection:
        number = sends.number_of(connection, send.id)
        row = sends.row_of(connection, number, lock=True)
        if row.status == SendStatus.FINISHED:
            raise Refused(
                f"{send.id} is finished: there is nothing to cancel",
                hint=f"See: newsletter status {send.id}",
            )
        now = clock()
        _give_up_lost(connection, number, now)
        deliveries.cancel_queued(connection, number, now)
        if row.status != SendStatus.CANCELLED:
            sends.update(
                connection,
                number,
                status=SendStatus.CANCELLED,
                stopped_by=None,
                pause_reason=None,
                resume_at=None,
                finished_at=now,
            )
        sends.settle(connection, number, now)
    return read(store, send.id)


def reopen(
    store: Store,
    send_id: str,
    clock: Clock,
    *,
    owner: str | None = None,
    rate: int | None = None,
    cancelled: bool = False,
) -> Send:
    """A send as `resume` takes it up: before its time it waits for that (again), after it begins.

    To resume one that was paused while it waited for its canary is to let the rest go. `owner` is
    the process that is about to run it; `rate` replaces the one that it was planned with, 0 lifts
    it. Of a `cancelled` one, what the cancel skipped is queued again. Raises Refused for one that
    was cancelled otherwise, or the other way round.
    """
    send = read(store, send_id)
    with store.write() as connection:
        number = sends.number_of(connection, send.id)
        row = sends.row_of(connection, number, lock=True)
        now = clock()
        held_by = sends.owner_of(connection, number)
        if cancelled and row.status == SendStatus.SENDING and held_by.name == owner:
            return send  # done before, by a commit whose answer was lost
        if cancelled != (row.status == SendStatus.CANCELLED):
            raise _not_reopened(send)
        if cancelled:
            sends.serialise(connection, row.slug)
            _refuse_followed(connection, row)
            deliveries.queue_cancelled(connection, number, now)
        if rate is not None:
            sends.update(connection, number, rate=rate or None)
        if row.status in (SendStatus.PAUSED, SendStatus.SCHEDULED, SendStatus.CANCELLED):
            sends.update(
                connection,
                number,
                breaker_from=now,
                canary_passed=row.canary_until is not None,
            )
            if row.scheduled_at is not None and row.scheduled_at > now and not row.frozen:
                sends.schedule(connection, number, row.scheduled_at)
            else:
                sends.go_on(connection, number, now, owner if is_free(held_by, now) else None)
        elif row.status == SendStatus.SENDING and is_free(held_by, now):
            sends.go_on(connection, number, now, owner)
    return read(store, send.id)


def _not_reopened(send: Send) -> Refused:
    if send.status is SendStatus.CANCELLED:
        return Refused(
            f"{send.id} is cancelled: it cannot be resumed",
            hint="To send it after all to who has not had it: "
            f"newsletter resume {send.id} --cancelled",
        )
    return Refused(
        f"{send.id} is {send.status}, not cancelled",
        hint=f"Go on with it: newsletter resume {send.id}",
    )


def _refuse_followed(connection: Connection, row: Row[Any]) -> None:
    """What was sent again since would reach the rest a second time."""
    for other in sends.same_audience(connection, row.slug, row.list_id, row.segment):
        if other.id == row.id:
            return
        if not other.is_as_if_never_made:
            raise Refused(
                f"{row.slug!r} was sent to this audience again since: {other.id} is {other.status}",
                hint="To reach who has had it by neither: newsletter send … "
                '--again "the reason" --only-missing',
            )


def resolve(store: Store, send_id: str, decision: Decision, clock: Clock) -> Send:
    """Apply the operator's decision to all unknown deliveries of a send.

    What is to be sent again is queued for the next `resume`, as a further attempt.
    """
    send = read(store, send_id)
    with store.write() as connection:
        number = sends.number_of(connection, send.id)
        row = sends.row_of(connection, number, lock=True)
        now = clock()
        _give_up_lost(connection, number, now)
        if decision is Decision.RESEND and row.status == SendStatus.CANCELLED:
            raise Refused(
                f"{send.id} is cancelled: nothing more of it is sent",
                hint="Decide accept or reject.",
            )
        changed = deliveries.resolve_unknown(
            connection, number, _STATUS[decision], f"the operator decided: {decision}", now
        )
        if changed and decision is Decision.RESEND and row.status == SendStatus.UNRESOLVED:
            sends.pause(connection, number, "to be sent again", StoppedBy.PERSON)
            sends.forget_balance(connection, number)
        elif row.status in sends.OVER:
            sends.settle(connection, number, now)
    return read(store, send.id)


_STATUS = {
    Decision.RESEND: DeliveryStatus.QUEUED,
    Decision.ACCEPT: DeliveryStatus.ACCEPTED,
    Decision.REJECT: DeliveryStatus.REJECTED,
}


def _give_up_lost(connection: Connection, number: int, now: dt.datetime) -> None:
    """Make unknown what owners left in flight that are dead or whose lease has ended."""
    lost = [
        batch
        for batch, name, lease_until in claims.open_batches(connection, number)
        if lease_until <= now or owner.is_dead(name)
    ]
    claims.mark_lost(connection, number, lost, now)
