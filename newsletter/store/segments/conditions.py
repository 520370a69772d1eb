"""Rules of segments as conditions on people: SegmentRule -> SQL.

Each test is true or false of everybody, never NULL, so that `not` means what it says. Texts,
numbers and names of a rule become bound parameters.
"""

import datetime as dt
import operator
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, assert_never

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.model.segment import (
    LONGEST_NUMBER,
    AllOf,
    AnyOf,
    Compare,
    Comparison,
    Contains,
    Engaged,
    Field,
    IsSet,
    Joined,
    JoinedWithin,
    Not,
    OneOf,
    OnList,
    Paused,
    SegmentRule,
    Subject,
    Test,
    TextPosition,
    Value,
)
from newsletter.model.subscriber import SubscriptionStatus
from newsletter.store import dialects
from newsletter.store.engine import driver_connection
from newsletter.store.people import lists
from newsletter.store.schema import UtcTime, events, subscribers, subscriptions

Condition = sa.ColumnElement[bool]
TextColumn = sa.ColumnElement[str]
NumberColumn = sa.ColumnElement[Any]

Comparator = Callable[[Any, Any], Any]

_ORDERS: dict[Comparison, Comparator] = {
    Comparison.LESS: operator.lt,
    Comparison.AT_MOST: operator.le,
    Comparison.MORE: operator.gt,
    Comparison.AT_LEAST: operator.ge,
}


@dataclass(frozen=True, slots=True)
class Moment:
    """When a rule is evaluated, and the time zone of its days: `now` in UTC, `timezone` by its IANA
    name."""

    now: dt.datetime
    timezone: str = "UTC"

    def start_of(self, day: dt.date) -> dt.datetime:
        """When a day begins, in UTC."""
        midnight = dt.datetime.combine(day, dt.time(), zoneinfo.ZoneInfo(self.timezone))
        return midnight.astimezone(dt.UTC)


def condition(
    connection: Connection,
    rule: SegmentRule,
    moment: Moment,
    joined_at: sa.ColumnElement[dt.datetime],
) -> Condition:
    """Whether a rule holds for the subscriber of an outer query, who has an address.

    `joined_at` is when that subscriber joined. Raises UsageError for a list that does not exist.
    """
    return _Compiler(connection, moment, joined_at).compile(rule, wanted=True)


