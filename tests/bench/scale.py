"""How fast workers on PostgreSQL are together, and how exactly they keep the rate that they share.

The workers are real processes that wait for sends; PostgreSQL and the stand-in take their part of
the same cores.
"""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from newsletter.model.send import ENDED, SendStatus
from newsletter.project import utc_now
from newsletter.store import open_store
from newsletter.store.clock import clock_of
from newsletter.store.ledger.workers import heard_of
from tests.bench.audience import LIST, import_people, people_file
from tests.bench.bench import Bench
from tests.bench.figures import Figure
from tests.bench.processes import NEWSLETTER, ROOT, apart
from tests.bench.rendering import issue
from tests.bench.ses import CREDENTIALS, SHARE, arrivals, standing_in
from tests.standin.client import StandIn
from tests.waiting import PATIENCE_SECONDS, until

_RATE = 1_000.0  # of the account, where the rate is looked at
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


def scale(bench: Bench) -> Iterator[Figure]:
    """Workers by themselves and together, and the rate that they share."""
    size = max(1_000, bench.rows // 10)  # fewer are gone at once
    alone = [_at_full_speed(bench, 1, size) for _ in range(bench.repeats)]
    together = [_at_full_speed(bench, 2, size) for _ in range(bench.repeats)]
    one = Figure("SES bulk, one worker", tuple(run.speed for run in alone), "people/s", best=True)
    yield one
    speeds = tuple(run.speed for run in together)
    two = Figure("SES bulk, two workers", speeds, "people/s", at_least=4_000, best=True)
    yield two
    yield Figure("  against one", (two.value / one.value,), "x", at_least=0.9)
    peaks = tuple(run.peak_mb for run in (*alone, *together))
    yield Figure("  peak memory of a worker", (max(peaks),), "MB", at_most=200)
    seconds = 60 if bench.rows >= 1_000_000 else 6
    rate = _RATE * SHARE
    for workers, is_killed in ((1, False), (2, False), (4, False), (4, True)):
        with _cluster(bench, workers, int(rate * seconds), _RATE) as cluster:
            cluster.send(killed_after=seconds / 3 if is_killed else None)
            mean, _ = arrivals(cluster.standin)
        name = (
            f"a rate of {rate:g}/s shared by {workers}{', one of them killed' if is_killed else ''}"
        )
        yield Figure(f"{name}, off by", (abs(mean / rate - 1) * 100,), "%", at_most=2)


@dataclass(frozen=True, slots=True)
class _Run:
    """`speed` counts from the first arrival at the stand-in to the last, without the start."""

    speed: float
    peak_mb: float


def _at_full_speed(bench: Bench, workers: int, size: int) -> _Run:
    with _cluster(bench, workers, size, 1e6) as cluster:
        cluster.send()
        return _Run(arrivals(cluster.standin)[0], max(cluster.peaks_mb()))


@dataclass(frozen=True, slots=True)
class _Cluster:
    """Workers that wait for sends of a project whose store is PostgreSQL."""

    project: Path
    environment: dict[str, str]
    standin: StandIn
    workers: list[subprocess.Popen[bytes]]

    def send(self, killed_after: float | None = None) -> None:
        """Leave an issue to the workers, and wait until it has ended or nothing of it is left."""
        self.ask("send", issue().stem, "--list", LIST, "--detach", "--yes")
        if killed_after is not None:
            until(lambda: bool(self.standin.stats()["arrivals"]))
            time.sleep(killed_after)
            self.workers[-1].kill()
        until(self._has_ended)

    def _has_ended(self) -> bool:
        time.sleep(0.5)  # asking costs those who are measured
        status = SendStatus(json.loads(self.ask("status", "--json"))["status"])
        return status in (*ENDED, SendStatus.UNRESOLVED)

    def ask(self, *arguments: str) -> str:
        done = subprocess.run(
            [NEWSLETTER, *arguments, "--project", str(self.project)],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )
        if done.returncode:
            raise RuntimeError(f"{arguments[0]} left with {done.returncode}: {done.stderr}")
        return done.stdout

    def peaks_mb(self) -> list[float]:
        """Resident memory at its most, of each living worker."""
        texts = (Path(f"/proc/{worker.pid}/status").read_text() for worker in self.workers)
        return [int(found[1]) / 1024 for text in texts if (found := _PEAK.search(text))]


@contextmanager
def _cluster(bench: Bench, workers: int, size: int, max_send_rate: float) -> Iterator[_Cluster]:
    """A list of `size` people, and `workers` that are ready."""
    project = bench.folder / "cluster"
    shutil.copytree(ROOT / "templates", project / "templates")
    (project / "issues").mkdir()
    shutil.copy(issue(), project / "issues")
    shutil.copy(ROOT / "newsletter.toml", project)
    log = bench.folder / "standin.log"
    log.unlink(missing_ok=True)
    people = people_file(bench.folder, size)
    with (
        bench.stores.new("postgresql") as url,
        standing_in(bench, max_send_rate=max_send_rate) as standin,
    ):
        apart(import_people, url, str(people))
        environment = {
            **os.environ,
            **CREDENTIALS,
            "NEWSLETTER_SECRET": "bench" * 8,
            "NEWSLETTER_STORE__URL": url,
            "NEWSLETTER_TRANSPORT__KIND": "ses",
            "NEWSLETTER_TRANSPORT__SES__REGION": "eu-west-1",
            "NEWSLETTER_TRANSPORT__SES__ENDPOINT_URL": standin.url,
        }
        started: list[subprocess.Popen[bytes]] = []
        cluster = _Cluster(project, environment, standin, started)
        try:
            for _ in range(workers):
                program = [NEWSLETTER, "worker", "--project", str(project)]
                nowhere = subprocess.DEVNULL
                started.append(
                    subprocess.Popen(program, env=environment, stdout=nowhere, stderr=nowhere)
                )
            _wait_for(url, workers)
            yield cluster
        finally:
            for worker in started:
                worker.terminate()
            for worker in started:
                worker.wait(PATIENCE_SECONDS)
    shutil.rmtree(project)


def _wait_for(url: str, amount: int) -> None:
    """Wait until so many workers have said that they live."""
    store = open_store(url, Path())
    clock = clock_of(store, utc_now)

    def are_there() -> bool:
        with store.read() as connection:
            return len(heard_of(connection, clock())) == amount

    until(are_there)
    store.close()
