"""Queries of the archive: which sends reached somebody."""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.model.send import DeliveryStatus, SendStatus
from newsletter.model.slug import spellings
from newsletter.store.schema import deliveries, lists, sends


@dataclass(frozen=True, slots=True)
class Begun:
    """A send that may have reached somebody; `at` is when it was to begin, in UTC."""

    number: int
    id: str
    slug: str
    list: str
    at: dt.datetime


_REACHED = sa.exists().where(
    deliveries.c.send == sends.c.number,
    deliveries.c.number <= sends.c.cursor,
    deliveries.c.status == DeliveryStatus.ACCEPTED,
)


def begun(connection: Connection) -> Sequence[Begun]:
    """All sends to a whole list that ever claimed anything, oldest first.

    What went to a segment is only for some readers. It reads the few rows of `sends` and none of
    their emails, so that it can be asked again every second.
    """
    query = (
        sa.select(
            sends.c.number,
            sends.c.id,
            sends.c.slug,
            lists.c.name,
            sa.func.coalesce(
                sends.c.scheduled_at, sends.c.created_at, type_=sends.c.created_at.type
            ),
        )
        .join(lists, lists.c.id == sends.c.list_id)
        .where(sends.c.status != SendStatus.SCHEDULED, sends.c.frozen, sends.c.cursor > 0)
        .where(sends.c.segment == "")
        .order_by(sends.c.number)
    )
    return [Begun(*row) for row in connection.execute(query)]


def newest_before(connection: Connection, list_id: int, slug: str) -> tuple[str, str] | None:
    """The slug and subject of the newest other issue that reached somebody of a whole list. It
    looks at one send after the other, newest first."""
    query = (
        sa.select(sends.c.slug, sends.c.subject)
        .where(sends.c.list_id == list_id, sends.c.segment == "")
        .where(sends.c.slug.not_in(spellings(slug)))
        .where(sends.c.status != SendStatus.SCHEDULED, sends.c.frozen, _REACHED)
        .order_by(sends.c.number.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return None if row is None else (row.slug, row.subject)


def reached(connection: Connection, numbers: Collection[int]) -> set[int]:
    """Those of some sends that have an accepted delivery.

    It looks only at what was claimed, in the order of the primary key: the first few rows decide.
    """
    query = sa.select(sends.c.number).where(sends.c.number.in_(numbers), _REACHED)
    return set(connection.execute(query).scalars())
