"""Front matter values -> Meta, title and summary, each checked with the line of its key."""

import datetime as dt
import difflib
import re
from dataclasses import dataclass, replace
from typing import Any

from newsletter.digest import dates, urls
from newsletter.digest.characters import harmless
from newsletter.digest.front_matter import FrontMatter
from newsletter.digest.keys import FOREIGN, KEPT, KNOWN
from newsletter.digest.report import Pictures
from newsletter.meant import meant
from newsletter.model.digest import Meta, day_of, ignored_rules
from newsletter.model.finding import Finding, Position, Severity
from newsletter.model.picture import COVER_PIXELS
from newsletter.rules import advice_on, rules

_FLAGS = ("true", "false", "yes", "no")
_NEAR = 0.75  # of difflib's measure; from 0.8 on a key counts as a misspelling
_MISSPELT = 0.8
_BULLET = re.compile(r"\A\s*[-*•]\s+")
_NUMBER = re.compile(r"\A\s*(\d{1,3})[.)]\s+")


@dataclass(frozen=True, slots=True)
class Read:
    """What front matter says: `title` None where it names none."""

    title: str | None
    meta: Meta
    summary: tuple[tuple[str, int], ...]  # text and line of each point
    summary_is_list: bool


def read(
    front: FrontMatter, file: str, base_url: str, pictures: Pictures | None = None
) -> tuple[Read, list[Finding]]:
    reader = _Reader(front, file)
    title = reader.line("title")
    cover, cover_size = reader.cover(base_url, pictures)
    summary, is_list = reader.summary()
    meta = Meta(
        date=reader.date(),
        category=reader.text("category") or "",
        tags=reader.texts("tags"),
        seo=reader.texts("seo"),
        cover=cover,
        cover_size=cover_size,
        subject=reader.line("subject"),
        preheader=reader.line("preheader"),
        language=reader.language(),
        slug=reader.text("slug"),
        list=reader.list_name(),
        theme=reader.text("theme"),
        draft=reader.flag("draft"),
        smart=reader.flag("smart", usual=True),
        extra=reader.extra(),
        lines=reader.lines,
    )
    return Read(title, meta, summary, is_list), reader.findings


