"""A signal that is ignored at the start stays ignored, in each command that runs for long.

So it is under nohup, and for `cmd &` in a script: who starts one so wants it to run on.
"""

import datetime as dt
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.integration.commandline import plan_send
from tests.standin.queue import QueueStandIn, running_queue
from tests.waiting import until
from tests.warm import Program, ignore

ISSUE = "2026-01-07-valley"
LONG_AHEAD = dt.datetime(2099, 1, 1, tzinfo=dt.UTC)
SEND = ("send", ISSUE, "--list", "readers", "--yes", "--at", LONG_AHEAD.isoformat())
RESUME = ("resume",)  # what is scheduled for then
ENDS = (signal.SIGHUP, signal.SIGINT)


@pytest.fixture(scope="module")
def queue() -> Iterator[QueueStandIn]:
    with running_queue() as started:
        yield started


def signals(process: Program, mask: str) -> set[int]:
    """The signals in a mask of a process, `SigIgn` or `SigCgt`, as the kernel tells them."""
    assert process.is_alive(), "it left"
    text = Path(f"/proc/{process.pid}/status").read_text()
    [bits] = [int(line.split()[1], 16) for line in text.splitlines() if line.startswith(mask)]
    return {number for number in range(1, 32) if bits >> (number - 1) & 1}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (SEND, 130),
        (RESUME, 130),
        (("worker",), 0),
        (("serve", "--port", "0"), 0),
        (("events", "pull"), 0),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
@pytest.mark.usefixtures("readers")
def test_an_ignored_signal_stays_ignored(
    project: Path, queue: QueueStandIn, arguments: tuple[str, ...], code: int
) -> None:
    if arguments == RESUME:
        arguments = ("resume", plan_send(project, ISSUE, "readers", at=LONG_AHEAD))
    environment = queue.environment if arguments[0] == "events" else {}
    process = Program(
        project,
        *arguments,
        environment=environment,
        in_new_session=True,
        first=partial(ignore, *ENDS),
    )
    try:
        until(lambda: signal.SIGTERM in signals(process, "SigCgt"))
        for number in ENDS:
            process.send_signal(number)
        ignored, caught = signals(process, "SigIgn"), signals(process, "SigCgt")
        process.send_signal(signal.SIGTERM)
        left = process.code
    finally:
        process.kill()
        process.join()

    assert ignored >= set(ENDS)
    assert caught.isdisjoint(ENDS)
    assert left == code
