"""An author's editor is opened at a line, where it has a window of its own."""

import stat
from pathlib import Path

import pytest

from newsletter.desk.editors import call, open_at
from newsletter.errors import UsageError
from tests.waiting import until

FILE = Path("/letters/a b.md")


@pytest.mark.parametrize(
    ("editor", "command"),
    [
        ("code --wait", ["code", "--goto", "/letters/a b.md:7"]),
        ("/usr/bin/subl -w", ["/usr/bin/subl", "/letters/a b.md:7"]),
        ("'/opt/my editors/gedit'", ["/opt/my editors/gedit", "+7", "/letters/a b.md"]),
        ("emacsclient", ["emacsclient", "--no-wait", "+7", "/letters/a b.md"]),
    ],
)
def test_each_is_told_the_line_in_its_own_way(editor: str, command: list[str]) -> None:
    assert call(editor, FILE, 7) == command


@pytest.mark.parametrize("editor", ["vim", "nano -l", "my-editor", " "])
def test_one_that_may_need_a_terminal_is_not_started(editor: str) -> None:
    with pytest.raises(UsageError) as caught:
        call(editor, FILE, 7)

    assert caught.value.where == "/letters/a b.md:7"


@pytest.mark.parametrize("environment", [{}, {"EDITOR": ""}, {"VISUAL": "code"}])
def test_without_one_it_says_so(environment: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        open_at(FILE, 7, {**environment, "PATH": ""})


def test_it_is_started_with_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    editor, told = tmp_path / "gedit", tmp_path / "told"
    editor.write_text(f'#!/bin/sh\necho "$@" >"{told}.new" && mv "{told}.new" "{told}"\n')
    editor.chmod(editor.stat().st_mode | stat.S_IXUSR)

    assert open_at(FILE, 7, {"VISUAL": str(editor), "EDITOR": "vim"}) == "gedit"

    until(told.exists)
    assert told.read_text() == "+7 /letters/a b.md\n"
