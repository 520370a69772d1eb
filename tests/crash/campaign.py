"""`make crash`: kill sends in every way, and let two witnesses say what became of each recipient.

`SHARE=0.1` runs a tenth of it. `--without GUARD` switches a guard off and plays the part that must
find faults then: it leaves with 1, as the campaign does whenever it finds some.
"""

import argparse
import datetime as dt
import os
import platform
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path

from newsletter.store import upgrade
from tests.bench.stores import Stores
from tests.crash.guards import GUARDS
from tests.crash.kills import Found
from tests.crash.parts import Part, parts, proof
from tests.crash.stage import staged
from tests.integration.server import Server, running

_AT_ONCE = 2
_SHOWN = 8
_FEW = 4_000  # recipients at most of a share: one send has room for a few kills only
_MIGRATING = threading.Lock()  # Alembic knows one migration at a time


def play(part: Part, stores: Stores, share: float, seed: int) -> Found:
    """Play one part on a stage of its own, and say what came of it."""
    started = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="newsletter-crash-") as folder,
        _store(stores, part.store, Path(folder)) as (url, server),
        staged(
            Path(folder) / "stage",
            url,
            part.kind,
            part.recipients if share >= 1 else min(part.recipients, _FEW),
            part.orders,
            part.latency_ms,
        ) as stage,
    ):
        found = part.play(replace(stage, server=server), share, seed)
    print(line(part, found, seed, time.monotonic() - started), flush=True)
    for fault in found.faults[:_SHOWN]:
        print(f"    {fault}", flush=True)
    return found


def line(part: Part, found: Found, seed: int, seconds: float) -> str:
    """What one part came to; no fault in n trials says only that it is rarer than 3/n (95 %)."""
    trials = found.kills or found.sends
    bound = f"< {3 / trials:.1%}" if trials > 3 and not found.faults else ""
    return (
        f"{part.name:<34} seed {seed} {found.sends:>4} sends {found.recipients:>9,} recipients "
        f"{found.kills:>4} kills {found.unknown:>7,} unknown {len(found.faults):>3} faults "
        f"{bound:>8} {seconds:6.0f} s"
    )


def campaign(share: float, seed: int, only: str) -> int:
    """All parts, two at a time; returns how many faults were found."""
    chosen = [part for part in parts() if only in part.name]
    print(
        f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} cores, Python {platform.python_version()}, share {share:g}",
        flush=True,
    )
    started = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="newsletter-crash-stores-") as folder,
        closing(Stores(Path(folder))) as stores,
        ThreadPoolExecutor(_AT_ONCE) as pool,
    ):
        found = list(pool.map(lambda part: play(part, stores, share, seed), chosen))
    kills = sum(part.kills for part in found)
    faults = sum(len(part.faults) for part in found)
    points = sum((part.points for part in found), Counter[str]())
    for name, times in sorted(points.items()):
        print(f"{times:>4} kills {name}")
    print(
        f"\n{kills:,} kills in {sum(part.sends for part in found):,} sends to "
        f"{sum(part.recipients for part in found):,} recipients, {len(points)} named points; "
        f"{sum(part.in_flight for part in found):,} of those looked at once dead held a batch; "
        f"{sum(part.unknown for part in found):,} unknown, {faults} faults; "
        f"{time.monotonic() - started:,.0f} s"
    )
    return faults


@contextmanager
def _store(stores: Stores, kind: str, folder: Path) -> Iterator[tuple[str, Server | None]]:
    """The URL of a new store, empty for the SQLite file that `newsletter init` makes; and its
    server, where it has one of its own."""
    with ExitStack() as stack:
        match kind:
            case "sqlite":
                yield "", None
            case "server":
                server = stack.enter_context(running(folder / "runtime"))
                with _MIGRATING:
                    upgrade(server.url(), folder)
                yield server.url(), server
            case _:
                with _MIGRATING:
                    url = stack.enter_context(stores.new(kind))
                yield url, None


def without(guard: str, seed: int) -> int:
    """Switch a guard off; returns how many faults the part found that must see it."""
    print(f"without: {GUARDS[guard].what}", flush=True)
    with (
        tempfile.TemporaryDirectory(prefix="newsletter-crash-stores-") as folder,
        closing(Stores(Path(folder))) as stores,
    ):
        return len(play(proof(guard), stores, 1.0, seed).faults)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash.campaign", description=__doc__)
    parser.add_argument("--without", choices=GUARDS, help="the guard to switch off")
    parser.add_argument("--only", default="", help="parts with this in their name")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    if options.without:
        return min(1, without(options.without, options.seed))
    return min(1, campaign(float(os.environ.get("SHARE", "1")), options.seed, options.only))


if __name__ == "__main__":
    sys.exit(main())
