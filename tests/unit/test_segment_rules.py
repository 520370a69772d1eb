"""The language of segments: what a rule says, and what its errors say."""

import datetime as dt
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from newsletter.errors import UsageError
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
    TextPosition,
    attributes,
)
from newsletter.store.segments.rules import LONGEST_RULE, parse

CITY, PLAN = Attribute("city"), Attribute("plan")
A, B, C = (Compare(Attribute(name), Comparison.EQUAL, Decimal(1)) for name in "abc")
A_DAY = dt.date(2026, 1, 31)
NEXT, BEFORE = dt.date(2026, 2, 1), dt.date(2026, 1, 30)


# --- what a rule says -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ('city = "Berlin"', Compare(CITY, Comparison.EQUAL, "Berlin")),
        ("city != 'Berlin'", Compare(CITY, Comparison.UNEQUAL, "Berlin")),
        ("city = “Berlin”", Compare(CITY, Comparison.EQUAL, "Berlin")),
        ("age>=18", Compare(Attribute("age"), Comparison.AT_LEAST, Decimal(18))),
        ("age < -1.5", Compare(Attribute("age"), Comparison.LESS, Decimal("-1.5"))),
        ("born > 2026-01-31", Compare(Attribute("born"), Comparison.MORE, "2026-01-31")),
        (r'city = "a \"b\" \\c"', Compare(CITY, Comparison.EQUAL, r'a "b" \c')),
        ('NAME Contains "Ann"', Contains(Field.NAME, TextPosition.ANYWHERE, "Ann")),
        ('domain starts with "x"', Contains(Field.DOMAIN, TextPosition.START, "x")),
        ('email ends with "x"', Contains(Field.ADDRESS, TextPosition.END, "x")),
        ('address = "a@b.de"', Compare(Field.ADDRESS, Comparison.EQUAL, "a@b.de")),
        ('plan in ("a", 2)', OneOf(PLAN, ("a", Decimal(2)))),
        ('plan not in ("a")', Not(OneOf(PLAN, ("a",)))),
        ("plan is set", IsSet(PLAN)),
        ("plan IS NOT SET", Not(IsSet(PLAN))),
        ('attribute "First Order" is set', IsSet(Attribute("first order"))),
        ('attribute "joined" is set', IsSet(Attribute("joined"))),
        ("名字 is set", IsSet(Attribute("名字"))),
        ("first-order is set", IsSet(Attribute("first-order"))),
        ('contains = "x"', Compare(Attribute("contains"), Comparison.EQUAL, "x")),
        ('on list "ai-daily"', OnList("ai-daily")),
        ("on list ai-daily", OnList("ai-daily")),
        ("joined on 2026-01-31", Joined(A_DAY, A_DAY)),
        ("joined after 2026-01-31", Joined(NEXT, None)),
        ("joined since 2026-01-31", Joined(A_DAY, None)),
        ("joined before 2026-01-31", Joined(None, BEFORE)),
        ("joined within 90 days", JoinedWithin(90)),
        ("opened ever", Engaged(EventType.OPEN, 1, None)),
        ("clicked never", Not(Engaged(EventType.CLICK, 1, None))),
        ("delivered within 1 day", Engaged(EventType.DELIVERY, 1, 1)),
        ("opened at least 3 times", Engaged(EventType.OPEN, 3, None)),
        ("opened at least 1 time within 7 days", Engaged(EventType.OPEN, 1, 7)),
        ("opened at most 2 times within 7 days", Not(Engaged(EventType.OPEN, 3, 7))),
        ("paused", Paused()),
        ("paused # on holiday\n", Paused()),
    ],
)
def test_each_form_says_what_it_means(text: str, rule: SegmentRule) -> None:
    assert parse(text) == rule


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("a=1 or b=1 and c=1", AnyOf((A, AllOf((B, C))))),
        ("(a=1 or b=1) and c=1", AllOf((AnyOf((A, B)), C))),
        ("not a=1 and b=1", AllOf((Not(A), B))),
        ("not (a=1 and b=1)", Not(AllOf((A, B)))),
        ("a=1 and b=1 and c=1", AllOf((A, B, C))),
        ("A=1 OR B=1\nOr c=1", AnyOf((A, B, C))),
        ("((((a=1))))", A),
    ],
)
def test_not_binds_before_and_which_binds_before_or(text: str, rule: SegmentRule) -> None:
    assert parse(text) == rule


def test_the_attributes_of_a_rule_are_told_once() -> None:
    rule = parse("not (b is set or a = 1) and a in (2) and name is set or on list x")

    assert attributes(rule) == ("b", "a")


