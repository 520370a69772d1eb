"""What the ledger and the event log hold about one person, in pages."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.model.send import DeliveryStatus
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
    return _numbered(connection, query.limit(limit))


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
    return connection.execute(query.limit(1)).first() is not None


def _numbered(connection: Connection, query: sa.Select[Any]) -> Sequence[Numbered]:
    """Rows without the first column, which is their number."""
    rows = connection.execute(query)
    _, *names = rows.keys()
    return [(number, dict(zip(names, values, strict=True))) for number, *values in rows]
