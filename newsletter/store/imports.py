"""The record of imports: each has an id, by which it can be looked up and undone."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.store.schema import imports

_TICK = dt.timedelta(microseconds=1)


def begin(
    connection: Connection, now: dt.datetime, file: str, system: str
) -> tuple[int, dt.datetime]:
    """Write down an import; returns its id and its time, which no other import has.

    That time is `updated_at` of all that it writes, so that what was touched since can be told.
    The caller holds the lock of people, so two imports do not take the same.
    """
    while connection.execute(sa.select(imports.c.id).where(imports.c.at == now)).first():
        now += _TICK
    statement = sa.insert(imports).values(at=now, file=file, system=system)
    made = connection.execute(statement.returning(imports.c.id)).scalar_one()
    return int(made), now


def finish(connection: Connection, import_id: int, counts: Mapping[str, Any]) -> None:
    """Write down what became of the rows."""
    connection.execute(
        sa.update(imports).where(imports.c.id == import_id).values(counts=dict(counts))
    )
