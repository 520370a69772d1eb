"""Queries on segments: the saved rules, and who is in one."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from newsletter.errors import UsageError
from newsletter.meant import did_you_mean
from newsletter.model.segment import OnList, Segment, SegmentRule, tests
from newsletter.model.send import ENDED
from newsletter.model.subscriber import SubscriptionStatus
from newsletter.store.dialects import insert_into
from newsletter.store.people import lists
from newsletter.store.schema import segments, sends, subscribers, subscriptions
from newsletter.store.segments.conditions import Condition, Moment, condition
from newsletter.store.segments.rules import parse


def find(connection: Connection, name: str) -> Segment:
    """Raises UsageError, with the nearest existing name, where there is no such segment."""
    row = connection.execute(sa.select(segments).where(segments.c.name == name)).first()
    if row is not None:
        return _segment(row)
    names = connection.execute(sa.select(segments.c.name).order_by(segments.c.name)).scalars().all()
    hint = did_you_mean(name, names) or f"Make it: newsletter segments create {name} RULE"
    raise UsageError(f"there is no segment {name!r}", hint=hint)


def rule_of(segment: Segment) -> SegmentRule:
    return parse(segment.rule, source=segment.name)


def check_lists(connection: Connection, rule: SegmentRule) -> None:
    """Raises UsageError for a list of a rule that does not exist."""
    for test in tests(rule):
        if isinstance(test, OnList):
            lists.id_of(connection, test.list)


def newest_first(connection: Connection) -> Sequence[Segment]:
    query = sa.select(segments).order_by(segments.c.created_at.desc(), segments.c.name)
    return [_segment(row) for row in connection.execute(query)]


def create(connection: Connection, name: str, rule: str, now: dt.datetime) -> bool:
    """Save a rule under a new name; False if the name is taken."""
    statement = insert_into(connection, segments).values(
        name=name, rule=rule, created_at=now, updated_at=now
    )
    insert = statement.on_conflict_do_nothing().returning(segments.c.name)
    return connection.execute(insert).first() is not None


def update(connection: Connection, name: str, rule: str, now: dt.datetime) -> None:
    connection.execute(
        sa.update(segments).where(segments.c.name == name).values(rule=rule, updated_at=now)
    )


def delete(connection: Connection, name: str) -> None:
    connection.execute(sa.delete(segments).where(segments.c.name == name))


def open_sends(connection: Connection, name: str) -> Sequence[str]:
    """The ids of the sends to a segment, on any list, that have not ended."""
    query = (
        sa.select(sends.c.id)
        .where(sends.c.segment == name, sends.c.status.not_in(ENDED))
        .order_by(sends.c.number)
    )
    return connection.execute(query).scalars().all()


def naming(connection: Connection, list_name: str) -> str | None:
    """The first segment, or send that has not ended, whose rule names a list."""
    saved = sa.select(segments.c.name, segments.c.rule).order_by(segments.c.name)
    sealed = (
        sa.select(sends.c.id, sends.c.segment_rule)
        .where(sends.c.segment_rule != "", sends.c.status.not_in(ENDED))
        .order_by(sends.c.number)
    )
    for query in (saved, sealed):
        for name, rule in connection.execute(query):
            if OnList(list_name) in tests(parse(rule, source=name)):
                return str(name)
    return None


def count(connection: Connection, rule: SegmentRule, list_id: int | None, moment: Moment) -> int:
    """How many confirmed members of a list, or of any list, are in a segment."""
    members = _members(connection, rule, list_id, moment)
    query = members.with_only_columns(sa.func.count(), maintain_column_froms=True)
    return int(connection.execute(query).scalar_one())


def sample(
    connection: Connection, rule: SegmentRule, list_id: int | None, moment: Moment, size: int
) -> Sequence[str]:
    """The addresses of the newest people of a segment, at most `size`."""
    members = _members(connection, rule, list_id, moment)
    query = members.order_by(subscribers.c.id.desc()).limit(size)
    return [row.address for row in connection.execute(query)]


def among(
    connection: Connection, rule: SegmentRule, list_id: int | None, moment: Moment
) -> Condition:
    """Whether the subscriber of an outer query is one that `count` counts.

    Asked person by person, so that a query that reads people in pages stays as quick as its pages.
    """
    joined = sa.select(sa.func.min(subscriptions.c.consent_at)).where(
        subscriptions.c.subscriber_id == subscribers.c.id,
        subscriptions.c.status == SubscriptionStatus.CONFIRMED,
    )
    if list_id is not None:
        joined = joined.where(subscriptions.c.list_id == list_id)
    joined_at = joined.correlate(subscribers).scalar_subquery()
    return sa.and_(joined_at.is_not(None), condition(connection, rule, moment, joined_at))


def _members(
    connection: Connection, rule: SegmentRule, list_id: int | None, moment: Moment
) -> sa.Select[Any]:
    """The addresses of confirmed members of a list, or of any, for whom a rule holds.

    Without a list, people joined when they joined the first of their lists.
    """
    confirmed = subscriptions.c.status == SubscriptionStatus.CONFIRMED
    joined = sa.select(
        subscriptions.c.subscriber_id, sa.func.min(subscriptions.c.consent_at).label("at")
    ).where(confirmed)
    if list_id is not None:
        joined = joined.where(subscriptions.c.list_id == list_id)
    first = joined.group_by(subscriptions.c.subscriber_id).subquery("first")
    return (
        sa.select(subscribers.c.address)
        .join(first, first.c.subscriber_id == subscribers.c.id)
        .where(subscribers.c.address.is_not(None), condition(connection, rule, moment, first.c.at))
    )


def _segment(row: Row[Any]) -> Segment:
    return Segment(row.name, row.rule, row.created_at, row.updated_at)
