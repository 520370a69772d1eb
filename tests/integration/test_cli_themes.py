"""`newsletter themes` and the scaffold of a theme: themes are found, copied, checked and tried."""

import json
from pathlib import Path

import pytest

from newsletter import scaffold
from newsletter.desk.prepare import prepare
from newsletter.project import Project
from tests.integration.commandline import Call, write_issue

PACKAGED = ["digest", "letter", "links", "product"]


def own_theme(project: Path, name: str, **files: str) -> Path:
    """A folder in the newsletter's templates; `_` in a name stands for a dot."""
    folder = project / "templates" / name
    folder.mkdir(parents=True)
    for file, text in files.items():
        (folder / file.replace("_", ".")).write_text(text, "utf-8")
    return folder


# --- the list -------------------------------------------------------------------------------------


def test_the_list_says_where_each_theme_lies_and_what_uses_it(call: Call, project: Path) -> None:
    write_issue(project, "2026-01-08-a.md", theme="letter")
    write_issue(project, "2026-01-09-b.md", theme='"letter"')
    own_theme(project, "evening", theme_toml='extends = "links"\ndescription = "Late"\n')
    own_theme(project, "parts", macros_j2="no theme")

    listed = {entry["name"]: entry for entry in call("themes", "--json").lines}
    shown = call("themes", "list").out

    assert sorted(listed) == ["digest", "evening", *PACKAGED[1:]]
    assert {name for name, entry in listed.items() if entry["default"]} == {"digest"}
    assert {name: entry["issues"] for name, entry in listed.items() if entry["issues"]} == {
        "letter": 2
    }
    assert {name for name, entry in listed.items() if entry["own"]} == {"evening"}
    assert listed["evening"]["extends"] == "links"
    assert listed["evening"]["description"] == "Late"
    assert listed["letter"]["description"] in " ".join(shown.split())
    assert "2 issues" in shown


def test_a_theme_that_cannot_be_read_keeps_no_other_from_the_list(
    call: Call, project: Path
) -> None:
    own_theme(project, "broken", theme_toml='name = "broken"\ncolumn = "wide"\n')

    listed = {entry["name"]: entry["fault"] for entry in call("themes", "--json").lines}

    assert "theme.toml:2" in listed["broken"]
    assert listed["letter"] is None


# --- a new theme ----------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["digest", "links"])
def test_a_copy_is_a_theme_of_ones_own_that_looks_the_same(
    call: Call, project: Path, source: str
) -> None:
    made = call("themes", "new", "morning", "--from", source, "--json")
    before, after = (
        prepare(Project.open(project), "2026-01-07-valley", theme=name).email
        for name in (source, "morning")
    )

    assert made.code == 0
    assert {Path(file).name for file in made.json["files"]} >= {"theme.toml", "email.mjml.j2"}
    assert 'name = "morning"' in (project / "templates/morning/theme.toml").read_text()
    assert after == before
    assert [folder.name for folder in (project / "templates").iterdir()] == ["morning"]


def test_a_copy_of_a_changed_theme_has_the_changes(call: Call, project: Path) -> None:
    """Those of its settings stay where they are, in the theme that the copy extends."""
    changes = '[colours]\nink = "#102030"\n'
    own_theme(project, "digest", theme_toml=changes, foot_mjml_j2="<p>My foot</p>")

    assert call("themes", "new", "morning").code == 0

    email = prepare(Project.open(project), "2026-01-07-valley", theme="morning").email
    assert "#102030" in str(email.html)
    assert "My foot" in (project / "templates/morning/foot.mjml.j2").read_text()
    assert 'extends = "digest"' in (project / "templates/morning/theme.toml").read_text()


@pytest.mark.parametrize("name", ["morning", "letter"])
def test_no_theme_is_written_over(call: Call, project: Path, name: str) -> None:
    """A folder named as a theme of the program would change that in every issue."""
    own_theme(project, "morning", theme_toml="# mine\n")

    answer = call("themes", "new", name, "--json")

    assert answer.code == 5
    assert f"a theme '{name}' already" in answer.error["message"]
    assert (project / "templates/morning/theme.toml").read_text() == "# mine\n"
    assert [folder.name for folder in (project / "templates").iterdir()] == ["morning"]


@pytest.mark.parametrize("name", ["../evil", "Morning", "a b", ".x", "-x", "", "a/b", "x" * 61])
def test_a_name_is_one_that_every_file_system_takes(call: Call, project: Path, name: str) -> None:
    answer = call("themes", "new", "--json", "--", name)

    assert answer.code == 2
    assert "lower-case letters" in answer.error["hint"]
    assert not (project / "templates").exists()


def test_an_unknown_source_is_an_error_with_the_nearest(call: Call, project: Path) -> None:
    answer = call("themes", "new", "morning", "--from", "lettr", "--json")

    assert answer.code == 2
    assert answer.error["where"] == "--from"
    assert "'letter'" in answer.error["hint"]
    assert not (project / "templates").exists()


# --- checking and trying --------------------------------------------------------------------------


