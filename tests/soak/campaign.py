"""One soak on one kind of store: everything runs, then comes to rest, then is judged."""

import datetime as dt
import os
import platform
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from tests.soak import judge, witness
from tests.soak.faults import Faults
from tests.soak.guards import GUARD_SECONDS, Guard
from tests.soak.load import LISTS, Load, Pace
from tests.soak.meter import Meter, nearest
from tests.soak.parts import Part, running, stop_all
from tests.soak.readers import Readers
from tests.soak.stage import Stage, staged
from tests.waiting import until

_READINGS = 200  # in a run
_IDLE_SHARE = 0.025  # of a run, in which nothing is to be done any more
_LEAST_IDLE_SECONDS = 12.0  # each process has looked several times what there is to do


@dataclass
class Soaked:
    """What a run came to."""

    kind: str
    seconds: float
    meter: Meter
    parts: Sequence[Part]
    faults: list[str] = field(default_factory=list)
    done: str = ""
    skipped: Sequence[str] = ()

    def table(self) -> Iterator[str]:
        """What each process held at each quarter's end, and wrote in all."""
        moments = [self.seconds * n / 4 for n in range(1, 5)]
        yield f"| {self.kind} | " + " | ".join(_minutes(each) for each in moments) + " | log |"
        yield "| --- |" + " --- |" * (len(moments) + 1)
        for part in self.parts:
            readings = self.meter.readings[part.name]
            if not part.steady or not readings:
                continue
            row = [nearest(readings, at) for at in moments]
            cells = [
                f"{one.open} files, {one.threads} threads, {one.memory_kb / 1024:.0f} MB"
                for one in row
            ]
            size = sum(path.stat().st_size for path in (part.out, part.err))
            yield f"| {part.name} | " + " | ".join(cells) + f" | {size / 1024:.0f} KB |"


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 240 else f"{seconds:.0f} s"


def soak(
    kind: str, seconds: float, seed: int, program: Mapping[str, str] = MappingProxyType({})
) -> Soaked:
    """A run on a new newsletter; `program` is the environment in which another program is run."""
    with staged(kind, seed) as stage:
        load = Load(stage, Pace.of(seconds), seed)
        load.prepare()
        parts = stage.parts(program)
        meter = Meter(parts, stage.file, stage.temporary, max(0.2, min(3.0, seconds / _READINGS)))
        with running(parts):
            _warm_up(stage, load, parts, seconds)
            meter.began = time.monotonic()
            meter.start()
            try:
                faults, readers = _under_load(stage, load, parts, meter, seconds, seed)
                lasted = meter.now  # as long as all faults took
                found = [*faults.errors, *readers.faults()]
                found += _come_to_rest(stage, load, meter, seconds)
                idle = _faults_of_idleness(load, meter, seconds)
                stop_all(parts)
            finally:
                load.leave()
                meter.stop()
            meter.look()
        found += [fault for part in parts for fault in part.faults]
        killed = faults.killed_lately()
        found += [*idle, *witness.faults(stage, load.work, readers.clicks, killed)]
        verified = stage.call("db", "verify")
        if verified.code:
            found.append(f"the store does not verify: {verified.out}{verified.err}")
        found += _of_the_meter(meter, parts, faults, load, readers, lasted)
        soaked = Soaked(kind, lasted, meter, parts, found)
        soaked.done = _done(load, readers, faults, stage, meter)
        soaked.skipped = sorted(faults.skipped)
        for line in soaked.table():
            print(line, flush=True)
        return soaked


def _warm_up(stage: Stage, load: Load, parts: Sequence[Part], seconds: float) -> None:
    """Let the first worker send something, so that it has begun all the threads it wants; then
    comes the second."""
    for _ in range(1 if seconds < 60 else len(LISTS)):
        load.send_one()
    until(lambda: stage.select("SELECT count(*) FROM sends WHERE status <> 'finished'") == [(0,)])
    for part in parts:
        if not part.steady:
            part.start()
            until(part.is_ready)


def _under_load(
    stage: Stage, load: Load, parts: Sequence[Part], meter: Meter, seconds: float, seed: int
) -> tuple[Faults, Readers]:
    """All the work and all the faults; a run that is short has them once and not in each quarter,
    in which they would be over before anything notices."""
    faults = Faults(stage, {part.name: part for part in parts}, meter, threading.Event())
    readers = Readers(stage, load, seed)
    with load.going_on(), readers.going_on():
        times = 4 if seconds >= 60 else 1
        try:
            for number in range(times):
                began = meter.now
                faults.quarter(number, seconds / times)
                faults.wait(max(0.0, began + seconds / times - meter.now))
        finally:
            faults.stop.set()
    return faults, readers


