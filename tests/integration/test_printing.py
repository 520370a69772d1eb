"""What is printed for people: attacks through words from outside, and terminals of all kinds."""

import json
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from newsletter.cli.frame import show_error
from newsletter.errors import NewsletterError
from newsletter.gate import visible
from tests.integration.commandline import ISSUE as SOURCE
from tests.integration.commandline import (
    Call,
    command,
    fork,
    in_folder,
    in_process,
    plan_send,
)
from tests.terminal import at_terminal, without_colours

ISSUE = "2026-01-07-valley"

# What a mail server, an author or a form could send us, and what none of it may do.
ATTACKS = {
    "colour": "550 \x1b[31mno\x1b[0m",
    "clear": "550 \x1b[2J\x1b[H",
    "title": "550 \x1b]0;owned\x07",
    "link": "550 \x1b]8;;https://evil.example/\x1b\\see\x1b]8;;\x1b\\",
    "c1": "550 \x9b31m \x90q\x9c",
    "line": "550 no\nfinished  everything was sent",
    "return": "550 no\rfinished",
    "separator": "550 no\u2028finished\u2029finished",
    "override": "550 \u202egnp.exe\u202c",
    "isolate": "550 \u2066a\u2069 \u2067b\u2069 \u200fc",
    "markup": "550 [red]no[/red] [link=https://evil.example]x[/link] :warning: [/]",
}


def is_harmless(text: str) -> bool:
    """Whether a text has no character that a terminal obeys but the ends of lines."""
    return all(visible(line) == line for line in text.split("\n"))


def plant(project: Path, words: str) -> None:
    """Let a text stand wherever somebody else's words are kept."""
    with closing(sqlite3.connect(project / "subscribers" / "newsletter.db")) as connection:
        connection.execute("UPDATE sends SET status = 'paused', pause_reason = ?", [words])
        connection.execute("UPDATE sends SET subject = ?", [words])
        connection.execute("UPDATE deliveries SET status = 'rejected', reason = ?", [words])
        connection.execute("UPDATE subscribers SET name = ? WHERE id = 1", [words])
        connection.commit()


@pytest.fixture
def sent(project: Path, readers: str) -> str:
    return plan_send(project, ISSUE, readers)


@pytest.mark.parametrize("words", ATTACKS.values(), ids=ATTACKS)
def test_words_from_outside_are_shown_and_not_obeyed(
    call: Call, project: Path, sent: str, words: str
) -> None:
    plant(project, words)

    for arguments in (
        ["status"],
        ["sends"],
        ["deliveries", sent],
        ["subscribers", "show", "ada@example.com"],
        ["subscribers", "list"],
        ["explain", "ada@example.com"],
    ):
        shown = call(*arguments)
        machine = call(*arguments, "--json")

        assert is_harmless(shown.out + shown.err)
        assert not [line for line in shown.out.splitlines() if line.startswith("finished")]
        assert [json.loads(line) for line in machine.out.splitlines()]
        assert is_harmless(machine.out)
    assert is_harmless(call("deliveries", sent, "--csv").out)
    assert visible(words) in call("status").out
    assert call("status", "--json").json["pause_reason"] == words


def test_a_terminal_gets_no_codes_but_our_own_colours(project: Path, sent: str) -> None:
    words = "".join(ATTACKS.values())
    plant(project, words)

    _, written = at_terminal(project, "status", columns=1_000)

    assert is_harmless(without_colours(written))
    assert visible(words) in written


@pytest.mark.parametrize("words", ATTACKS.values(), ids=ATTACKS)
def test_errors_hold_no_line_and_no_code_of_others(call: Call, words: str) -> None:
    answers = [
        call("lint", words),
        call("lists", "show", words),
        call(words),
        call("sends", f"--{words}"),
        call("status", words),
        call("subscribers", "add", words, "--list", words),
    ]

    for answer in answers:
        assert answer.code == 2
        assert is_harmless(answer.err)
        assert not [line for line in answer.err.splitlines() if line.startswith("finished")]


@pytest.mark.parametrize("words", ATTACKS.values(), ids=ATTACKS)
def test_each_part_of_an_error_passes_the_gate(
    capsys: pytest.CaptureFixture[str], words: str
) -> None:
    show_error(NewsletterError(words, details=[words], where=words, hint=words), wants_json=False)

    written = capsys.readouterr().err
    assert is_harmless(written)
    assert written.count(visible(words)) == 4


