"""Queries on whose mailboxes a send went to, and which of them reported something bad."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.model.event import Cause, EventType
from newsletter.store.schema import deliveries, events, sends, subscribers

_OF_SEND = sa.select(sends.c.number).where(sends.c.id == sa.bindparam("b_id")).scalar_subquery()
_BAD = (EventType.BOUNCE, EventType.COMPLAINT)


@dataclass(frozen=True, slots=True)
class BadReport:
    """A bounce or a complaint about the delivery `number` of a send; `address_key` is that of its
    reader today, empty for who was erased."""

    number: int
    type: EventType
    cause: Cause
    address_key: str


_NEWEST = (
    sa.select(events.c.number, events.c.type, events.c.cause, subscribers.c.address_key)
    .outerjoin(subscribers, subscribers.c.id == events.c.subscriber_id)
    .where(events.c.send == _OF_SEND, events.c.cause.is_not(None), events.c.type.in_(_BAD))
    .order_by(events.c.id.desc())
    .limit(sa.bindparam("b_limit"))
)


def newest_bad(connection: Connection, send_id: str, limit: int) -> Sequence[BadReport]:
    """The newest bounces and complaints of a send, by ix_events_causes, which holds few others."""
    rows = connection.execute(_NEWEST, {"b_id": send_id, "b_limit": limit})
    return [
        BadReport(row.number, EventType(row.type), Cause(row.cause), row.address_key or "")
        for row in rows
    ]


_SAMPLE = (
    sa.select(subscribers.c.address_key)
    .join(deliveries, deliveries.c.subscriber_id == subscribers.c.id)
    .where(
        deliveries.c.send == _OF_SEND,
        deliveries.c.number.in_(sa.bindparam("b_numbers", expanding=True)),
    )
)


def sample(connection: Connection, send_id: str, recipients: int, amount: int) -> Sequence[str]:
    """The address keys of some recipients of a send, at equal distances through all of them: by the
    key of each, so that it takes the same for ten and for a million. Empty for an archived send."""
    if not recipients:
        return []
    numbers = range(1, recipients + 1, max(1, recipients // amount))
    keys = connection.execute(_SAMPLE, {"b_id": send_id, "b_numbers": list(numbers)[:amount]})
    return [key for key in keys.scalars() if key]
