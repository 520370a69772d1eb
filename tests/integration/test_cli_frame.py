"""What all commands share: exit codes, errors, JSON, the project, colours, broken pipes."""

import os
import pty
import re
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from subprocess import PIPE

import click
import pytest

from newsletter.cli import COMMANDS
from newsletter.cli.frame import Group
from tests.integration.commandline import Answer, Call, command, fork, spawn, write_issue
from tests.terminal import read_all
from tests.waiting import PATIENCE_SECONDS
from tests.warm import Program, close

ISSUE = "2026-01-07-valley"
PROGRAM = Group(COMMANDS)


def every_command(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        yield (*path, name)
        if isinstance(found, click.Group):
            yield from every_command(found, (*path, name))


ALL = list(every_command(PROGRAM))


# --- help -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_has_help(call: Call, path: tuple[str, ...]) -> None:
    answer = call(*path, "--help")

    assert answer.code == 0
    assert answer.out.startswith("Usage: newsletter ")
    assert answer.err == ""


@pytest.mark.parametrize("name", COMMANDS)
def test_the_line_in_the_list_of_commands_is_what_its_help_says(name: str) -> None:
    """It stands twice, so that --help need not load every command."""
    found = PROGRAM.get_command(click.Context(PROGRAM), name)
    assert found is not None
    first = (found.help or "").split("\n\n")[0].replace("\n", " ")

    assert first.startswith(COMMANDS[name][1].rstrip("."))


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_option_says_what_it_does(path: tuple[str, ...]) -> None:
    found: click.Command | None = PROGRAM
    for name in path:
        assert isinstance(found, click.Group)
        found = found.get_command(click.Context(found), name)
    assert found is not None

    for option in found.params:
        if isinstance(option, click.Option) and not option.hidden:
            assert option.help, option.opts


@pytest.mark.parametrize("path", [(), ("db",), ("events",), ("subscribers",)])
def test_a_group_alone_shows_its_help_and_is_a_usage_error(
    call: Call, path: tuple[str, ...]
) -> None:
    answer = call(*path)

    assert answer.code == 2
    assert answer.out == ""
    assert answer.err.startswith("Usage: newsletter")


# --- errors ---------------------------------------------------------------------------------------


def without_warnings(err: str) -> str:
    """What else was said: the issue is dated long before the day on which this test runs."""
    return "".join(line for line in err.splitlines(True) if not line.startswith("Warning: "))


@pytest.mark.parametrize(
    ("arguments", "code", "name"),
    [
        (["foo"], 2, "usage"),
        (["lists", "foo"], 2, "usage"),
        (["--colour", "sends"], 2, "usage"),
        (["sends", "--colour"], 2, "usage"),
        (["send"], 2, "usage"),
        (["send", ISSUE, "--rate", "fast"], 2, "usage"),
        (["send", ISSUE, "issue", "--list", "x"], 2, "usage"),
        (["deliveries", "x", "--status", "lost"], 2, "usage"),
        (["--project", "/nowhere", "sends"], 2, "usage"),
        (["render", ISSUE], 2, "usage"),
        (["render", "nothing", "--out", "out"], 2, "usage"),
        (["render", ISSUE, "--out", "newsletter.toml"], 2, "usage"),
        (["render", "a" * 5000, "--out", "out"], 2, "usage"),
        (["lint", "nothing"], 2, "usage"),
        (["lint", "--format", "xml"], 2, "usage"),
        (["lists", "create", "No Such Name"], 2, "usage"),
        (["subscribers", "import", "nothing.csv", "--list", "x"], 2, "usage"),
        (["subscribers", "add", "no address", "--list", "x"], 2, "invalid-address"),
        (["render", ISSUE, "--out", "/dev/null/out"], 1, "failed"),
        (["render", ISSUE, "--out", "/proc/out"], 1, "failed"),
        (["test", ISSUE], 2, "usage"),
        (["test", ISSUE, "--to", "nobody"], 2, "invalid-address"),
        (["test", ISSUE, "--to", "you@example.com", "--as", "no@example.com"], 2, "usage"),
        (["test", "nothing", "--to", "you@example.com"], 2, "usage"),
        (["resume", "nothing"], 2, "usage"),
        (["resolve", "nothing", "--unknown", "accept"], 2, "usage"),
        (["events", "replay", "nothing.jsonl"], 2, "usage"),
        (["events", "replay", "issues"], 2, "usage"),
        (["db", "adopt"], 5, "refused"),
        (["db", "backup", "/nowhere/copy.db"], 1, "store"),
        (["db", "backup", "newsletter.toml"], 5, "refused"),
        (["init", "."], 5, "refused"),
        (["send", ISSUE, "--list", "readers"], 5, "refused"),
    ],
)
@pytest.mark.usefixtures("readers")
def test_an_error_is_one_object_on_stdout_with_the_exit_code_people_get(
    call: Call, arguments: list[str], code: int, name: str
) -> None:
    for_programs = call(*arguments, "--json")
    for_people = call(*arguments)

    assert for_programs.code == for_people.code == code
    assert for_programs.error["code"] == name
    assert for_programs.error["message"]
    assert for_programs.error["hint"]
    assert without_warnings(for_programs.err) == ""
    assert for_people.out == ""
    assert without_warnings(for_people.err).startswith("error: ")
    assert for_programs.error["message"].splitlines()[0] in for_people.err


def test_an_argument_that_is_no_text_is_refused(call: Call) -> None:
    """Bytes of another encoding come as lone surrogates, which no store keeps."""
    answer = call("lists", "create", "caf\udce9", "--json")

    assert answer.code == 2
    assert answer.error["message"].endswith("is not UTF-8")


def test_a_misspelt_command_gets_a_suggestion(call: Call) -> None:
    assert "Did you mean 'lists'?" in call("lsits").err


def test_a_misspelt_issue_gets_a_suggestion(call: Call) -> None:
    assert "Did you mean '2026-01-07-valley'?" in call("lint", "2026-01-07-vally").err


@pytest.mark.parametrize("flag", [["--json"], []])
def test_findings_are_an_error_of_their_own(
    call: Call, project: Path, readers: str, flag: list[str]
) -> None:
    path = project / "issues" / f"{ISSUE}.md"
    path.write_text(path.read_text().replace("---\n", "---\ndraft: true\ndate: never\n", 1))

    answer = call("send", ISSUE, "--list", readers, "--yes", *flag)

    assert answer.code == 3
    if flag:
        assert answer.error["code"] == "findings"
    else:
        assert len([line for line in answer.err.splitlines() if ": error: " in line]) > 1


def test_an_error_of_our_own_tells_its_place_and_no_data(
    call: Call, project: Path, readers: str
) -> None:
    """The message of an exception may hold anything: an address, a row, a secret."""
    with closing(sqlite3.connect(project / "subscribers" / "newsletter.db")) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("UPDATE subscriptions SET status = 'ada@example.com'")
        connection.commit()

    answer = call("subscribers", "list", "--json")

    assert answer.code == 1
    assert answer.error["message"] == "an error in newsletter itself: ValueError"
    assert re.fullmatch(r"newsletter/store/people/subscriptions\.py:\d+", answer.error["where"])
    assert "ada@" not in answer.out + answer.err


@pytest.mark.parametrize(
    "arguments", [["--debug", "lint", "nothing"], ["lint", "nothing", "--debug"]]
)
def test_debug_shows_where_in_the_code(project: Path, arguments: list[str]) -> None:
    """`lint` tells of each issue that is missing; another command ends with it."""
    arguments = [part.replace("lint", "render") for part in arguments] + ["--out", "out"]

    answer = fork(project, *arguments)

    assert answer.code == 2
    assert "Traceback (most recent call last)" in answer.err
    assert "error: nothing: there is no issue 'nothing'" in answer.err


# --- JSON -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["render", ISSUE, "--out", "out"],
        ["lists", "create", "ai"],
        ["subscribers", "add", "x@example.com", "--list", "readers"],
        ["subscribers", "show", "ada@example.com"],
        ["subscribers", "stats"],
        ["lists", "show", "readers"],
        ["send", ISSUE, "--list", "readers", "--yes"],
        ["db", "verify"],
        ["db", "upgrade"],
        ["db", "backup", "copy.db"],
        ["new", "Looms"],
        ["init", "other"],
    ],
)
@pytest.mark.usefixtures("readers")
def test_json_is_one_object_and_nothing_else(call: Call, arguments: list[str]) -> None:
    answer = call(*arguments, "--json")

    assert answer.code == 0
    assert isinstance(answer.json, dict)
    assert answer.out.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [["lists", "--json", "create", "ai"], ["lists", "create", "ai", "--json"]],
)
def test_json_may_be_asked_for_before_the_verb(call: Call, arguments: list[str]) -> None:
    assert call(*arguments).json == {"name": "ai", "created": True}


