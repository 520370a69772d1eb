"""What moving a store to the other database takes: people, consents, and a delivery for each."""

import datetime as dt
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from newsletter.operations.relocate import Move
from newsletter.project import Project, utc_now
from newsletter.scaffold import start
from newsletter.store import open_store
from tests.bench.audience import import_people, people_file, per_million
from tests.bench.bench import Bench
from tests.bench.figures import Figure
from tests.bench.processes import apart
from tests.bench.rendering import email_json
from tests.bench.sending import plan_sends


def copying(bench: Bench) -> Iterator[Figure]:
    project = bench.folder / "project"
    start(project, dt.date(2026, 1, 6))
    people = str(people_file(bench.folder, bench.rows))
    for source, target in (("sqlite", "postgresql"), ("postgresql", "sqlite")):
        if not {source, target} <= set(bench.kinds):
            continue
        seconds, peaks = [], []
        for _ in range(bench.repeats):
            with bench.stores.new(source) as url, bench.stores.new(target) as new:
                apart(import_people, url, people)
                apart(plan_sends, url, email_json(), 1)
                (processor_seconds, rows), process = apart(move_store, str(project), url, new)
            seconds.append(per_million(processor_seconds, rows))
            peaks.append(process.peak_mb)
        name = f"copy, {source} to {target}"
        yield Figure(name, tuple(seconds), "processor s/1M rows", best=True)
        yield Figure("  peak memory", tuple(peaks), "MB", at_most=200)


def move_store(folder: str, url: str, new: str) -> tuple[float, int]:
    """Move a store; returns the processor time of this process, without that of a server, and how
    many rows were copied and compared. Runs apart."""
    project = Project.open(Path(folder))
    with (
        closing(open_store(url, Path())) as source,
        closing(Move(project, source, new, utc_now)) as move,
    ):
        before = sum(os.times()[:2])
        moved = move.run(lambda rows: None)
        return sum(os.times()[:2]) - before, sum(moved.tables.values())
