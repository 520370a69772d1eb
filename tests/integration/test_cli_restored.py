"""A store that was restored from a backup sends nothing twice, and says what it cannot know."""

import datetime as dt
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

import pytest

from tests.integration.commandline import Call, plan_send, slow_down, write_issue
from tests.integration.test_cli_processes import at_terminal

ISSUE = "2026-01-07-valley"
ADVICE = "newsletter db adopt"
Rows = Callable[[], list[str]]
Take = Callable[[], None]
Restore = Callable[[], None]


class Files:
    """Copies of a SQLite store, one at a time."""

    def __init__(self, project: Path) -> None:
        self.store = project / "subscribers" / "newsletter.db"
        self.copy = project / "copy.db"

    def restore(self) -> None:
        for path in self.store.parent.glob("newsletter.db*"):
            path.unlink()
        shutil.copy(self.copy, self.store)


class Backup(Files):
    """As `newsletter db backup` makes them."""

    def __init__(self, project: Path, call: Call) -> None:
        super().__init__(project)
        self.call = call

    def take(self) -> None:
        assert self.call("db", "backup", str(self.copy)).code == 0


class PlainCopy(Files):
    """As `cp` makes them, of a store that nobody has open."""

    def take(self) -> None:
        with closing(sqlite3.connect(self.store)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copy(self.store, self.copy)


class Database:
    """A copy of a PostgreSQL database, which becomes the store when it is restored."""

    def __init__(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.url, self.monkeypatch = url, monkeypatch
        self.name = url.partition("@/")[2].partition("?")[0]

    def take(self) -> None:
        # A template has nobody connected: see `emptied` of conftest.
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname ="
        self._execute(f"{others} '{self.name}'")
        self._execute(f"CREATE DATABASE {self.name}_copy TEMPLATE {self.name}")

    def restore(self) -> None:
        copy = self.url.replace(self.name, f"{self.name}_copy")
        self.monkeypatch.setenv("NEWSLETTER_STORE__URL", copy)

    def drop(self) -> None:
        self._execute(f"DROP DATABASE IF EXISTS {self.name}_copy WITH (FORCE)")

    def _execute(self, statement: str) -> None:
        import psycopg

        server = self.url.replace(self.name, "postgres")
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(statement.encode())


Copies = Backup | PlainCopy | Database


@pytest.fixture(params=["backup", "file", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def copies(
    request: pytest.FixtureRequest, project: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> Iterable[Copies]:
    """A way to copy the store and to bring the copy back."""
    match request.param:
        case "backup":
            yield Backup(project, call)
        case "file":
            yield PlainCopy(project)
        case _:
            url = request.getfixturevalue("postgresql_url")
            monkeypatch.setenv("NEWSLETTER_STORE__URL", url)
            database = Database(url, monkeypatch)
            yield database
            database.drop()


@pytest.fixture
def restored(copies: Copies, call: Call, project: Path) -> str:
    """The id of a send to three that the copy has as queued, and that went out since.

    Beside it the copy has a schedule of 2099, and `2026-01-09-new` was never sent at all.
    """
    call("subscribers", "import", "subscribers/example.csv", "--list", "readers")
    send_id = plan_send(project, ISSUE, "readers")
    write_issue(project, "2026-01-08-later.md")
    write_issue(project, "2026-01-09-new.md")
    plan_send(project, "2026-01-08-later", "readers", at=dt.datetime(2099, 1, 1, tzinfo=dt.UTC))
    copies.take()
    assert call("resume", send_id, "--json").json["accepted"] == 3
    copies.restore()
    assert call("status", send_id, "--json").json["queued"] == 3
    return send_id


def outbox(project: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(project)): path.read_bytes()
        for path in sorted((project / "outbox").rglob("*.eml"))
    }


def write_events(project: Path, send_id: str, *numbers: int, kind: str = "Delivery") -> str:
    """What SES would have published of some deliveries of a send; returns the file's name."""
    lines = [
        json.dumps(
            {
                "eventType": kind,
                "mail": {
                    "messageId": f"m-{number}",
                    "timestamp": "2026-01-07T08:00:00Z",
                    "tags": {"delivery": [f"{send_id}-{number}"], "attempt": ["1"]},
                },
            }
        )
        for number in numbers
    ]
    (project / "events.jsonl").write_text("\n".join(lines))
    return "events.jsonl"


# --- refused --------------------------------------------------------------------------------------


def test_a_restored_store_sends_nothing_before_a_person_says_so(
    call: Call, project: Path, restored: str
) -> None:
    before, status = outbox(project), call("sends", "--json").out

    for arguments in (
        ["send", "2026-01-09-new", "--list", "readers", "--yes"],
        ["send", "2026-01-09-new", "--list", "readers", "--dry-run"],
        ["send", "2026-01-09-new", "--list", "readers", "--yes", "--at", "2099-01-01 08:00"],
        ["resume", restored],
        ["worker", "--once"],
        ["worker"],
    ):
        answer = call(*arguments, "--json")
        assert answer.code == 5, arguments
        assert "restored from a backup" in answer.error["message"]
        assert ADVICE in answer.error["hint"]

    assert outbox(project) == before
    assert call("sends", "--json").out == status


def test_a_restored_store_can_be_looked_at_and_stopped(call: Call, restored: str) -> None:
    assert call("status", restored).code == 0
    assert call("deliveries", restored, "--json").code == 0
    assert call("db", "verify").code == 0
    assert call("pause", restored).code == 0
    assert call("resume", restored).code == 5
    assert call("status", restored, "--json").json["status"] == "paused"
    assert call("cancel", restored, "--json").json["status"] == "cancelled"


def test_a_test_mail_needs_no_ledger(call: Call, restored: str) -> None:
    assert call("test", ISSUE, "--to", "ed@example.org").code == 0


@pytest.mark.parametrize(("command", "code"), [("resume", 4), ("worker", 5)])
def test_a_report_of_what_it_never_sent_stops_a_send_that_runs(
    call: Call, project: Path, readers: str, command: str, code: int
) -> None:
    """A worker then leaves, for it may send nothing more."""
    send_id = plan_send(project, ISSUE, readers, rate=2)
    slow_down(project)
    arguments = [command, "--json"] if command == "worker" else [command, send_id, "--json"]

    with at_terminal(project, *arguments) as terminal:
        terminal.comes_to_mail(call, send_id)
        call("events", "replay", write_events(project, send_id, 3))
        left, out = terminal.leave()

    after = json.loads(out.splitlines()[0])
    told = call("status", send_id)
    assert left == code
    assert (after["status"], after["stopped_by"]) == ("paused", "store")
    assert "SES reports of mails that this store should know" in after["pause_reason"]
    assert ADVICE in told.out
    assert f"After that: newsletter status {send_id}" in told.out
    assert len(outbox(project)) == 1


# --- adopted --------------------------------------------------------------------------------------


def test_adopting_makes_unknown_what_was_queued_and_pauses_schedules(
    call: Call, restored: str
) -> None:
    adopted = call("db", "adopt", "--json")

    later, sent = call("sends", "--json").lines
    assert (adopted.code, adopted.json) == (0, {"unknown": 3})
    assert (sent["send_id"], sent["status"]) == (restored, "unresolved")
    assert (sent["unknown"], sent["queued"]) == (3, 0)
    assert later["status"] == "paused"
    assert "restored from a backup" in later["pause_reason"]
    assert {line["reason"] for line in call("deliveries", restored, "--json").lines} == {
        "the store was restored from a backup: it may have been sent since"
    }
    assert call("db", "verify").code == 0


def test_nothing_is_adopted_where_it_could_not_be_noted(
    call: Call, project: Path, restored: str
) -> None:
    file = project / "subscribers" / "generation"
    file.rename(project / "elsewhere")
    file.symlink_to(project / "elsewhere")

    refused = call("db", "adopt", "--yes")

    assert refused.code == 2
    assert "a send cannot note there how old the store is" in refused.err
    assert call("status", restored, "--json").json["queued"] == 3


def test_people_are_told_what_an_adopted_store_cannot_know(call: Call, restored: str) -> None:
    told = call("db", "adopt").out

    assert "3 open deliveries may have been sent since: they are now unknown." in told
    assert "Sends that began after the backup are not known here" in told


def test_an_adopted_store_sends_again_and_nobody_twice(
    call: Call, project: Path, restored: str
) -> None:
    before = outbox(project)
    call("db", "adopt")

    resumed = call("resume", restored, "--json")
    repeated = call("send", ISSUE, "--list", "readers", "--yes")
    assert (resumed.code, resumed.json["unknown"]) == (4, 3)
    assert repeated.code == 5
    assert call("worker", "--once", "--json").out == ""
    assert outbox(project) == before

    sent = call("send", "2026-01-09-new", "--list", "readers", "--yes", "--json")
    assert (sent.code, sent.json["accepted"]) == (0, 3)
    assert outbox(project).items() > before.items()


def test_events_of_the_time_between_settle_what_is_unknown(
    call: Call, project: Path, restored: str
) -> None:
    before = outbox(project)
    call("db", "adopt")

    replayed = call("events", "replay", write_events(project, restored, 1, 2), "--json")
    left = call("status", restored, "--json").json
    call("events", "replay", write_events(project, restored, 3, kind="Reject"))
    settled = call("status", restored, "--json").json

    assert replayed.json["applied"] == 2
    assert (left["status"], left["accepted"], left["unknown"]) == ("unresolved", 2, 1)
    assert (settled["status"], settled["accepted"], settled["rejected"]) == ("finished", 2, 1)
    assert outbox(project) == before


def test_events_that_are_replayed_before_leave_only_the_rest_unknown(
    call: Call, project: Path, restored: str
) -> None:
    before = outbox(project)

    call("events", "replay", write_events(project, restored, 1, 2))
    adopted = call("db", "adopt", "--json")

    assert adopted.json == {"unknown": 1}
    found = call("status", restored, "--json").json
    assert (found["accepted"], found["unknown"], found["queued"]) == (2, 1, 0)
    assert call("resume", restored).code == 4
    assert outbox(project) == before


def test_a_schedule_of_an_adopted_store_is_resumed_by_a_person(
    call: Call, project: Path, restored: str
) -> None:
    call("db", "adopt")
    later = call("sends", "--json").lines[0]["send_id"]

    with at_terminal(project, "resume", later) as terminal:
        terminal.wait_for("Waiting until 2099-01-01 00:00 UTC")


def test_what_is_resent_by_decision_goes_out_as_a_second_attempt(
    call: Call, project: Path, restored: str
) -> None:
    """The first may be in its readers' mailboxes already: the two can be told apart."""
    call("db", "adopt")
    call("resolve", restored, "--unknown", "resend")

    assert call("resume", restored, "--json").json["accepted"] == 3
    assert {line["attempts"] for line in call("deliveries", restored, "--json").lines} == {2}


def test_a_schedule_that_is_due_in_an_adopted_store_waits_for_a_person(
    call: Call, project: Path, readers: str
) -> None:
    due = plan_send(project, ISSUE, readers, at=dt.datetime.now(dt.UTC))
    call("db", "adopt", "--yes")

    worker = call("worker", "--once", "--json")
    resumed = call("resume", due, "--json")

    assert (worker.code, worker.out) == (0, "")
    assert (resumed.code, resumed.json["accepted"]) == (0, 3)


# --- more than one copy ---------------------------------------------------------------------------


def test_adopting_is_refused_where_nothing_shows_a_restored_store(
    call: Call, project: Path, readers: str, rows: Rows
) -> None:
    """It would make unknown what is only waiting."""
    send_id = plan_send(project, ISSUE, readers)
    before = rows()

    refused = call("db", "adopt", "--json")

    assert refused.code == 5
    assert "--yes" in refused.error["hint"]
    assert rows() == before
    assert call("db", "adopt", "--yes", "--json").json == {"unknown": 3}
    assert call("status", send_id, "--json").json["status"] == "unresolved"


def test_a_copy_that_is_restored_once_more_is_told_again(
    call: Call, project: Path, readers: str
) -> None:
    """An adopted store is as new as anything that was sent; the copy it came from is not."""
    copy = Backup(project, call)
    copy.take()
    copy.restore()
    assert call("db", "adopt").code == 0
    assert call("send", ISSUE, "--list", readers, "--yes").code == 0
    before = outbox(project)

    copy.restore()

    assert call("send", ISSUE, "--list", readers, "--yes").code == 5
    assert outbox(project) == before


def test_a_backup_changes_nothing_for_the_store_that_goes_on(
    call: Call, project: Path, readers: str
) -> None:
    for name in ("one.db", "two.db"):
        call("db", "backup", name)

    assert call("send", ISSUE, "--list", readers, "--yes").code == 0


def test_a_copy_that_was_made_while_a_send_ran_is_told(
    call: Call, project: Path, readers: str
) -> None:
    copy = Backup(project, call)
    arguments = ("send", ISSUE, "--list", readers, "--yes", "--rate", "2", "--json")
    with at_terminal(project, *arguments, asleep=True) as terminal:
        copy.take()
        terminal.wake()
        terminal.leave()
    before = outbox(project)

    copy.restore()
    send_id = call("status", "--json").json["send_id"]
    refused = call("resume", send_id)
    adopted = call("db", "adopt", "--json").json
    found = call("resume", send_id, "--json").json

    assert refused.code == 5
    assert 0 < adopted["unknown"] < 3
    assert (found["accepted"] + found["unknown"], found["queued"]) == (3, 0)
    assert len(before) == 3
    assert outbox(project) == before
