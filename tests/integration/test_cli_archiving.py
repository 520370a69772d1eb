"""`newsletter sends archive`, and what the other commands say then."""

import datetime as dt
import gzip
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from newsletter.operations import attend
from newsletter.operations.worker import open_worker
from newsletter.project import Project, utc_now
from newsletter.store import open_store
from tests.integration.commandline import Call, plan_send, write_issue

ISSUE = "2026-01-07-valley"


@pytest.fixture
def sent(call: Call, readers: str) -> str:
    """The id of a finished send to three."""
    return str(call("send", ISSUE, "--list", readers, "--yes", "--json").json["send_id"])


def test_old_sends_become_files(call: Call, project: Path, sent: str) -> None:
    young = call("sends", "archive", "--older-than", "12h", "--json")
    told = call("sends", "archive", "--older-than", "0h", "--dry-run", "--json")
    before = call("status", sent, "--json").json
    done = call("sends", "archive", "--older-than", "0h", "--json")
    again = call("sends", "archive", "--older-than", "0h", "--json")

    file = project / "subscribers" / "archive" / f"{sent}.jsonl.gz"
    slug = before["slug"]
    assert (young.code, young.lines) == (0, [])
    assert told.lines == [{"send_id": sent, "slug": slug, "file": None, "rows": 3}]
    assert done.lines == [{"send_id": sent, "slug": slug, "file": str(file), "rows": 3}]
    assert (again.code, again.lines) == (0, [])
    after = call("status", sent, "--json").json
    assert after.pop("archived_at") is not None
    assert after.pop("archive_file") == str(file)
    assert (before.pop("archived_at"), before.pop("archive_file")) == (None, None)
    assert after == before
    assert call("db", "verify").code == 0


def test_deliveries_are_read_from_the_file(call: Call, sent: str, tmp_path: Path) -> None:
    asked: Sequence[tuple[str, ...]] = (("--json",), ("--csv",), (), ("--status", "skipped"))
    before = [call("deliveries", sent, *how).out for how in asked]

    archived = call("sends", "archive", sent, "--format", "csv", "--out", str(tmp_path / "a"))

    assert archived.code == 0
    assert [call("deliveries", sent, *how).out for how in asked] == before
    (tmp_path / "a" / f"{sent}.csv.gz").unlink()
    gone = call("deliveries", sent)
    assert gone.code == 2
    assert f"{sent}.csv.gz" in gone.err


def test_who_was_erased_since_is_not_shown(call: Call, sent: str) -> None:
    """The file, which is named to who erases them, holds the address."""
    call("sends", "archive", sent)

    erased = call("subscribers", "forget", "ada@example.com", "--yes", "--json").json

    shown = call("deliveries", sent, "--json").lines
    assert erased["archives"] == [call("status", sent, "--json").json["archive_file"]]
    assert sorted(str(row["address"]) for row in shown) == [
        "None",
        "lin@example.com",
        "sam@example.com",
    ]
    assert "(erased)" in call("deliveries", sent).out


def test_a_file_that_was_changed_since_is_not_believed(
    call: Call, project: Path, sent: str
) -> None:
    call("sends", "archive", sent)
    file = project / "subscribers" / "archive" / f"{sent}.jsonl.gz"
    lines = gzip.decompress(file.read_bytes()).replace(b"accepted", b"rejected")
    file.write_bytes(gzip.compress(lines))

    answer = call("deliveries", sent, "--json")

    assert answer.code == 2
    assert "it was changed since" in answer.out


def test_what_to_archive_has_to_be_said(call: Call, sent: str) -> None:
    """Once, by the policy, or in each call; and only one of it."""
    assert call("sends", "archive").code == 2
    assert call("sends", "archive", sent, "--older-than", "1d").code == 2
    assert call("sends", "archive", "--older-than", "soon").code == 2
    assert "is no age" in call("sends", "archive", "--older-than", "soon").err
    assert call("sends", "archive", "nothing").code == 2
    assert call("status", sent, "--json").json["archived_at"] is None


def test_a_send_that_goes_on_is_refused_before_any_other_is_archived(
    call: Call, project: Path, readers: str, sent: str
) -> None:
    write_issue(project, "2026-01-08-peak.md")
    queued = plan_send(project, "2026-01-08-peak", readers)

    answer = call("sends", "archive", sent, queued)

    assert answer.code == 5
    assert f"newsletter cancel {queued}" in answer.err
    assert call("status", sent, "--json").json["archived_at"] is None


