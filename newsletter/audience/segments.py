"""Segments: saving a rule, and finding who is in one."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from newsletter.audience.lists import check_name
from newsletter.errors import Refused
from newsletter.meant import meant
from newsletter.model.segment import Segment, SegmentRule, attributes
from newsletter.store import Store
from newsletter.store.people import lists, people
from newsletter.store.segments import segments
from newsletter.store.segments.conditions import Condition, Moment
from newsletter.store.segments.rules import parse


@dataclass(frozen=True, slots=True)
class Members:
    """The members of a list, or of any, who are in a segment: how many, and the addresses of the
    newest.

    `warnings` name attributes that nobody has.
    """

    count: int
    sample: tuple[str, ...]
    warnings: tuple[str, ...]


def create(store: Store, name: str, rule: str, now: dt.datetime, source: str) -> Sequence[str]:
    """Save a rule under a new name; returns warnings.

    Raises UsageError for a rule that cannot be understood, with places in `source`, and for an
    invalid name; Refused for a name that is taken.
    """
    check_name(name, "segment")
    parsed = parse(rule, source)
    with store.write() as connection:
        segments.check_lists(connection, parsed)
        if not segments.create(connection, name, rule, now):
            raise Refused(
                f"there is a segment {name!r} already",
                hint=f"Give it another rule: newsletter segments update {name} RULE",
            )
        return _warnings(connection, parsed)


def update(store: Store, name: str, rule: str, now: dt.datetime, source: str) -> Sequence[str]:
    """Give a segment another rule; returns warnings. Sends that are planned keep theirs.

    Raises UsageError for an unknown segment, and for a rule that cannot be understood.
    """
    parsed = parse(rule, source)
    with store.write() as connection:
        segments.find(connection, name)
        segments.check_lists(connection, parsed)
        segments.update(connection, name, rule, now)
        return _warnings(connection, parsed)


def delete(store: Store, name: str) -> None:
    """Raises UsageError for an unknown segment, Refused while a send to it has not ended."""
    with store.write() as connection:
        segments.find(connection, name)
        if using := segments.open_sends(connection, name):
            raise Refused(
                f"{using[0]} is a send to {name!r} that has not ended",
                hint=f"Finish it: newsletter resume {using[0]}, or end it: "
                f"newsletter cancel {using[0]}",
            )
        segments.delete(connection, name)


def show(
    store: Store, name: str, list_name: str | None, size: int, moment: Moment
) -> tuple[Segment, Members]:
    """A segment and who is in it, with at most `size` addresses.

    Raises UsageError for an unknown segment or list.
    """
    with store.read() as connection:
        segment = segments.find(connection, name)
        rule = segments.rule_of(segment)
        return segment, _members(connection, rule, list_name, size, moment)


def check(
    store: Store, rule: str, list_name: str, size: int, moment: Moment, source: str
) -> Members:
    """Who would be in a segment of this rule.

    Raises UsageError for a rule that cannot be understood, and for an unknown list.
    """
    parsed = parse(rule, source)
    with store.read() as connection:
        return _members(connection, parsed, list_name, size, moment)


def members_of(connection: Connection, name: str, list_id: int | None, moment: Moment) -> Condition:
    """Whether the subscriber of an outer query is in a segment, and a confirmed member of a list,
    or of any. Raises UsageError for an unknown segment."""
    rule = segments.rule_of(segments.find(connection, name))
    return segments.among(connection, rule, list_id, moment)


def _members(
    connection: Connection, rule: SegmentRule, list_name: str | None, size: int, moment: Moment
) -> Members:
    list_id = None if list_name is None else lists.id_of(connection, list_name)
    return Members(
        segments.count(connection, rule, list_id, moment),
        tuple(segments.sample(connection, rule, list_id, moment, size)),
        tuple(_warnings(connection, rule)),
    )


def _warnings(connection: Connection, rule: SegmentRule) -> Sequence[str]:
    unknown = people.unknown_attributes(connection, attributes(rule))
    if not unknown:
        return ()
    names = people.attribute_names(connection)
    return [_warning(name, names) for name in unknown]


def _warning(name: str, names: Sequence[str]) -> str:
    close = meant(name, names)
    advice = f"Did you mean {close!r}?" if close else "Its tests find nobody's value."
    return f"Nobody has an attribute {name!r}. {advice}"
