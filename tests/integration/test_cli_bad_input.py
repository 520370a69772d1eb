"""Bad input at the command line: one clear error or finding, its exit code, nothing half-done."""

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.commandline import ISSUE, Answer, Call, snapshot, write_issue

FRONT = ISSUE[: ISSUE.rindex("---\n") + 4]
PROSE = ISSUE[ISSUE.rindex("---\n") + 4 :]
MEGABYTE = 1024 * 1024
Rows = Callable[[], list[str]]


def findings(answer: Answer) -> list[tuple[str, str, str]]:
    """(rule, severity, file:line) of each finding of `lint --json`; all say what to do."""
    found = [json.loads(line) for line in answer.out.splitlines()]
    assert all(one["message"] and one["fix"] for one in found)
    return [(one["rule"], one["severity"], f"{one['file']}:{one['line']}") for one in found]


def errors(answer: Answer) -> list[tuple[str, str]]:
    return [(rule, place) for rule, severity, place in findings(answer) if severity == "error"]


# --- issues that can be shown, and not sent -------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "rule", "line"),
    [
        (FRONT.replace("title", "looms: [no\ntitle", 1) + PROSE, "front-matter-invalid", 3),
        ("---\n- no\n- mapping\n---\n" + PROSE, "front-matter-not-mapping", 2),
        (FRONT.removesuffix("---\n") + "\n" + PROSE, "front-matter-unclosed", 1),
        (FRONT.replace("date: 2026-01-07", "date: 2026-02-30") + PROSE, "date-invalid", 3),
        (FRONT + PROSE + "\n### [Looms](javascript:alert(1))\n\nText.\n", "unsafe-link", 11),
        (FRONT + PROSE + "\n##\n\nText without a heading.\n", "empty-heading", 11),
    ],
)
def test_a_fault_of_the_author_is_a_finding_with_its_line(
    call: Call, project: Path, rows: Rows, readers: str, text: str, rule: str, line: int
) -> None:
    """`lint` and `send` refuse it; `render` shows what can be shown, and says so."""
    place = f"issues/2026-01-08-bad.md:{line}"
    write_issue(project, "2026-01-08-bad.md", text)
    before = rows()

    linted = call("lint", "2026-01-08-bad", "--json")
    sent = call("send", "2026-01-08-bad", "--list", readers, "--yes")
    rendered = call("render", "2026-01-08-bad", "--out", "out")

    found = [one for one in findings(linted) if one[0] == rule]
    assert found, linted.out
    severity = found[0][1]
    assert found[0][2] == place
    assert re.search(rf"^{place}(:\d+)?: {severity}: .* \[{rule}\]$", sent.err, re.MULTILINE)
    if severity == "error":
        assert (linted.code, sent.code) == (3, 3)
        assert rows() == before
        assert not (project / "outbox").exists()
    assert rendered.code == 0
    assert place in rendered.err
    assert "javascript:" not in (project / "out" / "2026-01-08-bad" / "email.html").read_text()


# --- issues and themes that cannot be read --------------------------------------------------------


def write_theme(project: Path, name: str, content: str) -> None:
    folder = project / "templates" / "digest"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(content)


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (FRONT.encode() + b"\xff\n", ":7"),
        (FRONT.encode() + b"a\n\0\n", ":8"),
        (FRONT.encode() + b"word " * (2 * MEGABYTE), ""),
    ],
    ids=["not UTF-8", "NUL", "10 MB"],
)
def test_an_issue_that_cannot_be_read_fails_and_nothing_is_written(
    call: Call, project: Path, rows: Rows, readers: str, content: bytes, place: str
) -> None:
    (project / "issues" / "2026-01-08-bad.md").write_bytes(content)
    files, before = snapshot(project), rows()

    for arguments in (
        ["lint", "2026-01-08-bad"],
        ["render", "2026-01-08-bad", "--out", "out"],
        ["send", "2026-01-08-bad", "--list", readers, "--yes"],
    ):
        answer = call(*arguments, "--json")
        assert answer.code == 1
        assert answer.error["code"] == "unreadable-issue"
        assert answer.error["where"] == f"issues/2026-01-08-bad.md{place}"
        assert answer.error["hint"]
    assert (snapshot(project), rows()) == (files, before)


@pytest.mark.parametrize("named", ["issues/2026-01-09.md", "2026-01-09", "issues", "", "."])
def test_a_missing_issue_is_a_usage_error_and_nothing_is_written(
    call: Call, project: Path, readers: str, named: str
) -> None:
    files = snapshot(project)

    for arguments in (
        ["lint", named],
        ["render", named, "--out", "out"],
        ["send", named, "--list", readers, "--yes"],
    ):
        answer = call(*arguments, "--json")
        assert (answer.code, answer.error["where"]) == (2, named)
        assert answer.error["hint"]
    assert snapshot(project) == files


