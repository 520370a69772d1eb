"""Dates as authors write them; one that can be read in two ways is not accepted."""

import datetime as dt
import re
from zoneinfo import ZoneInfo

FAR = dt.timedelta(days=31)  # a date further off than this is taken for a slip

_LONGEST = 60
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})[a-z]*\.?"
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+)?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>\d{4})"
# What may follow a day: the time, with or without seconds and a fraction, and its zone.
_TIME = (
    r"(?:(?:t|,?\s+(?:at\s+)?)(?P<hour>\d{1,2}):(?P<minute>\d{2})"
    r"(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d+))?)?"
    r"(?:\s*(?P<sign>[+-])(?P<zone_hours>\d{1,2})(?::?(?P<zone_minutes>\d{2}))?"
    r"|\s*(?P<utc>z|utc|gmt)|\s+(?P<zone>[a-z]+/[a-z_/+-]+))?)?"
)
_FORMS = tuple(
    re.compile(day + _TIME, re.IGNORECASE)
    for day in (
        rf"{_YEAR}(?P<mark>[-/.])(?P<number>\d{{1,2}})(?P=mark)(?P<day>\d{{1,2}})",
        rf"{_YEAR}\s*[年년]\s*(?P<number>\d{{1,2}})\s*[月월]\s*(?P<day>\d{{1,2}})\s*[日일]",
        rf"{_WEEKDAY}{_MONTH}\s+{_DAY},?\s+{_YEAR}",
        rf"{_WEEKDAY}{_DAY}[\s-]+{_MONTH},?[\s-]+{_YEAR}",
    )
)
_YEAR_LAST = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})(?!\d)")


def parsed(text: str) -> dt.date | dt.datetime | None:
    """A day, with its time and zone where they are given; None where it is not a date, or could be
    two."""
    text = text.strip()
    if len(text) > _LONGEST:
        return None
    match = next((match for form in _FORMS if (match := form.fullmatch(text))), None)
    try:
        return _compact(text) if match is None else _date(match.groupdict())
    except (ValueError, OverflowError, LookupError, OSError):  # the last two: no such time zone
        return None


def readings(text: str) -> tuple[str, str] | None:
    """The two ways to read a date that ends in its year: month first and day first."""
    match = _YEAR_LAST.match(text.strip())
    if match is None:
        return None
    first, second, year = match.groups()
    return _reading(year, first, second), _reading(year, second, first)


def _reading(year: str, month: str, day: str) -> str:
    try:
        return dt.date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return "no day"


def _compact(text: str) -> dt.date | dt.datetime:
    """The forms of ISO 8601 without marks, such as 20260131."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return dt.datetime.fromisoformat(text)


def _date(part: dict[str, str | None]) -> dt.date | dt.datetime:
    number = part.get("number")
    month = int(number) if number else 1 + _MONTHS.index((part.get("month") or "").lower())
    day = dt.date(int(part["year"] or 0), month, int(part["day"] or 0))
    if part["hour"] is None:
        return day
    fraction = (part["fraction"] or "")[:6].ljust(6, "0")
    time = dt.time(
        int(part["hour"]), int(part["minute"] or 0), int(part["second"] or 0), int(fraction)
    )
    return dt.datetime.combine(day, time, _zone(part))


def _zone(part: dict[str, str | None]) -> dt.tzinfo | None:
    if name := part["zone"]:
        return ZoneInfo(name)
    if part["sign"]:
        hours, minutes = int(part["zone_hours"] or 0), int(part["zone_minutes"] or 0)
        offset = dt.timedelta(hours=hours, minutes=minutes)
        return dt.timezone(-offset if part["sign"] == "-" else offset)
    return dt.UTC if part["utc"] else None
