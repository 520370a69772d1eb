"""A report as tables: what `--json` and `--csv` give of it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from newsletter.reports.amounts import share
from newsletter.reports.figures import (
    Compared,
    Provider,
    Reason,
    ReportedCause,
    SendReport,
    TimeLine,
    Tracked,
)

Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class ReportTable:
    """A table of a report: the name of its file, and its rows."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class SendFigure:
    """A number of a send, and of how many it is a part: those that were frozen, or accepted."""

    name: str
    number: int
    of: int


def figures(report: SendReport) -> tuple[SendFigure, ...]:
    """What became of the recipients; below `accepted`, what was reported of these."""
    balance, reports = report.send.counts, report.send.reports
    ours = ("accepted", "rejected", "skipped", "unknown", "queued")
    theirs = {
        "delivered": reports.delivered,
        "delayed": report.delayed,
        "bounced": reports.bounced,
        "hard": report.hard,
        "soft": report.soft,
        "complained": reports.complained,
        "unsubscribed": report.send.unsubscribed,
        "unreported": report.unreported,
    }
    return (
        SendFigure("recipients", balance.recipients, balance.recipients),
        *(SendFigure(name, getattr(balance, name), balance.recipients) for name in ours),
        *(SendFigure(name, number, balance.accepted) for name, number in theirs.items()),
    )


def tables(report: SendReport) -> tuple[ReportTable, ...]:
    """All tables of a report, in the order in which they are read; empty ones too."""
    return (
        ReportTable(
            "summary",
            ("figure", "number", "of", "share"),
            tuple((f.name, f.number, f.of, _share(f.number, f.of)) for f in figures(report)),
        ),
        _reasons("rejected", report.rejected),
        _reasons("skipped", report.skipped),
        _causes("bounces", report.bounces, report.send.counts.accepted),
        _causes("complaints", report.complaints, report.send.counts.accepted),
        _providers(report.providers),
        _time_line("sending", report.sending, ("accepted", "delivered")),
        _time_line("after", report.after, ("delivered", "bounced", "complained", "unsubscribed")),
        ReportTable("opens", _TRACKED, tuple(_tracked([report.opens] if report.opens else []))),
        ReportTable("clicks", _TRACKED, tuple(_tracked([report.clicks] if report.clicks else []))),
        ReportTable(
            "links",
            ("link", *_TRACKED),
            tuple((row.link, *next(_tracked([row.clicks]))) for row in report.links),
        ),
        _compared(report.compared),
    )


_TRACKED = (
    "human",
    "machine",
    "unknown",
    "human_times",
    "machine_times",
    "unknown_times",
)
_OF_PROVIDER = (
    *("recipients", "accepted", "delivered", "delayed"),
    *("bounced", "hard", "complained", "unknown"),
)
_OF_COMPARED = ("delivered", "bounced", "hard", "complained", "unsubscribed")


def _share(part: int, whole: int) -> float | None:
    return round(share(part, whole), 6) if whole else None


def _reasons(name: str, reasons: Iterable[Reason]) -> ReportTable:
    rows = tuple((each.reason, each.recipients) for each in reasons)
    return ReportTable(name, ("reason", "recipients"), rows)


def _causes(name: str, causes: Iterable[ReportedCause], accepted: int) -> ReportTable:
    rows = tuple(
        (each.cause, each.word, each.recipients, _share(each.recipients, accepted))
        for each in causes
    )
    return ReportTable(name, ("cause", "word", "recipients", "share"), rows)


def _providers(providers: Iterable[Provider]) -> ReportTable:
    rows = tuple((p.name, *(getattr(p, name) for name in _OF_PROVIDER)) for p in providers)
    return ReportTable("providers", ("provider", *_OF_PROVIDER), rows)


def _time_line(name: str, line: TimeLine | None, what: Sequence[str]) -> ReportTable:
    steps = line.steps if line is not None else ()
    rows = tuple((s.at.isoformat(), *(getattr(s, each) for each in what)) for s in steps)
    return ReportTable(name, ("at", *what), rows)


def _tracked(some: Iterable[Tracked]) -> Iterator[tuple[int, ...]]:
    return (tuple(getattr(each, name) for name in _TRACKED) for each in some)


def _compared(compared: Iterable[Compared]) -> ReportTable:
    rows = tuple(
        (
            *(row.send_id, row.slug, row.at.isoformat(), row.recipients, row.accepted),
            *(getattr(row, name) for name in _OF_COMPARED),
            *(_share(getattr(row, name), row.accepted) for name in _OF_COMPARED),
        )
        for row in compared
    )
    rates = (f"{name}_share" for name in _OF_COMPARED)
    columns = ("send_id", "slug", "at", "recipients", "accepted", *_OF_COMPARED, *rates)
    return ReportTable("compared", columns, rows)
