"""Where one command is run: its folder, environment, streams, and what stands before it."""

import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE, Popen, TimeoutExpired
from tempfile import TemporaryFile
from threading import Thread
from typing import IO

from tests.hostile.backing import Backing
from tests.hostile.commands import Command
from tests.hostile.stage import Stage
from tests.warm import Program

# A command that has ended none too soon is told to stop; one that says what it waits for may wait.
PATIENCE_SECONDS = 60.0
_STOPPING_SECONDS = 30.0
_SERVING_SECONDS = 0.5
# Variables that only newsletter and its libraries read, and at no start.
_READ_LATE = ("NEWSLETTER_", "AWS_", "PG", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_")
STILL_OPEN = "(it has left, and something that it started has not)"


class CannotBeMade(Exception):
    """This machine, or this user, has not what a surrounding needs: the message says what."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command left with; a stream that it was not given is empty."""

    code: int
    out: str
    err: str
    seconds: float
    was_told_to_stop: bool = False  # since it did not end by itself
    left_early: bool = False  # though it runs until it is told to stop


class _Forked:
    """A command that `tests.warm` runs, with as much of Popen as is used here."""

    def __init__(self, program: Program, out: int, err: int) -> None:
        self._program = program
        self.stdout, self.stderr = os.fdopen(out, "rb"), os.fdopen(err, "rb")

    @property
    def pid(self) -> int:
        assert self._program.pid is not None
        return self._program.pid

    @property
    def returncode(self) -> int | None:
        return self._program.exitcode

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> None:
        self._program.join(timeout)
        if self.returncode is None:
            raise TimeoutExpired("newsletter", timeout or 0.0)


Running = Popen[bytes] | _Forked


@dataclass
class Scene:
    """A surrounding changes it before the command is run.

    `before` are programs that start the command in turn, such as `nice`; `kept` is undone when all
    is over, and not before the surrounding is kind again.
    """

    stage: Stage
    command: Command
    environment: dict[str, str]
    kept: ExitStack
    backing: Backing
    folder: Path = field(init=False)
    before: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    redirections: list[str] = field(default_factory=list)
    streams: dict[str, int] = field(default_factory=dict)
    while_it_runs: Callable[[Running], None] | None = None
    answer: Answer | None = None
    _usual: Mapping[str, str] = field(init=False)
    _words: Sequence[str] = field(init=False)

    def __post_init__(self) -> None:
        self.folder = self.stage.project
        self._usual = dict(self.environment)
        self._words = self.command.arguments(self.stage, _free_port())  # while its store is there

    def shell(self, script: str) -> None:
        """Let a shell do something before, in the process that becomes the command."""
        self.before += ["sh", "-c", f'{script}; exec "$0" "$@"']

    def run(self) -> Answer:
        """Run the command. It is started anew where the start may see what was changed, else forked
        from a process that has loaded all, which takes a fifth of the time."""
        command = self.command
        arguments = [*self.options, *self._words]
        with TemporaryFile() as stdin:
            stdin.write(command.stdin)
            stdin.seek(0)
            began = time.monotonic()
            begin = self._start if self._is_seen_at_the_start else self._fork
            process = begin(arguments, stdin.fileno())
            out, err = _Reading(process.stdout), _Reading(process.stderr)
            if self.while_it_runs is not None:
                self.while_it_runs(process)
            served = command.stays and _serves_until_told(process)
            told = not served and _wait(process)
            seconds = time.monotonic() - began
            left_early = command.stays and not served
            assert process.returncode is not None
            self.answer = Answer(
                process.returncode, out.text(), err.text(), seconds, told, left_early
            )
            return self.answer

    @property
    def _is_seen_at_the_start(self) -> bool:
        changed = self._usual.items() ^ self.environment.items()
        return bool(
            self.before
            or self.redirections
            or self.streams
            or not self.folder.exists()
            or [name for name, _ in changed if not name.startswith(_READ_LATE)]
        )

    def _start(self, arguments: Sequence[str], stdin: int) -> Running:
        words = [*self.before, sys.executable, "-m", "newsletter", *arguments]
        if self.redirections:
            words = ["sh", "-c", f'exec "$0" "$@" {" ".join(self.redirections)}', *words]
        streams = {"stdin": stdin, "stdout": PIPE, "stderr": PIPE, **self.streams}
        return Popen(
            words,
            cwd=self.folder,
            env=self.environment,
            start_new_session=True,
            stdin=streams["stdin"],
            stdout=streams["stdout"],
            stderr=streams["stderr"],
        )

    def _fork(self, arguments: Sequence[str], stdin: int) -> Running:
        (out, its_out), (err, its_err) = os.pipe(), os.pipe()
        program = Program(
            self.folder,
            *arguments,
            environment=self.environment,
            stdin=stdin,
            stdout=its_out,
            stderr=its_err,
            in_new_session=True,
        )
        os.close(its_out)
        os.close(its_err)
        return _Forked(program, out, err)


class _Reading:
    """What comes out of a pipe until nobody holds it any more."""

    def __init__(self, pipe: IO[bytes] | None) -> None:
        self._pieces: list[bytes] = []
        self._pipe = pipe
        self._thread = Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        if self._pipe is not None:
            self._pieces.append(self._pipe.read())
            self._pipe.close()

    def text(self) -> str:
        self._thread.join(_STOPPING_SECONDS)
        if self._thread.is_alive():
            return STILL_OPEN
        return b"".join(self._pieces).decode("utf-8", "backslashreplace")


@contextmanager
def scene_on(stage: Stage, command: Command, backing: Backing) -> Iterator[Scene]:
    """A kind one."""
    home = stage.beside / "home"
    home.mkdir(exist_ok=True)
    usual = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        # Folders that another user copied are no concern of these tests.
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
    }
    with ExitStack() as kept:
        yield Scene(stage, command, {**usual, **backing.environment}, kept, backing)


def must(*words: str, needs: str) -> None:
    """Run a program of the system. Raises CannotBeMade where it is missing or refuses."""
    try:
        subprocess.run(words, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise CannotBeMade(f"needs {needs}: {shlex.join(words[:3])} …") from error


def is_there(program: str, needs: str) -> None:
    if shutil.which(program) is None:
        raise CannotBeMade(f"needs {needs}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(process: Running) -> bool:
    """Wait for its end; whether it had to be told to stop."""
    try:
        process.wait(PATIENCE_SECONDS)
    except TimeoutExpired:
        _stop(process)
        return True
    return False


def _serves_until_told(process: Running) -> bool:
    """Tell it to stop once it has served for a moment; whether it came to that."""
    last = time.monotonic() + PATIENCE_SECONDS
    while process.poll() is None and time.monotonic() < last:
        if _catches_the_end(process.pid):
            break
        time.sleep(0.05)
    with suppress(TimeoutExpired):
        process.wait(_SERVING_SECONDS)
    if process.poll() is not None or not _catches_the_end(process.pid):
        return False
    _stop(process)
    return True


def _catches_the_end(process: int) -> bool:
    """Whether it has set a handler for SIGTERM."""
    try:
        text = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False
    bits = next((line.split()[1] for line in text.splitlines() if line.startswith("SigCgt")), "0")
    return bool(int(bits, 16) >> (signal.SIGTERM - 1) & 1)


def _stop(process: Running) -> None:
    with suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGTERM)
    try:
        process.wait(_STOPPING_SECONDS)
    except TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
