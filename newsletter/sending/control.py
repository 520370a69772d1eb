"""What an operator decides about a send while it runs, or after.

`who` is the person that decides, for the audit log; empty where no person does.
"""

from enum import StrEnum

from sqlalchemy.engine import Connection

from newsletter.errors import Refused
from newsletter.model.audit import Deed, DeedKind
from newsletter.model.record import SendRecord
from newsletter.model.send import OVER, DeliveryStatus, Send, SendStatus, StoppedBy
from newsletter.sending import lost
from newsletter.sending.reading import read
from newsletter.store import Store, audit, locks
from newsletter.store.ledger import balance, deliveries, sends, tenures, transitions
from newsletter.times import Clock


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
    who: str = "",
) -> Send:
    """Stop a send after the batches in flight.

    Pausing a paused one changes nothing, except that one which waits for the quota then waits for a
    person.
    """
    send = read(store, send_id)
    with store.write() as connection:
        number = sends.number_of(connection, send.id)
        record = sends.record(connection, number, lock=True)
        if record.status in OVER:
            raise Refused(
                f"{send.id} is {record.status}: there is nothing to pause",
                hint=f"See: newsletter status {send.id}",
            )
        if record.status is not SendStatus.PAUSED or record.stopped_by is StoppedBy.QUOTA:
            transitions.pause(connection, record, reason, by)
            audit.append(connection, Deed(clock(), who, DeedKind.PAUSE, send.id))
    return read(store, send.id)


def cancel(
    store: Store,
    send_id: str,
    clock: Clock,
    who: str = "",
    clear: lost.Clear = lambda send_id: None,
) -> Send:
    """End a send for good: what is queued becomes skipped (`cancelled`). `clear` is that of a
    worker."""
    send = read(store, send_id)
    with store.write() as connection:
        number = sends.number_of(connection, send.id)
        record = sends.record(connection, number, lock=True)
        if record.status is SendStatus.FINISHED:
            raise Refused(
                f"{send.id} is finished: there is nothing to cancel",
                hint=f"See: newsletter status {send.id}",
            )
        now = clock()
        lost.give_up(connection, record, now, clear)
        skipped = deliveries.cancel_queued(connection, number, now)
        if record.status is not SendStatus.CANCELLED:
            transitions.cancel(connection, record, now)
            detail = f"{skipped} not sent"
            audit.append(connection, Deed(now, who, DeedKind.CANCEL, send.id, detail))
        if record.frozen and not record.is_archived:
            balance.keep(connection, number)
    return read(store, send.id)


def reopen(
    store: Store,
    send_id: str,
    clock: Clock,
    *,
    worker: str | None = None,
    rate: int | None = None,
    cancelled: bool = False,
    who: str = "",
) -> Send:
    """A send as `resume` takes it up: before its time it waits for that, after it the send begins.

    Resuming one that was paused while it waited for its canary lets the rest go. `worker` is the
    process that is about to run it; `rate` replaces the one that it was planned with, 0 lifts it.
    With `cancelled`, what a cancel skipped is queued again. Raises Refused where `cancelled` and
    the send's status do not agree.
    """
    send = read(store, send_id)
    with store.write() as connection:
        number = sends.number_of(connection, send.id)
        record = sends.record(connection, number, lock=True)
        now = clock()
        mine = [
            tenure.epoch
            for tenure in tenures.of(connection, [number])[number]
            if tenure.worker == worker
        ]
        if cancelled and mine and record.status is SendStatus.SENDING:
            return send  # done before, by a commit whose answer was lost
        if cancelled != (record.status is SendStatus.CANCELLED):
            raise _not_reopened(send)
        if cancelled and record.is_archived:
            raise Refused(
                f"{send.id} is archived: its deliveries cannot be queued again",
                hint="To reach those who have not had it: newsletter send … --again REASON "
                "--only-missing",
            )
        if cancelled:
            locks.issue(connection, record.slug)
            _refuse_followed(connection, record)
            deliveries.queue_cancelled(connection, number, now)
        audit.append(connection, Deed(now, who, DeedKind.RESUME, send.id, _how(rate, cancelled)))
        if rate is not None:
            sends.set_rate(connection, number, rate or None)
        if record.status in (SendStatus.PAUSED, SendStatus.SCHEDULED, SendStatus.CANCELLED):
            sends.forgive(connection, record, now)
        at = record.scheduled_at
        if record.status in OVER and not cancelled:
            pass
        elif at is not None and at > now and not record.frozen:
            transitions.schedule(connection, record, at)
        else:
            transitions.resume(connection, record)
            if worker is not None:
                tenures.end(connection, number, mine, now)
                tenures.begin(connection, number, worker, now, now + tenures.RESERVED)
    return read(store, send.id)


