"""What becomes of a scheduled send when the clock that it goes by is stepped, before its time,
after it, and while somebody waits for it; and when the clocks of its zone change.

The clock is that of the process alone; what measures time is not stepped, as on a real machine.
"""

import datetime as dt
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.integration.commandline import Answer, command, plan_send, spawn
from tests.waiting import PATIENCE_SECONDS

ISSUE = "2026-01-07-valley"
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def faked() -> Mapping[str, str]:
    """The environment of a process whose clock is not that of the machine."""
    found = list(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        assert os.environ.get("CI") != "true", "CI has to install faketime"
        pytest.skip("needs libfaketime: apt-get install faketime")
    return {"LD_PRELOAD": str(found[0]), "FAKETIME_DONT_FAKE_MONOTONIC": "1", "TZ": "UTC"}


def outbox(project: Path) -> int:
    return len(list((project / "outbox").rglob("*.eml")))


class Worker:
    """`newsletter worker --once`, by a clock of which each call says what it shows."""

    def __init__(self, project: Path, faked: Mapping[str, str]) -> None:
        self._project = project
        self._faked = faked

    def __call__(self, clock: str) -> Answer:
        return spawn(
            self._project,
            "worker",
            "--once",
            "--json",
            environment={**self._faked, "FAKETIME": clock},
        )


@pytest.fixture
def by_clock(project: Path, faked: Mapping[str, str]) -> Worker:
    return Worker(project, faked)


def from_now(hours: float) -> dt.datetime:
    return dt.datetime.now(dt.UTC) + hours * HOUR


@pytest.mark.pressure
@pytest.mark.parametrize("step", ["+3h", "+13h"])
def test_a_step_forward_past_its_time_sends_it_at_once(
    by_clock: Worker, project: Path, readers: str, step: str
) -> None:
    """Nobody can tell it from the hours having passed."""
    plan_send(project, ISSUE, readers, at=from_now(2))

    before = by_clock("+1h")
    after = by_clock(step)

    assert (before.code, before.out) == (0, "")
    assert (after.code, after.json["accepted"]) == (0, 3)


def test_a_step_forward_by_far_more_asks_a_person(
    by_clock: Worker, project: Path, readers: str
) -> None:
    plan_send(project, ISSUE, readers, at=from_now(2))

    asked, right, later = by_clock("+2d"), by_clock("+0"), by_clock("+3h")

    assert (asked.code, asked.json["status"]) == (4, "paused")
    assert (right.out, later.out) == ("", ""), "a clock that is right again does not undo it"
    assert outbox(project) == 0


@pytest.mark.pressure
@pytest.mark.parametrize("clock", ["-1d", "@1970-01-01 00:01:00"])
def test_a_step_back_before_its_time_makes_it_wait_for_that_time_again(
    by_clock: Worker, project: Path, readers: str, clock: str
) -> None:
    plan_send(project, ISSUE, readers, at=from_now(-0.2))

    early = by_clock(clock)
    right = by_clock("+0")

    assert (early.code, early.out) == (0, "")
    assert right.json["accepted"] == 3


@pytest.mark.pressure
@pytest.mark.parametrize("clock", ["-1h", "@1970-01-01 00:01:00"])
def test_a_step_back_after_it_was_sent_sends_nothing_again(
    by_clock: Worker, project: Path, readers: str, clock: str
) -> None:
    plan_send(project, ISSUE, readers, at=from_now(-0.2))

    first = by_clock("+0")
    again = [by_clock(clock), by_clock("+0")]

    assert first.json["accepted"] == 3
    assert [answer.out for answer in again] == ["", ""]
    assert outbox(project) == 3


@pytest.mark.pressure
@pytest.mark.parametrize(
    ("day", "before", "after"),
    [
        ("2026-03-29", "2026-03-29 05:59:00", "2026-03-29 06:00:01"),
        ("2026-10-25", "2026-10-25 06:59:00", "2026-10-25 07:00:01"),
    ],
    ids=["into summer", "into winter"],
)
def test_a_change_of_summer_time_between_plan_and_time_moves_nothing(
    by_clock: Worker,
    project: Path,
    readers: str,
    faked: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
    day: str,
    before: str,
    after: str,
) -> None:
    """Eight in the morning is what readers' clocks show then, planned the day before."""
    monkeypatch.setenv("NEWSLETTER_NEWSLETTER__TIMEZONE", "Europe/Berlin")
    eve = dt.date.fromisoformat(day) - dt.timedelta(days=1)
    planning = ("send", ISSUE, "--list", readers, "--at", f"{day} 08:00", "--detach", "--yes")
    planned = spawn(
        project, *planning, environment={**faked, "FAKETIME": f"@{eve.isoformat()} 12:00:00"}
    )

    early, sent = by_clock(f"@{before}"), by_clock(f"@{after}")

    assert planned.code == 0, planned.err
    assert early.out == ""
    assert sent.json["accepted"] == 3


def test_who_waits_in_the_foreground_goes_by_each_step(
    project: Path, readers: str, faked: Mapping[str, str], tmp_path: Path
) -> None:
    """Back by a day it waits on; forward to its time it sends."""
    clock, at = tmp_path / "clock", from_now(2)
    clock.write_text("+0")
    waiting = subprocess.Popen(
        command("send", ISSUE, "--list", readers, "--at", at.isoformat(), "--yes", "--json"),
        cwd=project,
        env={
            **os.environ,
            **faked,
            "FAKETIME_TIMESTAMP_FILE": str(clock),
            "FAKETIME_NO_CACHE": "1",
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert waiting.stderr is not None
    while not (line := waiting.stderr.readline()).startswith("Waiting until"):
        assert line, "it left"

    clock.write_text("-1d")
    assert waiting.poll() is None
    clock.write_text("+3h")
    out, _ = waiting.communicate(timeout=PATIENCE_SECONDS)

    assert waiting.returncode == 0
    assert '"accepted": 3' in out
    assert outbox(project) == 3
