"""Checks of the machine: its clock and its disks."""

import datetime as dt
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from newsletter.doctor import fetching, site
from newsletter.doctor.base import (
    Check,
    CheckGroup,
    Diagnosis,
    Examination,
    Unseen,
    fail,
    ok,
    skipped,
    warn,
)
from newsletter.doctor.transports import bedside_of
from newsletter.mounts import file_system, is_of_a_network
from newsletter.pasting import joined
from newsletter.store import resolve_url
from newsletter.store.clock import clock_of

_OFF_SECONDS = 30
_WRONG_SECONDS = 300  # beyond which signed calls are refused
_BY_NETWORK = "sudo timedatectl set-ntp true"
_LEAST_BYTES = 100_000_000
_FEW_BYTES = 1_000_000_000


def clock(exam: Examination) -> Iterator[Diagnosis]:
    offsets = dict(_offsets(exam))
    if not offsets:
        yield skipped("nobody was there to compare it with")
        return
    whose, offset = max(offsets.items(), key=lambda item: abs(item[1]))
    found = f"{abs(offset):.0f} s {'behind' if offset > 0 else 'ahead of'} {whose}"
    if abs(offset) >= _WRONG_SECONDS:
        yield fail(found, _BY_NETWORK)
    elif abs(offset) >= _OFF_SECONDS:
        yield warn(found, _BY_NETWORK)
    else:
        yield ok(f"as that of {', '.join(sorted(offsets))}")


def _offsets(exam: Examination) -> Iterator[tuple[str, float]]:
    """How many seconds the clocks of others are ahead of this machine's."""
    bedside = bedside_of(exam.settings.transport)
    with suppress(Unseen, fetching.NoPage):
        if bedside.is_for_readers and (date := site.health(exam).date) is not None:
            yield "the site", _ahead(exam, date)
    with suppress(Unseen):
        if not exam.store.is_sqlite:
            yield "the database", _ahead(exam, clock_of(exam.store, exam.surroundings.clock)())
    with suppress(Unseen):
        if (offset := bedside.offset(exam)) is not None:
            yield "the provider", offset


def _ahead(exam: Examination, at: dt.datetime) -> float:
    return (at - exam.surroundings.clock()).total_seconds()


def disk(exam: Examination) -> Iterator[Diagnosis]:
    by_device = {_device(path): path for path in _places(exam)}
    for path in sorted(by_device.values()):
        total, _, free = exam.surroundings.room(path)
        found = f"{free / 1e9:,.1f} of {total / 1e9:,.1f} GB are free at {path}"
        if free < _LEAST_BYTES:
            yield fail(found, _make_room(path))
        elif free < _FEW_BYTES:
            yield warn(found, _make_room(path))
        else:
            yield ok(found)


def _make_room(path: Path) -> str:
    return f"Make room: {joined(['du', '-xh', str(path)])} | sort -h | tail"


def local_disk(exam: Examination) -> Iterator[Diagnosis]:
    if not exam.settings.store.url.startswith("sqlite"):
        yield skipped("the store is a server of its own")
        return
    folder = _database(exam).parent
    kind = file_system(folder, exam.surroundings.mounts)
    if is_of_a_network(kind):
        yield fail(
            f"the store lies on {kind}, a file system of a network",
            "Stop what uses it, copy its files to a disk of this machine, and set [store] url.",
        )
    else:
        yield ok(f"the store lies on {kind or 'a local disk'}")


def _places(exam: Examination) -> list[Path]:
    places = [exam.project.root]
    if exam.settings.store.url.startswith("sqlite"):
        places.append(_database(exam).parent)
    places.append(exam.project.outbox)
    return [place for place in places if place.exists()]


def _database(exam: Examination) -> Path:
    return Path(str(resolve_url(exam.settings.store.url, exam.project.root).database))


def _device(path: Path) -> int:
    return os.stat(path).st_dev


CHECKS = (
    Check("clock", CheckGroup.MACHINE, clock, "Schedules go by it, and signed calls to providers."),
    Check("disk", CheckGroup.MACHINE, disk, "A send that cannot write pauses."),
    Check(
        "local-disk",
        CheckGroup.MACHINE,
        local_disk,
        "SQLite keeps its promises on a disk of this machine alone.",
    ),
)