def _how(rate: int | None, cancelled: bool) -> str:
    """How a send is resumed, if not just so."""
    of_rate = {None: "", 0: "without a rate"}.get(rate, f"at {rate} a second")
    return ", ".join(filter(None, ("although it was cancelled" if cancelled else "", of_rate)))


def _not_reopened(send: Send) -> Refused:
    if send.status is SendStatus.CANCELLED:
        return Refused(
            f"{send.id} is cancelled: it cannot be resumed",
            hint="To send it after all to those who have not had it: "
            f"newsletter resume {send.id} --cancelled",
        )
    return Refused(
        f"{send.id} is {send.status}, not cancelled",
        hint=f"Go on with it: newsletter resume {send.id}",
    )


def _refuse_followed(connection: Connection, send: SendRecord) -> None:
    """A send of the same issue since then would reach the rest a second time."""
    for other in sends.same_audience(connection, send.slug, send.list_id, send.segment):
        if other.id == send.id:
            return
        if not other.is_as_if_never_made:
            raise Refused(
                f"{send.slug!r} was sent to this audience again since: "
                f"{other.id} is {other.status}",
                hint="To reach those who have had neither: newsletter send … "
                '--again "the reason" --only-missing',
            )


def resolve(
    store: Store,
    send_id: str,
    decision: Decision,
    clock: Clock,
    who: str = "",
    clear: lost.Clear = lambda send_id: None,
) -> Send:
    """Apply the operator's decision to all unknown deliveries of a send.

    What is to be sent again is queued for the next `resume`, as a further attempt. `clear` is that
    of a worker.
    """
    send = read(store, send_id)
    with store.write() as connection:
        number = sends.number_of(connection, send.id)
        record = sends.record(connection, number, lock=True)
        now = clock()
        lost.give_up(connection, record, now, clear)
        if decision is Decision.RESEND and record.status is SendStatus.CANCELLED:
            raise Refused(
                f"{send.id} is cancelled: nothing more of it is sent",
                hint="Decide accept or reject.",
            )
        if record.is_archived and send.counts.unknown:
            raise Refused(
                f"{send.id} is archived: what is unknown of it stays so until it is reported",
                hint=f"See: newsletter status {send.id}",
            )
        changed = deliveries.resolve_unknown(
            connection, number, _STATUS[decision], f"the operator decided: {decision}", now
        )
        if changed:
            detail = f"{decision} {changed} unknown"
            audit.append(connection, Deed(now, who, DeedKind.RESOLVE, send.id, detail))
        if changed and decision is Decision.RESEND and record.status is SendStatus.UNRESOLVED:
            transitions.reopen(connection, record, "to be sent again", StoppedBy.PERSON)
        elif record.status in OVER:
            transitions.settle(connection, record, now)
    return read(store, send.id)


_STATUS = {
    Decision.RESEND: DeliveryStatus.QUEUED,
    Decision.ACCEPT: DeliveryStatus.ACCEPTED,
    Decision.REJECT: DeliveryStatus.REJECTED,
}
