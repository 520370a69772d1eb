"""Queries on the balance of a send: its deliveries counted by status.

While a send goes on, nobody counts its deliveries. Recording a batch writes down in its row by how
many it changed each sum, so that workers do not wait for each other; whatever else changes a status
adds to the row of the send, which it holds: freezing, a claim that skips, a cancel, a worker that
was lost, a decision about what is unknown, an event. Both together are the balance, and what is in
none of its sums is queued or in flight. `db verify` holds them to the deliveries.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.model.record import SendRecord
from newsletter.model.send import Counts, DeliveryStatus
from newsletter.store.schema import batches, deliveries, sends
from newsletter.store.statements import Statement

# The columns of a stored balance; all null while it may change.
UNKEPT = {"accepted": None, "rejected": None, "skipped": None, "unknown": None}
ASIDE = {name: f"aside_{name}" for name in UNKEPT}  # what no batch counts
OF_BATCHES = ("accepted", "rejected", "unknown")


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


def add(connection: Connection, number: int, **amounts: int) -> None:
    """Add to sums of a send (accepted, rejected, skipped, unknown); the caller holds its row."""
    connection.execute(
        sa.update(sends)
        .where(sends.c.number == number)
        .values(
            {ASIDE[name]: sends.c[ASIDE[name]] + amount for name, amount in amounts.items()},
        )
    )


def add_of_batch(
    connection: Connection, batch: int, *, accepted: int = 0, rejected: int = 0, unknown: int = 0
) -> None:
    """Add to the sums of a batch that is being recorded, whose row the caller holds."""
    values = {"b_id": batch, "b_accepted": accepted, "b_rejected": rejected, "b_unknown": unknown}
    _ADD_OF_BATCH.run(connection, values)


_ADD_OF_BATCH = Statement(
    sa.update(batches)
    .where(batches.c.id == sa.bindparam("b_id"))
    .values({name: batches.c[name] + sa.bindparam(f"b_{name}") for name in OF_BATCHES})
)


def current(connection: Connection, numbers: Collection[int]) -> dict[int, Counts]:
    """The balances of sends right now, whatever changes: by their sums, not by their deliveries."""
    values = {"b_numbers": list(numbers)}
    return {
        row.number: Counts(
            accepted=row.accepted,
            rejected=row.rejected,
            skipped=row.skipped,
            unknown=row.unknown,
            queued=row.recipients - row.accepted - row.rejected - row.skipped - row.unknown,
        )
        for row in (connection.execute(_CURRENT, values) if numbers else ())
    }


_SUMS = (
    sa.select(
        batches.c.send,
        *(sa.cast(sa.func.sum(batches.c[name]), sa.Integer).label(name) for name in OF_BATCHES),
    )
    .where(batches.c.send.in_(sa.bindparam("b_numbers", expanding=True)))
    .group_by(batches.c.send)
    .subquery()
)
_CURRENT = (
    sa.select(
        sends.c.number,
        sends.c.recipients,
        sends.c.aside_skipped.label("skipped"),
        *(
            (sends.c[ASIDE[name]] + sa.func.coalesce(_SUMS.c[name], 0)).label(name)
            for name in OF_BATCHES
        ),
    )
    .outerjoin(_SUMS, _SUMS.c.send == sends.c.number)
    .where(sends.c.number.in_(sa.bindparam("b_numbers", expanding=True)))
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


def forget(connection: Connection, number: int) -> bool:
    """Drop the stored balance of a send: one of its deliveries changes after all.

    This locks the row of the send: before its deliveries, as locks.py has it. That of an archived
    send stays, and False is returned: its deliveries do not change any more.
    """
    return connection.execute(_KEEP, {"b_number": number, **UNKEPT}).rowcount == 1


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
