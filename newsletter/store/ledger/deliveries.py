"""Queries on deliveries: the operator's decisions, and reading them."""

import datetime as dt
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from newsletter.model.send import Delivery, DeliveryStatus, Reported, SkipReason
from newsletter.store.ledger import balance
from newsletter.store.pages import through
from newsletter.store.schema import (
    batches,
    deliveries,
    sends,
    subscribers,
)

_PAGE = 1000


def is_anybody_queued(connection: Connection, number: int) -> bool:
    query = sa.select(deliveries.c.number).where(
        deliveries.c.send == number, deliveries.c.status == DeliveryStatus.QUEUED
    )
    return connection.execute(query.limit(1)).first() is not None


def skipped(connection: Connection, number: int) -> dict[SkipReason, int]:
    """How many recipients of a send are skipped for each reason."""
    query = (
        sa.select(deliveries.c.reason, sa.func.count())
        .where(deliveries.c.send == number, deliveries.c.status == DeliveryStatus.SKIPPED)
        .group_by(deliveries.c.reason)
        .order_by(deliveries.c.reason)
    )
    return {SkipReason(reason): amount for reason, amount in connection.execute(query)}


def first_claimed(connection: Connection, since: dt.datetime) -> dt.datetime | None:
    """When the first recipients since a time were claimed: their quota frees first.

    By ix_batches_claimed_at: the deliveries have no index on their time.
    """
    query = sa.select(sa.func.min(batches.c.claimed_at)).where(batches.c.claimed_at >= since)
    return connection.execute(query).scalar()


def cancel_queued(connection: Connection, number: int, now: dt.datetime) -> int:
    result = connection.execute(
        sa.update(deliveries)
        .where(deliveries.c.send == number, deliveries.c.status == DeliveryStatus.QUEUED)
        .values(status=DeliveryStatus.SKIPPED, reason=SkipReason.CANCELLED, at=now)
    )
    balance.add(connection, number, skipped=result.rowcount)
    return int(result.rowcount)


def queue_cancelled(connection: Connection, number: int, now: dt.datetime) -> int:
    """Queue again what a cancel skipped; recipients whose turn had passed are due as retries."""
    result = connection.execute(
        sa.update(deliveries)
        .where(
            deliveries.c.send == number,
            deliveries.c.status == DeliveryStatus.SKIPPED,
            deliveries.c.reason == SkipReason.CANCELLED,
        )
        .values(status=DeliveryStatus.QUEUED, reason=None, at=None, retry_at=now)
    )
    balance.add(connection, number, skipped=-result.rowcount)
    return int(result.rowcount)


def make_unknown(connection: Connection, number: int, reason: str, now: dt.datetime) -> int:
    """Make all that is queued or in flight unknown; what may have been tried counts as tried."""
    attempts = sa.case((deliveries.c.attempts == 0, 1), else_=deliveries.c.attempts)
    result = connection.execute(
        sa.update(deliveries)
        .where(
            deliveries.c.send == number,
            deliveries.c.status.in_((DeliveryStatus.QUEUED, DeliveryStatus.SENDING)),
        )
        .values(status=DeliveryStatus.UNKNOWN, attempts=attempts, reason=reason, at=now)
    )
    balance.add(connection, number, unknown=result.rowcount)
    return int(result.rowcount)


def resolve_unknown(
    connection: Connection, number: int, status: DeliveryStatus, reason: str, now: dt.datetime
) -> int:
    """The operator's decision about all unknown rows: queued again, accepted or rejected."""
    again = now if status is DeliveryStatus.QUEUED else None
    result = connection.execute(
        sa.update(deliveries)
        .where(deliveries.c.send == number, deliveries.c.status == DeliveryStatus.UNKNOWN)
        .values(status=status, reason=reason, retry_at=again, batch=None, at=now)
    )
    changed = int(result.rowcount)
    decided = {} if status is DeliveryStatus.QUEUED else {status.value: changed}
    balance.add(connection, number, unknown=-changed, **decided)
    return changed


def newest_first(connection: Connection, number: int) -> Iterator[Delivery]:
    """The deliveries of a send, the latest number first."""
    return through(partial(page, connection, send=number))


def page(
    connection: Connection,
    after: Delivery | None = None,
    *,
    send: int,
    status: DeliveryStatus | None = None,
    reported: Reported | None = None,
) -> Sequence[Delivery]:
    """The deliveries of a send after one, the latest number first."""
    query = (
        sa.select(deliveries, subscribers.c.address, sends.c.id.label("send_id"))
        .join(subscribers, subscribers.c.id == deliveries.c.subscriber_id)
        .join(sends, sends.c.number == deliveries.c.send)
        .where(deliveries.c.send == send)
        .order_by(deliveries.c.number.desc())
        .limit(_PAGE)
    )
    if status is not None:
        query = query.where(deliveries.c.status == status)
    if reported is not None:
        query = query.where(deliveries.c.reported == reported)
    if after is not None:
        query = query.where(deliveries.c.number < after.number)
    return [delivery_of(row) for row in connection.execute(query)]


def delivery_of(row: Row[Any]) -> Delivery:
    """A row of deliveries, with the id of its send and the address of its subscriber."""
    return Delivery(
        send_id=row.send_id,
        number=row.number,
        subscriber_id=row.subscriber_id,
        address=row.address,
        status=DeliveryStatus(row.status),
        attempts=row.attempts,
        message_id=row.message_id,
        reason=row.reason,
        reported=Reported(row.reported) if row.reported else None,
        at=row.at,
    )


def send_unheard_of(connection: Connection, after: dt.datetime, until: dt.datetime) -> str | None:
    """The id of a send that had a mail accepted after `after` and not after `until`, if any did.

    Only sends that may have run then are looked at, each first by its delivery with the highest
    number: numbers follow the time, so most sends need no pass over their deliveries.
    """
    recent = (
        sa.select(sends.c.number, sends.c.id)
        .where(
            sends.c.created_at <= until,
            sa.or_(sends.c.finished_at.is_(None), sends.c.finished_at > after),
        )
        .order_by(sends.c.number.desc())
    )
    for send in connection.execute(recent).all():
        accepted = sa.select(deliveries.c.at).where(
            deliveries.c.send == send.number, deliveries.c.status == DeliveryStatus.ACCEPTED
        )
        newest = connection.execute(accepted.order_by(deliveries.c.number.desc()).limit(1)).scalar()
        if newest is None or newest <= after:
            continue
        between = accepted.where(deliveries.c.at > after, deliveries.c.at <= until).limit(1)
        if newest <= until or connection.execute(between).first() is not None:
            return str(send.id)
    return None
