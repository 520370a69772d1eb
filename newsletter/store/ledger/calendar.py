"""Queries on when sends begin."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.model.send import SendStatus
from newsletter.store.schema import UtcTime, lists, sends

_AT = sa.type_coerce(sa.func.coalesce(sends.c.scheduled_at, sends.c.created_at), UtcTime)


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """A send, and when it begins or began: at its time, else when it was planned."""

    id: str
    subject: str
    list: str
    status: SendStatus
    at: dt.datetime


def between(
    connection: Connection, first: dt.datetime, end: dt.datetime
) -> Sequence[CalendarEntry]:
    """The sends that begin from a time on and before another, in their order. It looks at the row
    of each send, of which there are some thousands, and at no delivery."""
    query = (
        sa.select(sends.c.id, sends.c.subject, sends.c.status, lists.c.name, _AT.label("at"))
        .join(lists, lists.c.id == sends.c.list_id)
        .where(first <= _AT, end > _AT)
        .order_by(_AT, sends.c.number)
    )
    return [
        CalendarEntry(row.id, row.subject, row.name, SendStatus(row.status), row.at)
        for row in connection.execute(query)
    ]
