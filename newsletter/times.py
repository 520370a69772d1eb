"""Times as people write and read them: in the newsletter's zone, and in UTC beside it."""

import datetime as dt
import re
import zoneinfo
from collections.abc import Callable

from newsletter.errors import UsageError

Clock = Callable[[], dt.datetime]  # tells the time now, in UTC

_DATE = re.compile(r"\d{4}-?\d{2}-?\d{2}|\d{4}-?W\d{2}(-?\d)?")


def time_text(at: dt.datetime, timezone: str, *, to_the_second: bool = False) -> str:
    """`2027-03-29 08:00 Europe/Berlin (06:00 UTC)`; the date twice where the two differ."""
    time = "%H:%M:%S" if to_the_second else "%H:%M"
    utc = at.astimezone(dt.UTC)
    local = at.astimezone(zoneinfo.ZoneInfo(timezone))
    if timezone.upper() in ("UTC", "ETC/UTC"):
        return f"{utc:%Y-%m-%d {time}} UTC"
    other = f"{utc:{time}}" if local.date() == utc.date() else f"{utc:%Y-%m-%d {time}}"
    return f"{local:%Y-%m-%d {time}} {timezone} ({other} UTC)"


def day(at: dt.datetime, timezone: str) -> str:
    """The date that it was then in a time zone."""
    return f"{at.astimezone(zoneinfo.ZoneInfo(timezone)):%Y-%m-%d}"


def parse_time(text: str, timezone: str, now: dt.datetime, place: str = "--at") -> dt.datetime:
    """An ISO time, with an offset or in the newsletter's time zone; returns UTC.

    Raises UsageError for what is no moment to come, for a day without a time, and where the clocks
    of its zone change. `place` is where it was written.
    """
    time, _, zone_name = text.strip().rpartition(" ")
    if not zone_name[:1].isalpha():
        time, zone_name = text.strip(), ""
    zone = zone_name or timezone
    if _DATE.fullmatch(time.strip()):
        raise UsageError(
            f"{text!r} is a day: at what time of it?",
            where=place,
            hint=f'Write the time too: "{time.strip()} 08:00" (in {zone}).',
        )
    try:
        parsed = dt.datetime.fromisoformat(time)
        has_offset = parsed.tzinfo is not None
        if not has_offset:
            parsed = parsed.replace(tzinfo=zoneinfo.ZoneInfo(zone))
            _refuse_clock_change(parsed, text, place)
        parsed = parsed.astimezone(dt.UTC)
    except (ValueError, OverflowError, OSError, zoneinfo.ZoneInfoNotFoundError) as error:
        raise UsageError(
            f"{text!r} is not a time",
            where=place,
            hint=f'Write "2026-11-24 08:00" (in {timezone}), "2026-11-24T08:00+08:00" '
            'or "2026-11-24 08:00 Asia/Shanghai".',
        ) from error
    if has_offset and zone_name:
        raise UsageError(
            f"{text!r} has an offset and a zone, which may be two different times",
            where=place,
            hint="Leave one of them out.",
        )
    if parsed <= now:
        raise UsageError(
            f"{text!r} is in the past: {time_text(parsed, timezone)}",
            where=place,
            hint=f"Name a time after {time_text(now, timezone)}, or send at once.",
        )
    return parsed


def _refuse_clock_change(local: dt.datetime, text: str, place: str) -> None:
    """A local time that is skipped, or comes twice, has an offset for either side of the change."""
    sides = [local.replace(fold=fold) for fold in (0, 1)]
    if sides[0].utcoffset() != sides[1].utcoffset():
        either = " or ".join(f'"{side.isoformat(timespec="minutes")}"' for side in sides)
        raise UsageError(
            f"the clocks of {local.tzinfo} change at {text!r}: it is not one moment",
            where=place,
            hint=f"Write the offset: {either}.",
        )
