"""Sending in a process of its own: asking at a terminal, Ctrl-C, signals, waiting, workers."""

import datetime as dt
import json
import os
import pty
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TextIO

import psutil
import pytest
import sqlalchemy as sa

from newsletter.project import Project
from newsletter.store import open_store, schema
from tests.crash.sleeper import sleep_at
from tests.integration.commandline import Call, plan_send, slow_down, speed_up, write_issue
from tests.waiting import until
from tests.warm import Program

ISSUE = "2026-01-07-valley"
RECORDED = "after the commit in sending.core._record"


@dataclass
class Terminal:
    """A program at a terminal: what it shows there can be waited for, and answered."""

    process: Program
    end: int
    out: TextIO
    shown: str = ""

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Read until the pattern is shown; fails where the program leaves before."""
        while not (found := re.search(pattern, self.shown)):
            try:
                piece = os.read(self.end, 4096)
            except OSError:
                piece = b""
            assert piece, f"{pattern!r} was not shown in: {self.shown}"
            self.shown += piece.decode(errors="replace")
        return found

    def type(self, text: str) -> None:
        os.write(self.end, text.encode())

    def wake(self) -> None:
        """Let it go on that has fallen asleep."""
        self.process.send_signal(signal.SIGCONT)

    def leave(self) -> tuple[int, str]:
        """(exit code, standard output), once it has left by itself."""
        return self.process.code, self.out.read()

    def comes_to_mail(self, call: Call, send_id: str) -> None:
        """Wait until somebody has their mail of a send; it does not leave before."""

        def has_mailed() -> bool:
            accepted = int(call("status", send_id, "--json").json["accepted"])
            assert accepted or self.process.is_alive(), "it left"
            return accepted > 0

        until(has_mailed)


@contextmanager
def at_terminal(project: Path, *arguments: str, asleep: bool = False) -> Iterator[Terminal]:
    """Runs a command with a terminal for its questions and its progress; output goes to a pipe.

    One that is to fall `asleep` does so when its first mail is on record.
    """
    ours, its = pty.openpty()
    out, written = os.pipe()
    process = Program(
        project,
        *arguments,
        environment={"TERM": "xterm", "COLUMNS": "120"},
        stdin=its,
        stdout=written,
        stderr=its,
        in_new_session=True,
        first=partial(sleep_at, RECORDED) if asleep else None,
    )
    os.close(its)
    os.close(written)

    def sleeps() -> bool:
        assert process.is_alive(), "it left"
        return psutil.Process(process.pid).status() == psutil.STATUS_STOPPED

    try:
        if asleep:
            until(sleeps)
        with open(out, encoding="utf-8") as output:
            yield Terminal(process, ours, output)
    finally:
        process.kill()
        process.join()
        os.close(ours)


def schedule(project: Path, at: dt.datetime) -> None:
    """Move the time of what is scheduled."""
    store = open_store(Project.open(project).settings.store.url, project)
    with store.write() as connection:
        connection.execute(sa.update(schema.sends).values(scheduled_at=at))
    store.close()


def outbox(project: Path) -> int:
    return len(list((project / "outbox").rglob("*.eml")))


# --- asking ---------------------------------------------------------------------------------------


def test_a_count_that_was_typed_sends(project: Path, readers: str) -> None:
    with at_terminal(project, "send", ISSUE, "--list", readers, "--json") as terminal:
        terminal.wait_for("Type the number of recipients")
        terminal.type("3\n")
        code, out = terminal.leave()

    assert code == 0
    assert json.loads(out)["accepted"] == 3
    for told in ("News of the valley", "Newsletter <news@example.com>", readers):
        assert told in terminal.shown


@pytest.mark.parametrize("answer", ["\n", "y\n", "4\n", "yes 3\n", "\x04"])
def test_any_other_answer_sends_nothing(
    call: Call, project: Path, readers: str, answer: str
) -> None:
    with at_terminal(project, "send", ISSUE, "--list", readers) as terminal:
        terminal.wait_for("Type the number of recipients")
        terminal.type(answer)
        code, _ = terminal.leave()

    assert code == (130 if answer == "\x04" else 5)
    assert outbox(project) == 0
    assert call("sends", "--json").out == ""


def test_ctrl_c_at_the_question_sends_nothing(call: Call, project: Path, readers: str) -> None:
    with at_terminal(project, "send", ISSUE, "--list", readers) as terminal:
        terminal.wait_for("Type the number of recipients")
        terminal.process.send_signal(signal.SIGINT)
        terminal.type("3\n")  # a signal just before a read does not end it; an answer too late does
        code, _ = terminal.leave()

    assert code == 130
    assert call("sends", "--json").out == ""


# --- stopping -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_send_that_is_stopped_says_how_to_go_on_and_does(
    call: Call, project: Path, readers: str, name: str
) -> None:
    """What is in flight is finished first: nothing becomes unknown."""
    slow_down(project)
    arguments = ("send", ISSUE, "--list", readers, "--yes", "--rate", "2", "--json")
    with at_terminal(project, *arguments) as terminal:
        terminal.wait_for("1/3")
        terminal.process.send_signal(signal.Signals[name])
        resume = terminal.wait_for(r"newsletter resume (\S+)")[1]
        code, out = terminal.leave()
    stopped = json.loads(out)
    written = outbox(project)
    speed_up(project)

    resumed = call("resume", resume, "--json")

    assert code == 130
    assert stopped["send_id"] == resume
    assert stopped["status"] == "sending"
    assert (stopped["accepted"], stopped["queued"], stopped["unknown"]) == (
        written,
        3 - written,
        0,
    )
    assert written == 1
    assert (resumed.code, resumed.json["accepted"]) == (0, 3)
    assert {line["attempts"] for line in call("deliveries", resume, "--json").lines} == {1}


def test_a_send_can_be_paused_from_another_terminal(
    call: Call, project: Path, readers: str
) -> None:
    arguments = ("send", ISSUE, "--list", readers, "--yes", "--rate", "2", "--json")
    with at_terminal(project, *arguments, asleep=True) as terminal:
        send_id = call("status", "--json").json["send_id"]
        paused = call("pause", send_id, "--json")
        terminal.wake()
        code, out = terminal.leave()

    assert paused.code == 0
    assert code == 4
    assert json.loads(out)["status"] == "paused"
    assert json.loads(out)["queued"] > 0


def test_a_send_can_be_cancelled_from_another_terminal(
    call: Call, project: Path, readers: str
) -> None:
    arguments = ("send", ISSUE, "--list", readers, "--yes", "--rate", "2", "--json")
    with at_terminal(project, *arguments, asleep=True) as terminal:
        cancelled = call("cancel", call("status", "--json").json["send_id"], "--json")
        terminal.wake()
        code, out = terminal.leave()

    assert cancelled.code == 0
    assert code == 1
    found = json.loads(out)
    assert found["status"] == "cancelled"
    assert (found["queued"], found["accepted"] + found["skipped"]) == (0, 3)


def test_a_send_that_somebody_runs_is_shared(call: Call, project: Path, readers: str) -> None:
    arguments = ("send", ISSUE, "--list", readers, "--yes", "--rate", "2", "--json")
    with at_terminal(project, *arguments, asleep=True) as terminal:
        running = call("status", "--json").json
        shared = call("resume", running["send_id"], "--json")
        terminal.wake()
        terminal.wait_for("3/3")  # though it has sent one of them
        code, out = terminal.leave()

    assert [worker["worker"] for worker in running["workers"]] == [running["owner"]]
    assert (shared.code, shared.json["status"], shared.json["accepted"]) == (0, "finished", 3)
    assert (code, json.loads(out)["status"]) == (0, "finished")
    assert outbox(project) == 3
    lines = call("deliveries", running["send_id"], "--json").lines
    assert {line["attempts"] for line in lines} == {1}


# --- waiting --------------------------------------------------------------------------------------


def test_send_at_freezes_the_bytes_and_waits(call: Call, project: Path, readers: str) -> None:
    arguments = ("send", ISSUE, "--list", readers, "--yes", "--at", "2099-01-01 08:00", "--json")
    with at_terminal(project, *arguments) as terminal:
        terminal.wait_for("Waiting until 2099-01-01 08:00 UTC")
        waiting = call("status", "--json").json
        terminal.process.send_signal(signal.SIGINT)
        resume = terminal.wait_for(r"newsletter worker, or newsletter resume (\S+)")[1]
        code, out = terminal.leave()

    assert code == 130
    assert (waiting["status"], waiting["recipients"]) == ("scheduled", 0)
    assert waiting["scheduled_at"] == "2099-01-01T08:00:00+00:00"
    assert json.loads(out) == waiting
    assert resume == waiting["send_id"]
    assert outbox(project) == 0


def test_send_at_sends_when_it_is_time(project: Path, readers: str) -> None:
    """Its time is moved here: how long the program takes to start, no test can know."""
    arguments = ("send", ISSUE, "--list", readers, "--yes", "--at", "2099-01-01 08:00", "--json")
    with at_terminal(project, *arguments) as terminal:
        terminal.wait_for("Waiting until ")
        assert outbox(project) == 0
        soon = dt.datetime.now(dt.UTC)
        schedule(project, soon)
        code, out = terminal.leave()

    found = json.loads(out)
    assert (code, found["status"], found["accepted"]) == (0, "finished", 3)
    assert dt.datetime.fromisoformat(found["finished_at"]) >= soon


def test_a_cancelled_send_is_waited_for_no_longer(call: Call, project: Path, readers: str) -> None:
    arguments = ("send", ISSUE, "--list", readers, "--yes", "--at", "2099-01-01 08:00")
    with at_terminal(project, *arguments) as terminal:
        terminal.wait_for("Waiting until ")
        call("cancel", call("status", "--json").json["send_id"])
        code, _ = terminal.leave()

    assert code == 1


# --- the worker -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_worker_sends_what_is_due_until_it_is_stopped(
    project: Path, readers: str, name: str
) -> None:
    now = dt.datetime.now(dt.UTC)
    first = plan_send(project, ISSUE, readers, at=now)
    write_issue(project, "2026-01-08-next.md")
    second = plan_send(project, "2026-01-08-next", readers, at=now + dt.timedelta(seconds=1))

    with at_terminal(project, "worker", "--json") as terminal:
        done = [json.loads(terminal.out.readline()) for _ in range(2)]
        terminal.process.send_signal(signal.Signals[name])
        code, rest = terminal.leave()

    assert [(found["send_id"], found["status"], found["accepted"]) for found in done] == [
        (first, "finished", 3),
        (second, "finished", 3),
    ]
    assert (code, rest) == (0, "")


def test_a_worker_that_is_stopped_in_a_send_says_how_to_go_on(
    call: Call, project: Path, readers: str
) -> None:
    send_id = plan_send(project, ISSUE, readers, at=dt.datetime.now(dt.UTC), rate=2)
    slow_down(project)

    with at_terminal(project, "worker", "--json") as terminal:
        terminal.comes_to_mail(call, send_id)
        terminal.process.send_signal(signal.SIGTERM)
        terminal.wait_for(f"newsletter resume {send_id}")
        code, out = terminal.leave()

    assert code == 130
    assert json.loads(out)["queued"] > 0
    speed_up(project)
    assert call("resume", send_id, "--json").json["accepted"] == 3
