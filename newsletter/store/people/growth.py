"""Queries on how lists grow and shrink, by day.

They read the whole consent log and all subscriptions, which have no index by time: each import
would pay for one. So who asks keeps the answer for a while.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.model.subscriber import (
    ConsentHow,
    ConsentKind,
    SubscriptionStatus,
    SuppressionAction,
)
from newsletter.store.schema import consents, imports, lists, subscriptions, suppression_log

_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class DayOfList:
    """How many people joined a list on a day, and how many left it."""

    day: dt.date
    list: str
    joined: int
    left: int


def of_lists(
    connection: Connection, since: dt.datetime, offset: dt.timedelta
) -> Sequence[DayOfList]:
    """Each day since then on which somebody joined or left, by list, oldest first; days begin at
    midnight of the zone with this offset. Why somebody left is said after they left, and counts
    no second time."""
    day = _day(consents.c.at, offset)
    query = (
        sa.select(
            day,
            lists.c.name,
            *(
                sa.func.sum(sa.case((consents.c.kind == kind, 1), else_=0)).label(kind.value)
                for kind in (ConsentKind.CONFIRMED, ConsentKind.UNSUBSCRIBED)
            ),
        )
        .join(lists, lists.c.id == consents.c.list_id)
        .where(
            consents.c.at >= since,
            consents.c.kind.in_((ConsentKind.CONFIRMED, ConsentKind.UNSUBSCRIBED)),
            consents.c.how != ConsentHow.REASON,
        )
        .group_by(day, lists.c.name)
        .order_by(day, lists.c.name)
    )
    return [
        DayOfList(_date(row.day), row.name, int(row.confirmed), int(row.unsubscribed))
        for row in connection.execute(query)
    ]


def imported(
    connection: Connection, since: dt.datetime, offset: dt.timedelta
) -> Sequence[DayOfList]:
    """How many people imports brought to each list on each day who have not been touched since:
    only then does the consent log say that they joined."""
    day, rows = _day(imports.c.at, offset), subscriptions.c
    query = (
        sa.select(day, lists.c.name, sa.func.count().label("amount"))
        .select_from(subscriptions)
        .join(imports, imports.c.id == rows.import_id)
        .join(lists, lists.c.id == rows.list_id)
        .where(
            imports.c.at >= since,
            rows.updated_at == imports.c.at,
            rows.status == SubscriptionStatus.CONFIRMED,
        )
        .group_by(day, lists.c.name)
        .order_by(day, lists.c.name)
    )
    return [DayOfList(_date(row.day), row.name, row.amount, 0) for row in connection.execute(query)]


def suppressed(
    connection: Connection, since: dt.datetime, offset: dt.timedelta
) -> Sequence[tuple[dt.date, str, int]]:
    """How many addresses were suppressed on each day since then, by reason, oldest first."""
    log = suppression_log
    day = _day(log.c.at, offset)
    query = (
        sa.select(day, log.c.reason, sa.func.count().label("amount"))
        .where(log.c.at >= since, log.c.action == SuppressionAction.ADDED)
        .group_by(day, log.c.reason)
        .order_by(day, log.c.reason)
    )
    return [(_date(row.day), row.reason, row.amount) for row in connection.execute(query)]


def _day(at: sa.Column[Any], offset: dt.timedelta) -> sa.Label[int]:
    """The days since 1970 at that offset."""
    shift, day = (span // dt.timedelta(microseconds=1) for span in (offset, _DAY))
    since_then = sa.type_coerce(at, sa.BigInteger) + sa.literal_column(str(shift))
    return (since_then // sa.literal_column(str(day), sa.BigInteger)).label("day")


def _date(days: int) -> dt.date:
    return dt.date(1970, 1, 1) + days * _DAY
