"""How long a large list takes to get in."""

import csv
import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from newsletter.audience.importing import import_csv
from newsletter.model.subscriber import SubscriptionStatus
from newsletter.project import utc_now
from newsletter.store import open_store
from tests.bench.bench import Bench
from tests.bench.figures import Figure
from tests.bench.processes import apart

LIST = "readers"
_MILLION = 1_000_000


_RUNS = {
    "new": "everybody new",
    "again": "once more",
    "words": "with status words",
}


def importing(bench: Bench) -> Iterator[Figure]:
    path = people_file(bench.folder, bench.rows)
    with_words = words_file(path)
    bare = tuple(
        per_million(apart(import_bare, str(path), str(bench.folder / f"bare{n}.db"))[0], bench.rows)
        for n in range(bench.repeats)
    )
    for kind in bench.kinds:
        seconds: dict[str, list[float]] = {which: [] for which in _RUNS}
        peaks: dict[str, list[float]] = {which: [] for which in _RUNS}
        for _ in range(bench.repeats):
            for files in ({"new": path, "again": path}, {"words": with_words}):
                with bench.stores.new(kind) as url:
                    for which, file in files.items():
                        taken, process = apart(import_people, url, str(file))
                        seconds[which].append(per_million(taken, bench.rows))
                        peaks[which].append(process.peak_mb)
        for which, samples in seconds.items():
            name = f"import, {kind}, {_RUNS[which]}"
            figure = Figure(name, tuple(samples), "s/1M rows", at_most=15, best=True)
            yield figure
            yield Figure("  peak memory", tuple(peaks[which]), "MB", at_most=200)
            yield Figure("  against the bare loop", (figure.value / min(bare),), "x")
    yield Figure("bare csv.reader and executemany into SQLite", bare, "s/1M rows", best=True)


def per_million(seconds: float, rows: int) -> float:
    return seconds * _MILLION / rows


def people_file(folder: Path, rows: int) -> Path:
    """A CSV file of people in no order: 1 % are not addresses, 3 % repeat the row before."""
    path = folder / f"people-{rows}.csv"
    if path.exists():
        return path
    chance = random.Random(1)
    address = ""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["email", "name", "city"])
        for row in range(rows):
            match row % 100:
                case 0:
                    address = f"nobody{row}.example.com"
                case 1 | 2 | 3:
                    pass  # the one before, once more
                case _:
                    address = f"{chance.choice('AbcdEfgh')}{chance.getrandbits(40):x}@example.com"
            writer.writerow([address, f"Reader {row}", ("上海", "Bern", "")[row % 3]])
    return path


def words_file(people: Path) -> Path:
    """The same people, each with a word on where they stand."""
    path = people.with_name(f"words-{people.name}")
    if path.exists():
        return path
    words = ("unsubscribed", "bounced", "Marked as spam", "pending", "active")
    with (
        people.open(encoding="utf-8", newline="") as source,
        path.open("w", encoding="utf-8", newline="") as file,
    ):
        rows, writer = csv.reader(source), csv.writer(file)
        writer.writerow([*next(rows), "status"])
        for number, row in enumerate(rows):
            word = words[number // 10 % len(words)] if number % 10 == 9 else "subscribed"
            writer.writerow([*row, word])
    return path


def import_people(url: str, path: str) -> float:
    """Import a file; returns the seconds. Runs apart."""
    store = open_store(url, Path())
    started = time.perf_counter()
    import_csv(
        store,
        Path(path),
        LIST,
        status=SubscriptionStatus.CONFIRMED,
        now=utc_now(),
        hashes=lambda key: (),
    )
    seconds = time.perf_counter() - started
    store.close()
    return seconds


def import_bare(path: str, database: str) -> float:
    """The least that an import could do: no checks, no consent, one table. Runs apart."""
    started = time.perf_counter()
    with (
        Path(path).open(encoding="utf-8", newline="") as file,
        closing(sqlite3.connect(database)) as connection,
        connection,
    ):
        connection.execute("CREATE TABLE people (email TEXT UNIQUE, name TEXT, city TEXT)")
        rows = csv.reader(file)
        next(rows)
        connection.executemany("INSERT OR IGNORE INTO people VALUES (?, ?, ?)", rows)
    return time.perf_counter() - started
