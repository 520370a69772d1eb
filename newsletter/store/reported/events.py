"""The event log: what was reported, append-only.

Each function takes the events of a whole transaction: some hundreds, in a fixed number of queries.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from newsletter.model.event import Cause, Event, EventType, Ref
from newsletter.store.dialects import insert_into
from newsletter.store.ledger.archived import DeliveryKey
from newsletter.store.people import people
from newsletter.store.reported.settling import DeliveryState
from newsletter.store.schema import batches, deliveries, events, sends

_PAYLOADS = 5_000  # cleared in one transaction
_PAGE = 1_000


class Verdict(StrEnum):
    """The fate of a message of the queue."""

    APPLIED = "applied"
    IGNORED = "ignored"  # it names no delivery of this ledger
    SET_ASIDE = "set_aside"  # it cannot be read


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An event of the log that may have consequences for its reader; `id` is its row.

    `sent_at` is no later than when the mail got its address, and when it was taken.
    """

    id: int
    key: str
    type: EventType
    cause: Cause | None
    at: dt.datetime
    sent_at: dt.datetime
    detail: str
    send_id: str
    number: int


def record(
    connection: Connection, reports: Sequence[tuple[Event, DeliveryState | None]], now: dt.datetime
) -> frozenset[str]:
    """Add events to the log; returns the keys of the new ones: each key is there once.

    Those without a delivery are kept as ignored, until `adopt` finds one for them.
    """
    readers = {delivery.subscriber_id for _, delivery in reports if delivery is not None}
    erased = people.erased(connection, readers)
    rows = [_row(event, delivery, erased, now) for event, delivery in reports]
    if not rows:
        return frozenset()
    added = insert_into(connection, events).on_conflict_do_nothing().returning(events.c.key)
    return frozenset(connection.execute(added, rows).scalars())


def _row(
    event: Event, delivery: DeliveryState | None, erased: Collection[int], now: dt.datetime
) -> dict[str, Any]:
    """A row of the log; for an erased person it says only that there was a report."""
    may_keep_text = delivery is None or delivery.subscriber_id not in erased
    return {
        "key": event.key,
        "type": event.type,
        "at": event.at,
        "sent_at": event.sent_at,
        "received_at": now,
        "send": None if delivery is None else delivery.send,
        "number": None if delivery is None else delivery.number,
        "subscriber_id": None if delivery is None else delivery.subscriber_id,
        "message_id": event.message_id,
        "cause": event.cause,
        "word": event.word,
        "reporter": event.reporter,
        "verdict": Verdict.IGNORED if delivery is None else Verdict.APPLIED,
        "detail": event.detail if may_keep_text else "",
        "payload": event.payload if may_keep_text else None,
        "agent": event.agent,
        "link": event.link,
    }


def adopt(
    connection: Connection, owners: Mapping[str, tuple[DeliveryState, Ref | None]]
) -> list[tuple[Event, DeliveryState]]:
    """Give the events that were ignored to their deliveries, now that these are known.

    `owners` are the deliveries by message id, each with the reference that named it.
    """
    if not owners:
        return []
    query = sa.select(events).where(
        events.c.message_id.in_(sorted(owners)), events.c.verdict == Verdict.IGNORED
    )
    adopted = []
    for row in connection.execute(query).all():
        delivery, ref = owners[row.message_id]
        adopted.append((replace(_event(row), ref=ref), delivery))
    if adopted:
        connection.execute(
            sa.update(events)
            .where(events.c.key == sa.bindparam("b_key"))
            .values(
                verdict=Verdict.APPLIED,
                send=sa.bindparam("b_send"),
                number=sa.bindparam("b_number"),
                subscriber_id=sa.bindparam("b_subscriber"),
            ),
            [
                {
                    "b_key": event.key,
                    "b_send": delivery.send,
                    "b_number": delivery.number,
                    "b_subscriber": delivery.subscriber_id,
                }
                for event, delivery in adopted
            ],
        )
    return adopted


