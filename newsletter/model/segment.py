"""Segments: saved filters over a list, and what their rules say.

A SegmentRule is a tree of these classes. Capitals never matter in a text: `berlin` is `Berlin`.
"""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from newsletter.model.event import EventType

# Anything longer is text: up to this many digits, decimals and floats of all stores agree.
LONGEST_NUMBER = 15  # characters


@dataclass(frozen=True, slots=True)
class Segment:
    """`rule` is the text as an editor wrote it; times are UTC."""

    name: str
    rule: str
    created_at: dt.datetime
    updated_at: dt.datetime


class Field(StrEnum):
    """What every person has. `DOMAIN` is what follows the @ of the address."""

    ADDRESS = "address"
    NAME = "name"
    DOMAIN = "domain"


@dataclass(frozen=True, slots=True)
class Attribute:
    """`name` in lower case. A missing attribute counts as empty."""

    name: str


Subject: TypeAlias = Field | Attribute
Value: TypeAlias = str | Decimal


class Comparison(StrEnum):
    EQUAL = "="
    UNEQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="


class TextPosition(StrEnum):
    """Where in a value a text stands."""

    ANYWHERE = "contains"
    START = "starts with"
    END = "ends with"


@dataclass(frozen=True, slots=True)
class Compare:
    """A value that is empty, or not a number where the other is one, is only unequal."""

    subject: Subject
    comparison: Comparison
    value: Value


@dataclass(frozen=True, slots=True)
class Contains:
    subject: Subject
    part: TextPosition
    text: str


@dataclass(frozen=True, slots=True)
class OneOf:
    subject: Subject
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class IsSet:
    """The value is not empty."""

    subject: Subject


@dataclass(frozen=True, slots=True)
class OnList:
    """A confirmed member of the list of this name."""

    list: str


@dataclass(frozen=True, slots=True)
class Joined:
    """Consent was given from `first` to `last`, both included, in the newsletter's time zone."""

    first: dt.date | None
    last: dt.date | None


@dataclass(frozen=True, slots=True)
class JoinedWithin:
    """Consent was given in the last `days` times 24 hours."""

    days: int


@dataclass(frozen=True, slots=True)
class Engaged:
    """This many events of a type were reported, ever or in the last `days` times 24 hours."""

    type: EventType
    at_least: int
    days: int | None


@dataclass(frozen=True, slots=True)
class Paused:
    """They want no mail for now."""


@dataclass(frozen=True, slots=True)
class Not:
    rule: "SegmentRule"


@dataclass(frozen=True, slots=True)
class AllOf:
    rules: "tuple[SegmentRule, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    rules: "tuple[SegmentRule, ...]"


Test: TypeAlias = (
    Compare | Contains | OneOf | IsSet | OnList | Joined | JoinedWithin | Engaged | Paused
)
SegmentRule: TypeAlias = Test | Not | AllOf | AnyOf


def tests(rule: SegmentRule) -> tuple[Test, ...]:
    """The tests of a rule, in its order."""
    match rule:
        case Not():
            return tests(rule.rule)
        case AllOf() | AnyOf():
            return tuple(test for part in rule.rules for test in tests(part))
        case _:
            return (rule,)


def attributes(rule: SegmentRule) -> tuple[str, ...]:
    """The names of the attributes that a rule asks for, each once."""
    subjects = (
        test.subject for test in tests(rule) if isinstance(test, Compare | Contains | OneOf | IsSet)
    )
    return tuple(
        dict.fromkeys(subject.name for subject in subjects if isinstance(subject, Attribute))
    )
