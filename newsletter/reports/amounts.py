"""Numbers, shares and times as people read them."""

import datetime as dt
import zoneinfo

NOTHING = "–"
_MINUTE = dt.timedelta(minutes=1)


def share(part: int, whole: int) -> float:
    """From 0 to 1: counted at different moments, a part may be greater than its whole."""
    return min(1.0, part / whole) if whole > 0 else 0.0


def percent(part: int, whole: int) -> str:
    """`97.6 %`: never 0 where there is something, nor 100 where something is missing."""
    if whole <= 0:
        return NOTHING
    hundredths = share(part, whole) * 100
    if part <= 0 or part >= whole:
        return f"{hundredths:.0f} %"
    if hundredths < 0.01:
        return "< 0.01 %"
    if hundredths > 99.9:
        return "> 99.9 %"
    return f"{hundredths:.2f} %" if hundredths < 10 else f"{hundredths:.1f} %"


def change(now: float, before: float) -> str:
    """How a share differs from another one, in points: `+0.12`; empty where it does not."""
    points = f"{(now - before) * 100:+.2f}"
    return "" if float(points) == 0 else points.replace("-", "−")


def duration(seconds: float) -> str:
    """`0.8 s`, `12 s`, `5 min`, `3 h 20 min`, `2 d 4 h`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def moment(at: dt.datetime, timezone: str, step: dt.timedelta) -> str:
    """When a step of a time line begins, in a time zone that is told elsewhere."""
    local = at.astimezone(zoneinfo.ZoneInfo(timezone))
    return f"{local:%Y-%m-%d %H:%M}" if step >= _MINUTE else f"{local:%Y-%m-%d %H:%M:%S}"


def length(step: dt.timedelta) -> str:
    """What a step of a time line is called: `minute`, `5 minutes`, `2 hours`."""
    seconds = int(step.total_seconds())
    for name, size in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
        if seconds % size == 0:
            number = seconds // size
            return name if number == 1 else f"{number} {name}s"
    raise AssertionError(step)
