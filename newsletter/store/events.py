"""The event log, and what an event settles in the ledger."""

import datetime as dt
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.model.event import Event, EventType
from newsletter.model.send import DeliveryStatus, Reported
from newsletter.store.people import insert_into
from newsletter.store.schema import deliveries, events, sends

DeliveryKey = tuple[int, int]  # the number of the send, and the delivery's in it

# What is not yet known for certain, or was decided by a person: the provider knows better.
_OPEN = (
    DeliveryStatus.UNKNOWN,
    DeliveryStatus.SENDING,
    DeliveryStatus.QUEUED,
    DeliveryStatus.REJECTED,
)
# Of two reports the later in this order stays, in whichever order they came.
_RANK = (
    Reported.DELAYED,
    Reported.DELIVERED,
    Reported.RENDERING_FAILED,
    Reported.REJECTED,
    Reported.BOUNCED,
    Reported.COMPLAINED,
)


class Verdict(StrEnum):
    """What became of a message of the queue."""

    APPLIED = "applied"
    IGNORED = "ignored"  # it is about no delivery of this ledger
    SET_ASIDE = "set_aside"  # it cannot be read


def delivery_of(connection: Connection, event: Event) -> DeliveryKey | None:
    """The delivery of an event: by our own reference, else by the provider's message id.

    That is looked up in the log too: an earlier event may have named both.
    """
    if event.ref is not None:
        return _key(
            connection,
            sa.select(deliveries.c.send, deliveries.c.number)
            .join(sends, sends.c.number == deliveries.c.send)
            .where(sends.c.id == event.ref.send_id, deliveries.c.number == event.ref.number),
        )
    known = sa.select(deliveries.c.send, deliveries.c.number).where(
        deliveries.c.message_id == event.message_id
    )
    told = sa.select(events.c.send, events.c.number).where(
        events.c.message_id == event.message_id, events.c.send.is_not(None)
    )
    return _key(connection, known) or _key(connection, told)


def hold_sends(connection: Connection, told: Sequence[Event]) -> None:
    """Lock the sends that events are about, before any delivery of them, as a claim does.

    Whoever applies events at the same time takes turns, and an owner that leaves a send counts
    before this transaction, or after it.
    """
    refs = sorted({event.ref.send_id for event in told if event.ref is not None})
    message_ids = sorted({event.message_id for event in told if event.ref is None})
    connection.execute(
        sa.select(sends.c.number)
        .where(
            sa.or_(
                sends.c.id.in_(refs),
                sends.c.number.in_(
                    sa.select(deliveries.c.send).where(deliveries.c.message_id.in_(message_ids))
                ),
                sends.c.number.in_(
                    sa.select(events.c.send).where(events.c.message_id.in_(message_ids))
                ),
            )
        )
        .order_by(sends.c.number)
        .with_for_update()
    )


def _key(connection: Connection, query: sa.Select[Any]) -> DeliveryKey | None:
    row = connection.execute(query.limit(1)).first()
    return None if row is None else (row.send, row.number)


def record(
    connection: Connection, event: Event, delivery: DeliveryKey | None, now: dt.datetime
) -> Verdict | None:
    """Add an event to the log; None where it is there already: its key is unique.

    One that was ignored, and comes again when its delivery is known, is applied after all.
    """
    send, number = delivery or (None, None)
    verdict = Verdict.IGNORED if delivery is None else Verdict.APPLIED
    added = _insert(
        connection,
        key=event.key,
        type=event.type,
        at=event.at,
        received_at=now,
        send=send,
        number=number,
        message_id=event.message_id,
        verdict=verdict,
        detail=event.detail,
        payload=event.payload,
    )
    if added or (delivery is not None and _adopt(connection, event.key, delivery)):
        return verdict
    return None


def _adopt(connection: Connection, key: str, delivery: DeliveryKey) -> bool:
    """Give an event that was ignored to its delivery; False where it had one."""
    adopted = connection.execute(
        sa.update(events)
        .where(events.c.key == key, events.c.verdict == Verdict.IGNORED)
        .values(verdict=Verdict.APPLIED, send=delivery[0], number=delivery[1])
    )
    return bool(adopted.rowcount)


def adopt_earlier(connection: Connection, event: Event, delivery: DeliveryKey) -> list[Event]:
    """The events that came before one that tells whose they are: they named a message id only."""
    query = sa.select(events.c.key, events.c.type, events.c.at, events.c.detail).where(
        events.c.message_id == event.message_id, events.c.verdict == Verdict.IGNORED
    )
    earlier = connection.execute(query).all()
    for row in earlier:
        _adopt(connection, row.key, delivery)
    return [
        Event(row.key, EventType(row.type), row.at, event.message_id, event.ref, row.detail, "")
        for row in earlier
    ]


def set_aside(
    connection: Connection, key: str, reason: str, payload: str, now: dt.datetime
) -> bool:
    """Keep a message that cannot be read, for a person to look at; False where it is kept."""
    return _insert(
        connection,
        key=key,
        type=EventType.OTHER,
        at=now,
        received_at=now,
        verdict=Verdict.SET_ASIDE,
        detail=reason,
        payload=payload,
    )


def _insert(connection: Connection, **values: object) -> bool:
    statement = insert_into(connection, events).values(**values).on_conflict_do_nothing()
    return connection.execute(statement.returning(events.c.id)).first() is not None


def settle(connection: Connection, delivery: DeliveryKey, event: Event) -> bool:
    """Let an event say what is known of a delivery; True where that changed.

    An event proves that SES took the message: what was unknown is accepted then, and what was
    queued once more is not sent again. Only a rejection or a failed rendering proves that nothing
    was sent, and of that attempt alone. What was accepted stays so; a bounce is a later report, not
    our doing. Of several message ids the greatest stays, in whichever order they come: SES begins
    them with the time.
    """
    send, number = delivery
    is_it = sa.and_(deliveries.c.send == send, deliveries.c.number == number)
    row = connection.execute(
        sa.select(
            deliveries.c.status,
            deliveries.c.attempts,
            deliveries.c.reported,
            deliveries.c.message_id,
        )
        .where(is_it)
        .with_for_update()
    ).one()
    attempt = row.attempts if event.ref is None else event.ref.attempt or row.attempts
    if event.type.says_never_sent and attempt < row.attempts:
        return False
    values: dict[str, object] = {}
    reported = event.reported
    if reported is not None and _rank(reported) > _rank(row.reported):
        values["reported"] = reported
    if event.message_id > (row.message_id or "") and row.status != DeliveryStatus.SKIPPED:
        values["message_id"] = event.message_id
    if (status := _settled(DeliveryStatus(row.status), event)) != row.status:
        said = event.type if not event.detail else f"{event.type}: {event.detail}"
        values |= {"status": status, "reason": f"SES reported {said}", "at": event.at}
    if values:
        connection.execute(sa.update(deliveries).where(is_it).values(**values))
    return bool(values)


def _settled(status: DeliveryStatus, event: Event) -> DeliveryStatus:
    if status not in _OPEN:
        return status
    return DeliveryStatus.REJECTED if event.type.says_never_sent else DeliveryStatus.ACCEPTED


def _rank(reported: str | None) -> int:
    return -1 if reported is None else _RANK.index(Reported(reported))
