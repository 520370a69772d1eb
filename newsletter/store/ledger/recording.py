"""Queries on what became of a claimed batch: its outcomes, put back, or lost."""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, assert_never

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.model.send import Accepted, DeliveryStatus, Outcome, Rejected, RetryLater, Unknown
from newsletter.store.dialects import is_sqlite
from newsletter.store.ledger import balance
from newsletter.store.schema import batches, deliveries
from newsletter.store.schema.columns import microseconds
from newsletter.store.statements import Statement

if TYPE_CHECKING:
    from newsletter.store.ledger.choosing import Claimed

MAX_RETRIES = 3
_SENDING: sa.ColumnElement[str] = sa.literal_column("'sending'")  # as ix_deliveries_in_flight
_DENSE = 20  # numbers for each that is looked for, where a range is read rather than each of them

_CLOSE_BATCH = Statement(
    sa.update(batches)
    .where(batches.c.id == sa.bindparam("b_id"), sa.text("open"))
    .values(open=False)
)
_RECORD = Statement(
    sa.update(deliveries)
    .where(
        deliveries.c.send == sa.bindparam("b_send"),
        deliveries.c.number == sa.bindparam("b_number"),
        deliveries.c.batch == sa.bindparam("b_batch"),
        sa.or_(
            deliveries.c.status.in_(
                [sa.literal_column("'sending'"), sa.literal_column("'unknown'")]
            ),
            # A rejection that was reported before we recorded the acceptance counts as if it came
            # after.
            sa.and_(
                deliveries.c.status == sa.literal_column("'rejected'"),
                deliveries.c.reported.is_not(None),
                sa.bindparam("b_status", type_=sa.Text) == sa.literal_column("'accepted'"),
            ),
        ),
    )
    .values(
        status=sa.bindparam("b_status"),
        message_id=sa.bindparam("b_message_id"),
        reason=sa.bindparam("b_reason"),
        retries=sa.bindparam("b_retries"),
        at=sa.bindparam("b_at"),
        retry_at=sa.bindparam("b_retry_at"),
    )
)

_OF_ALL = ("b_send", "b_batch", "b_at")
_OF_EACH = {
    "b_number": "integer",
    "b_status": "text",
    "b_message_id": "text",
    "b_reason": "text",
    "b_retries": "smallint",
    "b_retry_at": "bigint",
}
_NAMES = (*_OF_EACH, *_OF_ALL)
_LISTS = ", ".join(f"CAST(%({name})s AS {kind}[])" for name, kind in _OF_EACH.items())
# PostgreSQL would plan the update of a partitioned table anew for each row, which takes it longer
# than the update.
_RECORD_TOGETHER = f"""
UPDATE deliveries SET status = new.status, message_id = new.message_id, reason = new.reason,
    retries = new.retries, retry_at = new.retry_at, at = %(b_at)s
FROM unnest({_LISTS}) AS new (number, status, message_id, reason, retries, retry_at)
WHERE deliveries.send = %(b_send)s AND deliveries.number = new.number
    AND deliveries.batch = %(b_batch)s
    AND (deliveries.status IN ('sending', 'unknown')
        OR deliveries.status = 'rejected' AND deliveries.reported IS NOT NULL
            AND new.status = 'accepted')
"""  # noqa: S608 -- words of this file


def record(
    connection: Connection,
    number: int,
    batch: int,
    outcomes: "Sequence[tuple[Claimed, Outcome]]",
    now: dt.datetime,
    retry_at: dt.datetime,
) -> bool:
    """Write the outcomes of one batch and close it, all in this transaction.

    Returns whether that was in time: False where the batch was given up meanwhile.

    Fenced by the batch: a worker that lost its lease can still record what it learnt about its own
    rows, which are `unknown` by then, but touches none that were claimed again since, and none of
    an archived send.
    """
    is_in_time = _close(connection, batch)
    if not is_in_time and not balance.forget(connection, number):
        return False
    again = microseconds(retry_at)
    numbers = [row.number for row, _ in outcomes]
    before = _statuses(connection, number, batch, numbers)
    rows = [(row.number, *_columns(outcome, row.retries, again)) for row, outcome in outcomes]
    of_all = (number, batch, microseconds(now))
    if is_sqlite(connection):
        _RECORD.run_each(connection, _NAMES, [(*row, *of_all) for row in rows])
    else:
        lists = map(list, zip(*rows, strict=True))
        parameters = dict(zip(_NAMES, (*lists, *of_all), strict=True))
        connection.exec_driver_sql(_RECORD_TOGETHER, parameters)
    if before[DeliveryStatus.SENDING] == len(rows):  # all were changed
        after = Counter(status for _, status, *_ in rows)
    else:
        after = _statuses(connection, number, batch, numbers)
    balance.add_of_batch(
        connection, batch, **{name: after[name] - before[name] for name in balance.OF_BATCHES}
    )
    return is_in_time


