"""Many schedules in several processes, and what they came to."""

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from tests.simulation.choices import Choices
from tests.simulation.faults import KINDS
from tests.simulation.guards import FOUND
from tests.simulation.play import Played, play, settle_memory
from tests.simulation.postgresql import made, serving
from tests.simulation.shrink import shrink
from tests.simulation.store import Database, Memory

ALL = 100_000
OF_A_GUARD = 10_000
_CHUNK = 50
_ON_POSTGRESQL = 500  # one in so many


@dataclass
class Sum:
    """What some schedules came to. `seconds` are those of a processor."""

    schedules: int = 0
    steps: int = 0
    seconds: float = 0.0
    virtual_seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    points: Counter[str] = field(default_factory=Counter)
    failed: list[tuple[int, str]] = field(default_factory=list)

    def count(self, seed: int, played: Played) -> None:
        self.schedules += 1
        self.steps += played.steps
        self.virtual_seconds += played.seconds
        self.faults += played.faults
        self.points += played.points
        if played.fault is not None:
            self.failed.append((seed, played.fault))

    def add(self, more: "Sum") -> None:
        self.schedules += more.schedules
        self.steps += more.steps
        self.seconds += more.seconds
        self.virtual_seconds += more.virtual_seconds
        self.faults += more.faults
        self.points += more.points
        self.failed += more.failed


class Databases:
    """Those that a process plays on; `server` is that of `served`."""

    def __init__(self) -> None:
        self.server = ""
        self._by_store: dict[str, Database] = {}

    def of(self, store: str) -> Database:
        if store not in self._by_store:
            self._by_store[store] = Memory() if store == "sqlite" else made(self.server)
            settle_memory()
        return self._by_store[store]


databases = Databases()


def store_of(seed: int) -> str:
    """On which store a seed plays unless it is said: on PostgreSQL a schedule takes fifty times as
    long."""
    return "sqlite" if seed % _ON_POSTGRESQL else "postgresql"


@contextmanager
def served(seeds: range, store: str | None) -> Iterator[None]:
    """A server for as long as these seeds play, if one of them needs it."""
    if "postgresql" not in {store or store_of(seed) for seed in seeds}:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="simulation-") as folder:
        os.chmod(folder, 0o755)  # the server runs as another user
        with serving(Path(folder) / "postgresql") as databases.server:
            yield


def play_some(first: int, amount: int, store: str | None) -> Sum:
    """Play the schedules of some seeds, as long as none fails."""
    result, began = Sum(), time.process_time()
    for seed in range(first, first + amount):
        result.count(seed, play(databases.of(store or store_of(seed)), Choices(seed)))
        if result.failed:
            break
    result.seconds = time.process_time() - began
    return result


def chunks(schedules: int, seed: int) -> Iterator[tuple[int, int]]:
    for first in range(seed, seed + schedules, _CHUNK):
        yield first, min(_CHUNK, seed + schedules - first)


def total_of(schedules: int, seed: int, store: str | None, jobs: int | None) -> Sum:
    """Play schedules in as many processes as there are cores, until one fails."""
    total, jobs = Sum(), jobs or os.cpu_count() or 1
    waiting = chunks(schedules, seed)
    with ProcessPoolExecutor(jobs, get_context("fork")) as pool:
        running: set[Future[Sum]] = set()
        while True:
            while not total.failed and len(running) < 2 * jobs:
                if (chunk := next(waiting, None)) is None:
                    break
                running.add(pool.submit(play_some, *chunk, store))
            if not running:
                return total
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                total.add(future.result())


def run(
    *, schedules: int | None, seed: int, store: str | None, jobs: int | None, is_to_fail: bool
) -> int:
    """Play and print; returns the exit code."""
    amount = schedules or max(1, int(ALL * float(os.environ.get("SHARE", "1"))))
    began = time.monotonic()
    with served(range(seed, seed + amount), store):
        total = total_of(amount, seed, store, jobs)
        _print(total, time.monotonic() - began)
        for failed, fault in sorted(total.failed)[:1]:
            print_failed(failed, fault, store or store_of(failed))
    return int(bool(total.failed) and not is_to_fail)


def _print(total: Sum, seconds: float) -> None:
    print(
        f"{total.schedules:,} schedules, {total.steps:,} steps, "
        f"{total.virtual_seconds / 3600:,.0f} virtual hours in {seconds:.0f} seconds: "
        f"{total.schedules / max(total.seconds, 0.001):.0f} a second of a core"
    )
    print("faults:", ", ".join(f"{total.faults[kind]:,} {kind}" for kind in KINDS))
    print("points:", ", ".join(f"{amount:,} {name}" for name, amount in total.points.most_common()))
    print(f"{len(total.failed)} promises were broken")


def print_failed(seed: int, fault: str, store: str) -> None:
    """Print a schedule that fails as short as it gets; `fault` is what it was."""
    on = databases.of(store)
    failed = play(on, Choices(seed))
    if failed.fault is None:
        print(f"seed {seed}: {fault}; played once more, it does not fail")
        return
    print(f"\nseed {seed}: {failed.fault}; {len(failed.choices)} choices", flush=True)
    shortest = shrink(failed, lambda choices: play(on, Choices(recorded=choices)))
    traced = play(on, Choices(recorded=shortest.choices), traced=True)
    amount = sum(value > 0 for value in shortest.choices)
    print(f"the shortest found: {traced.fault}; {amount} choices that are not 0")
    for at, who, what in traced.trace:
        print(f"{at:9.2f}  {who:20}  {what}")


def miss_each(schedules: int | None, seed: int) -> int:
    """Switch off one guard after the other, each in a process of its own; returns the exit
    code."""
    unmissed = 0
    for name in FOUND:
        count, fault = find_without(name, schedules or OF_A_GUARD, seed)
        unmissed += fault is None
        print(f"| {name} | {count:,} | {fault or 'NOT FOUND'} |", flush=True)
    return int(unmissed > 0)


def find_without(name: str, schedules: int, seed: int) -> tuple[int, str | None]:
    """After how many schedules it shows that a guard is off, and how; None where it does not."""
    program = (
        "import sys; from tests.simulation.guards import guards; "
        "guards()[sys.argv[1]].switch_off(); "
        "from tests.simulation import campaign; campaign.find(*map(int, sys.argv[2:]))"
    )
    command = [sys.executable, "-c", program, name, str(schedules), str(seed)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    count, _, fault = done.stdout.strip().partition(" ")
    return int(count), fault or None


def find(schedules: int, seed: int) -> None:
    """Print how many schedules it takes until one fails, and how."""
    on = databases.of("sqlite")
    for number in range(schedules):
        if fault := play(on, Choices(seed + number)).fault:
            print(number + 1, fault)
            return
    print(schedules)
