"""A program that was forked from a warm server is in all things as one that was started."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.integration.commandline import fork, spawn
from tests.signals import ordinary_signals
from tests.terminal import read_all
from tests.warm import Program

# What a process finds at its start, as a line of JSON on its standard output.
PROBE = """
import json, os, resource, sys
from pathlib import Path
lines = Path("/proc/self/status").read_text().splitlines()
status = dict(line.split(":", 1) for line in lines)
print(json.dumps({
    "folder": os.getcwd(),
    "environment": dict(os.environ),
    "status": [status[name] for name in ("Umask", "Threads", "SigBlk", "SigIgn", "SigCgt")],
    "leads": os.getsid(0) == os.getpid(),
    "limits": {
        name: resource.getrlimit(getattr(resource, name))
        for name in dir(resource) if name.startswith("RLIMIT_")
    },
    "streams": [
        (stream.fileno(), stream.encoding, stream.errors, stream.line_buffering,
         stream.write_through, stream.isatty())
        for stream in (sys.stdin, sys.stdout, sys.stderr)
    ],
    "python": (str(sys.flags), sys.warnoptions),
}))
"""
STARTED = [sys.executable, "-c", f"{PROBE}\nfrom newsletter.cli import main\nmain()", "--version"]


def forked(folder: Path, stream: int) -> int:
    first = partial(exec, PROBE, {})
    return Program(
        folder, "--version", stdin=stream, stdout=stream, stderr=stream, first=first
    ).code


def started(folder: Path, stream: int) -> int:
    with ordinary_signals():
        return subprocess.run(
            STARTED, cwd=folder, stdin=stream, stdout=stream, stderr=stream, check=False
        ).returncode


def in_a_file(folder: Path, run: Callable[[int], int]) -> tuple[int, str]:
    path = folder / "written"
    with path.open("w+b") as file:
        code = run(file.fileno())
    return code, path.read_text()


def at_a_terminal(folder: Path, run: Callable[[int], int]) -> tuple[int, str]:
    ours, its = pty.openpty()
    code = run(its)
    os.close(its)
    written = read_all(ours)
    os.close(ours)
    return code, written


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("where", [in_a_file, at_a_terminal])
def test_it_finds_what_a_started_one_finds(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    where: Callable[[Path, Callable[[int], int]], tuple[int, str]],
    unbuffered: str,
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)

    code, written = where(tmp_path, partial(forked, tmp_path))
    expected_code, expected = where(tmp_path, partial(started, tmp_path))

    found, version = written.splitlines()
    expected_found, expected_version = expected.splitlines()
    assert json.loads(found) == json.loads(expected_found)
    assert (code, version) == (expected_code, expected_version)


@pytest.mark.parametrize("arguments", [["--version"], ["lsits"], ["sends", "--json"], []])
def test_it_answers_as_a_started_one_does(tmp_path: Path, arguments: list[str]) -> None:
    assert fork(tmp_path, *arguments) == spawn(tmp_path, *arguments)


def test_a_signal_that_ends_it_is_its_code(project: Path) -> None:
    program = Program(project, "worker")
    program.kill()

    assert program.code == -signal.SIGKILL
