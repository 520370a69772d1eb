"""Queries on the balance of a send: its deliveries counted by status."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.model.record import SendRecord
from newsletter.model.send import Counts, DeliveryStatus
from newsletter.store.schema import batches, deliveries, sends

# The columns of a stored balance; all null while it may change.
UNKEPT = {"accepted": None, "rejected": None, "skipped": None, "unknown": None}


def count(connection: Connection, number: int) -> Counts:
    """The balance of a send, counted from its deliveries (0.2 s for a million)."""
    return count_each(connection, [number]).get(number, Counts())


def count_each(connection: Connection, numbers: Collection[int]) -> dict[int, Counts]:
    """The balances of sends in one query, without those that have no deliveries."""
    amounts: dict[int, Counter[str]] = defaultdict(Counter)
    values = {"b_numbers": list(numbers)}
    for send, status, amount in connection.execute(_COUNTS, values) if numbers else ():
        amounts[send][status] = amount
    return {
        send: Counts(
            accepted=by[DeliveryStatus.ACCEPTED],
            rejected=by[DeliveryStatus.REJECTED],
            skipped=by[DeliveryStatus.SKIPPED],
            unknown=by[DeliveryStatus.UNKNOWN],
            queued=by[DeliveryStatus.QUEUED] + by[DeliveryStatus.SENDING],
        )
        for send, by in amounts.items()
    }


_COUNTS = (
    sa.select(deliveries.c.send, deliveries.c.status, sa.func.count())
    .where(deliveries.c.send.in_(sa.bindparam("b_numbers", expanding=True)))
    .group_by(deliveries.c.send, deliveries.c.status)
)
_OPEN_BATCH = (
    sa.select(batches.c.id)
    .where(batches.c.send == sa.bindparam("b_number"), sa.text("open"))
    .limit(1)
)
_KEEP = (
    sa.update(sends)
    .where(sends.c.number == sa.bindparam("b_number"), sends.c.archived_at.is_(None))
    .values({name: sa.bindparam(name) for name in UNKEPT})
)


def keep(connection: Connection, number: int) -> Counts:
    """Count a send, and store the balance where nothing is queued or in flight any more.

    An open batch may still be recorded, by a worker that sleeps: looked for before the count.
    """
    is_open = connection.execute(_OPEN_BATCH, {"b_number": number}).first() is not None
    counts = count(connection, number)
    is_final = not counts.queued and not is_open
    sums = {name: getattr(counts, name) for name in UNKEPT} if is_final else UNKEPT
    connection.execute(_KEEP, {"b_number": number, **sums})
    return counts


def forget(connection: Connection, number: int) -> None:
    """Drop the stored balance of a send: one of its deliveries changes after all.

    This locks the row of the send: before its deliveries, as locks.py has it. That of an archived
    send stays: its deliveries do not change any more.
    """
    connection.execute(_KEEP, {"b_number": number, **UNKEPT})


def accepted(
    connection: Connection, send: SendRecord, since: dt.datetime | None, limit: int
) -> int:
    """How many deliveries of a send were accepted after `since`, counted no further than `limit`.

    The last claimed are looked at first, since numbers follow the time.
    """
    some = (
        sa.select(deliveries.c.number)
        .where(
            deliveries.c.send == send.number,
            deliveries.c.number <= send.cursor,
            deliveries.c.status == DeliveryStatus.ACCEPTED,
        )
        .order_by(deliveries.c.number.desc())
        .limit(limit)
    )
    if since is not None:
        some = some.where(deliveries.c.at > since)
    query = sa.select(sa.func.count()).select_from(some.subquery())
    return int(connection.execute(query).scalar_one())
