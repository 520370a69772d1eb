"""Queries on how long events take to come."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.store.reported.events import Verdict
from newsletter.store.schema import events


def newest_delays(connection: Connection, limit: int) -> Sequence[float]:
    """The seconds between what the newest applied events report and when each came, newest first,
    by ix_events_received_at. A clock that differs from the provider's shows as well."""
    query = (
        sa.select(events.c.at, events.c.received_at)
        .where(events.c.verdict == Verdict.APPLIED)
        .order_by(events.c.received_at.desc())
        .limit(limit)
    )
    return [(row.received_at - row.at).total_seconds() for row in connection.execute(query)]
