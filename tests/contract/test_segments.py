"""Who is in a segment: SQL on both databases, compared with what each rule says of each person."""

import datetime as dt
import operator
import random
import re
import zoneinfo
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, assert_never

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsletter.audience.cells import attribute_name
from newsletter.errors import UsageError
from newsletter.model.address import Address
from newsletter.model.event import EventType
from newsletter.model.segment import (
    AllOf,
    AnyOf,
    Attribute,
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
    TextPosition,
    Value,
)
from newsletter.model.subscriber import Consent, SubscriptionStatus
from newsletter.store import Store
from newsletter.store.people import lists, people, subscribing
from newsletter.store.schema import events
from newsletter.store.schema import segments as segments_table
from newsletter.store.segments import segments
from newsletter.store.segments.conditions import Moment
from newsletter.store.segments.rules import DEEPEST_RULE, parse
from tests.factories import NOW, join, make_list
from tests.share import examples

ZONE = "Asia/Shanghai"
MOMENT = Moment(NOW, ZONE)
LISTS = ("daily", "weekly")
TEXTS = (
    *(
        "Berlin",
        "berlin",
        "BERLIN",
        "ber",
        "Österreich",
        "ÖSTERREICH",
        "österreich",
        "北京",
        "Анна",
    ),
    *("анна", "50%", "50x", "a_b", "axb", "O'Brien", 'the "best"', "back\\slash", "a/b", "%", "_"),
    *(
        "5",
        "05",
        "5.0",
        "-3",
        "1e3",
        "5.",
        "--5",
        "5-3",
        ".5",
        "1.2.3",
        "1234567890123456",
        "٣",
        "18",
        "9",
        "x'; --",
    ),
    *("2025-12-31", "2026-01-07", "example.com", "x1@example.com", "ẞ", "ΣΑΣ"),
)
NUMBERS = tuple(map(Decimal, ("5", "5.0", "05", "-3", "0", "17.5", "18", "999999999999999")))
ATTRIBUTES = ("city", "first order", "名字", 'we"ird', "it's", "a.b", "$x", "back\\slash", "paused")
DAYS = (1, 7, 30)


@dataclass
class Person:
    address: str
    name: str
    attributes: Mapping[str, str]
    paused_until: dt.datetime | None
    joined: Mapping[str, tuple[SubscriptionStatus, dt.datetime]]
    events: list[tuple[EventType, dt.datetime]] = field(default_factory=list)


# --- what a rule says of a person, in Python ------------------------------------------------------


def holds(rule: SegmentRule, person: Person, list_name: str) -> bool:
    match rule:
        case Not():
            return not holds(rule.rule, person, list_name)
        case AllOf():
            return all(holds(part, person, list_name) for part in rule.rules)
        case AnyOf():
            return any(holds(part, person, list_name) for part in rule.rules)
        case Compare():
            return compared(value_of(rule.subject, person), rule.comparison, rule.value)
        case OneOf():
            value = value_of(rule.subject, person)
            return any(compared(value, Comparison.EQUAL, wanted) for wanted in rule.values)
        case Contains():
            value, text = value_of(rule.subject, person).lower(), rule.text.lower()
            match rule.part:
                case TextPosition.ANYWHERE:
                    return text in value
                case TextPosition.START:
                    return value.startswith(text)
                case TextPosition.END:
                    return value.endswith(text)
            assert_never(rule.part)
        case IsSet():
            return value_of(rule.subject, person) != ""
        case OnList():
            status, _ = person.joined.get(rule.list, (None, None))
            return status is SubscriptionStatus.CONFIRMED
        case Joined():
            day = person.joined[list_name][1].astimezone(zoneinfo.ZoneInfo(ZONE)).date()
            return (rule.first or day) <= day <= (rule.last or day)
        case JoinedWithin():
            return NOW - person.joined[list_name][1] <= dt.timedelta(days=rule.days)
        case Engaged():
            found = [
                at
                for kind, at in person.events
                if kind is rule.type
                and (rule.days is None or NOW - at <= dt.timedelta(days=rule.days))
            ]
            return len(found) >= rule.at_least
        case Paused():
            return person.paused_until is not None and person.paused_until > NOW
        case _:
            assert_never(rule)


