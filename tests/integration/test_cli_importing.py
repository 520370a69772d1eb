"""Imports and exports as people and programs call them: columns, dry runs, pipes and devices."""

import csv
import io
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.commandline import Call, fork, spawn
from tests.integration.test_cli_subscribers import write


def subscription(call: Call, who: str) -> str:
    shown = call("subscribers", "show", who, "--json").json
    if shown["suppression"]:
        return str(shown["suppression"]["reason"])
    return str(shown["subscriptions"][0]["status"])


def test_a_dry_run_counts_and_shows_and_writes_nothing(
    call: Call, project: Path, rows: Callable[[], list[str]]
) -> None:
    file = write(
        project, "email,name,status,team\nann@example.com,Ann,active,x\nbea@example.com,,bounced,\n"
    )
    before = rows()

    dry = call("subscribers", "import", file, "--list", "ai", "--dry-run", "--json").json
    told = call("subscribers", "import", file, "--list", "ai", "--dry-run")
    after = rows()
    real = call("subscribers", "import", file, "--list", "ai", "--json").json

    assert before == after
    assert dry.pop("dry_run") is True
    sample = dry.pop("sample")
    assert [(each["address"], each["standing"]) for each in sample] == [
        ("ann@example.com", "confirmed"),
        ("bea@example.com", "hard_bounce"),
    ]
    assert sample[0]["attributes"] == {"team": "x"}
    assert dry == {**real, "import_id": None}
    assert "hard_bounce" in told.out
    assert "Nothing was written" in told.err


def test_columns_can_be_told_kept_and_left_out(call: Call, project: Path) -> None:
    file = write(
        project,
        "Mail,Vorname,Nachname,Stand,Seit,Plan active,Internal id,Wohnort\n"
        "ann@example.com,Ann,Lee,unsubscribed,2020-01-02,gold,7,Bern\n"
        "bea@example.com,Bea,Lee,active,2020-01-02,gold,8,Bern\n",
    )

    done = call(
        *("subscribers", "import", file, "--list", "ai", "--map", "mail=email"),
        *("--map", "Vorname=first_name", "--map", "Nachname=last_name", "--map", "Stand=status"),
        *("--map", "Seit=consent_at", "--map", "Plan active=plan", "--ignore", "internal id"),
        *("--map", "Wohnort=city", "--json"),
    )

    assert done.code == 0, done.err
    assert subscription(call, "ann@example.com") == "unsubscribed"
    bea = call("subscribers", "show", "bea@example.com", "--json").json
    assert bea["name"] == "Bea Lee"
    assert bea["attributes"] == {
        "first_name": "Bea",
        "last_name": "Lee",
        "plan": "gold",
        "city": "Bern",
    }
    assert bea["subscriptions"][0]["consent"]["at"].startswith("2020-01-02")


def test_only_keeps_no_other_attribute_and_still_reads_who_left(call: Call, project: Path) -> None:
    file = write(
        project, "email,a,b,unsubscribed\nann@example.com,1,2,no\nbea@example.com,1,2,yes\n"
    )

    call("subscribers", "import", file, "--list", "ai", "--only", "B")

    assert call("subscribers", "show", "ann@example.com", "--json").json["attributes"] == {"b": "2"}
    assert subscription(call, "bea@example.com") == "unsubscribed"


@pytest.mark.parametrize(
    "options",
    [
        ["--map", "nope=email"],
        ["--map", "email"],
        ["--only", "nope"],
        ["--encoding", "klingon"],
        ["--reason", "manual"],
        ["--from", "listmonk"],
    ],
)
def test_what_cannot_be_understood_imports_nothing(
    call: Call, project: Path, options: list[str]
) -> None:
    file = write(project, "email\nann@example.com\n")

    answer = call("subscribers", "import", file, "--list", "ai", *options)

    assert answer.code == 2
    assert call("subscribers", "list", "--json").out == ""


def test_a_second_column_of_addresses_is_told_as_such(call: Call, project: Path) -> None:
    file = write(project, "email,work\nann@example.com,ann@example.org\n")

    answer = call("subscribers", "import", file, "--list", "ai", "--map", "work=email", "--json")

    assert answer.code == 2
    assert "another column is the email already" in answer.error["message"]
    assert "--ignore 'email'" in answer.error["hint"]


def test_unknown_words_are_named_with_their_lines(call: Call, project: Path) -> None:
    file = write(project, "email,State\nann@example.com,zombie\n")

    answer = call("subscribers", "import", file, "--list", "ai", "--json")

    assert answer.code == 2
    assert "state: 'zombie' (people.csv:2" in answer.error["message"]
    assert "--from" in answer.error["hint"]


