"""A machine that is not as it should be: its clock was ahead, or the project is read-only."""

import datetime as dt
import os
import platform
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from subprocess import PIPE

import pytest

from tests.faketime import found_or_skipped, wrong_clock
from tests.integration.commandline import Answer, Call, command, fork, slow_down, spawn, write_issue
from tests.integration.test_cli_processes import outbox
from tests.sealing import have_no_shared_memory, seal, tell_of_mounts
from tests.waiting import PATIENCE_SECONDS, until
from tests.warm import Program

ISSUE, NEXT = "2026-01-07-valley", "2026-01-08-hills"


# --- a clock that was ahead -----------------------------------------------------------------------


@pytest.fixture
def an_hour_ahead() -> Mapping[str, str]:
    """The environment of a process whose clock is ahead."""
    return wrong_clock(found_or_skipped(), "+1h")


@pytest.mark.parametrize("minutes", [15, 60])
def test_a_send_goes_on_once_a_clock_that_was_ahead_is_put_right(
    project: Path, readers: str, minutes: int
) -> None:
    """Else it would wait for the hour in which the first one took its turns at the rate."""
    wrong = wrong_clock(found_or_skipped(), f"+{minutes}m")
    write_issue(project, f"{NEXT}.md")
    options = ("--list", readers, "--rate", "50", "--yes", "--json")
    now = dt.datetime.now(dt.UTC)

    ahead = spawn(project, "send", ISSUE, *options, environment=wrong)
    right = fork(project, "send", NEXT, *options)

    assert ahead.code == 0, ahead.err
    assert dt.datetime.fromisoformat(ahead.json["finished_at"]) - now > dt.timedelta(
        minutes=minutes - 1
    )
    assert (right.code, right.json["accepted"]) == (0, 3)
    assert "The rate of this store was booked until" in right.err
    assert "check the clocks of all machines" in right.err


def test_a_send_that_was_killed_under_such_a_clock_goes_on_under_the_right_one(
    call: Call, project: Path, an_hour_ahead: Mapping[str, str]
) -> None:
    people = "email\n" + "".join(f"r{number}@example.com\n" for number in range(120))
    (project / "people.csv").write_text(people)
    call("subscribers", "import", "people.csv", "--list", "many")
    arguments = ("send", ISSUE, "--list", "many", "--rate", "1", "--yes")
    with subprocess.Popen(
        command(*arguments), cwd=project, env={**os.environ, **an_hour_ahead}, stderr=PIPE
    ) as process:
        until(lambda: any(line["accepted"] for line in call("sends", "--json").lines))
        process.kill()
    lost = call("status", "--json").json

    resumed = call("resume", lost["send_id"], "--rate", "1000", "--json")

    assert lost["state"] == "interrupted"
    assert (resumed.json["status"], resumed.json["queued"]) in (("finished", 0), ("unresolved", 0))
    assert resumed.json["accepted"] + resumed.json["unknown"] == 120
    assert resumed.json["unknown"] <= 1


def test_whose_clock_is_ahead_gives_up_nobody_who_lives(
    call: Call, project: Path, readers: str, an_hour_ahead: Mapping[str, str]
) -> None:
    """By its clock the lease of the other has ended, but the process is seen to live."""
    slow_down(project)
    arguments = ("send", ISSUE, "--list", readers, "--rate", "2", "--yes")
    first = Program(project, *arguments)
    until(lambda: any(line["accepted"] for line in call("sends", "--json").lines))
    running = call("status", "--json").json

    shared = spawn(project, "resume", running["send_id"], "--json", environment=an_hour_ahead)

    first.join(PATIENCE_SECONDS)
    assert shared.code == first.code == 0
    assert (shared.json["accepted"], shared.json["unknown"]) == (3, 0)
    assert outbox(project) == 3


# --- a project that is read-only ------------------------------------------------------------------


@dataclass(frozen=True)
class Sealed:
    """A project whose folder is mounted read-only, for root too; `kept` is a folder beside it."""

    project: Path
    kept: Path

    @property
    def elsewhere(self) -> dict[str, str]:
        """The settings by which all that is written lies in `kept`."""
        return {
            "NEWSLETTER_STORE__URL": f"sqlite:///{self.kept}/newsletter.db",
            "NEWSLETTER_STORE__STATE": f"{self.kept}/generation",
            "NEWSLETTER_TRANSPORT__OUTBOX__PATH": f"{self.kept}/outbox",
        }

    def run(self, *arguments: str, **environment: str) -> Answer:
        sealing = partial(seal, self.project)
        return fork(self.project, *arguments, environment=environment, first=sealing)


@pytest.fixture
def sealed(project: Path, readers: str, tmp_path: Path) -> Sealed:
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-rm", "true"]).returncode:
        pytest.skip("needs the right to mount in a namespace of its own")
    kept = tmp_path / "kept"
    kept.mkdir()
    for path in (project / "subscribers").glob("newsletter.db*"):
        path.rename(kept / path.name)
    return Sealed(project, kept)


