"""Queries on who runs a send: one owner at a time, with a lease that it renews."""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.model.send import SendStatus, StoppedBy, Wait
from newsletter.store.ledger import balance
from newsletter.store.schema import sends

_SOON = dt.timedelta(minutes=1)
_IDLE = {"speed": None, "waiting_for": None, "waiting_until": None}


def reserve(connection: Connection, number: int, owner: str, now: dt.datetime) -> None:
    """Reserve a send that nobody runs for `owner`, who is about to take it."""
    connection.execute(
        sa.update(sends)
        .where(sends.c.number == number)
        .values(owner=owner, taken_at=now, lease_until=now + _SOON)
    )


def take(
    connection: Connection, number: int, owner: str, now: dt.datetime, lease_until: dt.datetime
) -> int:
    """Make `owner` the one that runs a send; returns the new epoch. The caller holds the row.

    The epoch fences: whoever held the send before can claim nothing more, even if it wakes later.
    """
    statement = (
        sa.update(sends)
        .where(sends.c.number == number)
        .values(
            owner=owner,
            epoch=sends.c.epoch + 1,
            taken_at=now,
            lease_until=lease_until,
            stopped_by=None,
            **_IDLE,
            **balance.UNKEPT,
        )
        .returning(sends.c.epoch)
    )
    return int(connection.execute(statement).scalar_one())


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
    """Prolong the lease of an owner, and store what it says about itself; False if another has
    taken the send since."""
    result = connection.execute(
        sa.update(sends)
        .where(sends.c.number == number, sends.c.epoch == epoch)
        .values(
            lease_until=lease_until,
            speed=speed,
            waiting_for=waiting_for,
            waiting_until=waiting_until,
        )
    )
    return result.rowcount == 1


def release(
    connection: Connection, number: int, owner: str, now: dt.datetime, by: StoppedBy | None
) -> None:
    """Give a send up, so that the next owner need not wait for the lease to end.

    `by` is who stopped it, and is kept for a send that is not over.
    """
    is_on_its_way = sends.c.status == SendStatus.SENDING
    connection.execute(
        sa.update(sends)
        .where(sends.c.number == number, sends.c.owner == owner)
        .values(
            owner=None,
            lease_until=now,
            stopped_by=sa.case((is_on_its_way, by), else_=sends.c.stopped_by),
            **_IDLE,
        )
    )


def disown(connection: Connection, number: int) -> None:
    """Free a send of a restored store: its owner ran it in another store."""
    connection.execute(
        sa.update(sends)
        .where(sends.c.number == number)
        .values(owner=None, lease_until=None, cursor=sends.c.recipients)
    )
