"""Who works on a send: taking it, which freezes its audience, and leaving it, which settles it."""

import datetime as dt
import logging

from sqlalchemy.engine import Connection

from newsletter.errors import Interrupted, RunElsewhere
from newsletter.model.email import Email
from newsletter.model.record import Owner, SendRecord
from newsletter.model.send import ENDED, OVER, Send, SendStatus, StoppedBy, Wait
from newsletter.sending import canary, generation, owner, plan, restored
from newsletter.sending.compose import SendContext, for_send
from newsletter.sending.core import LEASE, Assignment
from newsletter.sending.pace import Pace, Tally, Waiting
from newsletter.sending.worker import Worker
from newsletter.store import state
from newsletter.store.ledger import canary as shares
from newsletter.store.ledger import deliveries, freezing, ownership, recording, sends, transitions
from newsletter.store.people import lists
from newsletter.store.segments.conditions import Moment
from newsletter.times import time_text

_log = logging.getLogger(__name__)


def take(worker: Worker, send: Send) -> Assignment | None:
    """Become the owner of a send; what a lost owner left in flight becomes unknown.

    None where the send was paused, cancelled or moved to another time meanwhile, or where nobody
    would get it; then it is paused.

    An owner that is provably dead is followed at once; one that lives on this host with a valid
    lease is not. In all other cases this waits until the lease ends, or for as long as a lease
    lasts, whatever the clocks say. If the owner renews it meanwhile, the send is refused.
    """
    first: Owner | None = None
    began = worker.seconds()
    while True:
        with worker.store.write() as connection:
            number = sends.number_of(connection, send.id)
            record = sends.record(connection, number, lock=True)
            held_by = record.owner
            now = worker.clock()
            if not _is_to_run(record, now):
                return None
            restored.check(connection, worker.generation, worker.timezone)
            is_silent = held_by == first and worker.seconds() - began > LEASE.total_seconds()
            is_mine = held_by.name == worker.name
            if free := is_mine or is_silent or is_free(held_by, now):
                work = _own(worker, connection, record, now)
                store_id, current = state.store_id(connection), generation.advance(connection)
        if free:
            if worker.generation is not None:
                generation.note(worker.generation, store_id, current)
            if work is not None:
                _log.info("take send=%s owner=%s epoch=%s", send.id, work.owner, work.epoch)
            return work
        renewed = first is not None and held_by != first
        assert held_by.name is not None
        assert held_by.lease_until is not None
        if renewed or (owner.is_here(held_by) and held_by.lease_until > now):
            raise RunElsewhere(
                f"{send.id} is being sent by {owner.describe(held_by.name)}",
                hint=f"Watch it: newsletter status {send.id}",
            )
        if first is None:
            first = held_by
            _say_who_held_it(worker, held_by.name, held_by.lease_until, now)
        if worker.stop.wait(1.0):
            raise Interrupted(f"stopped while waiting for {owner.describe(held_by.name)}")


def _say_who_held_it(worker: Worker, name: str, lease_until: dt.datetime, now: dt.datetime) -> None:
    until = min(lease_until, now + LEASE) if lease_until > now else now + LEASE
    worker.vitals.waiting = Waiting(Wait.LEASE, until)
    worker.notify(
        f"{owner.describe(name)} held this send last; waiting for its lease to end "
        f"({LEASE.seconds} seconds at most)."
    )
    if owner.is_of_a_wrong_clock(lease_until, now):
        worker.notify(
            f"It says {time_text(lease_until, worker.timezone)}, as by a clock that is or was "
            "ahead: check the clocks of all machines."
        )


def _is_to_run(send: SendRecord, now: dt.datetime) -> bool:
    """Whether a send is still to be run: a person may have decided otherwise meanwhile."""
    if send.status is SendStatus.SCHEDULED:
        return send.scheduled_at is not None and send.scheduled_at <= now
    return send.status not in (*ENDED, SendStatus.PAUSED)


def is_free(held_by: Owner, now: dt.datetime) -> bool:
    """Whether a send may be taken at once: nobody holds it, or its owner is gone."""
    if held_by.name is None or held_by.lease_until is None or owner.is_dead(held_by.name):
        return True
    return held_by.lease_until <= now and not owner.is_neighbour(held_by)


def give_back(worker: Worker, send: Send) -> None:
    """Give up a send that was reserved for this process and has not begun."""
    with worker.store.write() as connection:
        number = sends.number_of(connection, send.id)
        ownership.release(connection, number, worker.name, worker.clock(), _stopped_by(worker))
    _log.info("give_back send=%s owner=%s", send.id, worker.name)


def _stopped_by(worker: Worker) -> StoppedBy | None:
    return StoppedBy.PERSON if worker.by_person.is_set() else None


def _own(
    worker: Worker, connection: Connection, send: SendRecord, now: dt.datetime
) -> Assignment | None:
    """None where nobody would get it: then it is paused."""
    worker.vitals.begin()
    number = send.number
    epoch = ownership.take(connection, number, worker.name, now, now + LEASE)
    lost = [batch for batch, _, _ in recording.open_batches(connection, number)]
    if unknown := recording.mark_lost(connection, number, lost, now):
        _log.info("lose send=%s unknown=%s", send.id, unknown)
        worker.notify(
            f"{unknown} deliveries were in flight when the last run was lost: they are unknown."
        )
    if not _freeze(worker, connection, send, now):
        return None
    transitions.begin(connection, send)
    send = sends.record(connection, number)
    if send.canary.share is not None and send.canary.size is None:
        size = canary.size_of(send.canary.share, send.recipients)
        shares.set_size(connection, number, size)
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
        owner=worker.name,
        epoch=epoch,
        pace=Pace(min((rate for rate in (send.rate, worker.max_rate) if rate), default=None)),
        tally=Tally(),
        spread=send.spread,
        clock=worker.clock,
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
    """Settle and release a send; what this owner still has in flight becomes unknown.

    This also serves an owner that slept while another followed it and ended the send: the answers
    that it has recorded since may have settled all that was unknown.
    """
    with work.store.write() as connection:
        # before its deliveries: as events do
        send = sends.record(connection, work.number, lock=True)
        mine = [
            batch
            for batch, name, _ in recording.open_batches(connection, work.number)
            if name == work.owner
        ]
        now = work.clock()
        recording.mark_lost(connection, work.number, mine, now)
        if send.status is SendStatus.CANCELLED:
            deliveries.cancel_queued(connection, work.number, now)
        is_mine = send.owner.epoch == work.epoch
        if is_mine or send.status in OVER:
            transitions.settle(connection, send, now)
        if is_mine:
            ownership.release(connection, work.number, work.owner, now, _stopped_by(worker))
        store_id, current = state.store_id(connection), generation.advance(connection)
    _log.info("leave send=%s owner=%s epoch=%s", send.id, work.owner, work.epoch)
    if worker.generation is not None:
        generation.note(worker.generation, store_id, current)