def test_a_read_only_project_sends_where_all_that_is_written_lies_elsewhere(
    sealed: Sealed,
) -> None:
    options = ("--list", "readers", "--json")
    dry = sealed.run("send", ISSUE, *options, "--dry-run", **sealed.elsewhere)
    sent = sealed.run("send", ISSUE, *options, "--yes", **sealed.elsewhere)
    status = sealed.run("status", "--json", **sealed.elsewhere)
    worker = sealed.run("worker", "--once", **sealed.elsewhere)

    assert (dry.code, dry.json["queued"]) == (0, 3), dry.err
    assert (sent.code, sent.json["accepted"]) == (0, 3), sent.err
    assert (status.code, status.json["status"]) == (0, "finished")
    assert (worker.code, worker.out) == (0, "")
    assert len(list((sealed.kept / "outbox").rglob("*.eml"))) == 3


@pytest.mark.parametrize("missing", ["STORE__STATE", "TRANSPORT__OUTBOX__PATH"])
def test_a_read_only_project_plans_nothing_where_it_could_not_go_on(
    sealed: Sealed, missing: str
) -> None:
    settings = sealed.elsewhere
    del settings[f"NEWSLETTER_{missing}"]

    for option in ("--dry-run", "--yes"):
        refused = sealed.run("send", ISSUE, "--list", "readers", option, "--json", **settings)
        assert refused.code == 2, refused.out
        assert str(sealed.project) in refused.error["message"]
        assert f"NEWSLETTER_{missing}" in refused.error["hint"]

    assert sealed.run("sends", "--json", **settings).out == ""


def test_no_worker_begins_where_nothing_could_be_noted(sealed: Sealed) -> None:
    settings = sealed.elsewhere
    del settings["NEWSLETTER_STORE__STATE"]

    refused = sealed.run("worker", "--once", "--json", **settings)

    assert refused.code == 2
    assert "NEWSLETTER_STORE__STATE" in refused.error["hint"]


def test_a_store_in_a_read_only_project_is_told(sealed: Sealed) -> None:
    for path in sealed.kept.glob("newsletter.db*"):
        path.rename(sealed.project / "subscribers" / path.name)
    settings = sealed.elsewhere
    del settings["NEWSLETTER_STORE__URL"]

    refused = sealed.run("send", ISSUE, "--list", "readers", "--yes", "--json", **settings)

    assert refused.code == 1
    assert refused.error["where"] == str(sealed.project / "subscribers" / "newsletter.db")
    assert "read and write this file and its folder" in refused.error["hint"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("status", "--json"),
        ("sends", "--json"),
        ("subscribers", "export"),
        ("explain", "ada@example.com"),
        ("db", "verify"),
    ],
    ids=lambda arguments: arguments[0],
)
@pytest.mark.parametrize("was_closed", [True, False])
def test_a_store_that_cannot_be_written_can_be_read(
    sealed: Sealed, call: Call, arguments: tuple[str, ...], was_closed: bool
) -> None:
    """Also while another process, which can write it, has it open."""
    for path in sealed.kept.glob("newsletter.db*"):
        path.rename(sealed.project / "subscribers" / path.name)
    sent = call("send", ISSUE, "--list", "readers", "--yes")
    before = call(*arguments)
    opened = None if was_closed else sqlite3.connect(sealed.project / "subscribers/newsletter.db")
    if opened is not None:
        opened.execute("UPDATE lists SET title = 'Open'").connection.commit()

    found = sealed.run(*arguments)

    if opened is not None:
        opened.close()
    assert sent.code == before.code == 0
    assert (found.code, found.out) == (0, before.out), found.err


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "9p", "fuse.sshfs"])
@pytest.mark.usefixtures("readers", "sealed")
def test_a_store_on_a_network_is_refused(project: Path, tmp_path: Path, kind: str) -> None:
    for path in (tmp_path / "kept").glob("newsletter.db*"):
        path.rename(project / "subscribers" / path.name)
    told = tmp_path / "mounts"
    told.write_text(f"/dev/sda1 / ext4 rw 0 0\nserver:/x {project} {kind} rw 0 0\n")

    refused = fork(project, "status", "--json", first=partial(tell_of_mounts, told))

    assert refused.code == 1
    assert refused.error["where"] == str(project / "subscribers" / "newsletter.db")
    assert f"the store lies on {kind}" in refused.error["message"]
    assert "PostgreSQL" in refused.error["hint"]