NAMES = ["a\x1b[31mb", "a\u202eb", "a\nerror: all is lost", "a%0A::error::b", "a[red]b"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", ["text", "github", "sarif", "json"])
def test_findings_name_files_and_keys_without_obeying_them(
    call: Call, project: Path, name: str, form: str
) -> None:
    """Both are the author's, and an issue may come from anybody in a pull request."""
    key = json.dumps(f"{name}::stop-commands::x%25")
    source = SOURCE.replace("---\n", f"---\n{key}: {json.dumps(name)}\ndraft: {key}\n", 1)
    (project / "issues" / f"{name}.md").write_text(source)

    answer = call("lint", "--format", form)

    assert is_harmless(answer.out + answer.err)
    assert not [line for line in answer.out.splitlines() if line.startswith("error: all")]
    match form:
        case "github":
            for line in answer.out.splitlines():
                assert re.fullmatch(r"::(error|warning|notice) [^\n]*::[^\n]*", line)
        case "sarif":
            results = json.loads(answer.out)["runs"][0]["results"]
            assert any(name in result["message"]["text"] for result in results)
        case "json":
            assert any(name in found["message"] for found in answer.lines)


def test_a_workflow_command_keeps_its_words(call: Call, project: Path) -> None:
    """GitHub reads %25 back."""
    (project / "issues" / "x.md").write_text(SOURCE.replace("---\n", "---\n100%: 1\n", 1))

    assert " 100%25. " in call("lint", "x", "--format", "github").out


def test_debug_shows_no_address(project: Path) -> None:
    (project / "newsletter.toml").rename(project / "ada@example.com")

    answer = fork(project, "--debug", "--project", "ada@example.com", "lists")

    assert "ada@" not in answer.err.split("error:")[0]


# --- terminals ------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", ["0", "00", "²", "-5", "wide", "1e3"])
def test_what_is_no_width_is_passed_over(project: Path, readers: str, columns: str) -> None:
    _, with_it = at_terminal(project, "lists", COLUMNS=columns)
    _, without = at_terminal(project, "lists")

    assert readers in with_it
    assert with_it == without


@pytest.mark.parametrize("columns", [1, 20, 59, 60, 100])
def test_no_width_costs_an_id_or_a_column(
    project: Path, sent: str, readers: str, columns: int
) -> None:
    _, written = at_terminal(project, "sends", columns=columns)
    plain = without_colours(written)

    assert sent in plain
    for part in ("sending", readers, ISSUE, "recipients", "accepted", "unknown"):
        assert part in plain


def test_a_status_is_whole_at_any_width(project: Path, sent: str) -> None:
    _, written = at_terminal(project, "status", columns=10)

    assert f"send {sent}\n" in without_colours(written)
    assert f"newsletter resume {sent}" in without_colours(written)


def test_a_narrow_terminal_shows_each_cell_on_a_line_with_its_name(
    project: Path, sent: str
) -> None:
    _, written = at_terminal(project, "sends", columns=30)

    lines = without_colours(written).splitlines()
    assert lines[0] == f"send: {sent}"
    assert any(line.startswith("status: ") for line in lines)


@pytest.mark.parametrize("term", ["dumb", "unknown", ""])
def test_a_terminal_without_codes_gets_none(project: Path, sent: str, term: str) -> None:
    for arguments in (["sends"], ["render", "nothing", "--out", "out"], ["lint"]):
        _, written = at_terminal(project, *arguments, TERM=term)

        assert "\x1b" not in written
        assert written


@pytest.mark.parametrize("name", ["with space", "-dash", "it's", "a;b", "$HOME", "中文", "a\nb"])
def test_the_commands_that_init_prints_can_be_copied(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    answer = in_folder(in_process(capsys), tmp_path)("init", "--", name)
    line = next(line for line in answer.err.splitlines() if line.startswith("  cd "))

    done = subprocess.run(
        ["bash", "-c", f"{line} && test -e newsletter.toml"], cwd=tmp_path, check=False
    )

    assert done.returncode == 0, line


def test_a_hint_with_a_path_can_be_copied(call: Call, project: Path, readers: str) -> None:
    path = project / "issues" / "two words.md"
    path.write_text(SOURCE.replace("---\n", "---\ndraft: true\n", 1))

    err = call("send", "two words", "--list", readers, "--yes").err

    hint = err.splitlines()[-1].partition("newsletter lint ")[2]
    assert shlex.split(hint) == [str(path)]


@pytest.mark.parametrize(
    "arguments", [["status"], ["lists"], ["lint"], ["init", "x"], ["new", "x"]]
)
def test_a_working_folder_that_is_gone_is_named(
    project: Path, tmp_path: Path, arguments: list[str]
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()

    answer = fork(gone, *arguments, first=partial(os.rmdir, gone))

    assert answer.code == 2
    assert answer.err.startswith("error: the current folder is gone\n")


def test_a_project_that_is_named_needs_no_working_folder(project: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()

    done = subprocess.run(
        [
            *("sh", "-c", f'rmdir "{gone}"; exec "$@"', "sh"),
            *command("--project", str(project), "lint"),
        ],
        cwd=gone,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    shutil.rmtree(project)
