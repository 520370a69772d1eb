"""Queries on reports that cannot be read or applied: kept for a person."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.model.event import EventType
from newsletter.store.dialects import insert_into
from newsletter.store.reported.events import Verdict
from newsletter.store.schema import events

_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class SetAside:
    """A message that could not be read; `payload` is None once it was kept for long enough."""

    id: int
    at: dt.datetime
    reason: str
    payload: str | None


def keep(connection: Connection, key: str, reason: str, payload: str, now: dt.datetime) -> bool:
    """Keep a message that cannot be read, for a person to look at; False where it is already
    there. The caller holds `locks.events`, so that rows of the log come in the order of their
    ids."""
    statement = insert_into(connection, events).values(
        key=key,
        type=EventType.OTHER,
        at=now,
        received_at=now,
        verdict=Verdict.SET_ASIDE,
        detail=reason,
        payload=payload,
    )
    insert = statement.on_conflict_do_nothing().returning(events.c.id)
    return connection.execute(insert).first() is not None


def give_up(connection: Connection, key: str, reason: str) -> None:
    """Set aside an event of the log that cannot be applied; under its own key it may come again."""
    connection.execute(
        sa.update(events)
        .where(events.c.key == key, events.c.verdict == Verdict.IGNORED)
        .values(key=f"late {key}", verdict=Verdict.SET_ASIDE, detail=reason)
    )


def page(
    connection: Connection, after: SetAside | None = None, *, limit: int = _PAGE
) -> Sequence[SetAside]:
    """A page of what was set aside, newest first, by ix_events_not_applied."""
    query = (
        sa.select(events.c.id, events.c.received_at, events.c.detail, events.c.payload)
        .where(sa.text("verdict <> 'applied'"), events.c.verdict == Verdict.SET_ASIDE)
        .order_by(events.c.id.desc())
        .limit(limit)
    )
    if after is not None:
        query = query.where(events.c.id < after.id)
    rows = connection.execute(query)
    return [SetAside(row.id, row.received_at, row.detail, row.payload) for row in rows]
