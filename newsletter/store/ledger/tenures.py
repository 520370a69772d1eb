"""Queries on who takes part in a send: a tenure for each worker, with a lease that it renews."""

import datetime as dt
from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.model.record import SendRecord
from newsletter.model.send import DeliveryStatus, SendStatus, Tenure, Wait
from newsletter.store.ledger import balance
from newsletter.store.schema import batches, deliveries, sends, tenures

RESERVED = dt.timedelta(minutes=1)  # for a worker that is about to begin


def begin(
    connection: Connection, number: int, worker: str, now: dt.datetime, lease_until: dt.datetime
) -> int:
    """Let a worker take part in a send; returns the epoch of its tenure. The caller holds the row.

    The epoch fences: once its tenure was ended, a worker claims nothing more, even if it wakes
    later.
    """
    statement = (
        sa.update(sends)
        .where(sends.c.number == number)
        .values(epoch=sends.c.epoch + 1, **balance.UNKEPT)
        .returning(sends.c.epoch)
    )
    epoch = int(connection.execute(statement).scalar_one())
    connection.execute(
        sa.insert(tenures).values(
            send=number, epoch=epoch, worker=worker, since=now, lease_until=lease_until
        )
    )
    return epoch


_IS_ACTIVE = sa.select(sa.literal(1)).where(
    tenures.c.send == sa.bindparam("number"), tenures.c.epoch == sa.bindparam("epoch")
)


def is_active(connection: Connection, number: int, epoch: int) -> bool:
    """Whether nobody has ended the tenure of that epoch."""
    return connection.execute(_IS_ACTIVE, {"number": number, "epoch": epoch}).first() is not None


def goes_on(connection: Connection, send: SendRecord, epoch: int) -> bool:
    """Whether a send is on its way, and the worker of that epoch takes part in it."""
    return send.status is SendStatus.SENDING and is_active(connection, send.number, epoch)


def of(connection: Connection, numbers: Collection[int]) -> dict[int, list[Tenure]]:
    """Who takes part in each of some sends, the longest first."""
    query = sa.select(tenures).where(tenures.c.send.in_(numbers)).order_by(tenures.c.epoch)
    by_send: dict[int, list[Tenure]] = {number: [] for number in numbers}
    for row in connection.execute(query) if numbers else ():
        tenure = Tenure(
            worker=row.worker,
            epoch=row.epoch,
            since=row.since,
            lease_until=row.lease_until,
            waiting_for=Wait(row.waiting_for) if row.waiting_for else None,
            waiting_until=row.waiting_until,
            speed=row.speed,
        )
        by_send[row.send].append(tenure)
    return by_send


def renew(
    connection: Connection,
    number: int,
    epoch: int,
    lease_until: dt.datetime,
    *,
    speed: float | None = None,
    waiting_for: Wait | None = None,
    waiting_until: dt.datetime | None = None,
) -> bool:
    """Prolong the lease of a tenure, with what its worker says of itself; False if it was ended."""
    result = connection.execute(
        sa.update(tenures)
        .where(tenures.c.send == number, tenures.c.epoch == epoch)
        .values(
            lease_until=lease_until,
            speed=speed,
            waiting_for=waiting_for,
            waiting_until=waiting_until,
        )
    )
    return result.rowcount == 1


def end(
    connection: Connection, number: int, epochs: Sequence[int], now: dt.datetime
) -> tuple[int, bool]:
    """End tenures of a send; what they hold in flight becomes unknown. The caller holds the row.

    Returns how many recipients became unknown, and whether nobody takes part any more.
    """
    ended = connection.execute(
        sa.delete(tenures).where(tenures.c.send == number, tenures.c.epoch.in_(epochs))
    ).rowcount
    unknown = _mark_lost(connection, number, now)
    is_last = not connection.execute(
        sa.select(sa.exists().where(tenures.c.send == number))
    ).scalar_one()
    if ended and is_last:
        connection.execute(sa.update(sends).where(sends.c.number == number).values(rests_since=now))
    return unknown, is_last


def numbers(connection: Connection) -> Sequence[int]:
    """The numbers of all sends in which somebody takes part."""
    return connection.execute(sa.select(tenures.c.send).distinct()).scalars().all()


def _mark_lost(connection: Connection, number: int, now: dt.datetime) -> int:
    """Make `unknown` what workers hold that take no part in a send any more: whether it was sent,
    nobody here can tell."""
    takes_part = sa.exists().where(
        tenures.c.send == batches.c.send, tenures.c.epoch == batches.c.epoch
    )
    batch_ids = (
        connection.execute(
            sa.update(batches)
            .where(batches.c.send == number, sa.text("open"), sa.not_(takes_part))
            .values(open=False)
            .returning(batches.c.id)
        )
        .scalars()
        .all()
    )
    if not batch_ids:
        return 0
    result = connection.execute(
        sa.update(deliveries)
        .where(
            deliveries.c.send == number,
            deliveries.c.batch.in_(batch_ids),
            sa.text("status = 'sending'"),
        )
        .values(
            status=DeliveryStatus.UNKNOWN, reason="the worker was lost before an answer", at=now
        )
    )
    return int(result.rowcount)
