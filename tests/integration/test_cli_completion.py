"""A shell completes commands, options and issues: quickly, and without a word of its own."""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.integration.commandline import Call, in_process
from tests.unit.test_imports import HEAVY

ISSUE = "2026-01-07-valley"
Complete = Callable[[str], list[str]]

# The program, which says on standard error what it has loaded.
PROGRAM = """
import sys
from newsletter.cli import main
try:
    main()
finally:
    print(*sys.modules, file=sys.stderr)
"""


@pytest.fixture
def call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Call:
    """The program, where no newsletter is."""
    monkeypatch.chdir(tmp_path)
    return in_process(capsys)


@pytest.fixture
def complete(call: Call, monkeypatch: pytest.MonkeyPatch) -> Complete:
    """What bash is offered for the last word of a line."""

    def offered(line: str) -> list[str]:
        words = line.split(" ")
        monkeypatch.setenv("_NEWSLETTER_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
        answer = call()
        assert (answer.code, answer.err) == (0, "")
        return answer.out.split()

    return offered


def write_issues(folder: Path, *names: str) -> None:
    (folder / "issues").mkdir(parents=True)
    (folder / "newsletter.toml").touch()
    for name in names:
        (folder / "issues" / f"{name}.md").touch()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("newsletter su", ["plain,subscribers", "plain,suppressions"]),
        ("newsletter --ver", ["plain,--version"]),
        ("newsletter db ver", ["plain,verify"]),
        ("newsletter send --dr", ["plain,--dry-run"]),
        ("newsletter completion z", ["plain,zsh"]),
        ("newsletter render 2026", ["file,2026"]),
        ("newsletter --project", ["plain,--project"]),
        ("newsletter --project /nowhere --bogus lsits --", ["plain,--debug", "plain,--help"]),
    ],
)
def test_where_no_newsletter_is_commands_and_options_are_offered(
    complete: Complete, line: str, offered: Sequence[str]
) -> None:
    assert set(offered) <= set(complete(line))


def test_issues_are_offered_by_their_stems_the_newest_first(
    complete: Complete, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But none whose name a shell would run: it puts them in as they are."""
    write_issues(
        tmp_path / "letter", ISSUE, "2026-01-08-谷", "2026-01-09-$(id)", "2026 b", "-", "x"
    )

    assert complete("newsletter --project letter send 2026") == [
        "plain,2026-01-08-谷",
        f"plain,{ISSUE}",
    ]
    assert complete("newsletter lint --project letter x") == ["plain,x"]
    monkeypatch.setenv("NEWSLETTER_PROJECT", "letter")
    assert complete("newsletter archive hide x") == ["plain,x"]


def test_completing_loads_nothing_heavy(tmp_path: Path) -> None:
    write_issues(tmp_path, ISSUE)
    asked = {"_NEWSLETTER_COMPLETE": "fish_complete", "COMP_WORDS": "newsletter send 2"}

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        env={**os.environ, **asked, "COMP_CWORD": "2"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert f"plain,{ISSUE}" in done.stdout.split()
    assert set(done.stderr.split()) & HEAVY == set()


def test_bash_takes_the_script(call: Call, tmp_path: Path) -> None:
    script, program = tmp_path / "script", tmp_path / "bin" / "newsletter"
    script.write_text(call("completion", "bash").out)
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m newsletter "$@"\n')
    program.chmod(0o755)
    typed = """
        source ./script
        COMP_WORDS=(newsletter db ver) COMP_CWORD=2
        _newsletter_completion newsletter
        echo "${COMPREPLY[@]}"
        complete -p newsletter
    """

    done = subprocess.run(
        ["bash", "--norc", "-euc", typed],
        env={**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.splitlines()[0] == "verify"
    assert "-F _newsletter_completion newsletter" in done.stdout


def test_another_shell_is_refused(call: Call) -> None:
    answer = call("completion", "csh")

    assert answer.code == 2
    assert "'bash', 'zsh', 'fish'" in answer.err