def test_files_of_departures_are_imported_as_such(call: Call, project: Path) -> None:
    left = write(project, "ann@example.com\n", "left.txt")
    dead = write(project, "email\nbea@example.com\n", "dead.csv")

    one = call("subscribers", "import", left, "--list", "ai", "--as", "unsubscribed", "--json")
    two = call(
        "subscribers", "import", dead, "--as", "suppressed", "--reason", "hard_bounce", "--json"
    )

    assert (one.json["unsubscribed"], two.json["suppressed"]) == (1, 1)
    assert subscription(call, "ann@example.com") == "unsubscribed"
    assert subscription(call, "bea@example.com") == "hard_bounce"
    assert call("subscribers", "import", dead).code == 2  # onto which list?


def test_an_import_is_undone_by_its_id(call: Call, project: Path) -> None:
    file = write(project, "email\nann@example.com\n")
    done = call("subscribers", "import", file, "--list", "ai", "--json").json

    undone = call("subscribers", "import", "undo", str(done["import_id"]), "--json")
    again = call("subscribers", "import", "undo", str(done["import_id"]), "--json")
    (shown,) = call("subscribers", "imports", "--json").lines

    assert (undone.json["people"], again.json["people"]) == (1, 0)
    assert call("subscribers", "list", "--json").out == ""
    assert shown["import_id"] == done["import_id"]
    assert shown["file"] == file
    assert shown["undone_at"]
    assert call("subscribers", "import", "undo", "99").code == 2


def test_a_pipe_and_standard_input_are_read(project: Path) -> None:
    """In a process of its own: what it reads has no place that could be asked for."""
    text = "email,name\n" + "".join(f"user{n}@example.com,Ünal\n" for n in range(500))
    for file, expected in (("-", "added"), ("/dev/stdin", "unchanged")):
        reading, writing = os.pipe()
        os.write(writing, text.encode())  # a pipe keeps as much
        os.close(writing)
        arguments = ("subscribers", "import", file, "--list", "ai", "--json")
        answer = fork(project, *arguments, stdin=reading)
        os.close(reading)
        assert answer.code == 0, answer.err
        assert answer.json[expected] == 500


def test_an_export_is_utf8_whatever_the_terminal_is(call: Call, project: Path) -> None:
    write(project, "email,name\nann@example.com,读者3\n")
    call("subscribers", "import", "people.csv", "--list", "ai")
    environment = {"PYTHONIOENCODING": "latin-1", "LC_ALL": "C", "PYTHONUTF8": "0"}

    plain = spawn(project, "subscribers", "export", environment=environment)
    marked = call("subscribers", "export", "--excel")

    assert "读者3" in plain.out
    assert marked.out.startswith("\ufeff")
    (project / "back.csv").write_text(marked.out, "utf-8")
    again = call("subscribers", "import", "back.csv", "--json")
    assert again.json["unchanged"] == 1