# --- what is wrong, where, and what to do ---------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "where", "hint"),
    [
        ('city contians "x"', "1:6", "Did you mean 'contains'?"),
        ("city is settled", "1:9", "Did you mean 'set'?"),
        ("opend within 3 days", "1:7", "Did you mean 'opened' before it?"),
        ("pausd and city is set", "1:7", "Did you mean 'paused' before it?"),
        ("city = Berlin", "1:8", 'Put texts in quotes: "Berlin".'),
        ('city = "Berlin', "1:8", 'This quote has no end; write " after the text, too.'),
        ('city = ""', "1:8", 'Write "is set" or "is not set".'),
        ("opened 3 times", "1:8", "Expected here: at, ever, never, within."),
        ("joined after 2026-02-30", "1:14", "Write year-month-day: 2026-01-31."),
        ("joined after 0001-01-01", "1:14", "Write year-month-day: 2026-01-31."),
        ("opened within 0 days", "1:15", "Write a number from 1 to 36,500."),
        ("opened within 99999999999999999 days", "1:15", "Write a number from 1 to 36,500."),
        ("zip = 1234567890123456", "1:7", 'Compare it as a text: "1234567890123456"'),
        ("paused and", "1:11", "Expected here: "),
        ("paused\nand city is set\n  or 5", "3:6", "Expected here: "),
        ("(paused", "1:8", "Expected here: )."),
        ("paused)", "1:7", "Expected here: the end."),
        ("", "1:1", "Expected here: "),
        ("paused; DROP TABLE sends", "1:7", "Expected here: the end, and, or."),
        ("paused\x00", "1:7", "Leave it out."),
        ("city = '\ud800'", "1:9", "Leave it out."),
        ("city = '\x1b[31m'", "1:9", "Leave it out."),
    ],
)
def test_an_error_tells_the_place_and_what_to_do(text: str, where: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text, "berlin.txt")

    assert caught.value.exit_code == 2
    assert caught.value.where == f"berlin.txt:{where}"
    assert caught.value.hint.startswith(hint)
    caught.value.message.encode()  # can be printed


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('city contians "x"', 'city contians "x"\n     ^'),
        ("\n\tcity = Berlin\n", "\tcity = Berlin\n\t       ^"),
        ("城市 = 北京", "城市 = 北京\n       ^"),
        (f"{'a' * 100} is {'b' * 100}", f"{'a' * 56} is {'b' * 60}\n{' ' * 60}^"),
    ],
)
def test_a_caret_stands_below_the_place(text: str, shown: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)

    assert caught.value.message.partition("\n")[2] == shown


@pytest.mark.parametrize("text", ["a" * (LONGEST_RULE + 1), "not " * 490 + "paused"])
def test_a_rule_that_is_too_large_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="a rule "):
        parse(text)


PAGE = (Path(__file__).parents[2] / "docs" / "segments.md").read_text("utf-8")


def documented_rules() -> Iterator[str]:
    """The tests of the table, and the examples below it."""
    for cell in re.findall(r"^\| (`.+?) \|", PAGE, re.MULTILINE):
        yield from re.findall(r"`(.+?)`", cell)
    (examples,) = re.findall(r"^Examples:\n\n```text\n(.+?)```", PAGE, re.M | re.S)
    yield from examples.splitlines()


@pytest.mark.parametrize("text", [*documented_rules()])
def test_every_rule_of_the_page_can_be_read(text: str) -> None:
    assert parse(text)


def test_the_error_of_the_page_is_what_is_shown() -> None:
    with pytest.raises(UsageError) as caught:
        parse('city contians "Berl"')

    shown = [f"error: {caught.value.where}:", *caught.value.message.splitlines()]
    assert "\n  ".join([*shown, caught.value.hint]) in PAGE


PIECES = st.sampled_from(
    """( ) , = != < > <= >= and or not contains starts ends with in is set on list joined after
    before since within day days ever never at least most time times opened clicked delivered paused
    attribute city name 名 "x" 'y' “z” " ' \\ 5 -1 3.5 2026-01-31 2026-99-99 99999999999999999999 #
    % ; --""".split()
)


@given(st.lists(PIECES, max_size=40).map(" ".join) | st.text(max_size=200))
@example("(" * LONGEST_RULE)
@example("not(" * 500)
@example('"' + "\\" * (LONGEST_RULE - 1))
@example("“" * LONGEST_RULE)
@example("5" * LONGEST_RULE)
@example("a in (" + "1," * 900)
@example("attribute " * 200)
def test_any_text_is_a_rule_or_an_error_with_advice(text: str) -> None:
    error = fault_of(text)

    if error is not None:
        assert error.message
        assert error.where.startswith("rule")
        assert error.hint


def fault_of(text: str) -> UsageError | None:
    try:
        parse(text)
    except UsageError as error:
        return error
    return None