def _come_to_rest(stage: Stage, load: Load, meter: Meter, seconds: float) -> list[str]:
    """Let all that was begun end; an operator goes on with what was paused, and is told why."""
    found: list[str] = []

    def is_at_rest() -> bool:
        for send_id, reason, by in stage.select(
            "SELECT id, pause_reason, stopped_by FROM sends WHERE status = 'paused'"
        ):
            load.work.paused.append(str(reason))
            if by != "schedule":
                found.append(f"{send_id} was paused: {reason}")
            stage.call("resume", str(send_id))
        [(open_sends,)] = stage.select(
            "SELECT count(*) FROM sends WHERE status NOT IN ('finished', 'unresolved') "
            "OR EXISTS (SELECT 1 FROM tenures WHERE send = number)"
        )
        return bool(open_sends == 0)

    until(is_at_rest)
    until(lambda: stage.select("SELECT count(*) FROM requests WHERE state = 'waiting'") == [(0,)])
    seen: list[tuple[int, int]] = []
    while len(seen) < 3 or len({*seen[-3:]}) > 1 or seen[-1][1]:
        time.sleep(0.5)
        seen.append((len(load.work.published), stage.queue.stats()["left"]))
    until(is_at_rest)
    return found


def _faults_of_idleness(load: Load, meter: Meter, seconds: float) -> list[str]:
    """What is written with nothing to do: in a while in which no late report came."""
    while True:
        meter.look()  # what was written before this is no line of the while that begins
        since, published = meter.now, len(load.work.published)
        time.sleep(max(_LEAST_IDLE_SECONDS, _IDLE_SHARE * seconds))
        meter.look()
        if len(load.work.published) == published:
            return judge.faults_of_idleness(meter.lines, since)


def _of_the_meter(
    meter: Meter,
    parts: Sequence[Part],
    faults: Faults,
    load: Load,
    readers: Readers,
    seconds: float,
) -> list[str]:
    found = []
    for part in parts:
        if part.steady:
            found += judge.faults_of_growth(part.name, meter.readings[part.name], seconds)
    found += judge.faults_of_notes(meter.lines, faults.done, seconds)
    work = load.work
    amount = len(work.planned) + len(work.published) + len(readers.clicks) + len(faults.done)
    found += judge.faults_of_lines(meter.lines, amount + readers.asked.total(), seconds / 60)
    return found + judge.faults_of_sizes(meter.sizes)


def _done(load: Load, readers: Readers, faults: Faults, stage: Stage, meter: Meter) -> str:
    work = load.work
    statuses = {"answered": 0, "refused": 0, "503": 0}
    for (_, status), times in readers.statuses.items():
        key = "503" if status == 503 else "answered" if 0 < status < 400 else "refused"
        statuses[key] += times
    [(unknown,)] = stage.select("SELECT count(*) FROM deliveries WHERE status = 'unknown'")
    told = [click for click in readers.clicks if click.status == 200]
    ahead = max(one.log_ahead for one in meter.sizes)
    return (
        f"{len(work.planned):,} sends, {len(work.mails):,} mails accepted, {unknown:,} unknown, "
        f"{len(work.paused)} paused and resumed, {work.joined:,} readers joined, "
        f"{readers.visits:,} visits ({statuses['answered']:,} answered, {statuses['refused']:,} "
        f"refused, {statuses['503']:,} told to come again), {len(told):,} one-click "
        f"unsubscribes, {len(work.published):,} events, {work.fetched:,} fetches by cron, "
        f"{len(faults.done)} faults, {ahead / 1e6:.1f} MB of -wal at most"
    )


def campaign(kinds: Sequence[str], minutes: float, seed: int) -> int:
    """One after the other; returns how many faults were found."""
    print(
        f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} cores, Python {platform.python_version()}, {minutes:g} minutes",
        flush=True,
    )
    faults = 0
    for kind in kinds:
        soaked = soak(kind, minutes * 60, seed)
        show(soaked)
        faults += len(soaked.faults)
    return faults


def show(soaked: Soaked) -> None:
    print(f"{soaked.kind}: {soaked.done}; {len(soaked.faults)} faults of the program", flush=True)
    for reason in soaked.skipped:
        print(f"    skipped: {reason}", flush=True)
    for fault in soaked.faults:
        print(f"    {fault[:1000]}", flush=True)


def without(guard: Guard, seed: int) -> int:
    """Run a short one of a program in which something is wrong; returns how many faults it found
    that must see it."""
    print(f"with {guard.what}", flush=True)
    with tempfile.TemporaryDirectory(prefix="newsletter-soak-without-") as folder:
        guard.put_in(Path(folder))
        program = {"PYTHONPATH": folder}
        soaked = soak(guard.store, GUARD_SECONDS, seed, program)
    seen = [fault for fault in soaked.faults if guard.seen in fault]
    for fault in seen or soaked.faults:
        print(f"    {fault[:300]}", flush=True)
    return len(seen)
