"""`newsletter subscribers forget`: asked before, gone everywhere, and told."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.commandline import Call, fork
from tests.integration.test_cli_processes import at_terminal
from tests.unit.feedback.payloads import changed

ISSUE = "2026-01-07-valley"
CANARY = "Ada+Canary@example.com"
FORGET = ("subscribers", "forget", CANARY)
Rows = Callable[[], list[str]]


@pytest.fixture
def canary(call: Call, project: Path, readers: str) -> Path:
    """The project after a person was imported with others, mailed, tested, suppressed and reported
    about."""
    (project.parent / "more.csv").write_text(
        "email,name\n"
        + "".join(f"r{number * 7919 % 1000}@example.com,R\n" for number in range(300))
        + f"{CANARY},Ada Canary\n"
    )
    call("subscribers", "import", "../more.csv", "--list", readers)
    sent = call("send", ISSUE, "--list", readers, "--yes", "--json").json["send_id"]
    call("test", ISSUE, "--to", CANARY, "--to", "ed@example.com")
    delivery = next(
        row["delivery"]
        for row in call("deliveries", sent, "--json").lines
        if row["address"] == CANARY
    )
    events = project.parent / "events.jsonl"
    events.write_text(
        "".join(
            f"{line}\n"
            for line in (
                changed(mail__tags={"delivery": [delivery]}, mail__destination=[CANARY]),
                changed(mail__messageId="of-no-delivery", mail__destination=[CANARY]),
                json.dumps({"about": CANARY.lower()}),
            )
        )
    )
    assert call("events", "replay", str(events)).code == 0
    call("suppressions", "add", CANARY)
    call("subscribers", "remove", CANARY)
    return project


def files_that_name(folder: Path, text: str) -> list[str]:
    wanted = text.lower().encode()
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and wanted in path.read_bytes().lower()
    )


def test_no_file_of_the_project_names_an_erased_person(canary: Path, call: Call) -> None:
    """Neither the database nor its write-ahead log nor the outbox."""
    assert len(files_that_name(canary, CANARY)) >= 3

    answer = call(*FORGET, "--yes", "--json")

    assert answer.code == 0
    assert files_that_name(canary, CANARY) == files_that_name(canary, "Ada Canary") == []
    erased = answer.json
    assert erased["subscriber_id"] > 0
    assert (erased["events"], erased["files"], erased["receipts"]) == (3, 2, 1)
    assert erased["complete"] is True
    assert call("db", "verify").code == 0


def test_the_ledger_still_balances_without_the_address(canary: Path, call: Call) -> None:
    before = call("status", "--json").json

    call(*FORGET, "--yes")

    assert call("status", "--json").json == before
    rows = call("deliveries", before["send_id"], "--json").lines
    assert [row["status"] for row in rows if row["address"] is None] == ["accepted"]


def test_forgetting_twice_is_fine_and_nobody_is_unknown(canary: Path, call: Call) -> None:
    call(*FORGET, "--yes")

    again = call(*FORGET, "--yes", "--json")
    unknown = call("subscribers", "forget", "nobody@example.com", "--yes", "--json")

    assert (again.code, again.json["subscriber_id"], again.json["events"]) == (0, None, 0)
    assert unknown.code == 2


def test_without_a_terminal_it_is_refused(
    canary: Path, project: Path, rows: Rows, readers: str
) -> None:
    before = rows()

    answer = fork(project, *FORGET, "--json")

    assert answer.code == 5
    assert "--yes" in answer.error["hint"]
    assert rows() == before


@pytest.mark.parametrize(("typed", "code"), [(CANARY.lower(), 0), ("yes", 5), ("", 5)])
def test_at_a_terminal_the_address_is_typed_once_more(
    canary: Path, project: Path, typed: str, code: int
) -> None:
    with at_terminal(project, *FORGET, "--json") as terminal:
        terminal.wait_for("Type the address")
        terminal.type(f"{typed}\n")
        left, _ = terminal.leave()

    assert left == code
    assert bool(files_that_name(project, CANARY)) is (code != 0)