@pytest.mark.skipif(platform.machine() != "x86_64", reason="knows the calls of x86-64 alone")
@pytest.mark.parametrize("is_new", [False, True])
@pytest.mark.parametrize("arguments", [("db", "upgrade"), ("subscribers", "list")], ids=" ".join)
def test_a_file_system_without_shared_memory_is_told(
    project: Path, readers: str, is_new: bool, arguments: tuple[str, ...]
) -> None:
    """The log of SQLite needs it; nothing falls back to another one by itself."""
    file = project / "subscribers" / "newsletter.db"
    if is_new:
        file.write_bytes(b"")

    refused = fork(project, *arguments, "--json", first=have_no_shared_memory)
    afterwards = fork(project, "db", "upgrade", "--json")

    assert (refused.code, refused.error["where"]) == (1, str(file)), refused
    assert "cannot be mapped into memory" in refused.error["message"]
    assert "ordinary disk" in refused.error["hint"]
    assert afterwards.code == 0


# --- files of another user ------------------------------------------------------------------------


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user here")
@pytest.mark.parametrize(
    ("closed", "message", "hint"),
    [
        ("issues", "the folder of issues cannot be read", "Let the user who runs this read it."),
        (
            "subscribers/newsletter.db",
            "the store failed: unable to open database file",
            "Let the user who runs this read and write this file and its folder.",
        ),
    ],
)
def test_what_belongs_to_another_user_is_named_as_such(
    project: Path, closed: str, message: str, hint: str
) -> None:
    for folder in (*reversed(project.parents), project, project / "subscribers"):
        folder.chmod(folder.stat().st_mode | 0o755)
    (project / closed).chmod(0)
    code = f"""
import os, sys
from pathlib import Path
from newsletter.errors import NewsletterError
from newsletter.project import Project
from newsletter.store import open_store
project = Project.open(Path({str(project)!r}))
open_store(project.settings.store.url, project.root).close()
os.setuid(65534)
try:
    project.issue_path("2026-01-07-valley")
    open_store(project.settings.store.url, project.root)
except NewsletterError as error:
    print(error.where, error.message, error.hint, sep="\\n")
"""

    answer = fork(project, main=partial(exec, code, {}))

    assert answer.out.splitlines() == [str(project / closed), message, hint]


_SOMEBODY = 65534


@dataclass(frozen=True)
class ClosedFolder:
    """A folder of another user, closed, and calls of a user who owns the project."""

    folder: Path
    project: Path

    def run(self, *arguments: str, **environment: str) -> Answer:
        return fork(
            self.project, *arguments, environment=environment, first=partial(os.setuid, _SOMEBODY)
        )


@pytest.fixture
def closed(project: Path, readers: str, tmp_path: Path) -> ClosedFolder:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user here")
    for folder in project.parents:
        folder.chmod(folder.stat().st_mode | 0o055)
    for path in (project, *project.rglob("*")):
        os.chown(path, _SOMEBODY, _SOMEBODY)
    (tmp_path / "closed").mkdir(mode=0o700)
    return ClosedFolder(tmp_path / "closed", project)


@pytest.mark.parametrize("name", ["generation", "below/generation", "a/b/c/generation"])
def test_a_state_in_a_closed_folder_is_named_before_anything_is_planned(
    closed: ClosedFolder, name: str
) -> None:
    where = {"NEWSLETTER_STORE__STATE": str(closed.folder / name)}
    (closed.folder / "below").mkdir()

    refused = closed.run("send", ISSUE, "--list", "readers", "--yes", "--json", **where)

    assert refused.code == 2
    assert refused.error["message"].startswith(f"nothing can be written to {closed.folder}, where")
    assert "Give access" in refused.error["hint"]
    assert closed.run("sends", "--json").out == ""


@pytest.mark.parametrize("name", ["newsletter.db", "below/newsletter.db"])
@pytest.mark.parametrize("is_there", [True, False])
def test_a_store_in_a_closed_folder_is_said_to_need_access(
    closed: ClosedFolder, name: str, is_there: bool
) -> None:
    """Not that there is none, which nobody can know."""
    file = closed.folder / name
    (closed.folder / "below").mkdir()
    if is_there:
        shutil.copy(closed.project / "subscribers" / "newsletter.db", file)

    refused = closed.run("sends", "--json", NEWSLETTER_STORE__URL=f"sqlite:///{file}")

    assert refused.code == 1
    assert refused.error["where"] == str(file)
    assert refused.error["message"] == "the store failed: unable to open database file"
    assert refused.error["hint"].startswith("Let the user who runs this read and write this file")


@pytest.mark.parametrize("name", ["loop", "loop/newsletter.db", "loop/below/newsletter.db"])
@pytest.mark.parametrize(
    "arguments", [("sends",), ("db", "upgrade"), ("db", "verify")], ids=" ".join
)
def test_links_in_a_circle_on_the_way_to_the_store_are_named(
    call: Call,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    arguments: tuple[str, ...],
) -> None:
    (project / "loop").symlink_to("pool")
    (project / "pool").symlink_to("loop")
    monkeypatch.setenv("NEWSLETTER_STORE__URL", f"sqlite:///{name}")

    refused = call(*arguments, "--json")

    assert refused.code == 2
    assert refused.error["where"] == str(project / name)
    assert "links that go in a circle" in refused.error["message"]
