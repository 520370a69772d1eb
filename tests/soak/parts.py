"""The processes of a newsletter, started and started again as `deploy/systemd` says."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests import faketime
from tests.faketime import wrong_clock
from tests.waiting import PATIENCE_SECONDS, until

_AGAIN_SECONDS = 2.0  # systemd's RestartSec is 5 and 10 seconds
_STOPPING = {"serve": (0,), "worker": (0, 130), "events": (0,)}


@dataclass(eq=False)
class Part:
    """One of them. `steady` is one that has to live through all, and is measured.

    Its clock is as far off as `set_clock` says, where libfaketime is there.
    """

    name: str
    arguments: Sequence[str]
    folder: Path
    project: Path
    environment: Mapping[str, str]
    steady: bool = True
    host: str = ""
    faults: list[str] = field(default_factory=list)
    starts: int = 0
    _process: "subprocess.Popen[bytes] | None" = None
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def out(self) -> Path:
        return self.folder / f"{self.name}.out"

    @property
    def err(self) -> Path:
        return self.folder / f"{self.name}.err"

    @property
    def _clock(self) -> Path:
        return self.folder / f"{self.name}.clock"

    @property
    def pid(self) -> int | None:
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    def start(self) -> None:
        self.set_clock("+0")
        own = ("unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', self.host)
        with self.out.open("ab") as out, self.err.open("ab") as err:
            self._process = subprocess.Popen(
                [*(own if self.host else ()), sys.executable, "-m", "newsletter", *self.arguments],
                cwd=self.project,
                env={**os.environ, **self.environment, **self._faked()},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        self.starts += 1

    def set_clock(self, offset: str) -> None:
        """Let its clock be `offset` off from now on, such as `+1h` or `-1d`."""
        part = self._clock.with_suffix(".part")
        part.write_text(f"{offset}\n")
        part.replace(self._clock)

    def _faked(self) -> Mapping[str, str]:
        library = faketime.found()
        if library is None:
            return {}
        others = self.environment.get("PYTHONPATH", "")
        return wrong_clock(library, self._clock, look_seconds=1, python_path=others)

    def is_ready(self) -> bool:
        """Whether it minds SIGTERM by now; and it must not have left."""
        assert self._process is not None
        assert self._process.poll() is None, f"{self.name} left: {self.said[-2000:]}"
        return self._minds()

    def _minds(self) -> bool:
        with suppress(OSError):
            status = Path(f"/proc/{self.pid}/status").read_text()
            caught = int(status.partition("SigCgt:")[2].split()[0], 16)
            return bool(caught >> (signal.SIGTERM - 1) & 1)
        return False

    @property
    def said(self) -> str:
        return "".join(path.read_text("utf-8", "replace") for path in (self.out, self.err))

    def send(self, number: int) -> None:
        with self._lock, suppress(ProcessLookupError):
            if self.pid is not None:
                os.kill(self.pid, number)

    def stop(self) -> None:
        """SIGTERM, as a service is stopped, once it minds that; its exit code has to be that of the
        contract."""
        with self._lock:
            process = self._process
            if process is None or process.poll() is not None:
                return
            until(lambda: process.poll() is not None or self._minds())
            self.send(signal.SIGTERM)
            try:
                code = process.wait(PATIENCE_SECONDS / 4)
            except subprocess.TimeoutExpired:
                self.faults.append(f"{self.name}: it does not leave after SIGTERM")
                self.kill()
                return
            self._process = None
        if code not in _STOPPING[self.arguments[0]]:
            self.faults.append(f"{self.name}: it left with {code} after SIGTERM")

    def kill(self) -> None:
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                self.send(signal.SIGKILL)
                self.send(signal.SIGCONT)
                self._process.wait()
            self._process = None

    def restart(self) -> None:
        with self._lock:
            self.stop()
            self.start()

    def crash(self) -> None:
        with self._lock:
            self.kill()
            self.start()

    def tend(self) -> None:
        """Start it again where it has left by itself, for which nothing here is a reason: no store
        is away for as long as it is waited for."""
        with self._lock:
            if self._process is None or (code := self._process.poll()) is None:
                return
            last = " / ".join(self.said.strip().splitlines()[-4:])
            self.faults.append(f"{self.name}: it left by itself with {code}: {last}")
            self.start()


def may_name_hosts() -> bool:
    tried = subprocess.run(["unshare", "--uts", "true"], capture_output=True, check=False)
    return tried.returncode == 0


@contextmanager
def running(parts: Sequence[Part]) -> Iterator[None]:
    """Those that are steady, tended until the end, where each that still runs is killed; others
    are started by whoever wants them."""
    stop = threading.Event()

    def tend() -> None:
        while not stop.wait(_AGAIN_SECONDS):
            for part in parts:
                part.tend()

    tending = threading.Thread(target=tend, name="supervisor")
    try:
        steady = [part for part in parts if part.steady]
        for part in steady:
            part.start()
        until(lambda: all(part.is_ready() for part in steady))
        tending.start()
        yield
    finally:
        stop.set()
        if tending.ident is not None:
            tending.join()
        for part in parts:
            part.kill()


def stop_all(parts: Sequence[Part]) -> None:
    """All at once, as when a machine is shut down."""
    stopping = [threading.Thread(target=part.stop) for part in parts]
    for thread in stopping:
        thread.start()
    for thread in stopping:
        thread.join()
