"""The commands for subscribers, lists and suppressions, as people and programs call them."""

import csv
import io
from pathlib import Path

import pytest

from newsletter.store import open_store
from newsletter.store.people import people
from tests.factories import NOW, address
from tests.integration.commandline import Call, spawn


def write(project: Path, text: str, name: str = "people.csv") -> str:
    (project / name).write_text(text, "utf-8")
    return name


def test_import_prints_the_counts(call: Call, project: Path) -> None:
    file = write(project, "email,name\nuser1@example.com,Ann\nuser1@example.com,\nbad,\n")

    answer = call("subscribers", "import", file, "--list", "ai", "--json")

    assert answer.code == 0
    counts = {"added": 1, "updated": 0, "unchanged": 1, "skipped": 0, "rejected": 1}
    assert answer.json == {**counts, "unsubscribed": 0, "suppressed": 0, "import_id": 1}
    assert "Made the list 'ai'" in answer.err
    assert f"{file}:4: " in answer.err


def test_import_writes_rejects(call: Call, project: Path) -> None:
    file = write(project, "email;name\nuser1@example.com;Ann\nbad;=B\n")

    answer = call("subscribers", "import", file, "--list", "ai", "--rejects", "bad.csv")

    assert answer.code == 0
    rows = list(csv.reader(io.StringIO((project / "bad.csv").read_text())))
    assert rows == [
        ["line", "reason", "email", "name"],
        ["3", "there is no @", "bad", "'=B"],
    ]
    assert "bad.csv" in answer.err


def test_import_as_pending(call: Call, project: Path) -> None:
    file = write(project, "email\nuser1@example.com\n")

    call("subscribers", "import", file, "--list", "ai", "--pending")

    (found,) = call("subscribers", "list", "--json").lines
    assert found["subscriptions"][0]["status"] == "pending"


@pytest.mark.parametrize(
    ("content", "where"), [("", "people.csv:1"), ("name\nAnn\n", "people.csv:1")]
)
def test_a_file_that_cannot_be_imported_is_a_usage_error(
    call: Call, project: Path, content: str, where: str
) -> None:
    file = write(project, content)

    answer = call("subscribers", "import", file, "--list", "ai", "--json")

    assert answer.code == 2
    assert answer.json["error"]["where"] == where
    assert call("lists", "--json").out == ""


def test_a_missing_file_and_a_missing_option_are_usage_errors(call: Call) -> None:
    assert call("subscribers", "import", "nope.csv", "--list", "ai").code == 2
    assert call("subscribers", "add", "user1@example.com").code == 2


def test_rejects_in_a_folder_that_is_not_there(call: Call, project: Path) -> None:
    file = write(project, "email\nuser1@example.com\n")

    answer = call("subscribers", "import", file, "--list", "ai", "--rejects", "no/where.csv")

    assert answer.code == 2
    assert call("subscribers", "list", "--json").out == ""


def test_add_show_remove(call: Call) -> None:
    call("lists", "create", "ai")

    added = call(
        *("subscribers", "add", "User1@Example.com", "--list", "ai", "--name", "Ann"),
        *("--attr", "city=Paris", "--attr", "team=a=b", "--json"),
    )
    assert added.json["result"] == "added"
    assert added.json["address"] == "User1@example.com"

    shown = call("subscribers", "show", "user1@example.com", "--json").json
    assert shown["address"] == "User1@example.com"
    assert shown["name"] == "Ann"
    assert shown["attributes"] == {"city": "Paris", "team": "a=b"}
    assert shown["suppression"] is None
    (joined,) = shown["subscriptions"]
    assert (joined["list"], joined["status"]) == ("ai", "confirmed")

    removed = call("subscribers", "remove", "user1@example.com", "--json").json
    assert removed["unsubscribed"] == ["ai"]
    shown = call("subscribers", "show", "user1@example.com", "--json").json
    assert shown["subscriptions"][0]["status"] == "unsubscribed"

    refused = call("subscribers", "add", "user1@example.com", "--list", "ai", "--json")
    assert refused.code == 5
    assert "--resubscribe" in refused.json["error"]["hint"]
    back = call("subscribers", "add", "user1@example.com", "--list", "ai", "--resubscribe")
    assert back.code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["add", "nobody", "--list", "ai"],
        ["add", "user1@example.com", "--list", "nope"],
        ["add", "user1@example.com", "--list", "ai", "--attr", "noequals"],
        ["show", "user1@example.com"],
        ["remove", "user1@example.com", "--list", "nope"],
        ["list", "--list", "nope"],
        ["list", "--status", "nope"],
        ["export", "--list", "nope"],
        ["export", "--json"],
    ],
)
def test_what_is_unknown_is_a_usage_error(call: Call, arguments: list[str]) -> None:
    call("lists", "create", "ai")

    answer = call("subscribers", *arguments)

    assert answer.code == 2
    assert "error" in answer.out + answer.err
    assert "Traceback" not in answer.err


