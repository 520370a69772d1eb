"""Whether the date of an issue is plausible: in January many still write the old year."""

import datetime as dt
from collections.abc import Callable, Iterator
from zoneinfo import ZoneInfo

from newsletter.digest.dates import FAR
from newsletter.model.digest import Digest
from newsletter.model.finding import Finding, Position, Severity


def date_far(digest: Digest, today: dt.date, line_of: Callable[[str], int]) -> Iterator[Finding]:
    """The date is more than a month ahead; `line_of` finds a key of the front matter."""
    day = digest.meta.day
    if day is not None and day - today > FAR:
        yield Finding(
            "date-far",
            Severity.WARNING,
            Position(digest.position.file, line_of("date")),
            f"the issue is dated {day}, {(day - today).days} days from now",
            "Correct the date, if it is a slip.",
        )


def outdated(digest: Digest, goes_out: dt.datetime, timezone: str) -> str:
    """The warning for an issue whose date is long past when it is sent; empty where it is not."""
    day, sent_on = digest.meta.day, goes_out.astimezone(ZoneInfo(timezone)).date()
    if day is None or sent_on - day <= FAR:
        return ""
    return f"the issue is dated {day}, {(sent_on - day).days} days before it goes out"