# Half a second is enough; where a rule takes the square of it, half a minute.
@pytest.mark.pressure
@pytest.mark.processor_seconds(20)
@pytest.mark.parametrize("opening", ["[", "![", "(", "{", "> ", "- ", "*", "<b>", "[^", "`", "{%"])
def test_a_hundred_thousand_openings_are_shown_or_refused_in_time(
    call: Call, project: Path, opening: str
) -> None:
    """No recursion without end, no crash: the author gets the issue, or a finding with its line."""
    write_issue(project, "2026-01-08-deep.md", FRONT + opening * 100_000 + "\n")

    answer = call("render", "2026-01-08-deep", "--out", "out", "--json")

    assert answer.code == 0, answer.out
    assert len(answer.json["files"]) == 4


@pytest.mark.parametrize("key", ["front matter", "settings"])
def test_an_unknown_theme_is_told_where_it_is_named(
    call: Call, project: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    write_issue(
        project, "2026-01-08-a.md", **({"theme": "digset"} if key == "front matter" else {})
    )
    if key == "settings":
        monkeypatch.setenv("NEWSLETTER_NEWSLETTER__THEME", "digset")
    files = snapshot(project)

    answer = call("render", "2026-01-08-a", "--out", "out", "--json")

    assert answer.code == 2
    assert answer.error["where"] == (
        "issues/2026-01-08-a.md:2" if key == "front matter" else "newsletter.theme"
    )
    assert answer.error["hint"] == "Did you mean 'digest'?"
    assert snapshot(project) == files


@pytest.mark.parametrize("theme", ["../digest", "digest/../digest", "/etc", "."])
def test_a_theme_is_a_name_and_no_path(call: Call, project: Path, theme: str) -> None:
    write_issue(project, "2026-01-08-a.md", theme=theme)

    assert call("render", "2026-01-08-a", "--out", "out").code == 2


@pytest.mark.parametrize(
    ("file", "content", "where"),
    [
        ("email.txt.j2", "one\n{{ nothing.at.all }}\n", "templates/digest/email.txt.j2:2"),
        ("email.txt.j2", "one\n\n{% if %}\n", "templates/digest/email.txt.j2:3"),
        ("theme.toml", "[strings\n", "templates/digest/theme.toml"),
        ("email.mjml.j2", "<mjml><mj-body><mj-nonsense", "templates/digest/email.mjml.j2"),
    ],
)
def test_a_broken_template_fails_with_its_place_and_nothing_is_written(
    call: Call,
    project: Path,
    rows: Rows,
    readers: str,
    file: str,
    content: str,
    where: str,
) -> None:
    write_theme(project, file, content)
    files, before = snapshot(project), rows()

    for arguments in (
        ["lint", "2026-01-07-valley"],
        ["render", "2026-01-07-valley", "--out", "out"],
        ["send", "2026-01-07-valley", "--list", readers, "--yes"],
    ):
        answer = call(*arguments, "--json")
        assert (answer.code, answer.error["code"]) == (1, "render")
        assert where in answer.error["where"]
    assert (snapshot(project), rows()) == (files, before)


def test_a_failed_render_keeps_the_files_of_the_last_good_one(call: Call, project: Path) -> None:
    call("render", "2026-01-07-valley", "--out", "out")
    files = snapshot(project / "out")
    write_theme(project, "email.txt.j2", "{{ nothing }}")

    assert call("render", "2026-01-07-valley", "--out", "out").code == 1

    assert snapshot(project / "out") == files


# --- people ---------------------------------------------------------------------------------------

PEOPLE = "email,name,city\nada@example.com,Ada,London\nlin@example.com,林,上海\n"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-8"])
def test_a_csv_file_may_be_in_utf_16(call: Call, project: Path, encoding: str) -> None:
    (project / "people.csv").write_bytes(f"\ufeff{PEOPLE}".encode(encoding))

    answer = call("subscribers", "import", "people.csv", "--list", "ai", "--json")

    assert answer.code == 0
    assert answer.json["added"] == 2
    assert call("subscribers", "show", "lin@example.com", "--json").json["name"] == "林"


def test_ragged_rows_are_rejected_with_their_line_and_the_others_join(
    call: Call, project: Path
) -> None:
    (project / "people.csv").write_text(
        f"{PEOPLE}sam@example.com,Sam,Nairobi,more\nyu@example.com\n"
    )

    answer = call(
        "subscribers", "import", "people.csv", "--list", "ai", "--rejects", "bad.csv", "--json"
    )

    counts = answer.json
    assert answer.code == 0
    del counts["import_id"]
    assert sum(counts.values()) == 4
    assert counts["rejected"] == 1  # of the two the longer: cells that lack are empty
    assert "people.csv:4: " in answer.err
    with (project / "bad.csv").open(newline="") as file:
        header, row = csv.reader(file)
    assert header == ["line", "reason", "email", "name", "city"]
    assert row[0] == "4"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", 1),
        (b"name,city\nAda,London\n", 1),
        (PEOPLE.encode("utf-16-le"), 1),  # without a byte order mark
        (b"email,email\na@example.com,b@example.com\n", 1),
    ],
)
def test_a_file_that_is_no_list_of_people_changes_nothing(
    call: Call, project: Path, rows: Rows, content: bytes, line: int
) -> None:
    (project / "people.csv").write_bytes(content)
    files, before = snapshot(project), rows()

    answer = call(
        "subscribers", "import", "people.csv", "--list", "ai", "--rejects", "bad.csv", "--json"
    )

    assert answer.code == 2
    assert answer.error["where"] == f"people.csv:{line}"
    assert answer.error["hint"]
    assert (snapshot(project), rows()) == (files, before)


