"""`make bench`: measure the figures of docs/benchmarks.md and print them.

Nothing is written into the repository unless `--write FILE` asks for it. A missed target is told,
never an error: how fast a shared machine is says little about a change.
"""

import argparse
import datetime as dt
import os
import platform
import re
import shlex
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from tests.bench.audience import importing
from tests.bench.bench import Bench
from tests.bench.copying import copying
from tests.bench.dashboard import dashboard
from tests.bench.figures import HEADINGS, Figure, line, table
from tests.bench.growth import millions, month
from tests.bench.rendering import rendering
from tests.bench.scale import scale
from tests.bench.sending import core, memory, outbox, planning
from tests.bench.ses import limiter, processor, ses
from tests.bench.startup import startup
from tests.bench.stores import STORES, Stores
from tests.bench.studio import studio
from tests.bench.web import web

BENCHES: dict[str, Callable[[Bench], Iterator[Figure]]] = {
    "startup": startup,
    "render": rendering,
    "studio": studio,
    "import": importing,
    "plan": planning,
    "copy": copying,
    "core": core,
    "outbox": outbox,
    "memory": memory,
    "ses": ses,
    "processor": processor,
    "limiter": limiter,
    "dashboard": dashboard,
    "web": web,
    "scale": scale,
    "month": month,
    "millions": millions,
}
_APART = ("scale", "month", "millions")  # `make bench-scale`, and those that take an hour


_TABLE = re.compile(r"(<!-- figures -->\n).*(<!-- end of figures -->\n)", re.DOTALL)


def main(arguments: Sequence[str] | None = None) -> None:
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _options(arguments)
    measured_on = machine()
    print(measured_on)
    print(line(HEADINGS))
    figures = []
    for figure in measure(options):
        print(line(figure.cells), flush=True)
        figures.append(figure)
    print(f"{sum(figure.verdict == 'missed' for figure in figures)} missed")
    if options.write:
        today = dt.datetime.now(dt.UTC)
        heading = f"{today:%Y-%m-%d}; {measured_on}; `make bench ARGS={shlex.join(arguments)!r}`"
        write(options.write, f"{heading}\n\n{table(figures)}")


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "--only",
        nargs="+",
        choices=BENCHES,
        default=[name for name in BENCHES if name not in _APART],
    )
    parser.add_argument("--store", choices=STORES, nargs="+", default=list(STORES))
    parser.add_argument("--rows", type=int, default=1_000_000, help="people to import")
    parser.add_argument(
        "--repeats", type=int, default=3, help="of long runs; short ones run more often"
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, once")
    parser.add_argument(
        "--least", action="store_true", help="little of all, once: only to see it run"
    )
    parser.add_argument("--write", type=Path, metavar="FILE", help="renew the table in a document")
    options = parser.parse_args(arguments)
    if options.quick:
        options.rows, options.repeats = options.rows // 10, 1
    options.short_repeats = 3 * options.repeats
    options.long_kb, options.issues = 271, 1_000  # Gmail shows less than that of any mail
    if options.least:
        options.rows, options.repeats, options.short_repeats = 100, 1, 1
        options.long_kb, options.issues = 16, 2
    return options


def measure(options: argparse.Namespace) -> Iterator[Figure]:
    """The figures of the chosen benches, as they come."""
    with tempfile.TemporaryDirectory() as folder, closing(Stores(Path(folder))) as stores:
        bench = Bench(
            Path(folder),
            stores,
            options.store,
            rows=options.rows,
            long_kb=options.long_kb,
            issues=options.issues,
            repeats=options.repeats,
            short_repeats=options.short_repeats,
        )
        for name in options.only:
            yield from BENCHES[name](bench)


def write(document: Path, text: str) -> None:
    """Put text between the two marks of a document."""
    before = document.read_text("utf-8")
    after, found = _TABLE.subn(lambda marks: marks[1] + text + marks[2], before)
    assert found == 1, f"{document} has no place for the figures"
    document.write_text(after, "utf-8")


def machine() -> str:
    """What the figures were measured on."""
    parts = (
        f"{os.cpu_count()} cores",
        platform.machine(),
        f"{platform.system()} with a load of {os.getloadavg()[0]:.1f}",
        f"Python {platform.python_version()}",
        f"{_fsync_milliseconds():.2f} ms an fsync",
    )
    return ", ".join(parts)


def _fsync_milliseconds(times: int = 50) -> float:
    """What a durable commit costs at the least where the benches write."""
    with tempfile.TemporaryFile(buffering=0) as file:
        started = time.perf_counter()
        for _ in range(times):
            file.write(b"x" * 4096)
            os.fsync(file.fileno())
        return (time.perf_counter() - started) * 1000 / times


if __name__ == "__main__":
    main()
