"""Queries on the processes of `newsletter worker`, whether they have anything to do or not."""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.store.dialects import insert_into
from newsletter.store.schema import tenures, workers

_UNHEARD = dt.timedelta(minutes=1)


def appear(connection: Connection, name: str, now: dt.datetime) -> None:
    """Say that a worker lives; it says so again every few seconds, except while it sends."""
    connection.execute(sa.delete(workers).where(sa.not_(_lives(now)), workers.c.name != name))
    new = insert_into(connection, workers).values(name=name, since=now, seen_at=now)
    connection.execute(new.on_conflict_do_update(index_elements=["name"], set_={"seen_at": now}))


def vanish(connection: Connection, name: str) -> None:
    connection.execute(sa.delete(workers).where(workers.c.name == name))


def heard_of(connection: Connection, now: dt.datetime) -> list[str]:
    """The names of those that live, the longest first."""
    query = sa.select(workers.c.name).where(_lives(now)).order_by(workers.c.since)
    return list(connection.execute(query).scalars())


def _lives(now: dt.datetime) -> sa.ColumnElement[bool]:
    sends = sa.exists().where(tenures.c.worker == workers.c.name, tenures.c.lease_until >= now)
    return sa.or_(workers.c.seen_at >= now - _UNHEARD, sends)
