"""What processes hold, by /proc: open files by kind, threads, memory; and what they write."""

import os
import re
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import psutil

_PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024


class Measured(Protocol):
    """A process that is measured: `pid` is None while it does not run."""

    name: str

    @property
    def out(self) -> Path: ...

    @property
    def err(self) -> Path: ...

    @property
    def pid(self) -> int | None: ...


_OF_THE_STORE = ("newsletter.db", "newsletter.db-wal")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a process holds at a moment, in seconds since the load began."""

    at: float
    pid: int
    handles: Mapping[str, int]
    threads: int
    memory_kb: int

    @property
    def open(self) -> int:
        return sum(self.handles.values())

    @property
    def open_beside_store(self) -> int:
        """Without connections to a file of SQLite, of which a process keeps as many as its threads
        ever needed at once."""
        return self.open - sum(self.handles.get(name, 0) for name in _OF_THE_STORE)


@dataclass(frozen=True, slots=True)
class Line:
    """A line that a process wrote, and when it was seen."""

    at: float
    part: str
    text: str


@dataclass(frozen=True, slots=True)
class Sizes:
    """What lies on the disk, in bytes."""

    at: float
    store: int
    log_ahead: int  # SQLite's -wal
    state: int
    temporary: int


@dataclass
class _Tail:
    """The lines of a file that grows."""

    path: Path
    read: int = 0
    rest: bytes = b""

    def lines(self) -> list[str]:
        with suppress(FileNotFoundError), self.path.open("rb") as file:
            file.seek(self.read)
            data = file.read()
            self.read += len(data)
            *lines, self.rest = (self.rest + data).split(b"\n")
            return [line.decode("utf-8", "backslashreplace") for line in lines]
        return []


@dataclass
class Meter:
    """Reads every `every_seconds` until it is stopped; `began` is by the monotonic clock."""

    parts: Sequence[Measured]
    store: Path | None
    temporary: Path
    every_seconds: float
    began: float = field(default_factory=time.monotonic)
    readings: dict[str, list[Reading]] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    sizes: list[Sizes] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _tails: dict[Path, tuple[str, _Tail]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> None:
        for part in self.parts:
            self.readings[part.name] = []
            for path in (part.out, part.err):
                self._tails[path] = (part.name, _Tail(path))
        self._thread = threading.Thread(target=self._run, name="meter")
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    @property
    def now(self) -> float:
        return time.monotonic() - self.began

    def look(self) -> None:
        """Read everything now."""
        with self._lock:
            for part in self.parts:
                if (pid := part.pid) is not None:
                    with suppress(OSError, psutil.NoSuchProcess):
                        self.readings[part.name].append(reading(pid, self.now))
            for name, tail in self._tails.values():
                self.lines += [Line(self.now, name, text) for text in tail.lines()]
            self.sizes.append(self._size())

    def _run(self) -> None:
        while not self._stop.wait(self.every_seconds):
            self.look()

    def _size(self) -> Sizes:
        if self.store is None:
            return Sizes(self.now, 0, 0, 0, size_of(self.temporary))
        return Sizes(
            self.now,
            size_of(self.store),
            size_of(self.store.with_name(f"{self.store.name}-wal")),
            size_of(self.store.parent),
            size_of(self.temporary),
        )


def reading(pid: int, at: float) -> Reading:
    """What a process and its children hold. Raises OSError where it has gone."""
    handles, threads, memory = Counter[str](), 0, 0
    processes = [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    for process in processes:
        handles.update(_kinds(process))
        status = Path(f"/proc/{process}/status").read_text()
        threads += int(status.partition("Threads:")[2].split()[0])
        memory += int(Path(f"/proc/{process}/statm").read_text().split()[1]) * _PAGE_KB
    return Reading(at, pid, handles, threads, memory)


def _kinds(pid: int) -> Iterable[str]:
    """The kind of each open file: a file by its name, without what differs each time."""
    folder = f"/proc/{pid}/fd"
    for number in os.listdir(folder):
        with suppress(FileNotFoundError):
            target = os.readlink(f"{folder}/{number}")
            kind = target.partition(":")[0] if not target.startswith("/") else Path(target).name
            yield re.sub(r"[0-9a-f]{6,}|\d+", "#", kind)


def size_of(path: Path) -> int:
    """The size of a file, or of all below a folder, in bytes; 0 where there is none."""
    with suppress(FileNotFoundError):
        if not path.is_dir():
            return path.stat().st_size
        return sum(size_of(each) for each in path.iterdir())
    return 0


def nearest(readings: Sequence[Reading], at: float) -> Reading:
    return min(readings, key=lambda one: abs(one.at - at))