def value_of(subject: Subject, person: Person) -> str:
    match subject:
        case Field.ADDRESS:
            return person.address.lower()
        case Field.NAME:
            return person.name
        case Field.DOMAIN:
            return person.address.lower().partition("@")[2]
        case Attribute():
            return person.attributes.get(subject.name, "")


def compared(value: str, comparison: Comparison, wanted: Value) -> bool:
    if comparison is Comparison.UNEQUAL:
        return not compared(value, Comparison.EQUAL, wanted)
    if isinstance(wanted, Decimal):
        is_number = re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value) and len(value) <= 15
        return bool(is_number) and ordered(Decimal(value), comparison, wanted)
    if comparison is Comparison.EQUAL:
        return value.lower() == wanted.lower()
    return value != "" and ordered(in_order(value), comparison, in_order(wanted))


def in_order(text: str) -> list[int]:
    return [ord(letter.lower() if letter.isascii() else letter) for letter in text]


def ordered(left: Any, comparison: Comparison, right: Any) -> bool:
    compare = {
        Comparison.EQUAL: operator.eq,
        Comparison.LESS: operator.lt,
        Comparison.AT_MOST: operator.le,
        Comparison.MORE: operator.gt,
        Comparison.AT_LEAST: operator.ge,
    }[comparison]
    return bool(compare(left, right))


# --- a rule as an editor writes it ----------------------------------------------------------------


def written(rule: SegmentRule) -> str:
    match rule:
        case Not():
            return f"not ({written(rule.rule)})"
        case AllOf():
            return " and ".join(f"({written(part)})" for part in rule.rules)
        case AnyOf():
            return " or ".join(f"({written(part)})" for part in rule.rules)
        case Compare():
            return f"{subject(rule.subject)} {rule.comparison} {value(rule.value)}"
        case OneOf():
            return f"{subject(rule.subject)} in ({', '.join(map(value, rule.values))})"
        case Contains():
            return f"{subject(rule.subject)} {rule.part} {value(rule.text)}"
        case IsSet():
            return f"{subject(rule.subject)} is set"
        case OnList():
            return f"on list {value(rule.list)}"
        case Joined(first, None):
            return f"joined since {first}"
        case Joined(None, last):
            assert last is not None
            return f"joined before {last + dt.timedelta(days=1)}"
        case Joined():
            return f"joined on {rule.first}"
        case JoinedWithin():
            return f"joined within {rule.days} days"
        case Engaged():
            word = {"Open": "opened", "Click": "clicked", "Delivery": "delivered"}[rule.type]
            within = "" if rule.days is None else f" within {rule.days} days"
            return f"{word} at least {rule.at_least} times{within}"
        case Paused():
            return "paused"
        case _:
            assert_never(rule)


def subject(of: Subject) -> str:
    return of.value if isinstance(of, Field) else f"attribute {value(of.name)}"


def value(of: Value) -> str:
    if isinstance(of, Decimal):
        return str(of)
    return '"' + of.replace("\\", "\\\\").replace('"', '\\"') + '"'


