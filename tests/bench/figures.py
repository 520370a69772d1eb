"""What a bench says: figures, the targets they are held to, and how both are printed."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

HEADINGS = ("figure", "measured", "target", "", "spread")


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table; one without a target is there to compare with.

    `samples` are in `unit`. Of long runs the best counts (`best`), for whatever else a shared
    machine does can only slow them down; of short ones the median.
    """

    name: str
    samples: tuple[float, ...]
    unit: str
    at_most: float | None = None
    at_least: float | None = None
    best: bool = False

    @property
    def value(self) -> float:
        if not self.best:
            return statistics.median(self.samples)
        return max(self.samples) if self.unit.endswith("/s") else min(self.samples)

    @property
    def target(self) -> str:
        if self.at_most is not None:
            return f"≤ {_number(self.at_most)} {self.unit}".strip()
        if self.at_least is not None:
            return f"≥ {_number(self.at_least)} {self.unit}".strip()
        return ""

    @property
    def verdict(self) -> str:
        if self.at_most is None and self.at_least is None:
            return ""
        missed = (self.at_most is not None and self.value > self.at_most) or (
            self.at_least is not None and self.value < self.at_least
        )
        return "missed" if missed else "ok"

    @property
    def spread(self) -> str:
        count = len(self.samples)
        if count == 1:
            return "one run"
        kind = "best" if self.best else "median"
        return f"{_number(min(self.samples))} – {_number(max(self.samples))}, {kind} of {count}"

    @property
    def cells(self) -> tuple[str, ...]:
        """What stands below HEADINGS."""
        measured = f"{_number(self.value)} {self.unit}".strip()
        return (self.name, measured, self.target, self.verdict, self.spread)


def line(cells: Iterable[str]) -> str:
    """One line for a terminal."""
    name, measured, target, verdict, spread = cells
    return f"{name:<52} {measured:>16}  {target:<16} {verdict:<7} {spread}".rstrip()


def table(figures: Iterable[Figure]) -> str:
    """All figures as a Markdown table."""
    rows = [HEADINGS, ("---",) * len(HEADINGS), *(figure.cells for figure in figures)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _number(value: float) -> str:
    """Three digits that count, and no exponent."""
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