def test_nothing_is_wrong_with_the_themes_of_the_program(call: Call, project: Path) -> None:
    answer = call("themes", "check", "--json")

    assert answer.code == 0
    assert [line["name"] for line in answer.lines] == PACKAGED
    assert [line["findings"] for line in answer.lines] == [[]] * len(PACKAGED)


def test_a_theme_without_a_way_to_leave_fails_the_check(call: Call, project: Path) -> None:
    own_theme(project, "trap", theme_toml='extends = "digest"\n')
    (project / "templates/trap/foot.mjml.j2").write_text("<p>No way out</p>\n")

    answer = call("themes", "check", "trap")

    assert answer.code == 3
    assert "unsubscribe" in answer.out


def test_a_template_that_no_block_uses_is_read_too(call: Call, project: Path) -> None:
    folder = own_theme(project, "broken", theme_toml='extends = "digest"\n')
    (folder / "spare.mjml.j2").write_text("one\n{% if %}\n")

    answer = call("themes", "check", "broken", "--json")

    assert answer.code == 1
    assert answer.error["where"] == "templates/broken/spare.mjml.j2:2"


def test_words_that_the_newsletter_s_language_lacks_are_told(call: Call, project: Path) -> None:
    settings = project / "newsletter.toml"
    settings.write_text(settings.read_text().replace('language = "en"', 'language = "sv"'))

    (line,) = call("themes", "check", "letter", "--json").lines

    assert [finding["rule"] for finding in line["findings"]] == ["words-missing"]
    assert line["findings"][0]["file"] == "templates/letter/theme.toml"


def test_every_block_is_written_in_each_theme(call: Call, project: Path) -> None:
    answer = call("themes", "render", "links", "letter", "--out", "out", "--json")

    assert [line["name"] for line in answer.lines] == ["links", "letter"]
    for line in answer.lines:
        html = (project / "out" / line["name"] / "email.html").read_text("utf-8")
        assert "A harbour in every kind of block" in html
        assert all(Path(file).is_file() for file in line["files"])
        assert len(list((project / "out" / line["name"] / "media").iterdir())) >= 5


def test_an_unknown_theme_is_an_error_with_the_nearest(call: Call, project: Path) -> None:
    answer = call("themes", "render", "lettr", "--out", "out", "--json")

    assert answer.code == 2
    assert "'letter'" in answer.error["hint"]


# --- a new issue ----------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", PACKAGED)
def test_an_issue_begins_as_its_theme_does(call: Call, project: Path, theme: str) -> None:
    """With a title that could be anything, and nothing to find fault with but what is to be
    written."""
    title = 'Looms: "quiet" {{ title }} & <b> # 7'
    path = Path(call("new", title, "--theme", theme, "--date", "2026-01-08", "--json").json["file"])

    prepared = prepare(Project.open(project), path.stem)

    assert prepared.digest.meta.theme == theme
    assert prepared.digest.title_text == title
    assert str(prepared.digest.meta.day) == "2026-01-08"
    assert prepared.errors == ()
    assert len(list(scaffold.untouched(prepared.digest))) >= 3


def test_scaffolds_differ_and_the_usual_theme_is_not_named(call: Call, project: Path) -> None:
    texts = {}
    for theme in PACKAGED:
        settings = project / "newsletter.toml"
        source = settings.read_text()
        settings.write_text(source.replace('theme = "digest"', f'theme = "{theme}"'))
        file = call("new", f"By {theme}", "--json").json["file"]
        settings.write_text(source)
        texts[theme] = Path(file).read_text().partition("\n---\n")[2]
        assert "theme:" not in Path(file).read_text()

    assert len(set(texts.values())) == len(PACKAGED)


def test_a_theme_of_ones_own_has_its_own_scaffold_or_that_of_digest(
    call: Call, project: Path
) -> None:
    own_theme(project, "mine", theme_toml='extends = "letter"\n')
    (project / "templates/mine/scaffold.md.j2").write_text("# {{ title }}\n\nOur usual words.\n")
    own_theme(project, "bare", theme_toml='name = "bare"\n')

    mine = Path(call("new", "M", "--theme", "mine", "--json").json["file"]).read_text()
    bare = Path(call("new", "B", "--theme", "bare", "--json").json["file"]).read_text()

    assert mine == '---\ntheme: mine\n---\n# "M"\n\nOur usual words.\n'
    assert "theme: bare\ntags: []" in bare


def test_a_theme_that_is_none_writes_no_issue(call: Call, project: Path) -> None:
    before = sorted(project.glob("issues/*"))

    answer = call("new", "A", "--theme", "lettr", "--json")

    assert answer.code == 2
    assert answer.error["where"] == "--theme"
    assert "'letter'" in answer.error["hint"]
    assert sorted(project.glob("issues/*")) == before


def test_a_draft_from_feeds_takes_no_theme(call: Call, project: Path) -> None:
    answer = call("new", "--from-feed", "feed.xml", "--theme", "letter", "--json")

    assert answer.code == 2
    assert json.loads(answer.out)["error"]["where"] == "--theme"
