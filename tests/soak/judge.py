"""What must not grow while a newsletter lives on: pure functions of what was measured.

A run has four quarters, in each of which the same faults happen. The first is for what grows to its
size once: pools, caches, modules that are loaded when they are first needed. From the second on
nothing may.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from statistics import median

from tests.soak.meter import Line, Reading, Sizes

FULL_SECONDS = 600.0
_open, _beside_store = attrgetter("open"), attrgetter("open_beside_store")
_threads = attrgetter("threads")


@dataclass(frozen=True, slots=True)
class Allowance:
    """What may differ though nothing grows.

    `at_rest`: files or threads that a process may hold more between its work, and at its height,
    for what leaks raises both; a pool grows by one whenever more than ever before work at once.
    `at_most`: how much more at the worst moment alone, where several
    requests meet a fault. `share` and `memory_kb`: of memory, which the allocator gives back as it
    likes.
    """

    at_rest: int
    at_most: int
    share: float
    memory_kb: int


def allowance(seconds: float) -> Allowance:
    """In less than ten minutes a process has not yet come to its size by the second quarter: its
    modules are still being loaded, each thread makes the allocator's arena of its own, and not all
    the threads that send, and their connections, were needed. So memory may grow by half and by
    24 MB then, where it may by a tenth and by 4 MB otherwise, and files and threads by 16."""
    if seconds < FULL_SECONDS:
        return Allowance(at_rest=16, at_most=40, share=1.5, memory_kb=24 * 1024)
    return Allowance(at_rest=2, at_most=12, share=1.1, memory_kb=4 * 1024)


@dataclass(frozen=True, slots=True)
class Episode:
    """A fault that was done, in seconds since the load began; its consequences may end later."""

    name: str
    began: float
    ended: float

    @property
    def minutes(self) -> float:
        return (self.ended - self.began) / 60


def faults_of_growth(name: str, readings: Sequence[Reading], seconds: float) -> list[str]:
    """What grew in a process that lived through all of a run of so many seconds."""
    allowed = allowance(seconds)
    second, last = (_between(readings, seconds, n / 4, (n + 1) / 4) for n in (1, 3))
    end = _between(readings, seconds, 0.8, 1)
    if not second or not last or not end:
        return [f"{name}: it was not measured"]
    if len({one.pid for one in readings}) > 1:
        return [f"{name}: it was started again"]
    found = []
    for what, kept, held in (
        ("files", _beside_store, _open),
        ("threads", _threads, _threads),
    ):
        rests = [_at_rest([kept(one) for one in quarter]) for quarter in (second, last)]
        mosts = [max(held(one) for one in quarter) for quarter in (second, last)]
        rest, most = (after - before for before, after in (rests, mosts))
        if min(rest, most) > allowed.at_rest or most > allowed.at_most:
            found.append(
                f"{name}: open {what} grew from {rests[0]} (at most {mosts[0]}) "
                f"to {rests[1]} (at most {mosts[1]})"
                + (f": {_grown(second, last)}" if what == "files" else "")
            )
    before_kb = median(one.memory_kb for one in second)
    after_kb = median(one.memory_kb for one in end)
    if after_kb > before_kb * allowed.share + allowed.memory_kb:
        found.append(f"{name}: memory grew from {before_kb / 1024:.1f} to {after_kb / 1024:.1f} MB")
    return found


def _at_rest(amounts: Sequence[int]) -> int:
    """What is not exceeded in a tenth of the moments: between sends, where there are no threads for
    them."""
    return sorted(amounts)[len(amounts) // 10]


def _between(
    readings: Sequence[Reading], seconds: float, first: float, last: float
) -> Sequence[Reading]:
    return [one for one in readings if first * seconds <= one.at <= last * seconds]


def _grown(before: Sequence[Reading], after: Sequence[Reading]) -> str:
    """The kinds of files of which there are more."""
    kinds = {kind for one in after for kind in one.handles}
    grown = {
        kind: median(one.handles.get(kind, 0) for one in after)
        - median(one.handles.get(kind, 0) for one in before)
        for kind in kinds
    }
    most = sorted(grown, key=lambda kind: -grown[kind])[:3]
    return ", ".join(f"{kind} {grown[kind]:+g}" for kind in most if grown[kind] > 0)


# --- what was written -----------------------------------------------------------------------------

_REPEATED = 3  # times that a note may come in a fault: it begins, it goes on, it is over
_A_MINUTE = 1
_PER_WORK = 12  # lines about each piece of work, at most
_IDLE = 3  # lines of a process that has nothing to do
_SETTLING_SECONDS = 30.0  # at most, in which a fault may still have consequences
_SETTLING_SHARE = 0.05  # of a run, where that is less

_OF_WORK = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (INFO|DEBUG) ")
_VARIES = re.compile(r"\b[0-9a-f]{6,}\b|\d{8}-[a-z0-9]{6}|\d+([.,]\d+)*")


def is_note(line: Line) -> bool:
    """Whether it is a warning, or meant for people: not the log of work that was done."""
    return bool(line.text.strip()) and not _OF_WORK.match(line.text)


def shape(text: str) -> str:
    """A line without what differs each time."""
    return _VARIES.sub("#", text)


def faults_of_notes(
    lines: Sequence[Line], episodes: Sequence[Episode], seconds: float
) -> list[str]:
    """Notes that came for each try of what failed, and not for each fault, in a run of so long."""
    found = []
    settling = min(_SETTLING_SECONDS, _SETTLING_SHARE * seconds)
    for episode in episodes:
        until = episode.ended + settling
        times = Counter(
            (line.part, shape(line.text))
            for line in lines
            if episode.began <= line.at <= until and is_note(line)
        )
        minutes = episode.minutes + settling / 60
        others = sum(
            other is not episode and other.began <= until and other.ended >= episode.began
            for other in episodes
        )
        most = (_REPEATED + _A_MINUTE * minutes) * (1 + others)
        found += [
            f"{part}: {amount} times while {episode.name}: {text[:160]}"
            for (part, text), amount in times.items()
            if amount > most
        ]
    return sorted(set(found))


def faults_of_lines(lines: Sequence[Line], work: int, minutes: float) -> list[str]:
    """More lines than there was work, whatever they say. `work` counts sends, events, requests that
    changed something and faults."""
    found = []
    for part, amount in Counter(line.part for line in lines).items():
        if amount > _PER_WORK * work + 60 * minutes:
            found.append(f"{part}: it wrote {amount:,} lines, and there were {work:,} things to do")
    found += [
        f"{line.part}: a traceback" for line in lines if line.text.startswith("Traceback (most")
    ]
    return sorted(set(found))


def faults_of_idleness(lines: Sequence[Line], since: float) -> list[str]:
    """A line for each look at what there is to do, where there is nothing."""
    idle = [line for line in lines if line.at >= since]
    return [
        f"{part}: it wrote {amount} lines with nothing to do: "
        + " / ".join(line.text[:160] for line in idle if line.part == part)[:800]
        for part, amount in Counter(line.part for line in idle).items()
        if amount > _IDLE
    ]


# --- what lies on the disk ------------------------------------------------------------------------

_LOG_AHEAD_BYTES = 64_000_000  # SQLite's own limit is 4 MB, beyond which readers may hold it open
_TEMPORARY_BYTES = 16_000_000


def faults_of_sizes(sizes: Sequence[Sizes]) -> list[str]:
    found = []
    if (most := max(one.log_ahead for one in sizes)) > _LOG_AHEAD_BYTES:
        found.append(f"the log of the store had {most:,} bytes")
    if (most := max(one.temporary for one in sizes)) > _TEMPORARY_BYTES:
        found.append(f"there were {most:,} bytes of temporary files")
    return found