ATTACKS = [
    "ada@example.com\nBcc: all@example.com",
    "ada@example.com\r\n",
    "ada\x00@example.com",
    "ada@example.com, lin@example.com",
    "Ada <ada@example.com>\u2028x",
    "a" * 65 + "@example.com",
    "@example.com",
    "",
]


@pytest.mark.parametrize("address", ATTACKS)
def test_what_is_no_address_is_refused_wherever_it_is_typed(
    call: Call, rows: Rows, readers: str, address: str
) -> None:
    before = rows()

    for arguments in (
        ["subscribers", "add", address, "--list", readers],
        ["subscribers", "remove", address],
        ["subscribers", "show", address],
        ["suppressions", "add", address],
    ):
        answer = call(*arguments, "--json")
        assert answer.code == 2
        assert answer.error["message"]
    assert rows() == before


def test_bytes_that_are_no_text_reject_their_row(call: Call, project: Path) -> None:
    """A name is never stored mangled. Where all letters are such bytes, the file is refused."""
    damaged = b"andre@example.com,Andr\xe9\n\xff@example.com,X\n"
    (project / "people.csv").write_bytes(
        b"email,name\n" + damaged + "lin@example.com,林檎\n".encode()
    )
    (project / "foreign.csv").write_bytes(b"email,name\nlin@example.com,Lin\n" + damaged)

    answer = call("subscribers", "import", "people.csv", "--list", "ai", "--json")
    refused = call("subscribers", "import", "foreign.csv", "--list", "ai", "--json")

    assert (answer.json["added"], answer.json["rejected"]) == (1, 2)
    assert "people.csv:2: the name holds bytes that are not UTF-8" in answer.err
    assert "people.csv:3: " in answer.err
    assert refused.code == 2
    assert refused.error["where"] == "foreign.csv:3"


def test_an_address_with_a_newline_is_a_rejected_row(call: Call, project: Path) -> None:
    """The line is where the row begins."""
    (project / "people.csv").write_text(
        'email\n"ada@example.com\nBcc: x@example.com"\nlin@x.example\n'
    )

    answer = call("subscribers", "import", "people.csv", "--list", "ai", "--json")

    assert (answer.json["added"], answer.json["rejected"]) == (1, 1)
    assert "people.csv:2: " in answer.err


# --- stores ---------------------------------------------------------------------------------------


def test_a_file_that_is_no_store_fails_and_is_left_alone(call: Call, project: Path) -> None:
    path = project / "subscribers" / "newsletter.db"
    content = b"no database" * 1000
    path.write_bytes(content)

    for arguments in (["lists"], ["db", "verify"], ["db", "upgrade"], ["db", "backup", "copy.db"]):
        answer = call(*arguments, "--json")
        assert (answer.code, answer.error["code"]) == (1, "store")
        assert answer.error["hint"]
    assert path.read_bytes() == content
    assert not list(project.glob("copy.db*"))


def test_an_empty_store_is_not_taken_for_one_without_people(call: Call, project: Path) -> None:
    (project / "subscribers" / "newsletter.db").write_bytes(b"")

    answer = call("lists", "--json")

    assert answer.code == 1
    assert "newsletter db upgrade" in answer.error["hint"]


def test_a_store_that_is_missing_is_not_made_by_itself(call: Call, project: Path) -> None:
    """An empty one would not know who left."""
    path = project / "subscribers" / "newsletter.db"
    path.unlink()

    for arguments in (["lists"], ["send", "2026-01-07-valley", "--list", "x", "--yes"]):
        answer = call(*arguments, "--json")
        assert answer.code == 1
        assert "newsletter db upgrade" in answer.error["hint"]
    assert not path.exists()
