"""A worker's part in a send: how it begins and ends."""

import datetime as dt
import logging

from sqlalchemy.engine import Connection

from newsletter.model.email import Email
from newsletter.model.record import SendRecord
from newsletter.model.send import ENDED, Send, SendStatus, StoppedBy
from newsletter.sending import canary, generation, lost, plan, restored
from newsletter.sending.compose import SendContext, for_send
from newsletter.sending.core import LEASE, Assignment
from newsletter.sending.pace import Pace, Tally
from newsletter.sending.state import is_lost
from newsletter.sending.worker import Worker
from newsletter.store import revisions, state
from newsletter.store.ledger import canary as shares
from newsletter.store.ledger import deliveries, freezing, reporting, sends, tenures, transitions
from newsletter.store.people import lists
from newsletter.store.segments.conditions import Moment
from newsletter.transports.base import Tracks

_log = logging.getLogger(__name__)


def take(worker: Worker, send: Send, *, by_itself: bool = False) -> Assignment | None:
    """Begin to take part in a send; what lost workers left in flight becomes unknown.

    None where the send was paused, cancelled or moved to another time meanwhile, where a person
    stopped one that the worker chose by itself, or where nobody would get it; then it is paused.
    """
    with worker.store.write() as connection:
        number = sends.number_of(connection, send.id)
        record = sends.record(connection, number, lock=True)
        now = worker.clock()
        if not _is_to_run(record, now) or (by_itself and record.stopped_by is not None):
            return None
        restored.check(connection, worker.generation, worker.timezone)
        revisions.refuse_other(connection)  # it may have been upgraded while this process ran
        unknown, _ = _end(connection, record, worker, now)
        work = _begin(worker, connection, record, now)
        store_id, current = state.store_id(connection), generation.advance(connection)
    if worker.generation is not None:
        generation.note(worker.generation, store_id, current)
    lost.tell(worker.notify, unknown)
    if work is not None:
        _log.info("take", {"send": send.id, "worker": work.worker, "epoch": work.epoch})
    return work


def _end(
    connection: Connection, send: SendRecord, worker: Worker, now: dt.datetime
) -> tuple[int, bool]:
    """End what this worker has of a send, and the tenures of lost ones: see `lost.end`."""
    epochs = [
        tenure.epoch
        for tenure in tenures.of(connection, [send.number])[send.number]
        if tenure.worker == worker.name or is_lost(tenure, now)
    ]
    return lost.end(connection, send, epochs, now, worker.clear)


def _is_to_run(send: SendRecord, now: dt.datetime) -> bool:
    """Whether a send is still to be run: a person may have decided otherwise meanwhile."""
    if send.status is SendStatus.SCHEDULED:
        return send.scheduled_at is not None and send.scheduled_at <= now
    return send.status not in (*ENDED, SendStatus.PAUSED)


def give_back(worker: Worker, send: Send) -> None:
    """Give up a tenure that was reserved for this process, and not begun."""
    with worker.store.write() as connection:
        number = sends.number_of(connection, send.id)
        record = sends.record(connection, number, lock=True)
        _, is_last = _end(connection, record, worker, worker.clock())
        if is_last:
            _note_who_stopped_it(worker, connection, record)
    _log.info("give_back", {"send": send.id, "worker": worker.name})


def _note_who_stopped_it(worker: Worker, connection: Connection, send: SendRecord) -> None:
    """What a person stopped, no worker goes on with by itself."""
    if worker.by_person.is_set():
        transitions.rest(connection, send, StoppedBy.PERSON)


def _begin(
    worker: Worker, connection: Connection, send: SendRecord, now: dt.datetime
) -> Assignment | None:
    """None where nobody would get it: then it is paused."""
    worker.vitals.begin()
    number = send.number
    epoch = tenures.begin(connection, number, worker.name, now, now + LEASE)
    if not _freeze(worker, connection, send, now):
        return None
    transitions.begin(connection, send)
    send = sends.record(connection, number)
    if send.canary.share is not None and send.canary.size is None:
        size = canary.size_of(send.canary.share, send.recipients)
        shares.set_size(connection, number, size)
    if isinstance(worker.transport, Tracks):
        opens, clicks = worker.transport.tracks_opens, worker.transport.tracks_clicks
        reporting.note_tracking(connection, number, opens=opens, clicks=clicks)
    context = SendContext(
        send_id=send.id,
        slug=send.slug,
        list_id=send.list_id,
        list_name=lists.name_of(connection, send.list_id),
        links=worker.links,
        store_id=state.store_id(connection),
        foot=send.foot,
    )
    return Assignment(
        store=worker.store,
        transport=worker.transport,
        number=number,
        email=for_send(Email.from_json(sends.email_of(connection, number)), context),
        context=context,
        worker=worker.name,
        epoch=epoch,
        pace=Pace(min((rate for rate in (send.rate, worker.max_rate) if rate), default=None)),
        tally=Tally(),
        spread=send.spread,
        clock=worker.clock,
        seconds=worker.seconds,
        stop=worker.stop,
        notify=worker.notify,
        vitals=worker.vitals,
        patience=worker.patience,
        timezone=worker.timezone,
    )


def _freeze(worker: Worker, connection: Connection, send: SendRecord, now: dt.datetime) -> bool:
    """Freeze the audience of a schedule whose time has come.

    False where nobody would get it: then it is paused for a person, as a late one is, and a later
    `resume` looks again who is there.
    """
    if send.frozen:
        return True
    freezing.freeze(connection, send.number, Moment(now, worker.timezone))
    if deliveries.is_anybody_queued(connection, send.number):
        return True
    audience = plan.audience_told(lists.name_of(connection, send.list_id), send.segment)
    reason = plan.nobody_gets_it(audience, deliveries.skipped(connection, send.number))
    freezing.unfreeze(connection, send.number)
    transitions.pause(connection, send, reason, StoppedBy.SCHEDULE)
    return False


def leave(worker: Worker, work: Assignment) -> None:
    """Take no further part in a send; what is still in flight becomes unknown.

    Who leaves when nothing is queued or in flight settles the send, also where it slept while
    others gave it up.
    """
    with work.store.write() as connection:
        send = sends.record(connection, work.number, lock=True)
        now = work.clock()
        _, is_last = _end(connection, send, worker, now)
        transitions.settle(connection, send, now)
        if is_last:
            _note_who_stopped_it(worker, connection, sends.record(connection, work.number))
        store_id, current = state.store_id(connection), generation.advance(connection)
    _log.info("leave", {"send": send.id, "worker": work.worker, "epoch": work.epoch})
    if worker.generation is not None:
        generation.note(worker.generation, store_id, current)
