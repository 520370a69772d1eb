"""`newsletter audit`: whatever people do to readers, imports and the archive is told, by whom."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.integration.commandline import Call

CSV = "email,name\nnew@example.com,New\nnewer@example.com,Newer\n"


@pytest.fixture
def file(project: Path) -> Path:
    file = project / "people.csv"
    file.write_text(CSV, "utf-8")
    return file


@pytest.fixture
def sent_id(call: Call, readers: str) -> str:
    sent = call("send", "2026-01-07-valley", "--list", readers, "--yes", "--json")
    return str(sent.json["send_id"])


def last(call: Call) -> Mapping[str, Any]:
    line: Mapping[str, Any] = call("audit", "--json").lines[0]
    assert line["who"]
    assert "@example.com" not in line["subject"] + line["detail"]
    return {name: line[name] for name in ("kind", "subject", "detail")}


def deed(kind: str, subject: str, detail: str = "") -> Mapping[str, Any]:
    return {"kind": kind, "subject": subject, "detail": detail}


def test_imports_and_what_takes_them_back(call: Call, readers: str, file: Path) -> None:
    begun = call("audit", "--json").lines
    call("subscribers", "import", str(file), "--list", readers, "--dry-run")
    assert call("audit", "--json").lines == begun

    number = call("subscribers", "import", str(file), "--list", readers, "--json").json["import_id"]
    assert last(call) == deed("import", f"import {number}", "2 added")

    call("subscribers", "import undo", str(number))
    assert last(call) == deed("undo", f"import {number}")
    call("subscribers", "import undo", str(number))
    assert len(call("audit", "--json").lines) == len(begun) + 2

    number = call("suppressions", "import", str(file), "--json").json["import_id"]
    assert last(call) == deed("import", f"import {number}", "2 suppressed")


def test_people_are_unsubscribed_moved_deleted_and_erased(
    call: Call, readers: str, file: Path
) -> None:
    call("lists", "create", "others")
    call("subscribers", "import", str(file), "--list", readers)

    call("subscribers", "move", "new@example.com", "--list", readers, "--to", "others")
    moved = last(call)
    assert moved == deed("move", moved["subject"], f"from {readers} to others")
    assert moved["subject"].startswith("subscriber ")

    call("subscribers", "remove", "--file", str(file), "--yes")
    assert last(call) == deed("remove", "2 people")
    call("subscribers", "delete", "new@example.com")
    assert last(call)["kind"] == "remove", "it was refused"
    call("subscribers", "delete", "new@example.com", "--yes")
    assert last(call) == deed("delete", moved["subject"])
    call("subscribers", "forget", "newer@example.com", "--yes")
    assert last(call)["kind"] == "forget"
    assert last(call)["subject"].startswith("subscriber ")


def test_an_archived_issue_is_hidden_and_shown(call: Call, sent_id: str) -> None:
    call("archive", "hide", "2026-01-07-valley", "--reason", "it was wrong")
    assert last(call) == deed("hide", "2026-01-07-valley", "it was wrong")
    call("archive", "show", "2026-01-07-valley")
    call("archive", "show", "2026-01-07-valley")

    kinds = [line["kind"] for line in call("audit", "--json").lines]
    assert kinds[:3] == ["show", "hide", "send"]


def test_a_correction_and_what_takes_it_back(call: Call, project: Path, sent_id: str) -> None:
    issue = project / "issues" / "2026-01-07-valley.md"
    issue.write_text(issue.read_text("utf-8").replace("this week", "last week"), "utf-8")

    call("archive", "correct", "2026-01-07-valley", "--note", "It was last week.", "--yes")
    assert last(call) == deed("correct", sent_id, "It was last week.")
    call("archive", "correct", "2026-01-07-valley", "--undo")
    assert last(call) == deed("undo", sent_id, "its newest correction")


def test_a_restored_store_is_adopted_and_knows_what_was_done_since_the_backup(
    call: Call, project: Path, readers: str
) -> None:
    call("suppressions", "add", "ada@example.com")
    call("db", "backup", str(project / "copy.db"))
    call("suppressions", "remove", "ada@example.com")
    known = call("audit", "--json").lines

    call("db", "restore", str(project / "copy.db"), "--replace", "--yes")
    assert call("audit", "--json").lines == known
    call("db", "adopt")

    assert last(call) == deed("adopt", "the store")
    assert call("audit", "--json").lines[1:] == known