def test_sends_are_shown_as_ever(call: Call, sent: str) -> None:
    before = call("sends", "--json").lines
    call("sends", "archive", sent)

    after = call("sends", "--json").lines

    assert [each | {"archived_at": None, "archive_file": None} for each in after] == before
    assert call("sends", "--limit", "1").code == 0


def test_a_worker_archives_what_the_policy_says(
    call: Call, project: Path, sent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    later = utc_now() + dt.timedelta(days=2)

    def archived_by_a_worker() -> object:
        opened = Project.open(project)
        store = open_store(opened.settings.store.url, opened.root)
        worker = open_worker(opened, store, told.append, lambda: later)
        archive_one = worker.archive_one

        def last() -> bool:
            worker.stop.set()
            return archive_one()

        attend.attend(replace(worker, archive_one=last), once=False, settled=lambda send: True)
        store.close()
        return call("status", sent, "--json").json["archived_at"]

    assert archived_by_a_worker() is None
    monkeypatch.setenv("NEWSLETTER_POLICY__ARCHIVE_AFTER_DAYS", "3")
    assert archived_by_a_worker() is None
    monkeypatch.setenv("NEWSLETTER_POLICY__ARCHIVE_AFTER_DAYS", "1")
    assert archived_by_a_worker() is not None
    file = project / "subscribers" / "archive" / f"{sent}.jsonl.gz"
    assert f"Archived {sent}: 3 deliveries in {file}." in told


def test_one_that_cannot_be_archived_keeps_none_of_the_others(
    call: Call, project: Path, readers: str, sent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a restore, where the file of the first is there already."""
    write_issue(project, "2026-01-08-peak.md")
    other = call("send", "2026-01-08-peak", "--list", readers, "--yes", "--json").json["send_id"]
    folder = project / "subscribers" / "archive"
    folder.mkdir()
    (folder / f"{sent}.jsonl.gz").write_bytes(b"theirs")
    monkeypatch.setenv("NEWSLETTER_POLICY__ARCHIVE_AFTER_DAYS", "1")
    told: list[str] = []
    opened = Project.open(project)
    store = open_store(opened.settings.store.url, opened.root)
    worker = open_worker(opened, store, told.append, lambda: utc_now() + dt.timedelta(days=2))

    done = [worker.archive_one(), worker.archive_one()]
    store.close()

    assert done == [True, False]
    assert call("status", sent, "--json").json["archived_at"] is None
    assert call("status", str(other), "--json").json["archived_at"] is not None
    assert len([line for line in told if line.startswith(f"{sent} is not archived")]) == 1


@pytest.fixture
def not_utf8(project: Path, sent: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project, whose folder has got a name that is not UTF-8."""
    moved = project.with_name("letter\udcff")
    project.rename(moved)
    monkeypatch.chdir(moved)
    return moved


def test_a_folder_whose_name_the_store_cannot_note_is_refused(
    call: Call, not_utf8: Path, sent: str, tmp_path: Path
) -> None:
    refused = call("sends", "archive", sent, "--json")
    unchanged = call("status", sent, "--json").json
    elsewhere = call("sends", "archive", sent, "--out", str(tmp_path / "archive"), "--json")

    assert refused.code == 2
    assert "is not UTF-8" in refused.error["message"]
    assert "--out, or [store] archive" in refused.error["hint"]
    assert "letter\\udcff/subscribers/archive" in refused.out
    assert not (not_utf8 / "subscribers" / "archive").exists()
    assert unchanged["archived_at"] is None
    assert elsewhere.code == 0


def test_a_worker_in_such_a_folder_says_so_once_and_goes_on(
    call: Call, not_utf8: Path, readers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_issue(not_utf8, "2026-01-08-peak.md")
    call("send", "2026-01-08-peak", "--list", readers, "--yes", "--json")
    monkeypatch.setenv("NEWSLETTER_POLICY__ARCHIVE_AFTER_DAYS", "1")
    told: list[str] = []
    opened = Project.open(not_utf8)
    store = open_store(opened.settings.store.url, opened.root)
    worker = open_worker(opened, store, told.append, lambda: utc_now() + dt.timedelta(days=2))

    done = [worker.archive_one(), worker.archive_one()]
    store.close()

    assert done == [False, False]
    [line] = told
    assert line.startswith("Nothing is archived: the path of this folder is not UTF-8")
    assert line.endswith("Archive into a folder with another path: --out, or [store] archive.")