def test_json_is_ascii_where_standard_output_cannot_be_more(call: Call, project: Path) -> None:
    """A line of JSON stays one, whatever the locale."""
    call("new", "标题 😀", "--date", "2026-03-04")

    answer = spawn(
        project, "lint", "2026-03-04-标题", "--json", environment={"PYTHONIOENCODING": "latin-1"}
    )

    assert answer.code == 0
    assert {found["file"] for found in answer.lines} == {"issues/2026-03-04-标题.md"}
    assert answer.out.isascii()


@pytest.mark.pressure
@pytest.mark.parametrize(
    "encoding", ["utf-16", "utf-8-sig", "cp037", "utf-7", "unicode_escape", "shift_jis_2004"]
)
def test_json_is_utf8_where_the_encoding_is_not_even_ascii(project: Path, encoding: str) -> None:
    answer = spawn(project, "lint", "标题", "--json", environment={"PYTHONIOENCODING": encoding})

    assert answer.code == 2
    assert "标题" in answer.error["message"]


def test_people_get_what_their_terminal_can_show(call: Call, project: Path) -> None:
    call("new", "标题", "--date", "2026-03-04")

    answer = spawn(project, "lint", "标题", environment={"PYTHONIOENCODING": "latin-1"})

    assert answer.code == 2
    assert "Traceback" not in answer.err
    assert "\\u6807\\u9898" in answer.err


