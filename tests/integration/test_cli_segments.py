"""`newsletter segments`, and `send --segment`, as an editor calls them."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.commandline import Call, plan_send

ISSUE = "2026-01-07-valley"
RULE = 'city = "Berlin" or name starts with "ada"'
Rows = Callable[[], list[str]]


@pytest.fixture
def berlin(call: Call, readers: str) -> str:
    """A segment of the list `readers` with one of its three people."""
    assert call("segments", "create", "berlin", 'address starts with "ada@"').code == 0
    return "berlin"


def test_a_segment_is_made_shown_changed_and_deleted(call: Call, readers: str) -> None:
    made = call("segments", "create", "berlin", RULE, "--json")
    listed = call("segments", "--json")
    shown = call("segments", "show", "berlin", "--list", "readers", "--json")
    changed = call("segments", "update", "berlin", "paused", "--json")
    empty = call("segments", "show", "berlin", "--json")
    deleted = call("segments", "delete", "berlin", "--json")

    assert made.json["rule"] == RULE
    assert [line["name"] for line in listed.lines] == ["berlin"]
    assert list(listed.lines[0]) == ["name", "rule", "created_at", "updated_at"]
    assert shown.json["list"] == "readers"
    assert shown.json["count"] == 1
    assert shown.json["sample"] == ["ada@example.com"]
    assert changed.json == {"name": "berlin", "rule": "paused", "warnings": []}
    assert (empty.json["list"], empty.json["count"], empty.json["sample"]) == (None, 0, [])
    assert deleted.json == {"name": "berlin", "deleted": True}
    assert call("segments", "list", "--json").lines == []


def test_the_people_of_a_segment_are_listed_and_exported(
    call: Call, readers: str, berlin: str
) -> None:
    call("lists", "create", "other")
    call("subscribers", "add", "ada@example.com", "--list", "other", "--pending")

    of_list = call("subscribers", "list", "--list", readers, "--segment", berlin, "--json").lines
    of_any = call("subscribers", "list", "--segment", berlin, "--json").lines
    pending = call("subscribers", "list", "--list", "other", "--segment", berlin, "--json").lines
    exported = call("subscribers", "export", "--segment", berlin, "--list", readers)
    with_others = call("subscribers", "export", "--segment", berlin)

    assert [line["address"] for line in of_list] == ["ada@example.com"]
    assert of_any == of_list
    assert pending == []
    assert [row.partition(",")[0] for row in exported.out.splitlines()] == [
        '"email"',
        '"ada@example.com"',
    ]
    assert len(with_others.out.splitlines()) == 3


@pytest.mark.parametrize("command", ["list", "export"])
def test_people_of_an_unknown_segment_are_a_usage_error(
    call: Call, berlin: str, command: str
) -> None:
    answer = call("subscribers", command, "--segment", "berlim")

    assert answer.code == 2
    assert answer.out == ""
    assert "Did you mean 'berlin'?" in answer.err


def test_a_sample_is_as_large_as_asked(call: Call, readers: str) -> None:
    everybody = 'domain = "example.com"'

    two = call("segments", "check", everybody, "--list", readers, "--sample", "2", "--json").json
    none = call("segments", "check", everybody, "--list", readers, "--sample", "0", "--json").json

    assert (two["count"], len(two["sample"])) == (3, 2)
    assert (none["count"], none["sample"]) == (3, [])


def test_check_saves_nothing(call: Call, readers: str, rows: Rows) -> None:
    before = rows()

    shown = call("segments", "check", RULE, "--list", readers)

    assert shown.code == 0
    assert "1 person on readers\n  ada@example.com\n" in shown.out
    assert rows() == before


def test_a_rule_may_stand_in_a_file(call: Call, project: Path, readers: str) -> None:
    (project / "berlin.txt").write_text(f"# who is near\n{RULE}\n", "utf-8-sig")
    (project / "broken.txt").write_text("paused and\n  city = Berlin\n", "utf-8")
    (project / "latin.txt").write_bytes(b'city = "K\xf6ln"')

    assert call("segments", "create", "berlin", "--file", "berlin.txt").code == 0
    broken = call("segments", "create", "broken", "--file", "broken.txt")
    latin = call("segments", "create", "latin", "--file", "latin.txt", "--json")

    assert broken.code == 2
    assert broken.err == (
        "error: broken.txt:2:10: \n"
        "  'Berlin' is not understood here\n"
        "    city = Berlin\n"
        "           ^\n"
        '  Put texts in quotes: "Berlin".\n'
    )
    assert (latin.code, latin.error["where"]) == (2, "latin.txt")


def test_an_attribute_that_nobody_has_is_a_warning(call: Call, readers: str) -> None:
    """Attributes are free: the next import may bring it. But it is often a slip."""
    call("subscribers", "add", "bo@example.com", "--list", readers, "--attr", "city=Berlin")

    made = call("segments", "create", "berlin", 'ctiy = "Berlin"')
    checked = call("segments", "check", 'city = "x" or zzz is set', "--list", readers, "--json")

    assert made.code == 0
    assert "Nobody has an attribute 'ctiy'. Did you mean 'city'?" in made.err
    assert checked.json["warnings"] == [
        "Nobody has an attribute 'zzz'. Its tests find nobody's value."
    ]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["create", "Berlin!", "paused"], 2),
        (["create", "new"], 2),
        (["create", "new", "paused", "--file", "newsletter.toml"], 2),
        (["create", "new", "city ~ 5"], 2),
        (["create", "new", "on list nobody"], 2),
        (["create", "berlin", "paused"], 5),
        (["update", "nobody", "paused"], 2),
        (["update", "berlin", "x"], 2),
        (["show", "nobody"], 2),
        (["show", "berlin", "--list", "nobody"], 2),
        (["check", "paused", "--list", "nobody"], 2),
        (["check", "paused"], 2),
        (["delete", "nobody"], 2),
    ],
)
def test_what_cannot_be_done_is_refused_and_nothing_is_written(
    call: Call, berlin: str, rows: Rows, arguments: list[str], code: int
) -> None:
    before = rows()

    answer = call("segments", *arguments, "--json")

    assert answer.code == code
    assert answer.error["message"]
    assert answer.error["hint"]
    assert rows() == before


def test_send_goes_to_the_segment_and_says_so(call: Call, readers: str, berlin: str) -> None:
    plan = call("send", ISSUE, "--list", readers, "--segment", berlin, "--dry-run", "--json")
    described = call("send", ISSUE, "--list", readers, "--segment", berlin, "--dry-run")
    sent = call("send", ISSUE, "--list", readers, "--segment", berlin, "--yes", "--json")
    rest = call("send", ISSUE, "--list", readers, "--yes", "--json")

    assert (plan.json["segment"], plan.json["recipients"]) == (berlin, 1)
    assert "segment     berlin" in described.err
    assert (sent.code, sent.json["segment"], sent.json["accepted"]) == (0, berlin, 1)
    assert (rest.json["segment"], rest.json["accepted"], rest.json["skipped"]) == (None, 2, 1)
    assert "readers (berlin)" in call("sends").out
    assert re.search(r"^segment +berlin", call("status", sent.json["send_id"]).out, re.MULTILINE)


def test_a_segment_that_does_not_exist_is_a_usage_error(call: Call, berlin: str) -> None:
    answer = call("send", ISSUE, "--list", "readers", "--segment", "brelin", "--yes", "--json")

    assert (answer.code, answer.error["where"]) == (2, "--segment")
    assert "berlin" in answer.error["hint"]


def test_a_segment_that_nobody_is_in_is_refused(call: Call, readers: str) -> None:
    call("segments", "create", "nobody", "paused")

    answer = call("send", ISSUE, "--list", readers, "--segment", "nobody", "--yes", "--json")

    assert answer.code == 5
    assert "nobody" in answer.error["message"]


def test_a_list_stays_while_a_rule_names_it(call: Call, project: Path, readers: str) -> None:
    """The rule of a segment, or the one that is sealed with a send to come."""
    call("lists", "create", "weekly")
    call("segments", "create", "most", "not on list weekly")
    send_id = plan_send(project, ISSUE, readers, segment="most")
    by_segment = call("lists", "delete", "weekly", "--json")
    call("segments", "update", "most", "not paused")
    by_send = call("lists", "delete", "weekly", "--json")
    call("cancel", send_id)

    assert (by_segment.code, by_send.code) == (5, 5)
    assert "'most'" in by_segment.error["message"]
    assert send_id in by_send.error["message"]
    assert call("lists", "delete", "weekly").code == 0


def test_a_segment_stays_while_a_send_to_it_has_not_ended(
    call: Call, project: Path, berlin: str
) -> None:
    send_id = plan_send(project, ISSUE, "readers", segment=berlin)

    refused = call("segments", "delete", berlin, "--json")
    call("cancel", send_id)
    deleted = call("segments", "delete", berlin)

    assert refused.code == 5
    assert send_id in refused.error["message"]
    assert deleted.code == 0
