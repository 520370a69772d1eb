"""What the ledger and the event log hold of one person."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.store.schema import deliveries, events, sends


def deliveries_of(connection: Connection, subscriber_id: int) -> Sequence[dict[str, Any]]:
    """Their deliveries with the issue of each, the oldest send first."""
    query = (
        sa.select(
            sends.c.slug.label("issue"),
            deliveries.c.status,
            deliveries.c.attempts,
            deliveries.c.message_id,
            deliveries.c.reason,
            deliveries.c.reported,
            deliveries.c.at,
        )
        .join(sends, sends.c.number == deliveries.c.send)
        .where(deliveries.c.subscriber_id == subscriber_id)
        .order_by(deliveries.c.send)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def events_of(connection: Connection, subscriber_id: int) -> Sequence[dict[str, Any]]:
    """What the provider reported of them, in order, with its raw payload while that is kept."""
    query = (
        sa.select(events.c.type, events.c.at, events.c.detail, events.c.payload)
        .where(events.c.subscriber_id == subscriber_id)
        .order_by(events.c.id)
    )
    return [dict(row) for row in connection.execute(query).mappings()]
