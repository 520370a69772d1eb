"""Issues and themes that lead out of the newsletter's folder, and names that no folder may have."""

import json
import os
import shutil
import threading
from pathlib import Path

import pytest

from newsletter.render import packaged_templates
from tests.integration.commandline import ISSUE as SOURCE
from tests.integration.commandline import Call, snapshot

ISSUE = "2026-01-07-valley"
SECRET = "the word that nobody may read"

COMMANDS = [
    ["render", "{issue}", "--out", "out"],
    ["lint", "{issue}"],
    ["test", "{issue}", "--to", "you@example.com"],
    ["send", "{issue}", "--list", "readers", "--yes"],
]


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """An issue that lies beside the project."""
    path = tmp_path / "outside.md"
    path.write_text(SOURCE.replace("Looms that", f"{SECRET}. Looms that"), "utf-8")
    return path


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: arguments[0])
@pytest.mark.parametrize("link", ["file", "folder"])
@pytest.mark.usefixtures("readers")
def test_an_issue_that_is_a_link_out_is_refused(
    call: Call, project: Path, outside: Path, arguments: list[str], link: str
) -> None:
    """Who may add an issue, as in a pull request, must not have any file mailed to everybody."""
    if link == "file":
        (project / "issues" / "linked.md").symlink_to(outside)
    else:
        shutil.move(project / "issues", project.parent / "issues")
        (project / "issues").symlink_to(project.parent / "issues")
        outside.rename(project / "issues" / "linked.md")
    before = snapshot(project)

    answer = call(*(part.format(issue="linked") for part in arguments), "--json")

    assert answer.code == 2
    assert "link" in answer.error["message"]
    assert answer.error["hint"]
    assert SECRET not in answer.out
    assert snapshot(project) == before


def test_the_other_issues_of_a_folder_are_none_the_worse(
    call: Call, project: Path, outside: Path
) -> None:
    (project / "issues" / "linked.md").symlink_to(outside)

    assert call("lint", ISSUE).code == 0
    assert call("lint").code == 2


def test_a_pipe_among_the_issues_is_not_waited_for(call: Call, project: Path) -> None:
    pipe = project / "issues" / "pipe.md"
    os.mkfifo(pipe)
    asked = threading.Event()

    def answer() -> None:
        with pipe.open("wb"):  # once somebody reads
            asked.set()

    answering = threading.Thread(target=answer)
    answering.start()

    code = call("lint", ISSUE).code
    was_read = asked.is_set()
    os.close(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK))
    answering.join()

    assert (code, was_read) == (0, False)


def test_a_link_that_stays_inside_and_a_file_named_by_its_path_are_read(
    call: Call, project: Path, outside: Path
) -> None:
    (project / "issues" / "again.md").symlink_to(project / "issues" / f"{ISSUE}.md")

    assert call("render", "again", "--out", "out").code == 0
    assert call("render", str(outside), "--out", "out").code == 0


@pytest.mark.parametrize("name", ["...md", "....md", "..... .md"])
@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: arguments[0])
@pytest.mark.usefixtures("readers")
def test_a_file_named_by_dots_alone_is_no_issue(
    call: Call, project: Path, name: str, arguments: list[str]
) -> None:
    """`...md` is the stem `..`, and OUT/.. would be the folder above OUT."""
    (project / "issues" / name).write_text(SOURCE)
    before = snapshot(project)

    for given in (name.removesuffix(".md"), f"issues/{name}"):
        answer = call(*(part.format(issue=given) for part in arguments), "--json")

        assert answer.code == 2
        assert answer.error["hint"]
    assert snapshot(project) == before


@pytest.mark.parametrize("name", ["..", "...", ".", "../..", "/", "issues"])
def test_what_is_no_file_is_no_issue(call: Call, project: Path, name: str) -> None:
    assert call("render", name, "--out", "out").code == 2
    assert not (project / "out").exists()


@pytest.mark.parametrize("name", ["---", "！！", "_"])
def test_a_name_without_letters_blocks_a_send(
    call: Call, project: Path, readers: str, name: str
) -> None:
    (project / "issues" / f"{name}.md").write_text(SOURCE)

    answer = call("lint", f"issues/{name}.md", "--json")
    sent = call("send", f"issues/{name}.md", "--list", readers, "--yes")

    assert [found["rule"] for found in answer.lines if found["severity"] == "error"] == [
        "slug-invalid"
    ]
    assert sent.code == 3


@pytest.mark.parametrize("length", [270, 5000])
def test_a_slug_too_long_for_a_folder_blocks_a_send(
    call: Call, project: Path, readers: str, length: int
) -> None:
    (project / "issues" / "long.md").write_text(
        SOURCE.replace("---\n", f"---\nslug: {'x' * length}\n", 1)
    )

    assert call("send", "long", "--list", readers, "--yes").code == 3
    assert call("render", "long", "--out", "out").code == 0


# --- themes ---------------------------------------------------------------------------------------


@pytest.fixture
def theme(project: Path) -> Path:
    """A theme of the project's own."""
    folder = project / "templates" / "mine"
    shutil.copytree(packaged_templates() / "digest", folder)
    settings = project / "newsletter.toml"
    settings.write_text(settings.read_text().replace('theme = "digest"', 'theme = "mine"'))
    return folder


@pytest.mark.parametrize("part", ["email.txt.j2", "style.css", "theme.toml", "a part", "all of it"])
def test_a_theme_that_is_a_link_out_is_refused(
    call: Call, project: Path, theme: Path, tmp_path: Path, part: str
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"# {SECRET}")
    if part == "all of it":
        theme.rename(tmp_path / "mine")
        theme.symlink_to(tmp_path / "mine")
    elif part == "a part":
        (theme / "shown.j2").symlink_to(secret)
        (theme / "email.txt.j2").write_text('{% include "shown.j2" %}')
    else:
        (theme / part).unlink()
        (theme / part).symlink_to(secret)

    answer = call("render", ISSUE, "--out", "out", "--json")

    assert answer.code == 2
    assert "link" in answer.error["message"]
    assert not (project / "out").exists()
    assert SECRET not in json.dumps(answer.error)


def test_a_theme_may_link_to_files_of_the_project(call: Call, theme: Path) -> None:
    (theme / "style.css").rename(theme.parent / "shared.css")
    (theme / "style.css").symlink_to(theme.parent / "shared.css")

    assert call("render", ISSUE, "--out", "out").code == 0
