"""A command that runs for long looks for garbage often, or it would grow for days."""

import datetime as dt
import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from newsletter import garbage
from tests.integration.commandline import plan_send
from tests.standin.queue import running_queue
from tests.waiting import until
from tests.warm import Program

ISSUE = "2026-01-07-valley"
LONG_AHEAD = dt.datetime(2099, 1, 1, tzinfo=dt.UTC)

_STARTS = """
import gc, json, sys
from newsletter import garbage
garbage.look_seldom()
starting = gc.get_threshold()
kept = [[] for _ in range(1000)]
garbage.look_often()
print(json.dumps([starting, gc.get_threshold(), gc.get_freeze_count()]))
"""


def test_garbage_is_looked_for_often_and_not_among_what_is_there() -> None:
    said = subprocess.run([sys.executable, "-c", _STARTS], capture_output=True, check=True).stdout
    starting, later, frozen = json.loads(said)

    assert starting[0] >= 20 * later[0]
    assert frozen > 1000


def _tell(path: Path) -> None:
    """Let this process make a file once it looks often."""
    look = garbage.look_often

    def told() -> None:
        look()
        path.touch()

    garbage.look_often = told


@pytest.mark.parametrize(
    "arguments",
    [
        ("send", ISSUE, "--list", "readers", "--yes", "--at", LONG_AHEAD.isoformat()),
        ("resume",),
        ("worker",),
        ("serve", "--port", "0"),
        ("studio", "--port", "0", "--no-open"),
        ("events", "pull"),
    ],
    ids=lambda value: value[0],
)
@pytest.mark.usefixtures("readers")
def test_a_command_that_runs_for_long_comes_to_look_often(
    project: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    if arguments == ("resume",):
        arguments = (*arguments, plan_send(project, ISSUE, "readers", at=LONG_AHEAD))
    told = tmp_path / "told"
    with running_queue() as queue:
        process = Program(
            project,
            *arguments,
            environment=queue.environment,
            in_new_session=True,
            first=partial(_tell, told),
        )
        try:
            until(told.exists)
        finally:
            process.kill()
            process.join()
