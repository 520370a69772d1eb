"""A copy that `db backup` made knows that it is one, on any machine, without any other file."""

import datetime as dt
import json
import shutil
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from newsletter.errors import Refused, SendingStopped
from newsletter.model.email import Message
from newsletter.model.send import Allowance, Outcome
from newsletter.model.subscriber import RequestState
from newsletter.project import Project, utc_now
from newsletter.sending import restored
from newsletter.sending.run import run
from newsletter.store import Store, maintenance, open_store, state, upgrade
from newsletter.store.schema import requests
from newsletter.transports import Transport, open_transport
from newsletter.web.app import make_app
from newsletter.web.mailer import Mailer
from tests.integration.commandline import Call, in_folder, plan_send, write_issue
from tests.integration.sending import worker
from tests.integration.web.stage import Stage, open_stage

ISSUE = "2026-01-07-valley"
ADVICE = "newsletter db adopt"


@dataclass
class FirstOnly:
    """A transport that delivers one batch and then stops the send."""

    inner: Transport
    kind: str = "outbox"
    concurrency: int = 1
    batch_size: int = 1
    reaches_readers: bool = False
    delivered: int = 0

    def allowance(self) -> Allowance:
        return self.inner.allowance()

    def check(self, sender: str) -> Sequence[str]:
        return ()

    def deliver(self, send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        if self.delivered:
            raise SendingStopped("enough for today")
        self.delivered += len(batch)
        return self.inner.deliver(send_id, batch)


def send_first(project: Path, send_id: str) -> None:
    """Send a send's first message into the outbox; then it is paused."""
    opened = Project.open(project)
    store = open_store(opened.settings.store.url, project)
    run(worker(store, FirstOnly(open_transport(opened))), send_id)
    store.close()


def outbox(folder: Path) -> list[str]:
    """Whom the mails in a project's outbox are for, one each."""
    return sorted(path.name for path in (folder / "outbox").glob("2*/*.eml"))


def mark_of(path: Path) -> int | None:
    with closing(sqlite3.connect(path)) as connection:
        row = connection.execute("SELECT value FROM state WHERE name = 'copied_at'").fetchone()
    return None if row is None else int(row[0])


@dataclass
class Machine:
    """Another computer with the newsletter's folder as git keeps it, and the store restored."""

    folder: Path
    call: Call


@pytest.fixture
def half(project: Path, readers: str) -> str:
    """The id of a send of which one of three is sent."""
    write_issue(project, "2026-01-09-new.md")
    send_id = plan_send(project, ISSUE, readers, rate=10)
    send_first(project, send_id)
    assert len(outbox(project)) == 1
    return send_id


@pytest.fixture
def elsewhere(call: Call, project: Path, half: str, tmp_path: Path) -> Machine:
    """Where a backup was restored that knows half a send, which went out whole since."""
    assert call("db", "backup", "copy.db").code == 0
    assert call("resume", half, "--json").json["accepted"] == 3
    folder = tmp_path / "elsewhere"
    left_out = shutil.ignore_patterns("outbox", "generation", "newsletter.db*", "copy.db")
    shutil.copytree(project, folder, ignore=left_out)
    shutil.copy(project / "copy.db", folder / "subscribers" / "newsletter.db")
    return Machine(folder, in_folder(call, folder))


def test_a_copy_on_another_machine_mails_nobody_twice(
    project: Path, half: str, elsewhere: Machine
) -> None:
    for arguments in (
        ["send", "2026-01-09-new", "--list", "readers", "--yes"],
        ["send", ISSUE, "--list", "readers", "--yes", "--again", "to be sure"],
        ["resume", half],
        ["worker", "--once"],
    ):
        refused = elsewhere.call(*arguments, "--json")
        assert refused.code == 5, arguments
        assert "restored from a backup of 20" in refused.error["message"]
        assert ADVICE in refused.error["hint"]
    assert outbox(elsewhere.folder) == []

    adopted = elsewhere.call("db", "adopt", "--json")
    resumed = elsewhere.call("resume", half, "--json")
    worked = elsewhere.call("worker", "--once", "--json")
    repeated = elsewhere.call("send", ISSUE, "--list", "readers", "--yes")

    assert (adopted.code, adopted.json) == (0, {"unknown": 2})
    assert (resumed.code, resumed.json["accepted"], resumed.json["unknown"]) == (4, 1, 2)
    assert (worked.code, worked.out, repeated.code) == (0, "", 5)
    assert outbox(elsewhere.folder) == []
    assert len(outbox(project)) == 3
    new = elsewhere.call("send", "2026-01-09-new", "--list", "readers", "--yes", "--json")
    assert (new.code, new.json["accepted"]) == (0, 3)


def test_reading_a_copy_works_and_tells(half: str, elsewhere: Machine) -> None:
    for arguments in (["status"], ["status", half], ["sends"]):
        shown = elsewhere.call(*arguments, "--json")
        assert shown.code == 0
        assert "restored from a backup of 20" in shown.err
        assert ADVICE in shown.err
    assert json.loads(shown.out)["send_id"] == half

    elsewhere.call("db", "adopt")
    assert elsewhere.call("status", half).err == ""


def test_a_copy_of_an_unused_store_knows_too(call: Call, project: Path, readers: str) -> None:
    """Nothing was sent yet from the original: the newsletter's folder remembers nothing."""
    call("db", "backup", "copy.db")
    (project / "copy.db").replace(project / "subscribers" / "newsletter.db")

    assert call("send", ISSUE, "--list", readers, "--yes").code == 5
    assert outbox(project) == []


def test_the_original_is_no_copy(call: Call, project: Path, half: str) -> None:
    call("db", "backup", "copy.db")

    assert mark_of(project / "copy.db")
    assert mark_of(project / "subscribers" / "newsletter.db") is None
    assert call("status", half).err == ""
    assert call("resume", half, "--json").json["accepted"] == 3


def test_a_copy_of_a_copy_is_one(call: Call, project: Path, readers: str) -> None:
    call("db", "backup", "copy.db")
    (project / "copy.db").replace(project / "subscribers" / "newsletter.db")

    call("db", "backup", "second.db")

    assert mark_of(project / "second.db")


def test_two_stores_are_used_in_turn_from_one_folder(
    call: Call, project: Path, readers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with one for trying things out: neither is older than the other."""
    write_issue(project, "2026-01-09-new.md")
    for issue in (ISSUE, "2026-01-09-new"):
        assert call("send", issue, "--list", readers, "--yes").code == 0
    monkeypatch.setenv("NEWSLETTER_STORE__URL", "sqlite:///subscribers/trial.db")
    call("db", "upgrade")
    call("subscribers", "import", "subscribers/example.csv", "--list", readers)

    assert call("send", ISSUE, "--list", readers, "--yes").code == 0
    monkeypatch.delenv("NEWSLETTER_STORE__URL")
    again = call("send", ISSUE, "--list", readers, "--yes", "--again", "it was good")
    assert again.code == 0


# --- what a copy must not do, and what it must ----------------------------------------------------


def copied(store: Store, target: Path, at: dt.datetime) -> Store:
    maintenance.copy_into(store, target, at)
    return open_store(f"sqlite:///{target}", Path())


@pytest.fixture
def copy_of_site(sqlite_store: Store, tmp_path: Path) -> Stage:
    """A site that runs on a copy, in which a visitor's request waits."""
    original = open_stage(sqlite_store, tmp_path)
    original.subscribe("new@example.com")
    site = replace(
        original.site, store=copied(sqlite_store, tmp_path / "copy.db", original.clock())
    )
    mailer = Mailer(site, original.transport, threading.Event())
    return replace(original, site=site, app=make_app(site), mailer=mailer)


def test_the_site_on_a_copy_mails_nothing_and_lets_people_leave(copy_of_site: Stage) -> None:
    stage = copy_of_site
    with pytest.raises(Refused, match="restored from a backup"):
        stage.mailer.drain()
    left = stage.client.post(stage.leave_path(), data={"List-Unsubscribe": "One-Click"})

    assert stage.transport.delivered == []
    assert (left.status_code, stage.status()) == (200, "unsubscribed")
    stage.store.close()


def test_what_waited_in_a_copy_is_not_mailed_once_it_is_adopted(
    copy_of_site: Stage, tmp_path: Path
) -> None:
    """The original has mailed it since, most likely; what came to the copy itself is mailed."""
    stage = copy_of_site
    stage.clock.forward(60)
    stage.subscribe("later@example.com")

    restored.adopt(stage.store, tmp_path / "generation", stage.clock())
    stage.mailer.drain()

    assert [message.to.text for message in stage.transport.delivered] == ["later@example.com"]
    with stage.store.read() as connection:
        states = connection.execute(requests.select().order_by(requests.c.at)).all()
    assert [row.state for row in states] == [RequestState.FAILED, RequestState.MAILED]
    stage.store.close()


def test_an_adopted_copy_is_another_store(sqlite_store: Store, tmp_path: Path) -> None:
    copy = copied(sqlite_store, tmp_path / "copy.db", utc_now())
    with sqlite_store.read() as connection:
        original = state.store_id(connection)

    restored.adopt(copy, tmp_path / "generation", utc_now())

    with copy.read() as connection:
        assert state.store_id(connection) != original
    copy.close()


def test_each_store_has_an_id_of_its_own(tmp_path: Path) -> None:
    ids = set()
    for name in ("one.db", "two.db"):
        upgrade(f"sqlite:///{name}", tmp_path)
        upgrade(f"sqlite:///{name}", tmp_path)
        store = open_store(f"sqlite:///{name}", tmp_path)
        with store.read() as connection:
            ids.add(state.store_id(connection))
        store.close()

    assert len(ids) == 2
    assert "0" not in ids