def known_by_now(connection: Connection, since: dt.datetime) -> list[Event]:
    """Events received since a time that were ignored, although their delivery is known now.

    By ix_events_ignored: this is asked every few seconds, and the log may have millions.
    """
    is_ignored = sa.and_(events.c.received_at >= since, sa.text("verdict = 'ignored'"))
    if connection.execute(sa.select(sa.literal(1)).where(is_ignored).limit(1)).first() is None:
        return []  # as a rule; what follows makes PostgreSQL look at every partition
    query = (
        sa.select(events)
        .join(deliveries, deliveries.c.message_id == events.c.message_id)
        .where(is_ignored)
        .order_by(events.c.received_at, events.c.id)
    )
    return [_event(row) for row in connection.execute(query)]


def _event(row: Row[Any]) -> Event:
    return Event(
        key=row.key,
        type=EventType(row.type),
        at=row.at,
        message_id=row.message_id,
        ref=None,
        detail=row.detail,
        payload=row.payload or "",
        cause=None if row.cause is None else Cause(row.cause),
        sent_at=row.sent_at,
        word=row.word,
        reporter=row.reporter,
    )


# --- what is forgotten ----------------------------------------------------------------------------


def clear_payloads(connection: Connection, after: dt.datetime, before: dt.datetime) -> int:
    """Forget the raw text of events received in this time, some thousands at most; their rows stay.

    Returns how many they were.
    """
    oldest = (
        sa.select(events.c.id)
        .where(
            events.c.received_at >= after,
            events.c.received_at < before,
            events.c.payload.is_not(None),
        )
        .limit(_PAYLOADS)
    )
    cleared = sa.update(events).where(events.c.id.in_(oldest)).values(payload=None)
    return int(connection.execute(cleared).rowcount)


# --- what follows from them -----------------------------------------------------------------------


def with_causes(connection: Connection, subscriber_ids: Collection[int]) -> Sequence[int]:
    """Those of some people who have a bounce or complaint, by ix_events_caused."""
    query = (
        sa.select(events.c.subscriber_id)
        .where(events.c.subscriber_id.in_(subscriber_ids), events.c.cause.is_not(None))
        .distinct()
    )
    return [
        int(person_id) for person_id in connection.execute(query).scalars() if person_id is not None
    ]


def reports_of(
    connection: Connection, subscriber_ids: Collection[int]
) -> Mapping[int, Sequence[LoggedEvent]]:
    """The bounces, complaints and deliveries of some people, each person's in no order.

    A mail is addressed by its claim and taken only later: its reader may move in between.
    """
    query = (
        sa.select(events, sends.c.id.label("send_id"))
        .join(sends, sends.c.number == events.c.send)
        .where(
            events.c.subscriber_id.in_(subscriber_ids),
            sa.or_(events.c.cause.is_not(None), events.c.type == EventType.DELIVERY),
        )
    )
    rows = connection.execute(query).all()
    claimed_at = _claimed_at(connection, {(row.send, row.number) for row in rows})
    reports: dict[int, list[LoggedEvent]] = defaultdict(list)
    for row in rows:
        cause = None if row.cause is None else Cause(row.cause)
        claimed = claimed_at.get((row.send, row.number))
        report = LoggedEvent(
            id=row.id,
            key=row.key,
            type=EventType(row.type),
            cause=cause,
            at=row.at,
            sent_at=min(filter(None, (row.sent_at or row.at, claimed))),
            detail=row.detail,
            send_id=row.send_id,
            number=row.number,
        )
        reports[row.subscriber_id].append(report)
    return reports


