"""The language of segments: the text of a rule -> SegmentRule. docs/segments.md is its reference.

A rule is never run as code: here it becomes data, and in a query bound parameters.
"""

import datetime as dt
import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal

from lark import Token, Tree
from lark.exceptions import UnexpectedInput, UnexpectedToken

from newsletter.errors import UsageError
from newsletter.meant import meant
from newsletter.model.event import EventType
from newsletter.model.segment import (
    LONGEST_NUMBER,
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
from newsletter.store.segments.grammar import NAMES, PLAIN_WORDS, STRING, parser

LONGEST_RULE = 2000
DEEPEST_RULE = 50

_FIELDS = {"email": Field.ADDRESS, **{field.value: field for field in Field}}
_EVENTS = {
    "opened": EventType.OPEN,
    "clicked": EventType.CLICK,
    "delivered": EventType.DELIVERY,
}
# Words that begin a test; a misspelt one is taken for an attribute.
_OPENERS = ("opened", "clicked", "delivered", "joined", "paused", "attribute", "not")
_NEAR = 0.75  # an attribute may have a similar name
_YEARS = range(1900, 3000)
_MOST_DAYS = 36_500
_MOST_TIMES = 1_000_000
_SHOWN = 60  # characters on either side of a place
_SECRET_SIGNS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffd]")
_PIECE = re.compile(rf"{STRING}|[\w.-]+|.", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def parse(text: str, source: str = "rule") -> SegmentRule:
    """What a rule says.

    Raises UsageError at the first place that cannot be understood, as `source:line:column`, with
    the line, a caret below the place, and what may stand there.
    """
    return _Reading(text, source).rule()


@dataclass(frozen=True, slots=True)
class _Reading:
    """One text on its way to a SegmentRule; `source` names it in errors."""

    text: str
    source: str

    def rule(self) -> SegmentRule:
        if len(self.text) > LONGEST_RULE:
            raise UsageError(
                f"a rule of {len(self.text):,} characters",
                where=self.source,
                hint=f"It may have {LONGEST_RULE:,}; make two segments of it.",
            )
        if hidden := _SECRET_SIGNS.search(self.text):
            sign = f"U+{ord(hidden.group()):04X}"
            raise self.fault(
                hidden.start(), f"a character that nobody can see ({sign})", "Leave it out."
            )
        try:
            tree = parser().parse(self.text)
        except UnexpectedInput as error:
            raise self.not_understood(error) from None
        if _depth(tree) > DEEPEST_RULE:
            raise UsageError(
                "a rule whose parts are nested too deeply",
                where=self.source,
                hint=f"{DEEPEST_RULE} levels are allowed; make two segments of it.",
            )
        return self.meaning(tree.children[0])

    def meaning(self, tree: Tree[Token] | Token) -> SegmentRule:
        assert isinstance(tree, Tree)
        parts = tree.children
        match tree.data:
            case "any":
                return AnyOf(tuple(map(self.meaning, parts)))
            case "all":
                return AllOf(tuple(map(self.meaning, parts)))
            case "negation":
                return Not(self.meaning(parts[0]))
            case "on_list":
                return OnList(self.string(parts[0]).lower())
            case "paused":
                return Paused()
            case "joined_within":
                return JoinedWithin(self.integer(parts[0], _MOST_DAYS))
            case "joined_on" | "joined_after" | "joined_before" | "joined_since":
                return _joined(tree.data, self.date(parts[0]))
            case "ever" | "never" | "within" | "at_least" | "at_most":
                return self.engagement(tree)
            case _:
                return self.comparison(tree)

    def comparison(self, tree: Tree[Token]) -> SegmentRule:
        subject, *rest = tree.children
        subject_of_test = self.subject(subject)
        match tree.data:
            case "compare":
                return Compare(subject_of_test, Comparison(str(rest[0])), self.value(rest[1]))
            case "contains":
                return Contains(subject_of_test, TextPosition.ANYWHERE, self.string(rest[0]))
            case "starts_with":
                return Contains(subject_of_test, TextPosition.START, self.string(rest[0]))
            case "ends_with":
                return Contains(subject_of_test, TextPosition.END, self.string(rest[0]))
            case "one_of":
                return OneOf(subject_of_test, tuple(map(self.value, rest)))
            case "none_of":
                return Not(OneOf(subject_of_test, tuple(map(self.value, rest))))
            case "is_set":
                return IsSet(subject_of_test)
            case _:
                return Not(IsSet(subject_of_test))

    def engagement(self, tree: Tree[Token]) -> SegmentRule:
        event, *numbers = tree.children
        assert isinstance(event, Tree)
        kind = _EVENTS[str(event.children[0]).lower()]
        match tree.data:
            case "ever":
                return Engaged(kind, 1, None)
            case "never":
                return Not(Engaged(kind, 1, None))
            case "within":
                return Engaged(kind, 1, self.integer(numbers[0], _MOST_DAYS))
        times = self.integer(numbers[0], _MOST_TIMES)
        days = None if numbers[1] is None else self.integer(numbers[1], _MOST_DAYS)
        if tree.data == "at_least":
            return Engaged(kind, times, days)
        return Not(Engaged(kind, times + 1, days))

    def subject(self, tree: Tree[Token] | Token) -> Subject:
        assert isinstance(tree, Tree)
        token = tree.children[-1]
        assert isinstance(token, Token)
        if token.type == "NAME":
            name = token.lower()
            return _FIELDS.get(name) or Attribute(name)
        return Attribute(self.string(token).strip().lower())

    def value(self, tree: Tree[Token] | Token) -> Value:
        assert isinstance(tree, Tree)
        (token,) = tree.children
        assert isinstance(token, Token)
        match token.type:
            case "NUMBER" if len(token) > LONGEST_NUMBER:
                raise self.fault(
                    _place(token),
                    f"a number of more than {LONGEST_NUMBER} characters",
                    f'Compare it as a text: "{token}"',
                )
            case "NUMBER":
                return Decimal(str(token))
            case "DATE":
                return self.date(token).isoformat()
            case _:
                return self.string(token)

    def string(self, token: Tree[Token] | Token) -> str:
        assert isinstance(token, Token)
        if token.type == "NAME":
            return str(token)
        text = token[1:-1] if token[0] == "“" else _ESCAPE.sub(r"\1", token[1:-1])
        if not text.strip():
            raise self.fault(
                _place(token), "a text in quotes that is empty", 'Write "is set" or "is not set".'
            )
        return text

    def date(self, token: Tree[Token] | Token) -> dt.date:
        assert isinstance(token, Token)
        try:
            date = dt.date.fromisoformat(token)
        except ValueError:
            date = None
        if date is None or date.year not in _YEARS:
            raise self.fault(
                _place(token), f"{token} is not a date", "Write year-month-day: 2026-01-31."
            )
        return date

    def integer(self, token: Tree[Token] | Token, most: int) -> int:
        """A number from 1 to `most`."""
        assert isinstance(token, Token)
        if len(token) > LONGEST_NUMBER or not 1 <= int(token) <= most:
            raise self.fault(
                _place(token), f"{token} is out of bounds", f"Write a number from 1 to {most:,}."
            )
        return int(token)

    # --- what is wrong, and where ---

    def fault(self, offset: int, message: str, hint: str) -> UsageError:
        """An error at an offset of the text, with its line and a caret below it."""
        before = self.text[:offset]
        line_number = before.count("\n") + 1
        first = before.rfind("\n") + 1
        begin = max(first, offset - _SHOWN)
        line = self.text[begin : offset + _SHOWN].partition("\n")[0].rstrip("\r")
        printable = "".join(sign if sign.isprintable() or sign == "\t" else "·" for sign in line)
        margin = "".join(map(_blank, line[: offset - begin]))
        return UsageError(
            message,
            details=(printable, f"{margin}^"),
            where=f"{self.source}:{line_number}:{offset - first + 1}",
            hint=hint,
        )

    def not_understood(self, error: UnexpectedInput) -> UsageError:
        offset = error.pos_in_stream or 0
        at_end = isinstance(error, UnexpectedToken) and error.token.type == "$END"
        if at_end:
            offset = len(self.text.rstrip())
        expected = error.interactive_parser.accepts()  # type: ignore[no-untyped-call]
        piece = _PIECE.match(self.text, offset)
        word = piece.group() if piece else ""
        message = "the rule ends too early" if at_end else f"{word!r} is not understood here"
        return self.fault(offset, message, self.advice(offset, word, expected))

    def advice(self, offset: int, word: str, expected: Collection[str]) -> str:
        """The word that was probably meant, else everything that is allowed here."""
        words = [name.strip("_").lower() for name in expected if name.startswith("_")]
        if close := meant(word, words):
            return f"Did you mean {close!r}?"
        previous = re.search(r"([\w-]+)\s*\Z", self.text[:offset])
        before = previous[1] if previous else ""
        if before.lower() not in PLAIN_WORDS and (close := meant(before, _OPENERS, _NEAR)):
            return f"Did you mean {close!r} before it?"
        if word in ('"', "'", "“"):
            return f"This quote has no end; write {word} after the text, too."
        if "STRING" in expected and word[:1].isalpha():
            return f'Put texts in quotes: "{word}".'
        names = [name for name in NAMES if name in expected]
        return f"Expected here: {', '.join([*(NAMES[name] for name in names), *sorted(words)])}."


def _joined(how: str, date: dt.date) -> Joined:
    day = dt.timedelta(days=1)
    match how:
        case "joined_after":
            return Joined(date + day, None)
        case "joined_before":
            return Joined(None, date - day)
        case "joined_since":
            return Joined(date, None)
        case _:
            return Joined(date, date)


def _place(token: Token) -> int:
    return token.start_pos or 0


def _depth(tree: Tree[Token]) -> int:
    """How deep nodes are nested; by loops, since a hostile tree is deep."""
    depth, level = 0, [tree]
    while level:
        depth += 1
        level = [part for node in level for part in node.children if isinstance(part, Tree)]
    return depth


def _blank(character: str) -> str:
    """As much space as a character takes in a terminal."""
    if character == "\t":
        return "\t"
    return "  " if unicodedata.east_asian_width(character) in "WF" else " "