SUBJECTS = st.sampled_from([*Field, *map(Attribute, ATTRIBUTES)])
VALUES = st.sampled_from([*TEXTS, *NUMBERS])
DATES = st.dates(dt.date(2025, 12, 1), dt.date(2026, 1, 9))
TESTS: st.SearchStrategy[SegmentRule] = st.one_of(
    st.builds(Compare, SUBJECTS, st.sampled_from(Comparison), VALUES),
    st.builds(Contains, SUBJECTS, st.sampled_from(TextPosition), st.sampled_from(TEXTS)),
    st.builds(OneOf, SUBJECTS, st.lists(VALUES, min_size=1, max_size=4).map(tuple)),
    st.builds(IsSet, SUBJECTS),
    st.builds(OnList, st.sampled_from(LISTS)),
    st.builds(Joined, DATES, st.none()),
    st.builds(Joined, st.none(), DATES),
    DATES.map(lambda day: Joined(day, day)),
    st.builds(JoinedWithin, st.sampled_from(DAYS)),
    st.builds(
        Engaged,
        st.sampled_from([EventType.OPEN, EventType.CLICK, EventType.DELIVERY]),
        st.integers(1, 3),
        st.none() | st.sampled_from(DAYS),
    ),
    st.just(Paused()),
)
RULES: st.SearchStrategy[SegmentRule] = st.recursive(
    TESTS,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(AllOf, st.lists(inner, min_size=2, max_size=4).map(tuple)),
        st.builds(AnyOf, st.lists(inner, min_size=2, max_size=4).map(tuple)),
    ),
    max_leaves=12,
)


# --- people ---------------------------------------------------------------------------------------


def somebody(chance: random.Random, number: int) -> Person:
    def moment() -> dt.datetime:
        return NOW - dt.timedelta(hours=chance.choice((0, 1, 16, 24, 25, 168, 700, 720)))

    known = chance.sample(ATTRIBUTES, chance.randint(0, 6))
    return Person(
        address=f"{chance.choice('xX')}{number}@{chance.choice(('example.com', 'b.de'))}",
        name=chance.choice(("", "Ann", "Ann 50%", *TEXTS)),
        attributes={name: chance.choice(("", *TEXTS)) for name in known},
        paused_until=chance.choice((None, None, NOW, NOW + dt.timedelta(days=1))),
        joined={
            "daily": (SubscriptionStatus.CONFIRMED, moment()),
            **({"weekly": (chance.choice([*SubscriptionStatus]), moment())} if number % 2 else {}),
        },
        events=[
            (chance.choice((EventType.OPEN, EventType.CLICK, EventType.DELIVERY)), moment())
            for _ in range(chance.randint(0, 6))
        ],
    )


def put(store: Store, persons: list[Person]) -> None:
    with store.write() as connection:
        for name in LISTS:
            lists.create(connection, name, NOW)
        for person in persons:
            made = people.insert(
                connection, Address(person.address), person.name, person.attributes, NOW
            )
            people.pause(connection, made.id, person.paused_until)
            for name, (status, at) in person.joined.items():
                list_id = lists.id_of(connection, name)
                consent = Consent(at, "test", "test")
                if status is SubscriptionStatus.UNSUBSCRIBED:
                    confirmed = SubscriptionStatus.CONFIRMED
                    subscribing.subscribe(connection, made.id, list_id, confirmed, consent)
                    subscribing.leave(connection, made.id, list_id, consent)
                else:
                    subscribing.subscribe(connection, made.id, list_id, status, consent)
            for kind, at in person.events:
                report(connection, made.id, kind, at)


def report(connection: sa.Connection, subscriber_id: int, kind: EventType, at: dt.datetime) -> None:
    connection.execute(
        sa.insert(events).values(
            key=f"{random.random()}",
            type=kind,
            at=at,
            received_at=at,
            subscriber_id=subscriber_id,
            verdict="applied",
        )
    )


def members(store: Store, rule: SegmentRule, list_name: str | None = "daily") -> set[str]:
    with store.read() as connection:
        list_id = None if list_name is None else lists.id_of(connection, list_name)
        found = segments.sample(connection, rule, list_id, MOMENT, 1000)
        assert segments.count(connection, rule, list_id, MOMENT) == len(found)
        where = segments.among(connection, rule, list_id, MOMENT)
        listed = people.newest_first(connection, list_id=list_id, where=where)
        assert [person.subscriber.address.text for person in listed] == found
    return set(found)


