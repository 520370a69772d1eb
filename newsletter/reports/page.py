"""A report as one HTML page that asks nobody for anything, and as the HTML of a mail.

The page has no script and no address of anything to load; bars are table cells, time lines are SVG
in it. The mail has tables alone, which all mail programs show.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from newsletter import __version__
from newsletter.reports import words
from newsletter.reports.amounts import change, duration, length, moment, percent, share
from newsletter.reports.figures import Compared, SendReport, TimeLine
from newsletter.reports.tables import SendFigure, figures
from newsletter.times import time_text

_OURS = ("rejected", "skipped", "unknown", "queued")
_REPORTED = ("delivered", "unreported", "delayed", "bounced", "complained")
_RATES = ("delivered", "bounced", "complained", "unsubscribed")
_ROWS_IN_MAIL = 12


@dataclass(frozen=True, slots=True)
class Tile:
    """One of the numbers that are read first; `against` is how it differs from earlier sends."""

    name: str
    number: int
    of: int
    against: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A step of a time line: its time for people, its amount, and its height from 0 to 1."""

    at: str
    amount: int
    height: float


@dataclass(frozen=True, slots=True)
class Series:
    """One kind of what happened, in steps of time."""

    name: str
    total: int
    bars: tuple[Bar, ...]

    @property
    def highest(self) -> Bar:
        return max(self.bars, key=lambda bar: bar.amount)


def page(report: SendReport) -> str:
    """The whole page."""
    return _environment().get_template("page.html").render(_context(report))


def mail(report: SendReport) -> str:
    """The HTML of a mail."""
    return _environment().get_template("mail.html").render(_context(report))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("newsletter.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "percent": percent,
        "share": share,
        "duration": duration,
        "length": length,
        "words": words,
        "version": __version__,
    }
    environment.filters["number"] = lambda value: f"{value:,}"
    return environment


def _context(report: SendReport) -> dict[str, Any]:
    by_name = {figure.name: figure for figure in figures(report)}
    return {
        "report": report,
        "send": report.send,
        "figures": by_name,
        "parts": _parts(by_name),
        "tiles": tuple(_tiles(report, by_name)),
        "sending": series(report, report.sending, ("accepted", "delivered")),
        "after": series(report, report.after, _RATES),
        "few": series(report, _coarse(report.sending, _ROWS_IN_MAIL), ("accepted",)),
        "time": lambda at: time_text(at, report.timezone),
    }


def _parts(by_name: dict[str, SendFigure]) -> tuple[SendFigure, ...]:
    """Where all recipients are, each in one of these."""
    recipients = by_name["recipients"].number
    return tuple(
        SendFigure(name, by_name[name].number, recipients)
        for name in (*_REPORTED, *_OURS)
        if by_name[name].number
    )


def _tiles(report: SendReport, by_name: dict[str, SendFigure]) -> Iterator[Tile]:
    for name in _RATES if report.is_reported else _RATES[-1:]:
        figure = by_name[name]
        yield Tile(name, figure.number, figure.of, _against(report.compared, name))


def _against(compared: Sequence[Compared], name: str) -> str:
    """`+0.12 points against the 5 before`; empty where nothing is compared."""
    if len(compared) < 2:
        return ""
    rates = [share(getattr(row, name), row.accepted) for row in compared]
    *earlier, this = rates
    points = change(this, sum(earlier) / len(earlier))
    before = "the one before" if len(earlier) == 1 else f"the {len(earlier)} before"
    return f"{points} points against {before}" if points else f"as {before}"


def series(report: SendReport, line: TimeLine | None, names: Sequence[str]) -> tuple[Series, ...]:
    """The kinds of what happened that happened at all; none where there is but one step."""
    if line is None or len(line.steps) < 2:
        return ()
    times = [moment(step.at, report.timezone, line.step) for step in line.steps]
    found = []
    for name in names:
        amounts = [getattr(step, name) for step in line.steps]
        if not any(amounts):
            continue
        bars = (
            Bar(at, amount, share(amount, max(amounts)))
            for at, amount in zip(times, amounts, strict=True)
        )
        found.append(Series(name, sum(amounts), tuple(bars)))
    return tuple(found)


def _coarse(line: TimeLine | None, most: int) -> TimeLine | None:
    """The same in a few longer steps."""
    if line is None:
        return None
    together = -(-len(line.steps) // most)
    groups = (line.steps[n : n + together] for n in range(0, len(line.steps), together))
    steps = tuple(
        type(group[0])(group[0].at, accepted=sum(step.accepted for step in group))
        for group in groups
    )
    return TimeLine(line.step * together, steps, line.later)
