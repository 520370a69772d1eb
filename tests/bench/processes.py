"""Measuring in a process of its own, so that no figure inherits what another has loaded."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec

P = ParamSpec("P")

ROOT = Path(__file__).parents[2]
NEWSLETTER = str(Path(sys.executable).with_name("newsletter"))

# A small process between us and the measured one: on Linux the peak of a child begins with the
# memory of whoever started it, and ours may be large.
_STARTER = """
import json, resource, subprocess, sys, time
started = time.perf_counter()
code = subprocess.run(sys.argv[1:]).returncode
seconds = time.perf_counter() - started
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
processor = used.ru_utime + used.ru_stime
print(json.dumps([code, seconds, processor, peak]), file=sys.stderr)
"""  # noqa: E501


@dataclass(frozen=True, slots=True)
class Measured:
    """All of the whole process, its start included: `processor_seconds` are what it computed,
    `peak_mb` is resident memory."""

    output: str
    seconds: float
    processor_seconds: float
    peak_mb: float


def command(*arguments: str, stdin: str = "") -> Measured:
    """Run a program; raises RuntimeError with its last words where it fails."""
    starter = [sys.executable, "-I", "-S", "-c", _STARTER]
    done = subprocess.run(
        [*starter, *arguments], input=stdin, cwd=ROOT, capture_output=True, text=True, check=True
    )
    *notes, report = done.stderr.splitlines()
    code, seconds, processor_seconds, peak_bytes = json.loads(report)
    if code:
        raise RuntimeError("\n".join([f"{arguments[0]} left with {code}", *notes[-10:]]))
    return Measured(done.stdout, seconds, processor_seconds, peak_bytes / 1e6)


def apart(function: Callable[P, Any], *arguments: P.args, **_: P.kwargs) -> tuple[Any, Measured]:
    """Call a module's function in a new process; arguments and result must fit into JSON."""
    module, name = function.__module__, function.__qualname__
    code = (
        f"import json, sys; from {module} import {name}; "
        f"print(json.dumps({name}(*json.load(sys.stdin))))"
    )
    measured = command(sys.executable, "-c", code, stdin=json.dumps(arguments))
    return json.loads(measured.output), measured