@pytest.mark.hypothesis
@pytest.mark.parametrize("seed", range(2))
def test_the_database_and_python_agree_about_everybody(store: Store, seed: int) -> None:
    """Random people, random rules, written as text and read again."""
    chance = random.Random(seed)
    persons = [somebody(chance, number) for number in range(40)]
    put(store, persons)

    @settings(max_examples=examples(60), suppress_health_check=list(HealthCheck))
    @given(RULES)
    def agree(rule: SegmentRule) -> None:
        read = parse(written(rule))

        expected = {person.address for person in persons if holds(rule, person, "daily")}
        assert members(store, read) == expected

    agree()


# --- what is hard for databases -------------------------------------------------------------------


def join_with(store: Store, number: int, **attributes: str) -> str:
    text = f"r{number}@example.com"
    join(store, text, "daily", attributes=attributes)
    return text


@pytest.fixture
def daily(store: Store) -> Store:
    make_list(store, "daily")
    return store


HOSTILE = (
    "'; DROP TABLE segments; --",
    "' OR '1'='1",
    '" OR ""="',
    "\\'; DELETE FROM subscribers; --",
    "%s %(x)s :x ? $1 {0}",
    "$.city",
    "/* */ UNION SELECT 1",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_sql_in_a_rule_is_plain_text(daily: Store, text: str) -> None:
    """As a value it finds who has that very value; as a name, who has that very attribute."""
    hit = join_with(daily, 1, note=text, **{text: "yes"})
    join_with(daily, 2, note="harmless", other="yes")

    for rule in (
        Compare(Attribute("note"), Comparison.EQUAL, text),
        Contains(Attribute("note"), TextPosition.ANYWHERE, text),
        Contains(Attribute("note"), TextPosition.START, text[:4]),
        OneOf(Attribute("note"), (text, "none")),
        Compare(Attribute(attribute_name(text)), Comparison.EQUAL, "yes"),
    ):
        assert members(daily, parse(written(rule))) == {hit}
    with daily.read() as connection:
        assert connection.execute(sa.select(segments_table)).all() == []


def nested(depth: int, words: Sequence[str], *, first: bool) -> str:
    """A rule as deep as that, its deep part before or behind the other."""
    rule = "x=1"
    for level in range(depth):
        word = words[level % len(words)]
        rule = f"({rule}) {word} y=2" if first else f"y=2 {word} ({rule})"
    return rule


@pytest.mark.parametrize("first", [True, False])
def test_the_deepest_rule_is_no_trouble_for_a_database(daily: Store, first: bool) -> None:
    """SQLite's parser holds a hundred open symbols."""
    join_with(daily, 1, x="1", y="3")

    members(daily, parse(nested(DEEPEST_RULE - 3, ("and", "or"), first=first)))
    members(daily, parse(nested(DEEPEST_RULE // 2 - 2, ("and not", "or not"), first=first)))


def test_a_deeper_rule_is_refused() -> None:
    with pytest.raises(UsageError, match="too deeply"):
        parse(nested(DEEPEST_RULE, ("and", "or"), first=True))
    with pytest.raises(UsageError, match="too deeply"):
        parse("not " * DEEPEST_RULE + "paused")


def test_a_full_tree_of_tests_is_no_trouble_for_a_database(daily: Store) -> None:
    """Every branch as deep as its neighbour, in as many characters as a rule may have."""
    join_with(daily, 1, a="1")
    rule, word = 'a="1"', "and"
    while len(two := f"({rule}) {word} not ({rule})") <= 2000:
        rule, word = two, "or" if word == "and" else "and"

    members(daily, parse(rule))


def test_a_long_list_of_values_is_no_trouble_for_a_database(daily: Store) -> None:
    hit = join_with(daily, 1, age="7")
    numbers = ",".join(["8", *["7"] * 900])
    texts = ",".join(['"7"'] * 400)

    assert members(daily, parse(f"age in ({numbers})")) == {hit}
    assert members(daily, parse(f"age in ({texts})")) == {hit}
    assert members(daily, parse(" or ".join(["age=8", *["age=7"] * 150]))) == {hit}


@pytest.mark.parametrize("text", ["5", "05", "5.0", "-5", "0.25", "999999999999999"])
def test_these_are_numbers(daily: Store, text: str) -> None:
    hit = join_with(daily, 1, age=text)

    assert members(daily, parse("age < 0 or age >= 0")) == {hit}
    assert members(daily, parse(f"age = {Decimal(text)}")) == {hit}
    assert members(daily, parse(f"age in ({text}, 77)")) == {hit}


@pytest.mark.parametrize(
    "text",
    [
        *("5-3", "--5", "-", ".5", "5.", "1.2.3", "1e3", "0x5", "+5", "5 kg", "5,0", "Inf", "NaN"),
        *("٣", "５", "1234567890123456", "9" * 400, "-.5", "5-"),
    ],
)
def test_these_are_no_numbers(daily: Store, text: str) -> None:
    """They are not compared, and are no error: columns hold what people typed."""
    hit = join_with(daily, 1, age=text)

    assert members(daily, parse("age < 0 or age >= 0 or age in (5, 3)")) == set()
    assert members(daily, parse("age != 5")) == {hit}


def test_capitals_beyond_z_do_not_matter_either(daily: Store) -> None:
    hit = join_with(daily, 1, city="ÖSTERREICH", first="Анна")

    for rule in ('city = "österreich"', 'city starts with "öS"', 'first in ("x", "аННа")'):
        assert members(daily, parse(rule)) == {hit}


def test_without_a_list_people_joined_when_they_first_joined_any(store: Store) -> None:
    for name, at in (("daily", NOW), ("weekly", NOW - dt.timedelta(days=40))):
        make_list(store, name)
        join(store, "a@example.com", name, now=at)
    rule = parse("joined within 30 days")

    assert members(store, rule, "daily") == {"a@example.com"}
    assert members(store, rule, None) == set()
    assert members(store, parse("not joined within 30 days"), None) == {"a@example.com"}


def test_a_list_that_does_not_exist_is_an_error(daily: Store) -> None:
    with pytest.raises(UsageError, match="no list 'dialy'") as caught:
        members(daily, parse("on list dialy"))

    assert "daily" in caught.value.hint


def test_an_attribute_is_unknown_where_nobody_confirmed_on_the_list_has_it(daily: Store) -> None:
    make_list(daily, "weekly")
    join(daily, "a@example.com", "daily", attributes={"city": "x"})
    join(daily, "b@example.com", "weekly", attributes={"größe": "x"})
    pending = SubscriptionStatus.PENDING
    join(daily, "c@example.com", "daily", status=pending, attributes={"town": "x"})
    names = ["city", "town", "größe", "height"]

    with daily.read() as connection:
        number = lists.id_of(connection, "daily")
        of_daily = people.unknown_attributes(connection, names, number)
        of_all = people.unknown_attributes(connection, names)

    assert of_daily == ["town", "größe", "height"]
    assert of_all == ["height"]


def test_who_left_is_in_no_segment(daily: Store) -> None:
    stays = join_with(daily, 1, city="x")
    join(daily, "p@example.com", "daily", status=SubscriptionStatus.PENDING)

    assert members(daily, parse('city = "x" or city is not set')) == {stays}


def test_engagement_is_looked_up_by_person(sqlite_store: Store) -> None:
    """A scan of the log for each person would take a million times a million steps."""
    make_list(sqlite_store, "daily")
    with sqlite_store.read() as connection:
        rule = parse("opened within 90 days and not clicked ever and delivered at least 3 times")
        query = segments._members(connection, rule, 1, MOMENT)
        text = query.compile(connection, compile_kwargs={"literal_binds": True})
        plan = [row.detail for row in connection.execute(sa.text(f"EXPLAIN QUERY PLAN {text}"))]

    about_events = [line for line in plan if "events" in line]
    assert len(about_events) == 3
    assert all("ix_events_subscriber_id" in line for line in about_events)