# --- the project and its settings -----------------------------------------------------------------


@pytest.mark.parametrize("position", ["before", "after", "variable", "folder below"])
def test_a_project_is_named_or_found(
    call: Call,
    project: Path,
    readers: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    position: str,
) -> None:
    monkeypatch.chdir(project / "issues" if position == "folder below" else tmp_path)
    before = ["--project", str(project)] if position == "before" else []
    after = ["--project", str(project)] if position == "after" else []
    if position == "variable":
        monkeypatch.setenv("NEWSLETTER_PROJECT", str(project))

    answer = call(*before, "lists", "show", readers, "--json", *after)

    assert (answer.code, answer.json["confirmed"]) == (0, 3)


def test_the_option_wins_over_the_variable_and_the_folder(
    call: Call, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call("init", str(tmp_path / "other"))
    call("--project", str(tmp_path / "other"), "lists", "create", "other")
    monkeypatch.setenv("NEWSLETTER_PROJECT", str(project))

    lines = call("--project", str(tmp_path / "other"), "lists", "--json").lines

    assert [found["name"] for found in lines] == ["other"]


def test_without_a_project_people_are_told_how_to_make_one(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    answer = call("sends", "--json")

    assert answer.code == 2
    assert "newsletter init" in answer.error["hint"]


def test_the_environment_overrides_a_setting(
    call: Call, project: Path, readers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWSLETTER_TRANSPORT__OUTBOX__PATH", "elsewhere")
    monkeypatch.setenv("NEWSLETTER_NEWSLETTER__FROM", "Looms <looms@example.org>")

    found = call("send", ISSUE, "--list", readers, "--yes", "--json").json

    assert found["from"] == "Looms <looms@example.org>"
    assert len(list((project / "elsewhere").rglob("*.eml"))) == 3
    assert not (project / "outbox").exists()


def test_all_faults_of_the_settings_are_told_at_once(call: Call, project: Path) -> None:
    path = project / "newsletter.toml"
    path.write_text(path.read_text() + '\n[polciy]\nx = 1\n[policy]\nbounce_pause = "x"\n')

    answer = call("sends", "--json")

    assert (answer.code, answer.error["code"]) == (2, "configuration")
    assert answer.error["where"] == str(path)
    assert [line.split(" ")[0] for line in answer.error["message"].splitlines()] == [
        "policy.bounce_pause",
        "polciy",
    ]


def test_the_password_of_a_store_is_in_no_message(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    for url in (
        "mysql://u:hunter2@localhost/db",
        "hunter2",
        "postgresql://u:hunter2@localhost:1/db",
    ):
        monkeypatch.setenv("NEWSLETTER_STORE__URL", url)

        answer = call("lists", "--json")

        assert answer.code in (1, 2)
        assert answer.error["code"] in ("store-away", "configuration")
        assert url == "hunter2" or "hunter2" not in answer.out + answer.err


# --- terminals and pipes --------------------------------------------------------------------------


def on_terminal(project: Path, *arguments: str, **environment: str) -> str:
    """What a command writes to a terminal on standard error."""
    terminal, end = pty.openpty()
    process = Program(
        project,
        *arguments,
        environment={"NO_COLOR": "", "TERM": "xterm-256color", **environment},
        stdin=end,
        stderr=end,
    )
    os.close(end)
    written = read_all(terminal)
    process.join()
    os.close(terminal)
    return written


def test_errors_are_coloured_on_a_terminal_unless_no_color_is_set(project: Path) -> None:
    coloured = on_terminal(project, "render", "nothing", "--out", "out")
    plain = on_terminal(project, "render", "nothing", "--out", "out", NO_COLOR="1")

    assert "\x1b[31m" in coloured
    assert "\x1b" not in plain
    assert "error: nothing: there is no issue" in plain


def test_there_are_no_colours_in_a_file(project: Path) -> None:
    path = project / "issues" / f"{ISSUE}.md"
    path.write_text(path.read_text().replace("---\n", "---\ndraft: true\n", 1))

    answer = fork(project, "lint", environment={"TERM": "xterm-256color"})

    assert answer.code == 3
    assert "\x1b" not in answer.out + answer.err


def redirected(project: Path, redirection: str, *arguments: str) -> Answer:
    done = subprocess.run(
        ["sh", "-c", f'"$@" {redirection}', "sh", *command(*arguments)],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    return Answer(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def full() -> Iterator[int]:
    """A file on a full disk."""
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    with open("/dev/full", "wb", buffering=0) as file:
        yield file.fileno()


@pytest.fixture
def abandoned() -> Iterator[int]:
    """A pipe whose reader has left."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


@pytest.mark.parametrize("flag", [["--json"], []])
def test_a_reader_that_leaves_early_gets_no_complaint(
    call: Call, project: Path, flag: list[str]
) -> None:
    rows = "".join(f"reader{n}@example.com\n" for n in range(3000))
    (project / "many.csv").write_text(f"email\n{rows}")
    call("subscribers", "import", "many.csv", "--list", "many")

    with subprocess.Popen(["head", "-n", "1"], stdin=PIPE, stdout=PIPE, text=True) as head:
        assert head.stdin is not None
        assert head.stdout is not None
        arguments = ("subscribers", "list", "--limit", "3000", *flag)
        answer = fork(project, *arguments, stdout=head.stdin.fileno())
        head.stdin.close()
        read = head.stdout.read()

    assert answer.err == ""
    assert read.count("\n") == 1


def test_a_reader_that_never_reads_gets_no_complaint(
    project: Path, readers: str, abandoned: int
) -> None:
    """What is written stays in a buffer until the end, and finds nobody then."""
    answer = fork(
        project,
        *("subscribers", "export"),
        environment={"PYTHONUNBUFFERED": ""},
        stdout=abandoned,
    )

    assert answer.err == ""


@pytest.mark.parametrize(
    "command",
    [
        ("db", "verify", "--json"),
        ("db", "verify"),
        ("studio", "--no-open", "--port", "0"),
        ("serve", "--json", "--port", "0"),
    ],
    ids=" ".join,
)
def test_a_full_disk_below_standard_output_is_an_error_of_one_line(
    project: Path, full: int, command: tuple[str, ...]
) -> None:
    answer = fork(project, *command, stdout=full)

    is_told_of_a_full_disk(answer)


def is_told_of_a_full_disk(answer: Answer) -> None:
    assert answer.code == 1
    assert "Traceback" not in answer.err
    assert "Exception ignored" not in answer.err
    assert "No space left on device" in answer.err
    assert "may be done" in answer.err


def test_at_a_full_disk_python_has_nothing_to_add(project: Path, full: int) -> None:
    """In a process that was started, which Python ends as it ends each."""
    is_told_of_a_full_disk(redirected(project, ">/dev/full", "db", "verify"))


@pytest.mark.parametrize("how", ["2>/dev/full", "2>&1 >sent.json | true", ">&- 2>/dev/full"])
def test_a_send_goes_out_though_nothing_can_be_told_of_it(
    call: Call, project: Path, readers: str, full: int, abandoned: int, how: str
) -> None:
    """A log on a full disk, or one whose reader is gone, costs nobody their mail."""
    issue = write_issue(project, "2026-01-02-told.md")
    first = partial(close, 1) if how.startswith(">&-") else None
    stderr = full if how.endswith("full") else abandoned

    answer = fork(
        project,
        *("send", issue.stem, "--list", readers, "--yes", "--json"),
        stderr=stderr,
        first=first,
    )

    assert answer.code == 0
    (sent,) = call("sends", "--json").lines
    assert sent["status"] == "finished"
    assert sent["accepted"] > 0


@pytest.mark.parametrize("closed", [(1,), (2,), (1, 2)])
def test_a_closed_output_changes_nothing_of_what_is_done(
    call: Call, project: Path, closed: tuple[int, ...]
) -> None:
    answer = fork(project, "lists", "create", "ai", first=partial(close, *closed))

    assert answer.code == 0
    assert "Traceback" not in answer.err
    assert call("lists", "--json").json["name"] == "ai"


def test_a_program_that_is_started_without_output_does_its_work(call: Call, project: Path) -> None:
    answer = redirected(project, ">&- 2>&-", "lists", "create", "ai")

    assert answer.code == 0
    assert call("lists", "--json").json["name"] == "ai"
