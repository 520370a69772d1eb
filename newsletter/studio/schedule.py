"""Routes of the calendar: when sends begin, in the newsletter's zone and in UTC."""

import calendar
import datetime as dt
import zoneinfo
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, NamedTuple

from fastapi import FastAPI, Query, Request, Response

from newsletter.errors import NewsletterError
from newsletter.studio.live import trouble_of
from newsletter.studio.pages import page
from newsletter.studio.session import Studio

if TYPE_CHECKING:
    from newsletter.store.ledger.calendar import CalendarEntry

_MONTH = r"^20[0-9]{2}-(0[1-9]|1[0-2])$"
_UTC = ("UTC", "ETC/UTC")


class DayEntry(NamedTuple):
    """A send on its day, and its time in the newsletter's zone and in UTC, with the day where that
    is another."""

    entry: "CalendarEntry"
    local: str
    utc: str


def add(app: FastAPI, studio: Studio) -> None:
    if studio.only is not None:
        return

    @app.get("/schedule")
    def index(
        request: Request, month: Annotated[str | None, Query(pattern=_MONTH)] = None
    ) -> Response:
        from newsletter.project import utc_now

        head = studio.project.settings.newsletter
        zone = zoneinfo.ZoneInfo(head.timezone)
        today = utc_now().astimezone(zone).date()
        first = today.replace(day=1) if month is None else dt.date.fromisoformat(f"{month}-01")
        days = calendar.Calendar().monthdatescalendar(first.year, first.month)
        entries, trouble = _entries(studio, days, zone)
        return page(
            request,
            "schedule.html",
            newsletter=head,
            here="schedule",
            trouble=trouble,
            first=first,
            today=today,
            earlier=f"{first - dt.timedelta(days=1):%Y-%m}",
            later=f"{first + dt.timedelta(days=31):%Y-%m}",
            weeks=weeks(days, entries, zone),
            is_any=bool(entries),
            shows_utc=head.timezone.upper() not in _UTC,
        )


def _entries(
    studio: Studio, days: Sequence[Sequence[dt.date]], zone: zoneinfo.ZoneInfo
) -> "tuple[Sequence[CalendarEntry], str]":
    """The sends of these days, or why they cannot be told."""
    from newsletter.store.ledger.calendar import between

    begin, end = (
        dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC)
        for day in (days[0][0], days[-1][-1] + dt.timedelta(days=1))
    )
    try:
        return studio.read(lambda connection: between(connection, begin, end)), ""
    except NewsletterError as error:
        return (), trouble_of(error)


def weeks(
    days: Iterable[Sequence[dt.date]], entries: "Iterable[CalendarEntry]", zone: zoneinfo.ZoneInfo
) -> list[list[tuple[dt.date, list[DayEntry]]]]:
    """The weeks of a month, each day with its sends."""
    by_day: dict[dt.date, list[DayEntry]] = {}
    for entry in entries:
        local, utc = entry.at.astimezone(zone), entry.at.astimezone(dt.UTC)
        form = "%H:%M" if utc.date() == local.date() else "%m-%d %H:%M"
        there = DayEntry(entry, f"{local:%H:%M}", f"{utc:{form}}")
        by_day.setdefault(local.date(), []).append(there)
    return [[(day, by_day.get(day, [])) for day in week] for week in days]