class _Reader:
    def __init__(self, front: FrontMatter, file: str) -> None:
        self._front = front
        self._file = file
        self.findings: list[Finding] = list(front.findings)
        self.lines: dict[str, int] = {}

    def _report(self, rule: str, severity: Severity, key: str, message: str, fix: str) -> None:
        place = Position(self._file, self._front.lines.get(key, 1))
        self.findings.append(Finding(rule, severity, place, message, fix))

    def _wrong(self, key: str, form: str) -> None:
        self._report(
            f"{key}-invalid",
            Severity.ERROR,
            key,
            f"{key} is {_kind(self._front.values[key])}, not {form}",
            f"Write {key}: {form}",
        )

    def _value(self, *keys: str) -> tuple[str, Any]:
        """The first of some keys with a value, and that value; keys of other systems come last, and
        only with a value of the same kind."""
        for key in keys:
            if self._front.values.get(key) not in (None, ""):
                return key, self._front.values[key]
        for key in FOREIGN.get(keys[0], ()):
            value = self._front.values.get(key)
            if isinstance(value, dt.date) or (isinstance(value, str) and _says_something(value)):
                return key, value
        return keys[0], None

    def text(self, name: str) -> str | None:
        key, value = self._value(name)
        if value is None:
            return None
        self.lines[name] = self._front.lines.get(key, 1)
        if isinstance(value, bool) or not isinstance(value, str | int | float | dt.date):
            self._wrong(key, "text")
            return None
        try:
            return harmless(str(value)).strip() or None
        except ValueError:  # a number of more digits than Python writes
            self._wrong(key, "text")
            return None

    def line(self, key: str) -> str | None:
        value = self.text(key)
        return None if value is None else " ".join(value.split())

    def texts(self, key: str) -> tuple[str, ...]:
        _, value = self._value(key)
        if value is None:
            return ()
        if isinstance(value, str):
            value = value.split(",")
        if isinstance(value, list) and all(_is_word(part) for part in value):
            words = (harmless(str(part)).strip() for part in value)
            return tuple(word for word in words if word)
        self._wrong(key, "a list of words")
        return ()

    def flag(self, key: str, *, usual: bool = False) -> bool:
        _, value = self._value(key)
        if value is None or isinstance(value, bool):
            return usual if value is None else value
        if str(value).lower() in _FLAGS:
            return str(value).lower() in ("true", "yes")
        self._wrong(key, "true or false")
        return usual

    def language(self) -> str | None:
        key, value = self._value("language", "lang")
        if value is None:
            return None
        if isinstance(value, str) and re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", value):
            return value
        self._wrong(key, "a language tag such as zh-CN")
        return None

    def list_name(self) -> str | None:
        value = self.text("list")
        if value is not None and not re.fullmatch(r"[a-z0-9-]+", value):
            self._wrong("list", "the name of a list: lower-case letters, digits and hyphens")
            return None
        return value

    def cover(
        self, base_url: str, pictures: Pictures | None
    ) -> tuple[str | None, tuple[int, int] | None]:
        """The address of the cover, and the size at which it is shown where that is known."""
        key, value = self._value("coverImage", "cover_image", "cover")
        if value is None:
            return None, None
        self.lines["cover"] = self._front.lines.get(key, 1)
        if not isinstance(value, str):
            self._wrong(key, "a picture beside the issue, or an https:// address")
            return None, None
        if pictures is not None and urls.names_a_file(value):
            picture = pictures.find(value, COVER_PIXELS)
            for problem in picture.problems:
                self._report(problem.rule, problem.severity, key, problem.message, problem.fix)
            return picture.url, (picture.width, picture.height) if picture.url else None
        target = urls.check(value, base_url, urls.Use.RESOURCE)
        if target.rule:
            error = target.rule in ("unsafe-link", "unknown-scheme")
            severity = Severity.ERROR if error else target.severity
            self._report(f"cover-{target.rule}", severity, key, target.problem, target.fix)
        return target.url, None

    def date(self) -> dt.date | dt.datetime | None:
        key, value = self._value("date", "publishDate")
        in_name = re.search(r"(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)", self._file.rpartition("/")[2])
        date_in_name = dates.parsed(in_name[0]) if in_name else None
        if value is None:
            if date_in_name is None:
                fix = "Add date: 2026-01-31 to the front matter."
                self._report("date-missing", Severity.WARNING, key, "the issue has no date", fix)
            return date_in_name
        date = value if isinstance(value, dt.date) else dates.parsed(str(value))
        if date is None:
            self._report("date-invalid", Severity.ERROR, key, *_no_date(value))
        elif date_in_name is not None and date_in_name != day_of(date):
            message = f"the date {day_of(date)} differs from the file name's {date_in_name}"
            far = abs(date_in_name - day_of(date)) > dates.FAR
            severity = Severity.WARNING if far else Severity.INFO
            fix = "Rename the file, if it is wrong: the front matter's date is used."
            self._report("date-differs", severity, key, message, fix)
        return date

    def summary(self) -> tuple[tuple[tuple[str, int], ...], bool]:
        """Points or sentences; `- ` lines in one text are points, as is a YAML list.

        Points with other text beside them are shown as sentences, each on a line of its own.
        """
        _, value = self._value("summary")
        line = self._front.lines.get("summary", 1)
        if value is None:
            return (), True
        if isinstance(value, list) and all(_is_word(part) for part in value):
            points = (_BULLET.sub("", str(point), count=1).strip() for point in value)
            return tuple((point, line) for point in points if point), True
        if not isinstance(value, str):
            self._wrong("summary", "text, or a list of points")
            return (), True
        parts = _parts(value)
        indents = [part.indent for part in parts if part.is_point]
        if any(indent > indents[0] for indent in indents):
            self._report(
                "summary-nested",
                Severity.INFO,
                "summary",
                "a point below a point is shown beside it",
                "Say it in the point above, or write it as a point of its own.",
            )
        return tuple((part.text, line) for part in parts), all(part.is_point for part in parts)

    def extra(self) -> dict[str, Any]:
        self._tell_of_unknown()
        ignored = self._front.values.get("lint-ignore")
        self._tell_of_unknown_rules(ignored)
        kept = {key: v for key, v in self._front.values.items() if key not in KNOWN or key in KEPT}
        return kept | ({"lint-ignore": ignored} if ignored else {})

    def _tell_of_unknown_rules(self, ignored: object) -> None:
        for name in ignored_rules(ignored):
            if name not in rules():
                self._report(
                    "unknown-rule",
                    Severity.WARNING,
                    "lint-ignore",
                    f"lint-ignore names {name[:60]!r}, which is no rule",
                    advice_on(name),
                )

    def _tell_of_unknown(self) -> None:
        """Report all unknown keys at once, and those that may be misspelt separately; a misspelt
        subject is the worst."""
        near = {key: _nearest(key) for key in self._front.values if key not in KNOWN}
        misspelt = [key for key in near if self._changes_the_subject(key, near[key])]
        for severity, keys in (
            (Severity.ERROR, misspelt),
            (Severity.WARNING, [key for key in near if near[key] and key not in misspelt]),
            (Severity.INFO, [key for key in near if not near[key]]),
        ):
            hints = [f"Did you mean {near[key]!r} for {key!r}?" for key in keys if near[key]]
            if keys:
                kept = "It is" if len(keys) == 1 else "They are"
                self._report(
                    "unknown-key",
                    severity,
                    keys[0],
                    f"unknown front matter: {', '.join(keys)}",
                    " ".join(hints) or f"{kept} kept and not shown.",
                )

    def _changes_the_subject(self, key: str, near: str) -> bool:
        """Whether a key seems to be a misspelt subject, and the subject is missing."""
        measure = difflib.SequenceMatcher(None, key.lower(), near).ratio()
        is_text = isinstance(self._front.values[key], str | int | float)
        missing = near in ("title", "subject") and self._value(near)[1] is None
        return is_text and missing and measure >= _MISSPELT


