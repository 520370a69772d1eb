"""The rate of the whole store: one row, shared by all threads, processes and machines.

GCRA: `next_at` is when the next recipient may go. Unused time is not saved up, so that no burst
follows a pause.
"""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.store.schema import limiter

_NAME = "send"


def reserve(connection: Connection, recipients: int, rate: float, now: dt.datetime) -> dt.datetime:
    """Take the slot of `recipients` at `rate` a second; returns when it begins, maybe now."""
    row = connection.execute(
        sa.select(limiter.c.next_at).where(limiter.c.name == _NAME).with_for_update()
    ).scalar()
    begins = now if row is None else max(row, now)
    next_at = begins + dt.timedelta(seconds=recipients / rate)
    if row is None:
        connection.execute(sa.insert(limiter).values(name=_NAME, next_at=next_at))
    else:
        connection.execute(
            sa.update(limiter).where(limiter.c.name == _NAME).values(next_at=next_at)
        )
    return begins
