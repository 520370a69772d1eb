"""Queries on how far issues have come."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.model.send import SendStatus
from newsletter.store.schema import sends


def newest_statuses(connection: Connection) -> Sequence[tuple[str, SendStatus]]:
    """The slug of each issue that was sent or planned, with the status of its newest send; one that
    was cancelled before anything left counts as if it had never been made."""
    newest = sa.func.max(sends.c.number).label("number")
    left = sa.or_(sends.c.status != SendStatus.CANCELLED, sends.c.cursor > 0)
    latest = sa.select(newest).where(left).group_by(sends.c.slug).subquery()
    query = sa.select(sends.c.slug, sends.c.status).join(latest, latest.c.number == sends.c.number)
    return [(slug, SendStatus(status)) for slug, status in connection.execute(query)]
