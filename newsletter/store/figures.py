"""Queries that count: what `/metrics` shows of the store."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.model.event import Cause
from newsletter.model.send import SendStatus
from newsletter.store.schema import events, lists, requests, sends, subscriptions

_PAUSED, _SCHEDULED = SendStatus.PAUSED, SendStatus.SCHEDULED


def answers(connection: Connection) -> None:
    """Read as little as possible, from the disk or the server. Raises StoreError where it fails."""
    connection.execute(sa.select(sends.c.number).limit(1)).first()


def sends_by_status(connection: Connection) -> Mapping[str, int]:
    return _amounts(connection, sa.select(sends.c.status, sa.func.count()).group_by(sends.c.status))


def paused_sends(connection: Connection) -> Mapping[str, int]:
    """How many sends rest, by who or what paused them."""
    query = sa.select(sends.c.stopped_by, sa.func.count()).where(sends.c.status == _PAUSED)
    return {
        by or "none": amount
        for by, amount in connection.execute(query.group_by(sends.c.stopped_by))
    }


def next_scheduled(connection: Connection) -> dt.datetime | None:
    """When the next send is due, or was."""
    query = sa.select(sa.func.min(sends.c.scheduled_at)).where(sends.c.status == _SCHEDULED)
    return connection.execute(query).scalar()


def lag(connection: Connection) -> dt.timedelta | None:
    """How long the newest event took to come here, by ix_events_received_at."""
    query = sa.select(events.c.at, events.c.received_at).order_by(events.c.received_at.desc())
    row = connection.execute(query.limit(1)).first()
    return None if row is None else row.received_at - row.at


@dataclass(frozen=True, slots=True)
class EventCounts:
    """Events by (type, verdict), and by words that are not known here, up to some row."""

    amounts: Mapping[tuple[str, str], int]
    last_id: int
    unknown_words: Mapping[str, int] = field(default_factory=dict)


def events_since(connection: Connection, before: EventCounts) -> EventCounts:
    """The counts with what came since, so that a long log is read only once."""
    unknown = sa.case((events.c.cause == Cause.UNKNOWN, events.c.word))
    query = (
        sa.select(
            events.c.type, events.c.verdict, unknown, sa.func.count(), sa.func.max(events.c.id)
        )
        .where(events.c.id > before.last_id)
        .group_by(events.c.type, events.c.verdict, unknown)
    )
    amounts, words, last_id = Counter(before.amounts), Counter(before.unknown_words), before.last_id
    for kind, verdict, word, amount, newest in connection.execute(query):
        amounts[kind, verdict] += amount
        if word is not None:
            words[word] += amount
        last_id = max(last_id, newest)
    return EventCounts(amounts, last_id, words)


def subscriptions_by_list(connection: Connection) -> Mapping[tuple[str, str], int]:
    """How many people stand where, by (list, status)."""
    query = (
        sa.select(lists.c.name, subscriptions.c.status, sa.func.count())
        .join(lists, lists.c.id == subscriptions.c.list_id)
        .group_by(lists.c.name, subscriptions.c.status)
    )
    return {(name, status): amount for name, status, amount in connection.execute(query)}


def requests_by_state(connection: Connection) -> Mapping[str, int]:
    return _amounts(
        connection, sa.select(requests.c.state, sa.func.count()).group_by(requests.c.state)
    )


def _amounts(connection: Connection, query: sa.Select[Any]) -> Mapping[str, int]:
    return {kind: amount for kind, amount in connection.execute(query)}  # noqa: C416 -- a Row is no pair to mypy
