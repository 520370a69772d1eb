"""Queries on who takes part in a send: a tenure for each worker, with a lease that it renews."""

import datetime as dt
from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.model.record import SendRecord
from newsletter.model.send import DeliveryStatus, SendStatus, Tenure, Wait
from newsletter.store.ledger import balance
from newsletter.store.schema import batches, deliveries, sends, tenures
from newsletter.store.statements import Statement

RESERVED = dt.timedelta(minutes=1)  # for a worker that is about to begin


def begin(
    connection: Connection, number: int, worker: str, now: dt.datetime, lease_until: dt.datetime
) -> int:
    """Let a worker take part in a send; returns the epoch of its tenure. The caller holds the row.

    The epoch fences: once its tenure was ended, a worker claims nothing more, even if it wakes
    later.
    """
    epoch = int(connection.execute(_NEXT_EPOCH, {"b_number": number}).scalar_one())
    values = {"send": number, "epoch": epoch, "worker": worker}
    connection.execute(_INSERT, {**values, "since": now, "lease_until": lease_until})
    return epoch


# Statements of what is done again and again are made once: making them takes longer than running
# them.
_NEXT_EPOCH = (
    sa.update(sends)
    .where(sends.c.number == sa.bindparam("b_number"))
    .values(epoch=sends.c.epoch + 1, **balance.UNKEPT)
    .returning(sends.c.epoch)
)
_INSERT = sa.insert(tenures)
_OF = (
    sa.select(tenures)
    .where(tenures.c.send.in_(sa.bindparam("b_numbers", expanding=True)))
    .order_by(tenures.c.epoch)
)
_END = sa.delete(tenures).where(
    tenures.c.send == sa.bindparam("b_send"),
    tenures.c.epoch.in_(sa.bindparam("b_epochs", expanding=True)),
)
_IS_ANY = sa.select(sa.exists().where(tenures.c.send == sa.bindparam("b_send")))
_TAKES_PART = sa.exists().where(
    tenures.c.send == batches.c.send, tenures.c.epoch == batches.c.epoch
)
_CLOSE_LOST = (
    sa.update(batches)
    .where(batches.c.send == sa.bindparam("b_send"), sa.text("open"), sa.not_(_TAKES_PART))
    .values(open=False)
    .returning(batches.c.id)
)
_NUMBERS = sa.select(tenures.c.send).distinct()
_RENEW = (
    sa.update(tenures)
    .where(tenures.c.send == sa.bindparam("b_send"), tenures.c.epoch == sa.bindparam("b_epoch"))
    .values(
        lease_until=sa.bindparam("b_lease_until"),
        speed=sa.bindparam("b_speed"),
        waiting_for=sa.bindparam("b_waiting_for"),
        waiting_until=sa.bindparam("b_waiting_until"),
    )
)
_IS_ACTIVE = Statement(
    sa.select(sa.literal_column("1")).where(
        tenures.c.send == sa.bindparam("b_number"), tenures.c.epoch == sa.bindparam("b_epoch")
    )
)


def is_active(connection: Connection, number: int, epoch: int) -> bool:
    """Whether nobody has ended the tenure of that epoch."""
    return bool(_IS_ACTIVE.run(connection, {"b_number": number, "b_epoch": epoch}).fetchall())


def goes_on(connection: Connection, send: SendRecord, epoch: int) -> bool:
    """Whether a send is on its way, and the worker of that epoch takes part in it."""
    return send.status is SendStatus.SENDING and is_active(connection, send.number, epoch)


def of(connection: Connection, numbers: Collection[int]) -> dict[int, list[Tenure]]:
    """Who takes part in each of some sends, the longest first."""
    by_send: dict[int, list[Tenure]] = {number: [] for number in numbers}
    for row in connection.execute(_OF, {"b_numbers": list(numbers)}) if numbers else ():
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
    values = {
        "b_send": number,
        "b_epoch": epoch,
        "b_lease_until": lease_until,
        "b_speed": speed,
        "b_waiting_for": waiting_for,
        "b_waiting_until": waiting_until,
    }
    return connection.execute(_RENEW, values).rowcount == 1


def end(
    connection: Connection, number: int, epochs: Sequence[int], now: dt.datetime
) -> tuple[int, bool]:
    """End tenures of a send; what they hold in flight becomes unknown. The caller holds the row.

    Returns how many recipients became unknown, and whether nobody takes part any more.
    """
    values = {"b_send": number, "b_epochs": list(epochs)}
    ended = connection.execute(_END, values).rowcount
    unknown = _mark_lost(connection, number, now)
    is_last = not connection.execute(_IS_ANY, {"b_send": number}).scalar_one()
    if ended and is_last:
        connection.execute(sa.update(sends).where(sends.c.number == number).values(rests_since=now))
    return unknown, is_last


def numbers(connection: Connection) -> Sequence[int]:
    """The numbers of all sends in which somebody takes part."""
    return connection.execute(_NUMBERS).scalars().all()


def _mark_lost(connection: Connection, number: int, now: dt.datetime) -> int:
    """Make `unknown` what workers hold that take no part in a send any more: whether it was sent,
    nobody here can tell."""
    batch_ids = connection.execute(_CLOSE_LOST, {"b_send": number}).scalars().all()
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
    balance.add(connection, number, unknown=result.rowcount)
    return int(result.rowcount)
