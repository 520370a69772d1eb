"""Queries on how far issues have come."""

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.model.send import SendStatus
from newsletter.model.slug import spellings
from newsletter.store.schema import sends

_COUNTS = sa.or_(sends.c.status != SendStatus.CANCELLED, sends.c.cursor > 0)


def newest_statuses(connection: Connection) -> Mapping[str, tuple[int, SendStatus]]:
    """By slug, the number and status of its newest send; one that was cancelled before anything
    left counts as if it had never been made."""
    newest = sa.func.max(sends.c.number).label("number")
    latest = sa.select(newest).where(_COUNTS).group_by(sends.c.slug).subquery()
    columns = (sends.c.slug, sends.c.number, sends.c.status)
    query = sa.select(*columns).join(latest, latest.c.number == sends.c.number)
    rows = connection.execute(query)
    return {slug: (number, SendStatus(status)) for slug, number, status in rows}


def newest_status(connection: Connection, slug: str) -> SendStatus | None:
    """The status of the newest send of one issue, counted in the same way: a preview asks for it
    each time."""
    query = (
        sa.select(sends.c.status)
        .where(sends.c.slug.in_(spellings(slug)), _COUNTS)
        .order_by(sends.c.number.desc())
        .limit(1)
    )
    status = connection.execute(query).scalar()
    return None if status is None else SendStatus(status)
