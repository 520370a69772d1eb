"""A command of newsletter in a process of its own, forked from a server that has loaded everything.

Loading is most of what a short command takes. The rest is as if the program had been started:
`tests/integration/test_warm.py` compares the two. Where the start is the point, or a variable that
Python reads at its start, a test starts the program itself: see `commandline.spawn`.
"""

import io
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import popen_forkserver
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerProcess
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import Any

from newsletter import cli
from tests.waiting import PATIENCE_SECONDS

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(
    ["tests.rehearsal", "tests.crash.driver", "tests.standin.__main__", "tests.standin.queue"]
)

_STREAMS = ("stdin", "stdout", "stderr")


class _Popen(popen_forkserver.Popen):
    """Its exit status can be read once, and several threads may want it: multiprocessing looks at
    every child whenever another begins."""

    def __init__(self, process: Any) -> None:
        self._reading = threading.Lock()
        super().__init__(process)

    def poll(self, flag: int = os.WNOHANG) -> int | None:
        if self.returncode is None and wait([self.sentinel], 0 if flag == os.WNOHANG else None):
            with self._reading:
                super().poll(flag)
        return self.returncode


class Program(ForkServerProcess):
    """`newsletter ARGUMENTS`, which runs from when it is made; another program has another `main`.

    `environment` is added to this one's. A stream that is not given is the null device. `first` is
    called in the new process before the program is: a function of a module, or a `partial` of one.
    """

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        stdin: int | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
        in_new_session: bool = False,
        first: Callable[[], object] | None = None,
        main: Callable[[], object] = cli.main,
    ) -> None:
        super().__init__(daemon=True)
        self._folder = folder.absolute()
        self._arguments = arguments
        self._environment = {**os.environ, **(environment or {})}
        self._in_new_session = in_new_session
        self._first = first
        self._main = main
        null = os.open(os.devnull, os.O_RDWR)
        is_ready, ready = os.pipe()
        streams = [null if stream is None else stream for stream in (stdin, stdout, stderr)]
        self._streams = [_Open(stream) for stream in streams]
        self._ready = _Open(ready)
        self.start()
        os.close(null)
        os.close(ready)
        os.read(is_ready, 1)  # ends when the new process closes the other end
        os.close(is_ready)

    @staticmethod
    def _Popen(process: Any) -> _Popen:
        return _Popen(process)

    def run(self) -> None:
        """What the new process does."""
        if self._in_new_session:
            os.setsid()
        os.environ.clear()
        os.environ.update(self._environment)
        time.tzset()
        os.chdir(self._folder)
        _obey_the_terminal()
        for number, stream in enumerate(self._streams):
            os.dup2(stream.number, number)
            os.close(stream.number)
        _open_standard_streams()
        os.close(self._ready.number)
        if self._first is not None:
            self._first()
        sys.argv = ["newsletter", *self._arguments]
        self._main()

    def send_signal(self, number: int) -> None:
        if self.is_alive():
            assert self.pid is not None
            os.kill(self.pid, number)

    @property
    def code(self) -> int:
        """Its exit code, once it has left; a negative one is the signal that ended it."""
        self.join(PATIENCE_SECONDS)
        assert self.exitcode is not None, f"{self._arguments} does not end"
        return self.exitcode


@contextmanager
def beside(main: Callable[[], object], *arguments: str) -> Iterator[tuple[Program, str]]:
    """A server for tests, and the first line that it prints; its input ends when they do."""
    reading, tests = os.pipe()
    out, its_out = os.pipe()
    with open(out, encoding="utf-8") as lines, open(tests, "wb"):
        process = Program(Path(), *arguments, stdin=reading, stdout=its_out, main=main)
        os.close(reading)
        os.close(its_out)
        try:
            yield process, lines.readline().strip()
        finally:
            process.terminate()
            process.join(PATIENCE_SECONDS)


class _Open:
    """An open file, which has another number in the process that it is sent to."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self) -> tuple[Any, ...]:
        return _received, (DupFd(self.number),)


def _received(file: Any) -> _Open:
    return _Open(file.detach())


def _obey_the_terminal() -> None:
    for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _open_standard_streams() -> None:
    """As Python does at its start; the server's own tell what the locale asks for."""
    is_buffered = not os.environ.get("PYTHONUNBUFFERED")
    for number, name in enumerate(_STREAMS):
        mode, buffering = ("rb", -1) if name == "stdin" else ("wb", -1 if is_buffered else 0)
        file = os.fdopen(number, mode, buffering, closefd=False)
        former = getattr(sys, f"__{name}__")
        stream = io.TextIOWrapper(
            file,
            encoding=former.encoding,
            errors=former.errors,
            line_buffering=is_buffered and (name == "stderr" or file.isatty()),
            write_through=not is_buffered,
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)  # stays open when the program replaces the other


# --- what may come first --------------------------------------------------------------------------


def ignore(*numbers: int) -> None:
    """Ignore these signals, as under nohup, or as `cmd &` in a script does."""
    for number in numbers:
        signal.signal(number, signal.SIG_IGN)


def close(*numbers: int) -> None:
    """Begin without these standard streams, as after `>&-`."""
    for number in numbers:
        os.close(number)
        setattr(sys, _STREAMS[number], None)