def test_list_prints_json_lines_newest_first(call: Call, project: Path) -> None:
    file = write(project, "email\n" + "".join(f"user{n}@example.com\n" for n in range(1, 5)))
    call("subscribers", "import", file, "--list", "ai")

    found = call("subscribers", "list", "--list", "ai", "--limit", "2", "--json")

    assert [each["address"] for each in found.lines] == ["user4@example.com", "user3@example.com"]


@pytest.mark.parametrize("noun", ["subscribers", "suppressions"])
def test_an_export_to_a_dash_goes_to_standard_output(
    call: Call, project: Path, readers: str, noun: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)

    assert call(noun, "export", "--out", "-").out == call(noun, "export").out
    assert call(noun, "export", "--out", "-", "--json").code == 2
    assert not Path("-").exists()


def test_export_to_a_file_and_back(call: Call, project: Path) -> None:
    file = write(project, "email,name,phone\nuser1@example.com,=A,+86 1\n")
    call("subscribers", "import", file, "--list", "ai")

    exported = call("subscribers", "export", "--list", "ai", "--out", "out.csv", "--json")

    assert exported.json == {"file": "out.csv", "rows": 1}
    assert "'=A" in (project / "out.csv").read_text()
    again = call("subscribers", "import", "out.csv", "--list", "ai", "--json")
    assert again.json["unchanged"] == 1
    raw = call("subscribers", "export", "--raw")
    assert raw.out.splitlines()[1].startswith('"user1@example.com","=A","ai","confirmed","+86 1",')


def test_lists(call: Call) -> None:
    assert call("lists", "--json").out == ""
    assert call("lists", "create", "ai", "--json").json == {"name": "ai", "created": True}
    assert call("lists", "create", "web").code == 0
    assert call("lists", "create", "Not This").code == 2
    assert [each["name"] for each in call("lists", "--json").lines] == ["web", "ai"]
    assert call("lists", "list", "--json").lines == call("lists", "--json").lines
    assert call("lists", "show", "ai", "--json").json["confirmed"] == 0
    assert call("lists", "show", "ia").code == 2
    call("subscribers", "add", "user1@example.com", "--list", "ai")
    assert call("lists", "delete", "ai").code == 5
    assert call("lists", "delete", "ai", "--yes").code == 0
    assert call("lists", "delete", "web").code == 0


def test_suppressions(call: Call) -> None:
    call("lists", "create", "ai")

    assert call("suppressions", "list", "--json").out == ""
    added = call("suppressions", "add", "User1@example.com", "--json").json
    assert (added["address"], added["reason"]) == ("user1@example.com", "manual")
    assert call("suppressions", "list", "--json").lines[0]["reason"] == "manual"
    assert call("subscribers", "add", "user1@example.com", "--list", "ai").code == 5
    shown = call("subscribers", "show", "user1@example.com", "--json").json
    assert (shown["subscriptions"], shown["suppression"]["reason"]) == ([], "manual")
    assert call("suppressions", "remove", "user1@example.com").code == 0
    assert call("suppressions", "remove", "user1@example.com").code == 2
    assert call("subscribers", "add", "user1@example.com", "--list", "ai").code == 0


def test_stats(call: Call, project: Path) -> None:
    file = write(project, "email\nuser1@example.com\n")
    call("subscribers", "import", file, "--list", "ai")

    found = call("subscribers", "stats", "--json").json

    assert found["subscribers"] == 1
    assert found["lists"][0]["confirmed"] == 1
    assert found["suppressions"] == {}


@pytest.mark.parametrize(
    "arguments",
    [
        ["subscribers", "list"],
        ["subscribers", "show", "user1@example.com"],
        ["subscribers", "stats"],
        ["subscribers", "export"],
        ["lists"],
        ["lists", "show", "ai"],
        ["suppressions", "list"],
    ],
)
def test_people_get_words_not_json(call: Call, project: Path, arguments: list[str]) -> None:
    file = write(project, "email,name,c\nuser1@example.com,Ann [bold],x\n")
    call("subscribers", "import", file, "--list", "ai")
    call("suppressions", "add", "user2@example.com")

    answer = call(*arguments)

    assert answer.code == 0
    assert answer.out
    assert not answer.out.startswith("{")


def test_the_installed_command_does_the_same(project: Path) -> None:
    """In a process of its own: exit code, one JSON object, no traceback."""
    file = write(project, "email,name\nuser1@example.com,Ann\n")

    done = spawn(project, "subscribers", "import", file, "--list", "ai", "--json")

    assert done.code == 0, done.err
    assert done.json["added"] == 1
    store = open_store("sqlite:///subscribers/newsletter.db", project)
    with store.read() as connection:
        found = people.person(connection, address())
    store.close()
    assert found is not None
    assert found.created_at > NOW


def test_what_bounces_of_a_send_suppressed_can_be_removed_at_once(call: Call) -> None:
    neither = call("suppressions", "remove", "--json")
    both = call("suppressions", "remove", "user1@example.com", "--send", "20260107-abcdef")
    unknown = call("suppressions", "remove", "--send", "20260107-abcdef")

    assert (neither.code, both.code, unknown.code) == (2, 2, 2)
    assert neither.error["message"] == "one address or one send is needed"
    assert "there is no send" in unknown.err
