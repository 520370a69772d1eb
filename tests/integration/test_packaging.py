"""The built wheel works alone: themes and migrations are in it, and a project's own theme wins.

The editable install, which all other tests run in, is held to the same facts about themes.
"""

import functools
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.commandline import (
    Answer,
    Call,
    in_folder,
    in_process,
    write_issue,
)
from tests.integration.elsewhere import Elsewhere

ROOT = Path(__file__).parents[2]
ISSUE = "2026-01-07-valley"


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built as pip would, without network and from a copy."""
    pytest.importorskip("hatchling", reason="needs the dev dependency hatchling")
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    unwanted = shutil.ignore_patterns("__pycache__")
    for name in ("newsletter", "templates"):
        shutil.copytree(ROOT / name, source / name, ignore=unwanted)
    for name in ("pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)],
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    [built] = target.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def installed(unpacked: Path) -> Iterator[Elsewhere]:
    with Elsewhere(unpacked) as elsewhere:
        yield elsewhere


@pytest.fixture(params=["wheel", "editable"])
def program(
    request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Call:
    """The program as it is installed, run in the folder of a new newsletter with one more issue."""
    letter = tmp_path / "letter"
    if request.param == "wheel":
        program = request.getfixturevalue("installed").call
    else:
        program = functools.partial(of_checkout, in_process(capsys))
    assert program(tmp_path, "init", "letter").code == 0
    write_issue(letter, f"{ISSUE}.md")
    return functools.partial(program, letter)


def of_checkout(call: Call, folder: Path, *arguments: str) -> Answer:
    return in_folder(call, folder)(*arguments)


@pytest.fixture
def letter(program: Call, tmp_path: Path) -> Path:
    return tmp_path / "letter"


def rendered(program: Call, letter: Path, issue: str = ISSUE) -> tuple[str, str]:
    """The HTML and the text of the issue."""
    answer = program("render", issue, "--out", "out")
    assert answer.code == 0, answer.err
    folder = letter / "out" / issue
    return (folder / "email.html").read_text("utf-8"), (folder / "email.txt").read_text("utf-8")


def test_the_wheel_holds_the_package_and_themes_and_nothing_of_the_checkout(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())

    themes = {path.relative_to(ROOT / "templates") for path in (ROOT / "templates").rglob("*")}
    package = [path for path in (ROOT / "newsletter").rglob("*") if path.is_file()]
    sources = [path for path in package if path.parent.name != "__pycache__"]
    parts = {path.relative_to(ROOT).as_posix() for path in sources}
    assert {f"newsletter/templates/{path}" for path in themes if path.suffix} <= names
    assert {"newsletter/py.typed", "newsletter/studio/static/studio.css"} <= parts <= names
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"newsletter"}


def test_the_program_of_the_wheel_is_the_one_that_runs(
    installed: Elsewhere, unpacked: Path
) -> None:
    """Not the checkout that the tests are in."""
    assert installed.file.is_relative_to(unpacked)


def test_a_new_newsletter_sends_and_its_store_can_be_made_again(
    program: Call, letter: Path
) -> None:
    """`init` and `db upgrade` run the migrations that are installed."""
    for path in letter.glob("subscribers/newsletter.db*"):
        path.unlink()

    assert program("db", "upgrade", "--json").json["before"] is None
    assert program("subscribers", "import", "subscribers/example.csv", "--list", "ai").code == 0
    assert program("lint", "--strict").code == 0
    assert program("send", ISSUE, "--list", "ai", "--yes", "--json").json["accepted"] == 3
    assert program("db", "verify").code == 0


def test_a_theme_settings_file_of_the_project_changes_just_what_it_names(
    program: Call, letter: Path
) -> None:
    before, _ = rendered(program, letter)
    (letter / "templates" / "digest").mkdir(parents=True)
    (letter / "templates" / "digest" / "theme.toml").write_text(
        '[strings.en]\nunsubscribe = "Leave the valley"\n'
    )

    html, _ = rendered(program, letter)

    assert "Leave the valley" in html
    assert html == before.replace("Unsubscribe", "Leave the valley")


def test_a_style_sheet_of_the_project_replaces_the_packaged_one(
    program: Call, letter: Path
) -> None:
    packaged = ROOT / "templates" / "digest" / "style.css"
    before, _ = rendered(program, letter)
    (letter / "templates" / "digest").mkdir(parents=True)
    (letter / "templates" / "digest" / "style.css").write_text(
        packaged.read_text("utf-8") + "\nh1 { letter-spacing: 0.123em }\n", "utf-8"
    )

    html, _ = rendered(program, letter)

    assert "0.123em" in html
    assert "0.123em" not in before


def test_a_whole_new_theme_needs_no_python(program: Call, letter: Path) -> None:
    theme = letter / "templates" / "plain"
    theme.mkdir(parents=True)
    (theme / "email.mjml.j2").write_text(
        "<mjml><mj-body><mj-section><mj-column><mj-text>"
        "<h1>Plain: {{ inline(digest.title) }}</h1>"
        "<a href=\"{{ merge('unsubscribe_url') }}\">leave</a>"
        "</mj-text></mj-column></mj-section></mj-body></mjml>"
    )
    (theme / "email.txt.j2").write_text(
        "Plain: {{ digest.title_text }}\n{{ merge('unsubscribe_url') }}\n"
    )
    for name in ("style.css", "responsive.css", "theme.toml"):
        (theme / name).write_text("")
    write_issue(letter, "2026-01-08-plain.md", theme="plain")

    html, text = rendered(program, letter, "2026-01-08-plain")

    assert "Plain: News of the valley" in html
    assert "https://news.example.com/u/" in html
    assert text.startswith("Plain: News of the valley\nhttps://news.example.com/u/")


def test_a_theme_that_nobody_has_names_those_there_are(program: Call, letter: Path) -> None:
    (letter / "templates" / "mine").mkdir(parents=True)
    write_issue(letter, "2026-01-08-odd.md", theme="zzz")

    answer = program("render", "2026-01-08-odd", "--out", "out")

    assert answer.code == 2
    assert "There are: digest, letter, links, mine, product." in answer.err


def test_every_theme_and_the_issue_to_see_it_in_come_along(program: Call, letter: Path) -> None:
    answer = program("themes", "render", "product", "--out", "out", "--json")

    assert answer.code == 0, answer.err
    assert len(list((letter / "out" / "product" / "media").iterdir())) >= 5
