"""`newsletter report`: what it prints and writes, and the worker that mails it."""

import csv
from pathlib import Path

import pytest

from tests.integration.commandline import Call, write_issue

ISSUE = "2026-01-07-valley"


@pytest.fixture
def sent(call: Call, readers: str) -> str:
    return str(call("send", ISSUE, "--list", readers, "--yes", "--json").json["send_id"])


def test_a_report_is_printed_for_people(call: Call, sent: str) -> None:
    answer = call("report")

    assert answer.code == 0
    assert f"2026-01-07-valley to readers · {sent}" in answer.out
    assert "recipients  3  100 %" in answer.out
    assert "Nothing was reported about its mails: the outbox reports nothing." in answer.out
    assert "@" not in answer.out
    assert all(len(line) <= 80 for line in answer.out.splitlines())


def test_a_report_is_one_object_with_all_tables(call: Call, sent: str) -> None:
    record = call("report", sent[:12], "--json").json

    assert record["send_id"] == sent
    assert (record["recipients"], record["accepted"], record["delivered"]) == (3, 3, 0)
    assert record["opens_tracked"] is False
    assert record["tables"]["compared"] == []
    assert record["files"] == []


def test_a_page_and_tables_are_written(call: Call, sent: str, tmp_path: Path) -> None:
    page, folder = tmp_path / "a" / "report.html", tmp_path / "figures"
    page.parent.mkdir()

    answer = call("report", sent, "--out", str(page), "--csv", str(folder), "--compare", "--json")

    assert page.read_text("utf-8").startswith("<!doctype html>")
    files = sorted(folder.iterdir())
    assert answer.json["files"] == [str(page), *answer.json["files"][1:]]
    assert {file.stem for file in files} == answer.json["tables"].keys()
    for file in files:
        rows = list(csv.DictReader(file.read_text("utf-8").splitlines()))
        assert len(rows) == len(answer.json["tables"][file.stem])
    assert call("report", sent, "--out", str(page)).err == f"Written: {page}\n"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["nope"], 2),
        (["--compare", "0"], 2),
        (["--out", "gone/report.html"], 2),
        (["--out", "issues"], 2),
        (["--csv", "newsletter.toml"], 2),
    ],
)
def test_what_cannot_be_done_is_told(
    call: Call, sent: str, arguments: list[str], code: int
) -> None:
    assert call("report", *arguments, "--json").code == code


def test_without_a_send_there_is_no_report(call: Call, project: Path) -> None:
    assert call("report", "--json").error["message"] == "nothing was sent yet"


def test_a_report_is_compared_with_the_sends_before(call: Call, project: Path, sent: str) -> None:
    write_issue(project, "2026-01-08-next.md")
    call("send", "2026-01-08-next", "--list", "readers", "--yes")

    assert [
        row["slug"] for row in call("report", "--compare", "--json").json["tables"]["compared"]
    ] == [*(ISSUE, "2026-01-08-next")]
    assert "Beside the sends before it" in call("report", "--compare", "3").out


def test_a_worker_mails_the_report_into_the_outbox(call: Call, project: Path, sent: str) -> None:
    settings = project / "newsletter.toml"
    lines = '\n[reports]\nmail_to = ["editor@example.com"]\nafter_hours = 0\n'
    settings.write_text(settings.read_text("utf-8") + lines, "utf-8")

    answers = [call("worker", "--once") for _ in range(2)]

    assert [answer.code for answer in answers] == [0, 0]
    assert answers[0].err == f"Mailed the report on {sent} to 1 of 1.\n"
    assert answers[1].err == ""
    [mail] = (project / "outbox" / "report").iterdir()
    assert "Subject: Report: News of the valley" in mail.read_text("utf-8")


def test_a_report_that_nobody_may_get_is_refused(call: Call, project: Path) -> None:
    settings = project / "newsletter.toml"
    lines = '\n[reports]\nmail_to = ["no address"]\n'
    settings.write_text(settings.read_text("utf-8") + lines, "utf-8")

    assert call("sends").code == 2
