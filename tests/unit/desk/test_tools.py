"""Tools beside newsletter: what they say of an issue, and what is said where one is missing."""

import os
import shutil
from pathlib import Path

import pytest

from newsletter.desk.prepare import Prepared, prepare
from newsletter.desk.tools import checked_with, tools_for
from newsletter.desk.tools.accessibility import accessibility
from newsletter.desk.tools.base import Tool
from newsletter.desk.tools.spam import spam
from newsletter.desk.tools.spelling import dictionaries_for, spelling
from newsletter.model.finding import Finding, Severity
from newsletter.project import Project
from newsletter.render import packaged_templates
from tests import chromium
from tests.unit.lint.examples import FRONT, PROSE, front
from tests.unit.lint.test_command import SETTINGS


def project(folder: Path, settings: str = "") -> Project:
    (folder / "newsletter.toml").write_text(SETTINGS + settings)
    (folder / "issues").mkdir(exist_ok=True)
    return Project.open(folder)


def written(opened: Project, source: str) -> Prepared:
    path = opened.root / "issues" / "2026-01-07-tools.md"
    path.write_text(source)
    return prepare(opened, str(path))


def needs(name: str) -> None:
    """A test that needs a program is skipped without it, but fails in CI."""
    if shutil.which(name) is None:
        assert os.environ.get("CI") != "true", f"CI has to install {name}"
        pytest.skip(f"needs {name}: apt-get install {name}")


def told(tool: Tool, opened: Project, source: str) -> list[Finding]:
    return list(checked_with([tool], [written(opened, source)], opened))


@pytest.mark.parametrize(
    ("tool", "package"),
    [(spam, "spamassassin"), (accessibility, "chromium"), (spelling, "hunspell")],
)
def test_a_tool_that_is_missing_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tool: Tool, package: str
) -> None:
    """With the package to install, and never passed over."""
    monkeypatch.setenv("PATH", str(tmp_path))

    (found,) = told(tool, project(tmp_path), FRONT + PROSE)

    assert (found.rule, found.severity) == ("tool-missing", Severity.INFO)
    assert str(found.position) == "newsletter.toml:1"
    assert f"{package} is not installed" in found.message


@pytest.mark.parametrize(("tool", "name"), [(spam, "spamassassin"), (spelling, "hunspell")])
@pytest.mark.parametrize("script", ["#!/bin/sh\nexit 3\n", "no program"])
def test_a_tool_that_breaks_off_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tool: Tool, name: str, script: str
) -> None:
    program = tmp_path / name
    program.write_text(script)
    program.chmod(0o755)
    (tmp_path / "en_XX.dic").write_text("1\nword\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("DICPATH", str(tmp_path))

    (found,) = told(tool, project(tmp_path), FRONT + PROSE)

    assert found.rule == "tool-missing"
    assert "was not checked" in found.message


def test_a_newsletter_may_switch_the_notes_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    opened = project(tmp_path, '[lint.rules]\ntool-missing = "off"\n')

    assert told(spam, opened, FRONT + PROSE) == []


def test_tools_are_those_that_are_asked_for() -> None:
    assert tools_for(links=False, tools=False) == ()
    assert len(tools_for(links=True, tools=False)) == 1
    assert len(tools_for(links=True, tools=True)) == 4


def test_words_that_hunspell_does_not_know_are_told_once(tmp_path: Path) -> None:
    """But names, code, numbers, and the words of the newsletter."""
    needs("hunspell")
    body = (
        "The weevers saw `teh` looms4 of Kubb at teh valley, and teh RFCX.\n\nGrixl at it.\n\n"
        "Grixl Hobb came, and [Wumb](https://example.com/) too.\n"
    )
    opened = project(tmp_path, '[lint]\nwords = ["WEEVERS"]\n')

    found = told(spelling, opened, front("language: en-US") + PROSE + "\n" + body)

    assert [(f.rule, f.position.line) for f in found] == [("misspelling", 10), ("misspelling", 12)]
    assert found[0].message.startswith("'teh' is not in en_US of hunspell, 2 times")
    assert "'the'" in found[0].fix
    assert "'Grixl'" in found[1].message


def test_more_words_than_anybody_reads_are_counted(tmp_path: Path) -> None:
    """As where the dictionary is of another language."""
    needs("hunspell")
    words = " ".join(f"xq{a}{b}x" for a in "bcdfghjk" for b in "bcdfghjk")

    found = told(spelling, project(tmp_path), FRONT + PROSE + f"\n{words}\n")

    assert len(found) == 51
    assert any("14 more words are not in" in finding.message for finding in found)


def test_a_language_without_a_dictionary_is_told(tmp_path: Path) -> None:
    needs("hunspell")

    (found,) = told(spelling, project(tmp_path), front("language: tr") + PROSE)

    assert "a dictionary of hunspell for tr is not installed" in found.message


def test_the_dictionary_of_the_region_is_taken_before_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("qq_AA", "qq_BB", "qq"):
        (tmp_path / f"{name}.dic").write_text("1\nword\n")
    monkeypatch.setenv("DICPATH", str(tmp_path))

    assert [path.stem for path in dictionaries_for("qq-BB")] == ["qq_BB"]
    assert [path.stem for path in dictionaries_for("qq-CC")] == ["qq", "qq_AA", "qq_BB"]
    assert dictionaries_for("zz") == ()


def test_spamassassin_tells_which_rules_a_mail_breaks(tmp_path: Path) -> None:
    """All mails are judged in one go; a letter in order has no finding."""
    needs("spamassassin")
    sheet = (packaged_templates() / "digest" / "style.css").read_text("utf-8")
    opened = project(tmp_path)
    good = written(opened, FRONT + PROSE)
    own = tmp_path / "templates" / "digest"
    own.mkdir(parents=True)
    pale = ".p { color: #fdfdfd; background-color: #ffffff }\n"
    (own / "style.css").write_text(sheet + pale)
    bad = written(opened, FRONT.replace("News of the valley", "BUY CHEAP LOOMS NOW") + PROSE)

    found = list(spam([good, bad], opened))

    (finding,) = found
    assert finding.rule == "spam-points"
    assert "HTML_FONT_LOW_CONTRAST" in finding.message


@pytest.mark.browser
def test_axe_tells_what_a_mail_breaks_and_in_which_mode(tmp_path: Path) -> None:
    chromium.needed()
    sheet = (packaged_templates() / "digest" / "responsive.css").read_text("utf-8")
    own = tmp_path / "templates" / "digest"
    own.mkdir(parents=True)
    dim = "@media (prefers-color-scheme: dark) { .p { color: #333333 !important } }\n"
    (own / "responsive.css").write_text(sheet + dim)

    (found,) = told(accessibility, project(tmp_path), FRONT + PROSE)

    assert (found.rule, found.position.line) == ("accessibility", 7)
    assert "(color-contrast, dark mode): " in found.message
