"""Queries of the archive: which sends reached somebody."""

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from newsletter.model.listing import Correction, Listing
from newsletter.model.send import DeliveryStatus, SendStatus
from newsletter.model.slug import spellings
from newsletter.store.schema import deliveries, hidden_issues, lists, sends


@dataclass(frozen=True, slots=True)
class Begun:
    """A send that may have reached somebody: `sealed_at` is when it was planned, `at` when it was
    to begin, in UTC."""

    number: int
    id: str
    slug: str
    list: str
    sealed_at: dt.datetime
    at: dt.datetime
    listing: Listing


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
            sends.c.created_at,
            sa.func.coalesce(
                sends.c.scheduled_at, sends.c.created_at, type_=sends.c.created_at.type
            ),
            sends.c.tags,
            sends.c.cover,
        )
        .join(lists, lists.c.id == sends.c.list_id)
        .where(sends.c.status != SendStatus.SCHEDULED, sends.c.frozen, sends.c.cursor > 0)
        .where(sends.c.segment == "")
        .order_by(sends.c.number)
    )
    return [
        Begun(
            number, send_id, slug, list_name, sealed, at, Listing(tuple(tags.splitlines()), cover)
        )
        for number, send_id, slug, list_name, sealed, at, tags, cover in connection.execute(query)
    ]


def shown(some: Sequence[Begun], changes: Iterable[Correction]) -> Begun:
    """Of the sends of one issue, oldest first, the one that the web shows: the newest, unless an
    earlier one was corrected after that was sealed; `changes` are oldest first."""
    corrected = {change.send: change.at for change in changes if change.undone_at is None}
    best, *later = some
    for send in later:
        if best.number not in corrected or corrected[best.number] <= send.sealed_at:
            best = send
    return best


def slugs(connection: Connection, some: Collection[str]) -> Sequence[str]:
    """Those of some slugs that a send has, the newest last."""
    query = (
        sa.select(sends.c.slug)
        .where(sends.c.slug.in_(some))
        .group_by(sends.c.slug)
        .order_by(sa.func.max(sends.c.number))
    )
    return connection.execute(query).scalars().all()


def newest_before(connection: Connection, list_id: int, slug: str) -> tuple[int, str] | None:
    """The newest send of another issue that reached somebody of a whole list and is not hidden: its
    number and slug. It looks at one send after the other, newest first."""
    query = (
        _ACCEPTED.add_columns(sends.c.slug)
        .where(sends.c.list_id == list_id, sends.c.segment == "")
        .where(sends.c.slug.not_in(spellings(slug)))
        .where(sends.c.slug.not_in(sa.select(hidden_issues.c.slug)))
        .where(sends.c.status != SendStatus.SCHEDULED, sends.c.frozen)
        .order_by(sends.c.number.desc())
    )
    rows = connection.execute(query)
    return next(((row.number, row.slug) for row in rows if _has_reached(connection, row)), None)


def reached(connection: Connection, numbers: Collection[int]) -> set[int]:
    """Those of some sends that have an accepted delivery."""
    rows = connection.execute(_ACCEPTED.where(sends.c.number.in_(numbers))).all()
    return {row.number for row in rows if _has_reached(connection, row)}


_ACCEPTED = sa.select(sends.c.number, sends.c.cursor, sends.c.accepted)


def _has_reached(connection: Connection, send: Row[*tuple[Any, ...]]) -> bool:
    """Whether a row of `_ACCEPTED` has an accepted delivery: by its balance, where that is stored.

    Else it looks only at what was claimed, in the order of the primary key: the first few rows
    decide.
    """
    if send.accepted is not None:
        return bool(send.accepted)
    query = sa.select(sa.literal(1)).where(
        deliveries.c.send == send.number,
        deliveries.c.number <= send.cursor,
        deliveries.c.status == DeliveryStatus.ACCEPTED,
    )
    return connection.execute(query.limit(1)).first() is not None
