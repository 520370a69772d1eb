"""The examples of --help: short, and calls that the command line takes."""

import shlex
from pathlib import Path

import click
import pytest

from tests.unit.test_docs import TREE

MAIN = (
    "init",
    "new",
    "lint",
    "render",
    "test",
    "send",
    "resume",
    "resolve",
    "explain",
    "subscribers import",
    "subscribers add",
    "subscribers export",
    "segments create",
    "events pull",
    "serve",
    "archive build",
    "archive correct",
    "archive hide",
)
LONGEST = 95  # so that it stands on one line of --help with its indent


def examples_of(command: click.Command) -> list[str]:
    _, _, calls = (command.epilog or "").partition("Examples:\n")
    return [line.strip() for line in calls.splitlines()]


CASES = [(name, example) for name in TREE for example in examples_of(TREE[name])]


@pytest.mark.parametrize("name", MAIN)
def test_the_main_commands_have_examples(name: str) -> None:
    assert examples_of(TREE[name])


@pytest.mark.parametrize(("name", "example"), CASES)
def test_an_example_is_a_call_of_its_command(
    name: str, example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "subscribers").mkdir()
    for file in ("subscribers/example.csv", "events.jsonl"):
        (tmp_path / file).touch()
    monkeypatch.chdir(tmp_path)
    called = ["newsletter", *name.split()]
    words = shlex.split(example)

    context = TREE[name].make_context(name, words[len(called) :])  # or the usage error

    assert words[: len(called)] == called
    assert context.args == []
    assert len(example) <= LONGEST


@pytest.mark.parametrize("name", MAIN)
def test_help_shows_each_example_on_its_own_line(name: str) -> None:
    shown = TREE[name].get_help(click.Context(TREE[name], max_content_width=100)).splitlines()

    assert [line.strip() for line in shown if line.strip() in examples_of(TREE[name])] == (
        examples_of(TREE[name])
    )
