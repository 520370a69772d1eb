"""Queries that reports on sends ask of the event log and of the consent log.

The log of a send of ten million is read nowhere as a whole: its bounces, complaints, opens and
clicks have indexes of their own, and of its deliveries only some are looked at.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.model.event import Agent, Cause, EventType
from newsletter.store.ledger.reporting import domain_of_person
from newsletter.store.schema import events, subscribers
from newsletter.store.schema.columns import step_of

_CAUSED = sa.text("cause IS NOT NULL")
_TRACKED = sa.text("agent IS NOT NULL")


@dataclass(frozen=True, slots=True)
class Caused:
    """How many deliveries to one domain, empty for erased people, were last reported like this."""

    type: EventType
    cause: Cause
    word: str
    domain: str
    amount: int


def caused(connection: Connection, number: int) -> Sequence[Caused]:
    """The bounces and complaints of a send: of each delivery the last one of either. By
    ix_events_causes."""
    latest = (
        sa.select(sa.func.max(events.c.id))
        .where(events.c.send == number, _CAUSED)
        .where(events.c.type.in_((EventType.BOUNCE, EventType.COMPLAINT)))
        .group_by(events.c.number, events.c.type)
    )
    columns = (
        events.c.type,
        events.c.cause,
        events.c.word,
        domain_of_person(connection).label("domain"),
    )
    query = (
        sa.select(*columns, sa.func.count().label("amount"))
        .outerjoin(subscribers, subscribers.c.id == events.c.subscriber_id)
        .where(events.c.id.in_(latest))
        .group_by(*columns)
    )
    return [
        Caused(EventType(row.type), Cause(row.cause), row.word, row.domain or "", row.amount)
        for row in connection.execute(query)
    ]


def caused_over_time(
    connection: Connection, number: int, since: dt.datetime, step: dt.timedelta
) -> Mapping[tuple[EventType, int], int]:
    """How many deliveries of a send were reported as bounces and complaints in each step of time,
    each when it first was."""
    first = (
        sa.select(events.c.type, sa.func.min(events.c.at).label("at"))
        .where(events.c.send == number, _CAUSED)
        .where(events.c.type.in_((EventType.BOUNCE, EventType.COMPLAINT)))
        .group_by(events.c.number, events.c.type)
        .subquery()
    )
    place = step_of(first.c.at, since, step)
    query = sa.select(first.c.type, place, sa.func.count()).group_by(first.c.type, place)
    return {(EventType(kind), at): amount for kind, at, amount in connection.execute(query)}


@dataclass(frozen=True, slots=True)
class Arrival:
    """When a mail was taken by the provider, and when it arrived."""

    sent_at: dt.datetime | None
    at: dt.datetime


def arrivals(connection: Connection, number: int, some: Sequence[int]) -> Sequence[Arrival]:
    """The arrivals of some deliveries of a send, by ix_events_delivery."""
    query = (
        sa.select(sa.func.min(events.c.sent_at).label("sent"), sa.func.min(events.c.at).label("at"))
        .where(events.c.send == number, events.c.number.in_(some))
        .where(events.c.type == EventType.DELIVERY)
        .group_by(events.c.number)
    )
    return [Arrival(row.sent, row.at) for row in connection.execute(query)]


@dataclass(frozen=True, slots=True)
class Followed:
    """How many recipients opened a mail, or followed a link, and how often; `link` is None for all
    of them together."""

    link: str | None
    agent: Agent
    recipients: int
    times: int


def opened(connection: Connection, number: int) -> Sequence[Followed]:
    """Who opened the mails of a send, by ix_events_tracked."""
    return _tracked(connection, number, EventType.OPEN)


def clicked(connection: Connection, number: int) -> Sequence[Followed]:
    """Who followed a link in the mails of a send: any of them, and each."""
    link = sa.func.coalesce(events.c.link, sa.literal_column("'other'")).label("link")
    return [
        *_tracked(connection, number, EventType.CLICK),
        *_tracked(connection, number, EventType.CLICK, link),
    ]


def _tracked(
    connection: Connection, number: int, kind: EventType, *by: sa.ColumnElement[Any]
) -> Sequence[Followed]:
    query = (
        sa.select(
            *by,
            events.c.agent,
            sa.func.count(events.c.number.distinct()).label("recipients"),
            sa.func.count().label("times"),
        )
        .where(events.c.send == number, events.c.type == kind, _TRACKED)
        .group_by(*by, events.c.agent)
    )
    return [
        Followed(row.link if by else None, Agent(row.agent), row.recipients, row.times)
        for row in connection.execute(query)
    ]
