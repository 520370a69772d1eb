"""A report as lines of text, with bars: for terminals, and for the text part of a mail."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

from newsletter.reports import words
from newsletter.reports.amounts import change, length, moment, percent, share
from newsletter.reports.figures import Compared, SendReport, TimeLine, Tracked
from newsletter.reports.tables import SendFigure, figures

_GAP = "  "
_LEAST_BAR, _MOST_BAR = 6, 40  # columns of the terminal
_LEAST_TEXT = 12
_ROOMY = 60
_ASCII = str.maketrans({"–": "-", "−": "-", "·": "-", "…": "~", "’": "'"})


@dataclass(frozen=True, slots=True)
class Strokes:
    """What bars are drawn with: the parts of a whole block, and the heights of a step."""

    parts: str
    heights: str
    is_ascii: bool = False


BLOCKS = Strokes(parts="▏▎▍▌▋▊▉█", heights="▁▂▃▄▅▆▇█")
ASCII = Strokes(parts="#", heights=".:-=+*%#", is_ascii=True)


def strokes_for(encoding: str) -> Strokes:
    """Blocks where an encoding has them, and ASCII elsewhere."""
    try:
        (BLOCKS.parts + BLOCKS.heights).encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return BLOCKS


class ReportLine(NamedTuple):
    text: str
    is_heading: bool = False


def lines(report: SendReport, width: int, strokes: Strokes = BLOCKS) -> Iterator[ReportLine]:
    """A report in lines of at most so many columns, but for its subject and what is copied."""
    for line in _Drawing(report, width, strokes).lines():
        text = line.text.translate(_ASCII) if strokes.is_ascii else line.text
        yield ReportLine(text.rstrip(), line.is_heading)


class _Drawing:
    def __init__(self, report: SendReport, width: int, strokes: Strokes) -> None:
        self._report = report
        self._width = width
        self._strokes = strokes

    def lines(self) -> Iterator[ReportLine]:
        report = self._report
        yield ReportLine(report.send.subject, is_heading=True)
        yield from map(ReportLine, words.about(report))
        yield from self._notes()
        yield from self._summary()
        yield from self._sending()
        yield from self._after()
        yield from self._causes()
        yield from self._providers()
        yield from self._reasons()
        yield from self._tracked()
        yield from self._compared()

    def _notes(self) -> Iterator[ReportLine]:
        if self._report.notes:
            yield ReportLine("")
        yield from map(ReportLine, self._report.notes)

    # --- parts ------------------------------------------------------------------------------------

    def _summary(self) -> Iterator[ReportLine]:
        by_name = {figure.name: figure for figure in figures(self._report)}
        ours = ("recipients", "accepted", "rejected", "skipped", "unknown", "queued")
        always = ("recipients", "accepted")
        yield from self._part("Recipients", self._figures([by_name[n] for n in ours], always))
        if not by_name["accepted"].number:
            return
        theirs = [by_name[name] for name in by_name if name not in ours]
        reported = ("delivered", "bounced", "complained") if self._report.is_reported else ()
        shown = (*reported, "unsubscribed")
        yield from self._part("Reported of the accepted", self._figures(theirs, shown))

    def _figures(self, some: Sequence[SendFigure], always: Sequence[str]) -> Iterator[str]:
        shown = [figure for figure in some if figure.number or figure.name in always]
        return self._bars(
            [
                (
                    ("  " if f.name in ("hard", "soft") else "") + words.figure(f.name),
                    f"{f.number:,}",
                    percent(f.number, f.of),
                    share(f.number, f.of),
                )
                for f in shown
            ]
        )

    def _sending(self) -> Iterator[ReportLine]:
        line = self._report.sending
        if line is None or len(line.steps) < 2:
            return
        title = f"While it went out, each {length(line.step)}"
        yield from self._part(title, self._time_line(line, ("accepted", "delivered")))

    def _after(self) -> Iterator[ReportLine]:
        line = self._report.after
        if line is None or len(line.steps) < 2:
            return
        what = ("delivered", "bounced", "complained", "unsubscribed")
        title = f"What came back, each {length(line.step)}"
        yield from self._part(title, self._time_line(line, what))

    def _causes(self) -> Iterator[ReportLine]:
        accepted = self._report.send.counts.accepted
        for title, causes in (
            ("Bounces by cause", self._report.bounces),
            ("Complaints", self._report.complaints),
        ):
            rows = [
                (
                    words.cause(each),
                    f"{each.recipients:,}",
                    percent(each.recipients, accepted),
                    share(each.recipients, max(c.recipients for c in causes)),
                )
                for each in causes
            ]
            yield from self._part(title, self._bars(rows))

    def _providers(self) -> Iterator[ReportLine]:
        rows = [
            (
                *(p.name, f"{p.accepted:,}", percent(p.delivered, p.accepted)),
                *(percent(p.bounced, p.accepted), percent(p.hard, p.accepted)),
                *(percent(p.complained, p.accepted), f"{p.delayed:,}"),
            )
            for p in self._report.providers
        ]
        header = ("", "accepted", "delivered", "bounced", "hard", "complaints", "delayed")
        columns = len(header) if self._report.is_reported else 2
        drawn = self._grid([row[:columns] for row in (header, *rows)]) if rows else ()
        yield from self._part("Mailbox providers", drawn)

    def _reasons(self) -> Iterator[ReportLine]:
        for title, reasons in (
            ("Rejected", self._report.rejected),
            ("Skipped", self._report.skipped),
        ):
            most = max((each.recipients for each in reasons), default=0)
            rows = [
                (words.reason(r.reason), f"{r.recipients:,}", "", share(r.recipients, most))
                for r in reasons
            ]
            yield from self._part(title, self._bars(rows))

    def _tracked(self) -> Iterator[ReportLine]:
        report = self._report
        header = ("", "humans", "machines", "unknown")
        rows = [
            (name, *_by_whom(tracked))
            for name, tracked in (("opened", report.opens), ("clicked", report.clicks))
            if tracked is not None
        ]
        yield from self._part("Opens and clicks", self._grid([header, *rows]) if rows else ())
        links = [(words.link(row.link), *_by_whom(row.clicks)) for row in report.links]
        yield from self._part("Links", self._grid([header, *links]) if links else ())

    def _compared(self) -> Iterator[ReportLine]:
        compared = self._report.compared
        if len(compared) < 2:
            yield from self._part("Beside the sends before it", ["There is none."] * len(compared))
            return
        header = ("", "accepted", "delivered", "bounced", "hard", "complaints", "left")
        rows = [
            (
                *(row.slug, f"{row.accepted:,}"),
                *(words.rate(row, name) for name in _RATES),
            )
            for row in compared
        ]
        drawn = [*self._grid([header, *rows]), *self._trends(compared)]
        yield from self._part("Beside the sends before it", drawn)

    def _trends(self, compared: Sequence[Compared]) -> Iterator[str]:
        yield from ("", "The trend, and the mean before it:")
        for name in _RATES:
            rates = [share(getattr(row, name), row.accepted) for row in compared]
            against = change(rates[-1], sum(rates[:-1]) / (len(rates) - 1))
            points = f"{against} points" if against else "the same"
            yield _GAP.join((words.figure(name).ljust(_LEAST_TEXT), self._spark(rates), points))

    # --- drawing ----------------------------------------------------------------------------------

    def _part(self, title: str, rows: Sequence[str] | Iterator[str]) -> Iterator[ReportLine]:
        drawn = [ReportLine(row) for row in rows]
        if drawn:
            yield ReportLine("")
            yield ReportLine(title, is_heading=True)
            yield from drawn

    def _bars(self, rows: Sequence[tuple[str, str, str, float]]) -> Iterator[str]:
        """Rows of a text, a number and a share, with a bar in the room that is left."""
        if not rows:
            return
        numbers = max(cell_len(number) for _, number, _, _ in rows)
        shares = max(cell_len(part) for _, _, part, _ in rows)
        fixed = numbers + (shares + len(_GAP) if shares else 0) + len(_GAP)
        room = max(_LEAST_TEXT, self._width - fixed - _LEAST_BAR - len(_GAP))
        texts = min(room, max(cell_len(text) for text, *_ in rows))
        bar = min(_MOST_BAR, self._width - fixed - texts - len(_GAP))
        for text, number, part, size in rows:
            cells = [_fitted(text, texts), number.rjust(numbers)]
            cells += [part.rjust(shares)] if shares else []
            yield _GAP.join((*cells, self._bar(size, bar) if bar >= _LEAST_BAR else ""))

    def _bar(self, size: float, columns: int) -> str:
        parts = self._strokes.parts
        eighths = max(1, round(size * columns * len(parts))) if size > 0 else 0
        whole, rest = divmod(eighths, len(parts))
        return parts[-1] * whole + (parts[rest - 1] if rest else "")

    def _grid(self, rows: Sequence[Sequence[str]]) -> Iterator[str]:
        """A text and numbers in columns; those on the right are left out where there is no room."""
        sizes = [max(cell_len(row[n]) for row in rows) for n in range(len(rows[0]))]
        kept = len(sizes)
        text = min(sizes[0], max(_LEAST_TEXT, self._width // 3))
        while kept > 2 and text + sum(len(_GAP) + size for size in sizes[1:kept]) > self._width:
            kept -= 1
        rest = self._width - sum(len(_GAP) + size for size in sizes[1:kept])
        text = max(_LEAST_TEXT, min(sizes[0], rest))
        for row in rows:
            cells = (row[n].rjust(sizes[n]) for n in range(1, kept))
            yield _GAP.join((_fitted(row[0], text), *cells))

    def _time_line(self, line: TimeLine, what: Sequence[str]) -> Iterator[str]:
        names = max(len(words.figure(name)) for name in what)
        for name in what:
            amounts = [getattr(step, name) for step in line.steps]
            if not any(amounts):
                continue
            spark = self._spark(amounts, self._width - names - len(_GAP))
            yield _GAP.join((words.figure(name).ljust(names), spark))
            total, most = sum(amounts), max(amounts)
            peak = f"{total:,}" + (f", at most {most:,}" if total > most else "")
            at = f" at {self._moment(line, amounts.index(most))}"
            yield f"  {peak}{at if self._width >= _ROOMY else ''}"
        yield f"from {self._moment(line, 0)} to {self._moment(line, -1)}"
        if line.later:
            yield f"and {line.later:,} later"

    def _moment(self, line: TimeLine, place: int) -> str:
        return moment(line.steps[place].at, self._report.timezone, line.step)

    def _spark(self, amounts: Sequence[float], width: int = 60) -> str:
        """Amounts in a row of heights; neighbours go together where there is no room for all."""
        together = -(-len(amounts) // max(1, width))
        some = [sum(amounts[n : n + together]) for n in range(0, len(amounts), together)]
        heights, most = self._strokes.heights, max(some)
        if most <= 0:
            return heights[0] * len(some)
        return "".join(
            heights[min(len(heights) - 1, int(amount / most * len(heights)))] if amount else " "
            for amount in some
        )


_RATES = ("delivered", "bounced", "hard", "complained", "unsubscribed")


def _by_whom(tracked: Tracked) -> tuple[str, ...]:
    return tuple(f"{amount:,}" for amount in (tracked.human, tracked.machine, tracked.unknown))


def _fitted(text: str, columns: int) -> str:
    if cell_len(text) <= columns:
        return set_cell_size(text, columns)
    return set_cell_size(text, columns - 1) + "…"