def _statuses(
    connection: Connection, number: int, batch: int, numbers: Sequence[int]
) -> Counter[str]:
    """How many rows of a batch have which status; they are held from now on."""
    first, last = min(numbers), max(numbers)
    if last - first < _DENSE * len(numbers):  # retries lie far apart
        bounds = {"b_send": number, "b_of": batch, "b_first": first, "b_last": last}
        rows = _STATUSES_BETWEEN.run(connection, bounds).fetchall()
    else:
        values = {"b_send": number, "b_of": batch, "b_numbers": list(numbers)}
        rows = connection.execute(_STATUSES_OF, values).all()
    return Counter(status for (status,) in rows)


_STATUSES = (
    sa.select(deliveries.c.status)
    .where(deliveries.c.send == sa.bindparam("b_send"), deliveries.c.batch == sa.bindparam("b_of"))
    .order_by(deliveries.c.number)
    .with_for_update()
)
_STATUSES_BETWEEN = Statement(
    _STATUSES.where(
        deliveries.c.number.between(sa.bindparam("b_first"), sa.bindparam("b_last")),
    )
)
_STATUSES_OF = _STATUSES.where(deliveries.c.number.in_(sa.bindparam("b_numbers", expanding=True)))


def _close(connection: Connection, batch: int) -> bool:
    """Close a batch, before its rows are touched: whoever changes both locks it first.

    False for one that was meanwhile given up as lost: its send may have been counted since, or
    archived.
    """
    return bool(_CLOSE_BATCH.run(connection, {"b_id": batch}).rowcount)


def _columns(
    outcome: Outcome, retries: int, retry_at: int
) -> tuple[str, str | None, str | None, int, int | None]:
    """Status, message id, reason, retries, and when to try again."""
    message_id: str | None = None
    reason: str | None = None
    again: int | None = None
    match outcome:
        case Accepted():
            status, message_id = DeliveryStatus.ACCEPTED, outcome.message_id
        case Rejected():
            status, reason = DeliveryStatus.REJECTED, outcome.reason
        case RetryLater(is_failure=True) if retries >= MAX_RETRIES:
            status, reason = DeliveryStatus.REJECTED, outcome.reason
        case RetryLater():
            status, reason, again = DeliveryStatus.QUEUED, outcome.reason, retry_at
            retries += outcome.is_failure
        case Unknown():
            status, reason = DeliveryStatus.UNKNOWN, outcome.reason
        case _:
            assert_never(outcome)
    return str(status), message_id, reason, retries, again


def put_back(connection: Connection, number: int, batch: int, now: dt.datetime) -> bool:
    """Queue a batch again that provably never left; that is no failure of its recipients.

    Returns whether that was in time: False where the batch was given up meanwhile.
    """
    is_in_time = _close(connection, batch)
    if not is_in_time and not balance.forget(connection, number):
        return False
    _queue(connection, number, batch, now, deliveries.c.status == _SENDING)
    if not is_in_time:  # the send is searched, which is rare
        is_lost = deliveries.c.status == DeliveryStatus.UNKNOWN
        queued = _queue(connection, number, batch, now, is_lost)
        balance.add_of_batch(connection, batch, unknown=-queued)
    return is_in_time


def _queue(
    connection: Connection,
    number: int,
    batch: int,
    now: dt.datetime,
    condition: sa.ColumnElement[bool],
) -> int:
    result = connection.execute(
        sa.update(deliveries)
        .where(deliveries.c.send == number, deliveries.c.batch == batch, condition)
        .values(status=DeliveryStatus.QUEUED, retry_at=now, at=now)
    )
    return int(result.rowcount)


def claimed_since(connection: Connection, since: dt.datetime) -> int:
    """How many recipients were claimed since a time, whatever became of them: the most that can
    have been sent. By ix_batches_claimed_at."""
    query = sa.select(sa.func.coalesce(sa.func.sum(batches.c.size), 0))
    return int(connection.execute(query.where(batches.c.claimed_at >= since)).scalar_one())


def is_open(connection: Connection, batch: int, worker: str, epoch: int) -> bool:
    """Whether a batch is claimed by this very worker and nobody has recorded its outcome."""
    query = sa.select(sa.literal(1)).where(
        batches.c.id == batch,
        batches.c.worker == worker,
        batches.c.epoch == epoch,
        sa.text("open"),
    )
    return connection.execute(query).first() is not None
