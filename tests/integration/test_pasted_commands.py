"""Commands and settings that are printed for people work where they are pasted, whatever a folder,
a user or a database is called."""

import datetime as dt
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from newsletter.doctor import CheckGroup, examine
from newsletter.doctor.base import Outside
from newsletter.scaffold import start
from tests.integration.commandline import Call

ODD = "it's $(touch x) #1"
NOBODY = 54321  # has no name


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A newsletter in a folder whose name has to be quoted."""
    start(tmp_path / ODD, dt.date(2026, 1, 7))
    return tmp_path / ODD


def cure(folder: Path, check: str, outside: Outside) -> str:
    groups = (CheckGroup.PROJECT, CheckGroup.MACHINE)
    [line] = [line for line in examine(folder, groups, outside) if line.check.id == check]
    return line.diagnosis.cure


def words(command: str) -> list[str]:
    """What a shell makes of a command, which begins with printf instead of its own name."""
    line = f"printf '%s\\0' {command}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)
    return done.stdout.split("\0")[:-1]


@pytest.mark.parametrize("free", [5, 5 * 10**8], ids=["full", "nearly full"])
def test_a_disk_is_looked_through_where_it_is_full(folder: Path, free: int) -> None:
    outside = Outside(room=lambda _: (10**11, 10**11, free))

    advice, _, command = cure(folder, "disk", outside).partition(": ")

    looked, *others = command.split(" | ")
    assert advice == "Make room"
    program, options, place = words(looked)
    assert (program, options) == ("du", "-xh")
    assert Path(place).is_dir()
    assert Path(place).is_relative_to(folder)
    assert others == ["sort -h", "tail"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_user_without_a_name_is_one_by_number(folder: Path) -> None:
    database = folder / "subscribers" / "newsletter.db"
    os.chown(database, NOBODY, NOBODY)

    theirs, mine = cure(folder, "owners", Outside()).split("; or else: ")

    command = theirs.removeprefix(f"Run newsletter as #{NOBODY}: ")
    assert words(command) == ["sudo", "-u", f"#{NOBODY}", "newsletter", "doctor"]
    assert words(mine) == ["sudo", "chown", "-R", "0", str(database)]


@pytest.mark.parametrize("name", ["-d2", "--help", "a b"])
def test_an_issue_is_found_below_a_folder_of_any_name(
    call: Call, project: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    project.rename(tmp_path / name)
    (tmp_path / name / "issues" / "bad.md").write_text("---\ntitle: Bad\n---\n")

    refused = call(f"--project={name}", "test", "bad", "--to", "ada@example.com", "--json")

    command = refused.error["hint"].partition("See: ")[2]
    program, *arguments = words(command)
    looked = call(f"--project={name}", *arguments)
    assert refused.code == looked.code == 3, (refused, looked)
    assert (program, arguments[0]) == ("newsletter", "lint")
    assert "bad.md" in looked.out


@pytest.mark.parametrize("name", ["moved.db", 'mo"ved.db', "mo\\ved.db"])
def test_the_place_of_a_moved_store_is_written_as_settings_are(
    call: Call, readers: str, project: Path, name: str
) -> None:
    moved = call("db", "copy", "--to", f"sqlite:///{project / name}", "--yes")

    [line] = [line for line in moved.out.splitlines() if line.startswith("  url = ")]
    settings = project / "newsletter.toml"
    text = re.sub(r"(?m)^url = .*$", lambda _: line, settings.read_text())
    settings.write_text(text)
    assert tomllib.loads(text)["store"]["url"].endswith(name)
    assert len(call("subscribers", "list", "--json").lines) == 3