def _claimed_at(
    connection: Connection, keys: Collection[DeliveryKey]
) -> Mapping[DeliveryKey, dt.datetime]:
    """When the batch of each delivery was claimed, where it has one."""
    by_send: dict[int, list[int]] = defaultdict(list)
    for send, number in keys:
        by_send[send].append(number)
    found: dict[DeliveryKey, dt.datetime] = {}
    for send, numbers in by_send.items():
        query = (
            sa.select(deliveries.c.number, batches.c.claimed_at)
            .join(batches, batches.c.id == deliveries.c.batch)
            .where(deliveries.c.send == send, deliveries.c.number.in_(numbers))
        )
        found |= {(send, row.number): row.claimed_at for row in connection.execute(query)}
    return found


def caused(
    connection: Connection,
    send: int,
    since: dt.datetime | None,
    accepted_since: dt.datetime | None = None,
) -> Mapping[Cause, int]:
    """The deliveries of a send counted by cause, from events received after `since`.

    By ix_events_causes, and the time of each delivery by its key: a join might begin with them all.
    """
    query = (
        sa.select(events.c.cause, sa.func.count(events.c.number.distinct()).label("number"))
        .where(events.c.send == send, events.c.cause.is_not(None))
        .group_by(events.c.cause)
    )
    if since is not None:
        query = query.where(events.c.received_at > since)
    if accepted_since is not None:
        accepted_at = sa.select(deliveries.c.at).where(
            deliveries.c.send == send, deliveries.c.number == events.c.number
        )
        query = query.where(accepted_at.scalar_subquery() > accepted_since)
    return {Cause(row.cause): row.number for row in connection.execute(query)}


def payloads(connection: Connection, send: int) -> Sequence[str]:
    """What was reported about a send, as it came; the few of a rehearsal are meant."""
    query = sa.select(events.c.payload).where(events.c.send == send, events.c.payload.is_not(None))
    return connection.execute(query.order_by(events.c.id)).scalars().all()


def unknown_words(connection: Connection, send: int) -> Mapping[str, int]:
    """The deliveries of a send that were reported in unknown words, counted by word; these have no
    effect. By ix_events_causes."""
    query = (
        sa.select(events.c.word, sa.func.count(events.c.number.distinct()))
        .where(events.c.send == send, events.c.cause == Cause.UNKNOWN)
        .group_by(events.c.word)
        .order_by(events.c.word)
    )
    return {word: count for word, count in connection.execute(query)}  # noqa: C416 -- a Row is no pair to mypy


@dataclass(frozen=True, slots=True)
class UnknownWord:
    """A word that is not known here: how many events had it, and the newest of them."""

    word: str
    events: int
    last_at: dt.datetime
    payload: str | None


def all_unknown_words(connection: Connection) -> Sequence[UnknownWord]:
    """Every unknown word of the log; the word of the newest event comes first."""
    newest = (
        sa.select(sa.func.max(events.c.id).label("id"), sa.func.count().label("amount"))
        .where(events.c.cause == Cause.UNKNOWN)
        .group_by(events.c.word)
        .subquery()
    )
    query = (
        sa.select(events.c.word, newest.c.amount, events.c.received_at, events.c.payload)
        .join(newest, newest.c.id == events.c.id)
        .order_by(events.c.id.desc())
    )
    return [
        UnknownWord(row.word, row.amount, row.received_at, row.payload)
        for row in connection.execute(query)
    ]


def last_reporter(connection: Connection) -> str:
    """Who reported the newest event that could be read."""
    query = (
        sa.select(events.c.reporter)
        .where(events.c.verdict != Verdict.SET_ASIDE)
        .order_by(events.c.id.desc())
        .limit(1)
    )
    return connection.execute(query).scalar() or "the provider"


def last_applied(connection: Connection) -> dt.datetime | None:
    """When the newest event about a delivery of ours came, by ix_events_received_at."""
    query = (
        sa.select(events.c.received_at)
        .where(events.c.verdict == Verdict.APPLIED)
        .order_by(events.c.received_at.desc())
        .limit(1)
    )
    return connection.execute(query).scalar()
