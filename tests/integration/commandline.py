"""Calling the program as people and other programs do, and what it answered."""

import datetime as dt
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import pytest
import sqlalchemy as sa

from newsletter import cli
from newsletter.cli import COMMANDS, frame
from newsletter.desk.prepare import prepare
from newsletter.desk.publishing import publish
from newsletter.errors import OutcomeUnknown
from newsletter.model.email import Message
from newsletter.model.send import Outcome
from newsletter.project import Project, utc_now
from newsletter.sending.plan import Order, plan, rule_of
from newsletter.sending.run import run
from newsletter.store import open_store, schema
from newsletter.transports.memory import Memory
from tests.integration.sending import worker
from tests.waiting import PATIENCE_SECONDS
from tests.warm import Program

ISSUE = """\
---
title: News of the valley
date: 2026-01-07
coverImage: https://example.com/cover.png
summary: Looms came to the valley
---
Looms that count threads came to [the valley](https://example.com/looms) this week, and the weavers
who watched them for an afternoon say that they are slower than people say, but that they never
tire, which is what the owners of the valley had asked for from the very first day.
"""


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def error(self) -> Any:
        """The error of a call with --json, which is all that stands on standard output."""
        value = self.json
        assert list(value) == ["error"]
        assert list(value["error"]) == ["code", "message", "where", "hint"]
        return value["error"]


Call = Callable[..., Answer]


def in_process(capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs a command in this process, through the entry that gives exit codes."""

    def newsletter(*arguments: str) -> Answer:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            frame.run(frame.Group(COMMANDS), list(arguments))
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return Answer(int(left.value.code or 0), out, err)

    return newsletter


def in_folder(call: Call, folder: Path) -> Call:
    """The program, run in this process with another working folder."""

    def newsletter(*arguments: str) -> Answer:
        with chdir(folder):
            return call(*arguments)

    return newsletter


def fork(
    folder: Path,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    stdin: int | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
    first: Callable[[], object] | None = None,
    main: Callable[[], object] = cli.main,
) -> Answer:
    """Runs a command in a process of its own, to its end; see `Program` for what is given.

    What goes to a given stream is no part of the answer.
    """
    with TemporaryFile() as out, TemporaryFile() as err:
        program = Program(
            folder,
            *arguments,
            environment=environment,
            stdin=stdin,
            stdout=out.fileno() if stdout is None else stdout,
            stderr=err.fileno() if stderr is None else stderr,
            first=first,
            main=main,
        )
        code = program.code
        out.seek(0)
        err.seek(0)
        return Answer(code, out.read().decode(), err.read().decode())


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "newsletter", *arguments]


def spawn(
    folder: Path,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
) -> Answer:
    """As `fork`, but started anew, which takes half a second: for tests of the start itself."""
    done = subprocess.run(
        command(*arguments),
        cwd=folder,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    return Answer(done.returncode, done.stdout, done.stderr)


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its content, but the database's own: see `rows`."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith("newsletter.db")
    }


def write_issue(project: Path, name: str, text: str = ISSUE, **front: str) -> Path:
    """An issue in `issues/`, with more lines of front matter."""
    keys = "".join(f"{key}: {value}\n" for key, value in front.items())
    path = project / "issues" / name
    path.write_text(text.replace("---\n", f"---\n{keys}", 1), "utf-8")
    return path


def plan_send(
    project: Path,
    issue: str,
    list_name: str,
    *,
    at: dt.datetime | None = None,
    rate: int | None = None,
    segment: str = "",
) -> str:
    """Plan a send and do no more, as a process does that is killed right after; returns its id."""
    opened = Project.open(project)
    store = open_store(opened.settings.store.url, project)
    prepared = prepare(opened, issue)
    order = Order(
        prepared.digest.slug,
        prepared.email,
        list_name,
        segment=segment,
        rule=rule_of(store, segment) if segment else "",
        scheduled_at=at,
        rate=rate,
        source_hash=prepared.parsed.source_hash,
    )
    publish(prepared.pictures, opened.settings, store, utc_now())
    send_id = plan(store, order, utc_now())
    store.close()
    return send_id


def slow_down(project: Path) -> None:
    """Let the next mail that goes be the only one for a long time: whoever sends is left waiting.

    It is as if SES had asked for so little, by a clock that is ahead: from that mail on, the share
    of the rate recovers.
    """
    now = utc_now()
    ahead = now + dt.timedelta(days=1)
    _set_pace(project, {"next_at": now, "share": 1 / 2000, "slowed_at": ahead})


def speed_up(project: Path) -> None:
    """Mails may go as fast as their sends say, from now on."""
    _set_pace(project, {"next_at": utc_now(), "share": 1.0, "slowed_at": None})


def _set_pace(project: Path, values: Mapping[str, object]) -> None:
    store = open_store(Project.open(project).settings.store.url, project)
    with store.write() as connection:
        connection.execute(sa.delete(schema.limiter))
        connection.execute(sa.insert(schema.limiter).values(name="send", **values))
    store.close()


def lose(project: Path, send_id: str) -> None:
    """Claim what is queued of a send and die before the transport answers."""
    opened = Project.open(project)
    store = open_store(opened.settings.store.url, project)

    def lost(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        raise OutcomeUnknown("the connection was lost")

    run(worker(store, Memory(lost)), send_id)
    store.close()