@dataclass(frozen=True, slots=True)
class _Part:
    """A point or a paragraph of a summary that is one text."""

    text: str
    indent: int
    is_point: bool


def _parts(text: str) -> list[_Part]:
    """A line that begins no point continues the one above, if it follows directly or is indented.

    Numbers are only read where the first is 1, since the points of a mail count from 1.
    """
    parts: list[_Part] = []
    above, start = "", 0
    for line in text.split("\n"):
        words, indent = " ".join(line.split()), len(line) - len(line.lstrip())
        bullet, number = _BULLET.match(line), _NUMBER.match(line)
        if number and not start and (not parts or int(number[1]) == 1):
            start = int(number[1])
        if bullet or (number and start == 1):
            rest = (_BULLET if bullet else _NUMBER).sub("", line, count=1)
            parts.append(_Part(" ".join(rest.split()), indent, True))
        elif number and start:
            parts.append(_Part(words, indent, False))
        elif words and parts and (above or (parts[-1].is_point and indent > parts[-1].indent)):
            parts[-1] = replace(parts[-1], text=f"{parts[-1].text} {words}".strip())
        elif words:
            parts.append(_Part(words, indent, False))
        above = words
    return [part for part in parts if part.text]


def _kind(value: object) -> str:
    """A value as a finding names it: a text by its words, others by their kind."""
    match value:
        case str():
            return repr(value if len(value) <= 60 else f"{value[:59]}…")
        case bool():
            return str(value).lower()
        case int() | float():
            return "a number"
        case list():
            return "a list"
        case dict():
            return "a mapping"
        case _:
            return "a date"


def _is_word(value: object) -> bool:
    """Text, or a number that can be written."""
    return isinstance(value, str | float) or (isinstance(value, int) and abs(value) < 10**18)


def _says_something(value: str) -> bool:
    return bool(value) and value.lower() not in _FLAGS


def _nearest(key: str) -> str:
    """The known key that resembles an unknown one; empty where none does."""
    return meant(key, KNOWN, _NEAR) or ""


def _no_date(value: object) -> tuple[str, str]:
    """What is wrong with a date, and what to do; a date that ends in its year has two readings."""
    if isinstance(value, str) and (both := dates.readings(value)):
        month_first, day_first = both
        return (
            f"{value!r} is {month_first} if the month comes first, {day_first} if the day does",
            "Write the year first, as in 2026-01-31.",
        )
    return f"{value!r} is not a date", "Write it as 2026-01-31."
