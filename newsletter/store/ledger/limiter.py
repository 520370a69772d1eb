"""The rate of the whole store: one row, shared by all threads, processes and machines.

GCRA: `next_at` is when the next recipient may go. Unused time is not saved up, so no burst follows
a pause. `share` is how much of the rate is used: it is halved when the provider says it was too
much, and comes back slowly. https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.store.dialects import insert_into
from newsletter.store.schema import limiter
from newsletter.store.schema.columns import from_microseconds, microseconds
from newsletter.store.statements import Statement
from newsletter.times import Clock

_NAME = "send"
_LEAST_SHARE = 1 / 64
_RECOVERY_A_SECOND = 0.01
_ONE_SLOWING = dt.timedelta(seconds=1)  # all threads hear of one overload at once
# The furthest that slots are taken ahead: some seconds for each process at the full rate. Anything
# further was booked by a clock that was ahead.
_FURTHEST = dt.timedelta(minutes=10)
_FURTHEST_OF_ALL = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Slot:
    """From when to when; `was_booked_until` is set where the booking cannot be true, so that the
    slot begins now."""

    begins: dt.datetime
    ends: dt.datetime
    was_booked_until: dt.datetime | None = None


def reserve(connection: Connection, recipients: int, rate: float, clock: Clock) -> Slot:
    """Take the slot of `recipients` at `rate` a second; it begins now, or in a while.

    The clock is read once the row is held: who waited for it, as for one that slept in between,
    would book what is long past, and many would go at once.
    """
    row = _row(connection, clock)
    now = clock()
    if row["slowed_at"] is not None and row["slowed_at"] > now:  # as by a clock that was ahead
        _update(connection, slowed_at=now)
        row = _row(connection, clock)
    used = _share(row, now)
    is_fault = row["next_at"] - now > min(_FURTHEST / used, _FURTHEST_OF_ALL)
    begins: dt.datetime = now if is_fault else max(row["next_at"], now)
    ends = begins + dt.timedelta(seconds=recipients / (rate * used))
    _BOOK.run(connection, {"b_next_at": microseconds(ends)})
    return Slot(begins, ends, row["next_at"] if is_fault else None)


def slow_down(connection: Connection, clock: Clock) -> None:
    """Halve the rate from now on; it comes back by a hundredth of the full rate each second."""
    row = _row(connection, clock)
    now = clock()
    if row["slowed_at"] is None or now - row["slowed_at"] >= _ONE_SLOWING:
        _update(connection, share=max(_LEAST_SHARE, _share(row, now) / 2), slowed_at=now)


def share(connection: Connection, now: dt.datetime) -> float:
    """How much of the rate is used, from 1/64 to 1; it writes nothing."""
    query = sa.select(limiter.c.share, limiter.c.slowed_at).where(limiter.c.name == _NAME)
    row = connection.execute(query).mappings().first()
    return 1.0 if row is None else _share(dict(row), now)


def _share(row: Mapping[str, Any], now: dt.datetime) -> float:
    if row["slowed_at"] is None:
        return 1.0
    elapsed = max(0.0, (now - row["slowed_at"]).total_seconds())
    return float(min(1.0, row["share"] + _RECOVERY_A_SECOND * elapsed))


_ROW = Statement(
    sa.select(limiter.c.next_at, limiter.c.share, limiter.c.slowed_at)
    .where(limiter.c.name == _NAME)
    .with_for_update()
)
_BOOK = Statement(
    sa.update(limiter).where(limiter.c.name == _NAME).values(next_at=sa.bindparam("b_next_at"))
)


def _row(connection: Connection, clock: Clock) -> Mapping[str, Any]:
    """The one row, held until the transaction ends, so that slots are taken one by one."""
    rows = _ROW.run(connection, {}).fetchall()
    if not rows:
        statement = insert_into(connection, limiter).values(name=_NAME, next_at=clock())
        connection.execute(statement.on_conflict_do_nothing())
        rows = _ROW.run(connection, {}).fetchall()
    [(next_at, share, slowed_at)] = rows
    return {
        "next_at": from_microseconds(next_at),
        "share": share,
        "slowed_at": from_microseconds(slowed_at),
    }


def _update(connection: Connection, **values: object) -> None:
    connection.execute(sa.update(limiter).where(limiter.c.name == _NAME).values(**values))