def test_what_an_export_says_is_the_same_store_elsewhere(
    call: Call, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(
        project,
        "email,status\nann@example.com,active\nbea@example.com,unsubscribed\n"
        "cid@example.com,pending\ndan@example.com,complained\neva@example.com,active\n",
    )
    call("subscribers", "import", "people.csv", "--list", "ai")
    call("suppressions", "add", "eva@example.com")
    call("subscribers", "export", "--out", "all.csv")
    who = ["ann", "bea", "cid", "dan", "eva"]
    before = [subscription(call, f"{each}@example.com") for each in who]

    call("init", str(tmp_path / "other"))
    monkeypatch.chdir(tmp_path / "other")
    done = call("subscribers", "import", str(project / "all.csv"), "--json")
    old = call("subscribers", "import", str(project / "people.csv"), "--list", "ai", "--json")

    assert done.code == 0, done.err
    assert [subscription(call, f"{each}@example.com") for each in who] == before
    assert old.json["added"] == 0


def test_many_are_removed_moved_and_deleted_by_file_and_segment(call: Call, project: Path) -> None:
    write(project, "email,team\n" + "".join(f"u{n}@example.com,{n % 2}\n" for n in range(6)))
    call("subscribers", "import", "people.csv", "--list", "ai")
    call("lists", "create", "web")
    call("segments", "create", "odd", 'team = "1"')
    file = write(project, "u0@example.com\nnew@example.com\n", "some.txt")

    asked = call("subscribers", "remove", "--file", file, "--list", "ai")
    removed = call("subscribers", "remove", "--file", file, "--list", "ai", "--yes", "--json")
    moved = call(
        *("subscribers", "move", "--segment", "odd", "--list", "ai", "--to", "web"),
        *("--yes", "--json"),
    )
    deleted = call("subscribers", "delete", "u2@example.com", "--json")
    kept = call("subscribers", "delete", "u0@example.com")
    many = call("subscribers", "delete", "--segment", "odd", "--list", "web", "--yes", "--json")

    assert (asked.code, kept.code) == (5, 5)
    assert "2 people" in asked.err
    assert removed.json == {"unsubscribed": 2, "suppressed": 0, "unchanged": 0}
    assert moved.json == {"moved": 3, "left_alone": 0}
    assert deleted.json == {"deleted": 1, "unknown": 0}
    assert many.json == {"deleted": 3, "unknown": 0}
    assert (
        call(
            "subscribers", "import", "some.txt", "--list", "ai", "--map", "u0@example.com=email"
        ).code
        == 0
    )
    assert subscription(call, "u0@example.com") == "unsubscribed"
    assert call("subscribers", "remove").code == 2
    assert call("subscribers", "delete", "u2@example.com").code == 2


def test_suppressions_go_into_a_file_and_back(call: Call, project: Path) -> None:
    call("suppressions", "add", "ann@example.com")

    written = call("suppressions", "export", "--out", "never.csv", "--json")
    shown = call("suppressions", "export")
    call("suppressions", "remove", "ann@example.com")
    back = call("suppressions", "import", "never.csv", "--json")
    person = call("subscribers", "import", "never.csv", "--list", "ai", "--json")

    assert written.json == {"file": "never.csv", "rows": 1}
    assert next(csv.reader(io.StringIO(shown.out))) == ["address", "reason", "source", "created_at"]
    assert back.json["suppressed"] == 1
    assert person.json["added"] == 0


# --- where files are written ----------------------------------------------------------------------


def a_reader(pipe: Path, heard: list[bytes]) -> threading.Thread:
    reading = threading.Thread(target=lambda: heard.append(pipe.read_bytes()))
    reading.start()
    return reading


def test_a_pipe_is_written_and_stays_one(call: Call, project: Path) -> None:
    write(project, "email\nann@example.com\nbad\n")
    pipe = project / "pipe"
    os.mkfifo(pipe)
    heard: list[bytes] = []

    for arguments in (
        ["import", "people.csv", "--list", "ai", "--rejects", "pipe"],
        ["export", "--out", "pipe"],
    ):
        reading = a_reader(pipe, heard)
        assert call("subscribers", *arguments).code == 0
        reading.join()

    assert stat.S_ISFIFO(pipe.lstat().st_mode)
    assert b"bad" in heard[0]
    assert b"ann@example.com" in heard[1]


@pytest.mark.parametrize(
    "arguments", [["export", "--out"], ["import", "people.csv", "--list", "ai", "--rejects"]]
)
def test_a_device_is_written_and_stays_one(call: Call, project: Path, arguments: list[str]) -> None:
    write(project, "email\nann@example.com\nbad\n")
    device = project / "null"
    try:
        os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        device.read_bytes()
    except OSError as error:
        pytest.skip(f"needs the right to make a device: {error}")

    assert call("subscribers", *arguments, "null").code == 0

    assert stat.S_ISCHR(device.lstat().st_mode)


def test_a_full_disk_is_told_with_the_file(call: Call, project: Path) -> None:
    write(project, "email\nann@example.com\nbad\n")
    full = "/dev/full"

    exported = call("subscribers", "export", "--out", full, "--json").error
    imported = call(
        "subscribers", "import", "people.csv", "--list", "ai", "--rejects", full, "--json"
    ).error
    refused = call("suppressions", "import", "people.csv", "--rejects", full, "--json").error

    for error in (exported, imported, refused):
        assert (error["where"], error["code"]) == (full, "failed")
        assert "No space left on device" in error["message"]
    assert call("lists", "--json").out == ""  # nothing was done by halves
    assert call("suppressions", "list", "--json").out == ""


def test_a_link_is_followed(call: Call, project: Path) -> None:
    write(project, "email\nann@example.com\n")
    call("subscribers", "import", "people.csv", "--list", "ai")
    target, link = project / "target.csv", project / "link.csv"
    target.write_text("old")
    link.symlink_to(target)
    dangling = project / "dangling.csv"
    dangling.symlink_to("made.csv")

    for name in ("link.csv", "dangling.csv"):
        assert call("subscribers", "export", "--out", name).code == 0

    assert link.is_symlink()
    assert "ann@example.com" in target.read_text()
    assert "ann@example.com" in (project / "made.csv").read_text()


def test_a_link_that_leads_nowhere_is_told(call: Call, project: Path) -> None:
    (project / "loop").symlink_to("loop")

    answer = call("subscribers", "export", "--out", "loop")

    assert answer.code == 2
    assert "cannot write the file: Too many levels of symbolic links" in answer.err


def test_a_link_to_standard_output_writes_there(call: Call, project: Path) -> None:
    write(project, "email\nann@example.com\n")
    call("subscribers", "import", "people.csv", "--list", "ai")
    (project / "out").symlink_to("/proc/self/fd/1")
    results = project / "results"

    with results.open("wb") as file:
        file.write(b"before\n")
        file.flush()
        for name in ("out", "/dev/stdout"):
            answer = fork(project, "subscribers", "export", "--out", name, stdout=file.fileno())
            assert answer.code == 0, answer.err

    text = results.read_text()
    assert text.startswith("before\n")
    assert text.count('"ann@example.com"') == 2
