"""Queries that archive a send: which may be, and how its deliveries leave the ledger."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.model.send import ENDED
from newsletter.store import locks
from newsletter.store.ledger import archived, partitions, sends
from newsletter.store.schema import batches, deliveries, tenures
from newsletter.store.schema import sends as table

_ENDED_AT = sa.func.coalesce(table.c.finished_at, table.c.created_at, type_=table.c.created_at.type)


def due(connection: Connection, before: dt.datetime) -> Sequence[str]:
    """Ids of the sends that ended before a time and are not archived, the oldest first."""
    query = (
        sa.select(table.c.id)
        .where(table.c.status.in_(ENDED), table.c.frozen, table.c.archived_at.is_(None))
        .where(before >= _ENDED_AT)
        .order_by(table.c.number)
    )
    return connection.execute(query).scalars().all()


def unfinished(connection: Connection) -> Sequence[str]:
    """Ids of archived sends of which the ledger still holds deliveries: a process died over it."""
    query = (
        sa.select(table.c.id)
        .where(table.c.archived_at.is_not(None), sa.not_(table.c.is_cleared))
        .order_by(table.c.number)
    )
    return connection.execute(query).scalars().all()


def is_busy(connection: Connection, number: int) -> bool:
    """Whether a worker takes part in a send, or may still record what it learnt."""
    works = sa.exists().where(tenures.c.send == number)
    is_open = sa.exists().where(batches.c.send == number, sa.text("open"))
    return bool(connection.execute(sa.select(sa.or_(works, is_open))).scalar_one())


def file_of(connection: Connection, number: int) -> str | None:
    """The file that the archive of a send was, or is to be, written to."""
    query = sa.select(table.c.archive_file).where(table.c.number == number)
    return connection.execute(query).scalar()


def note_file(connection: Connection, number: int, file: str) -> None:
    """Note the file that is about to be written, so that it is known as ours after a crash."""
    _set(connection, number, archive_file=file)


def note_archived(
    connection: Connection, number: int, file: str, file_hash: str, now: dt.datetime
) -> None:
    """From here on the deliveries of a send are in its file; the caller holds the row.

    Another process may have noted another name since, for a file that it has not written yet.
    """
    _set(connection, number, archive_file=file, archive_hash=file_hash, archived_at=now)


def _set(connection: Connection, number: int, **values: object) -> None:
    connection.execute(sa.update(table).where(table.c.number == number).values(**values))


_KEPT: sa.Select[Any] = sa.select(
    deliveries.c.number,
    deliveries.c.subscriber_id,
    deliveries.c.status,
    deliveries.c.attempts,
    deliveries.c.reported,
    deliveries.c.reason,
)


def pack_some(connection: Connection, number: int) -> bool:
    """Pack the next deliveries of an archived send; False where none is left.

    SQLite, and a partition that several sends share, lose the rows at once, some at a time. Whoever
    deletes people must not look for theirs here before it, and there after it.
    """
    locks.planning(connection)
    sends.record(connection, number, lock=True)
    first = archived.next_number(connection, number)
    some = sa.and_(
        deliveries.c.send == number,
        deliveries.c.number.between(first, first + archived.SIZE - 1),
    )
    rows = connection.execute(_KEPT.where(some).order_by(deliveries.c.number)).all()
    if not rows:
        return False
    archived.keep(connection, number, rows)
    if not partitions.is_own(connection, number):
        connection.execute(sa.delete(deliveries).where(some))
    return True


def clear(connection: Connection, number: int) -> None:
    """Drop the partition of a send whose deliveries are all packed, if it has one of its own.

    Where it had one in the store that this one was moved from, packed rows may be left.
    """
    partitions.drop(connection, number)
    connection.execute(sa.delete(deliveries).where(deliveries.c.send == number))
    _set(connection, number, is_cleared=True)