@dataclass(frozen=True, slots=True)
class _Compiler:
    connection: Connection
    moment: Moment
    joined_at: sa.ColumnElement[dt.datetime]

    def compile(self, rule: SegmentRule, *, wanted: bool) -> Condition:
        """The condition that a rule is true, or is false if that is `wanted`.

        SQLite's parser holds a hundred open symbols. So `not` moves down to the tests, and the
        deepest of several parts comes first, where only its parentheses are open.
        """
        match rule:
            case Not():
                return self.compile(rule.rule, wanted=not wanted)
            case AllOf() | AnyOf():
                parts = sorted(rule.rules, key=_depth, reverse=True)
                conditions = [self.compile(part, wanted=wanted) for part in parts]
                both = isinstance(rule, AllOf) is wanted
                return sa.and_(*conditions) if both else sa.or_(*conditions)
            case _:
                condition = self.test(rule)
                return condition if wanted else sa.not_(condition)

    def test(self, test: Test) -> Condition:
        match test:
            case Compare(comparison=Comparison.EQUAL):
                return self.holds(test.subject, self.one_of((test.value,)))
            case Compare(comparison=Comparison.UNEQUAL):
                return sa.not_(self.holds(test.subject, self.one_of((test.value,))))
            case Compare():
                return self.holds(test.subject, self.compared(test.comparison, test.value))
            case OneOf():
                return self.holds(test.subject, self.one_of(test.values))
            case Contains():
                return self.holds(test.subject, self.contains(test.part, test.text))
            case IsSet():
                return self.holds(test.subject, lambda value: value != "")
            case OnList():
                return self.on_list(test.list)
            case Joined():
                return self.joined(test)
            case JoinedWithin():
                return self.joined_at >= self.days_ago(test.days)
            case Engaged():
                return self.engaged(test)
            case Paused():
                until = subscribers.c.paused_until
                return sa.and_(until.is_not(None), until > self.moment.now)
            case _:
                assert_never(test)

    # --- what people are called ---

    def holds(self, subject: Subject, test: Callable[[TextColumn], Condition]) -> Condition:
        """Whether a test holds for the value of a subject; none holds for a missing attribute."""
        match subject:
            case Field.NAME:
                return test(self.plain(subscribers.c.name))
            case Field.ADDRESS:
                return test(self.plain(subscribers.c.address_key))
            case Field.DOMAIN:
                key = subscribers.c.address_key
                at = dialects.position(self.connection, key, "@")
                return test(self.plain(sa.func.substr(key, at + 1)))
        # Not by a path: SQLite's would have to be quoted, and misses letters written as \u.
        pair = dialects.each_pair(self.connection, subscribers.c.attributes, "pair")
        return (
            sa.exists()
            .select_from(pair)
            .where(pair.c.key == subject.name, test(self.plain(pair.c.value)))
            .correlate(subscribers)
        )

    def plain(self, value: sa.ColumnElement[str]) -> TextColumn:
        """A value that is compared by its characters alone."""
        return dialects.by_code_point(self.connection, sa.type_coerce(value, sa.Text()))

    def one_of(self, values: tuple[Value, ...]) -> Callable[[TextColumn], Condition]:
        texts = [value for value in values if isinstance(value, str)]
        fold = _Fold(self.connection, *texts)
        folded = [fold.text(text) for text in texts]
        numbers = [self.number(str(value)) for value in values if isinstance(value, Decimal)]
        return lambda value: sa.or_(
            *([fold.value(value).in_(folded)] if folded else []),
            *([self.as_number(value, lambda own: own.in_(numbers))] if numbers else []),
        )

    def compared(self, comparison: Comparison, bound: Value) -> Callable[[TextColumn], Condition]:
        order = _ORDERS[comparison]
        if isinstance(bound, Decimal):
            number = self.number(str(bound))
            return lambda value: self.as_number(value, lambda own: order(own, number))
        fold = _Fold(self.connection)  # other letters are not in this order anyway
        return lambda value: sa.and_(value != "", order(fold.value(value), fold.text(bound)))

    def as_number(self, value: TextColumn, test: Callable[[NumberColumn], Condition]) -> Condition:
        """Whether a value is a number for which a test holds."""
        return sa.case((self.is_number(value), test(self.number(value))), else_=sa.false())

    def number(self, text: str | TextColumn) -> NumberColumn:
        return dialects.number(self.connection, text)

    def is_number(self, value: TextColumn) -> Condition:
        short = sa.func.length(value) <= LONGEST_NUMBER
        return sa.and_(short, dialects.is_number(self.connection, value))

    def contains(self, part: TextPosition, text: str) -> Callable[[TextColumn], Condition]:
        fold = _Fold(self.connection, text)
        folded = fold.text(text)
        match part:
            case TextPosition.ANYWHERE:
                return lambda value: fold.value(value).contains(folded, autoescape=True)
            case TextPosition.START:
                return lambda value: fold.value(value).startswith(folded, autoescape=True)
            case TextPosition.END:
                return lambda value: fold.value(value).endswith(folded, autoescape=True)
            case _:
                assert_never(part)

    # --- what people did ---

    def on_list(self, name: str) -> Condition:
        joined = subscriptions.alias("joined")
        return (
            sa.exists()
            .where(
                joined.c.list_id == lists.id_of(self.connection, name),
                joined.c.subscriber_id == subscribers.c.id,
                joined.c.status == SubscriptionStatus.CONFIRMED,
            )
            .correlate(subscribers)
        )

    def joined(self, test: Joined) -> Condition:
        conditions = []
        if test.first is not None:
            conditions.append(self.joined_at >= self.moment.start_of(test.first))
        if test.last is not None:
            tomorrow = test.last + dt.timedelta(days=1)
            conditions.append(self.joined_at < self.moment.start_of(tomorrow))
        return sa.and_(*conditions)

    def engaged(self, test: Engaged) -> Condition:
        """By ix_events_subscriber_id: a person has few events, and the log may have millions."""
        about = [events.c.subscriber_id == subscribers.c.id, events.c.type == test.type]
        if test.days is not None:
            about.append(events.c.at >= self.days_ago(test.days))
        if test.at_least == 1:
            return sa.exists().where(*about).correlate(subscribers)
        count = sa.select(sa.func.count()).select_from(events).where(*about).correlate(subscribers)
        return count.scalar_subquery() >= test.at_least

    def days_ago(self, days: int) -> sa.ColumnElement[dt.datetime]:
        return sa.literal(self.moment.now - dt.timedelta(days=days), UtcTime())


class _Fold:
    """Makes values and the texts that are searched in them comparable: capitals never matter.

    Databases agree only about the lower case of A to Z. They are told about the other letters in
    the texts.
    """

    def __init__(self, connection: Connection, *texts: str) -> None:
        self._small = {
            capital: small
            for letter in "".join(texts)
            if not letter.isascii()
            and len(small := letter.lower()) == 1
            and len(capital := small.upper()) == 1
            and capital != small
            and capital.lower() == small
        }
        if self._small and dialects.is_sqlite(connection):
            driver_connection(connection).create_function(
                "translate", 3, _translate, deterministic=True
            )

    def text(self, text: str) -> str:
        small = (letter.lower() if letter.isascii() else letter for letter in text)
        return _translate("".join(small), "".join(self._small), "".join(self._small.values()))

    def value(self, value: TextColumn) -> TextColumn:
        if self._small:
            capitals, small = "".join(self._small), "".join(self._small.values())
            value = sa.func.translate(value, capitals, small)
        return sa.func.lower(value)


def _translate(text: str, old: str, new: str) -> str:
    """PostgreSQL's function of that name, for SQLite too."""
    return text.translate(str.maketrans(old, new))


def _depth(rule: SegmentRule) -> int:
    match rule:
        case Not():
            return _depth(rule.rule)
        case AllOf() | AnyOf():
            return 1 + max(map(_depth, rule.rules))
        case _:
            return 0
