"""Front matter values -> Meta, title and summary, each checked with the line of its key."""

import datetime as dt
import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from newsletter.digest import urls
from newsletter.digest.characters import harmless
from newsletter.digest.front_matter import FrontMatter
from newsletter.digest.keys import KNOWN
from newsletter.model.digest import Meta
from newsletter.model.finding import Finding, Position, Severity

_LONGEST_DATE = 40
_BULLET = re.compile(r"\A\s*[-*•]\s+")


@dataclass(frozen=True, slots=True)
class Read:
    """What front matter says: `title` None where it names none."""

    title: str | None
    meta: Meta
    summary: tuple[tuple[str, int], ...]  # text and line of each point
    summary_is_list: bool


def read(front: FrontMatter, file: str, base_url: str) -> tuple[Read, list[Finding]]:
    reader = _Reader(front, file)
    title = reader.line("title")
    summary, is_list = reader.summary()
    meta = Meta(
        date=reader.date(),
        category=reader.text("category") or "",
        tags=reader.texts("tags"),
        seo=reader.texts("seo"),
        cover=reader.cover(base_url),
        subject=reader.line("subject"),
        preheader=reader.line("preheader"),
        language=reader.language(),
        slug=reader.text("slug"),
        list=reader.list_name(),
        theme=reader.text("theme"),
        draft=reader.flag("draft"),
        extra=reader.extra(),
    )
    return Read(title, meta, summary, is_list), reader.findings


class _Reader:
    def __init__(self, front: FrontMatter, file: str) -> None:
        self._front = front
        self._file = file
        self.findings: list[Finding] = list(front.findings)

    def _report(self, rule: str, severity: Severity, key: str, message: str, fix: str) -> None:
        place = Position(self._file, self._front.lines.get(key, 1))
        self.findings.append(Finding(rule, severity, place, message, fix))

    def _wrong(self, key: str, wanted: str) -> None:
        self._report(
            f"{key}-invalid",
            Severity.ERROR,
            key,
            f"{key} is {type(self._front.values[key]).__name__}, not {wanted}",
            f"Write {key}: {wanted}",
        )

    def _value(self, *keys: str) -> tuple[str, Any]:
        for key in keys:
            if self._front.values.get(key) not in (None, ""):
                return key, self._front.values[key]
        return keys[0], None

    def text(self, key: str) -> str | None:
        _, value = self._value(key)
        if value is None:
            return None
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

    def flag(self, key: str) -> bool:
        _, value = self._value(key)
        if value is None or isinstance(value, bool):
            return bool(value)
        if str(value).lower() in ("true", "false", "yes", "no"):
            return str(value).lower() in ("true", "yes")
        self._wrong(key, "true or false")
        return False

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
            self._wrong("list", "the name of a list: small letters, digits and hyphens")
            return None
        return value

    def cover(self, base_url: str) -> str | None:
        key, value = self._value("coverImage", "cover_image", "cover")
        if value is None:
            return None
        if not isinstance(value, str):
            self._wrong(key, "an https:// address")
            return None
        target = urls.check(value, base_url, urls.Use.RESOURCE)
        if target.rule:
            error = target.rule in ("unsafe-link", "unknown-scheme")
            severity = Severity.ERROR if error else target.severity
            self._report(f"cover-{target.rule}", severity, key, target.problem, target.fix)
        return target.url

    def date(self) -> dt.date | dt.datetime | None:
        key, value = self._value("date", "publishDate")
        in_name = re.search(r"(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)", self._file.rpartition("/")[2])
        named = _parsed(in_name[0]) if in_name else None
        if value is None:
            if named is None:
                fix = "Add date: 2026-01-31 to the front matter."
                self._report("date-missing", Severity.WARNING, key, "the issue has no date", fix)
            return named
        date = value if isinstance(value, dt.date) else _parsed(str(value).strip())
        if date is None:
            self._report(
                "date-invalid",
                Severity.ERROR,
                key,
                f"{value!r} is no date",
                "Write it as 2026-01-31.",
            )
        elif named is not None and named != _day(date):
            message = f"the date {_day(date)} differs from the file name's {named}"
            self._report("date-differs", Severity.INFO, key, message, "The front matter's is used.")
        return date

    def summary(self) -> tuple[tuple[tuple[str, int], ...], bool]:
        """Points or sentences; `- ` lines in one text are points, as is a YAML list."""
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
        lines = [part for part in value.split("\n") if part.strip()]
        if lines and all(_BULLET.match(part) for part in lines):
            return tuple((_BULLET.sub("", part, count=1).strip(), line) for part in lines), True
        paragraphs = re.split(r"\n\s*\n", value.strip())
        return tuple((" ".join(part.split()), line) for part in paragraphs if part.strip()), False

    def extra(self) -> dict[str, Any]:
        unknown = {key: v for key, v in self._front.values.items() if key not in KNOWN}
        if unknown:
            hints = [_suggestion(key) for key in unknown]
            self._report(
                "unknown-key",
                Severity.WARNING,
                next(iter(unknown)),
                f"unknown front matter: {', '.join(unknown)}",
                " ".join(filter(None, hints)) or "They are kept and not shown.",
            )
        ignored = self._front.values.get("lint-ignore")
        return unknown | ({"lint-ignore": ignored} if ignored else {})


def _is_word(value: object) -> bool:
    """Text, or a number that can be written."""
    return isinstance(value, str | float) or (isinstance(value, int) and abs(value) < 10**18)


def _suggestion(key: str) -> str:
    close = difflib.get_close_matches(key, KNOWN, n=1, cutoff=0.75)
    return f"Did you mean {close[0]!r} for {key!r}?" if close else ""


def _parsed(text: str) -> dt.date | dt.datetime | None:
    """An ISO date or time, with the space and zone forms that digests use."""
    if len(text) > _LONGEST_DATE:
        return None
    attempts: tuple[Callable[[str], dt.date], ...] = (
        dt.date.fromisoformat,
        dt.datetime.fromisoformat,
    )
    normal = re.sub(r"\s+([+-]\d{2}):?(\d{2})$", r"\1:\2", text)
    normal = re.sub(r"\s+(UTC|GMT|Z)$", "+00:00", normal)
    for attempt in attempts:
        try:
            return attempt(normal)
        except ValueError:
            continue
    return None


def _day(date: dt.date | dt.datetime) -> dt.date:
    return date.date() if isinstance(date, dt.datetime) else date
