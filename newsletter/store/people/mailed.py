"""What the ledger and the event log hold about one person, in pages."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.model.send import DeliveryStatus
from newsletter.store.ledger import archived
from newsletter.store.schema import deliveries, events, sends

# Where a page ended, and a row.
Numbered = tuple[int, dict[str, Any]]


def deliveries_of(
    connection: Connection, subscriber_id: int, after: int, limit: int
) -> Sequence[Numbered]:
    """Their deliveries with the issue of each, in the order of sends whose number is above `after`,
    by ix_deliveries_subscriber_id."""
    query = (
        sa.select(
            deliveries.c.send,
            sends.c.slug.label("issue"),
            deliveries.c.status,
            deliveries.c.attempts,
            deliveries.c.message_id,
            deliveries.c.reason,
            deliveries.c.reported,
            deliveries.c.at,
        )
        .join(sends, sends.c.number == deliveries.c.send)
        .where(deliveries.c.subscriber_id == subscriber_id, deliveries.c.send > after)
        .order_by(deliveries.c.send)
    )
    theirs = dict(_numbered(connection, query.limit(limit)))
    theirs |= _archived_of(connection, subscriber_id, after)
    return sorted(theirs.items(), key=lambda each: each[0])[:limit]


def _archived_of(
    connection: Connection, subscriber_id: int, after: int
) -> dict[int, dict[str, Any]]:
    """What is kept of their deliveries by archived sends, by the number of each."""
    kept = dict(archived.of_person(connection, subscriber_id, after))
    query = sa.select(sends.c.number, sends.c.slug).where(sends.c.number.in_(kept))
    issues = {row.number: row.slug for row in (connection.execute(query) if kept else ())}
    return {
        send: {
            "issue": issues[send],
            "status": each.status,
            "attempts": each.attempts,
            "message_id": None,
            "reason": each.reason,
            "reported": each.reported,
            "at": None,
        }
        for send, each in kept.items()
    }


def events_of(
    connection: Connection, subscriber_id: int, after: int, limit: int
) -> Sequence[Numbered]:
    """The provider's reports about them, in the order of ids above `after`, with the raw payload
    while that is kept."""
    query = (
        sa.select(events.c.id, events.c.type, events.c.at, events.c.detail, events.c.payload)
        .where(events.c.subscriber_id == subscriber_id, events.c.id > after)
        .order_by(events.c.id)
    )
    return _numbered(connection, query.limit(limit))


def has_issue(connection: Connection, subscriber_id: int, slug: str) -> bool:
    """Whether they have, or may have, an issue already."""
    sent = sa.select(sends.c.number).where(sends.c.slug == slug)
    numbers = connection.execute(sent).scalars().all()
    if not numbers:
        return False
    never = (DeliveryStatus.REJECTED, DeliveryStatus.SKIPPED)
    query = sa.select(sa.literal(1)).where(
        deliveries.c.subscriber_id == subscriber_id,
        deliveries.c.status.not_in(never),
        deliveries.c.send.in_(numbers),
    )
    is_there = connection.execute(query.limit(1)).first() is not None
    return is_there or bool(archived.received(connection, numbers, [subscriber_id]))


def _numbered(connection: Connection, query: sa.Select[Any]) -> Sequence[Numbered]:
    """Rows without the first column, which is their number."""
    rows = connection.execute(query)
    _, *names = rows.keys()
    return [(number, dict(zip(names, values, strict=True))) for number, *values in rows]
