"""Finding a theme: a project's own files in front of the packaged ones."""

from pathlib import Path

import pytest

from newsletter.errors import RenderError, UsageError
from newsletter.render import load_theme, packaged_templates
from newsletter.render.compile import INLINE_MARK
from tests.unit.render.rendering import delivered, issue, mail, own_theme, rendered, shown, visible


def test_a_project_without_files_of_its_own_has_the_packaged_theme() -> None:
    theme = load_theme("digest", [Path("/nowhere"), packaged_templates()])

    assert theme.folders == ((packaged_templates() / "digest").resolve(),)


def test_a_file_of_the_project_stands_in_front_and_the_others_stay(tmp_path: Path) -> None:
    theme = own_theme(tmp_path, {"email.txt.j2": "{{ body }}\n{{ merge('unsubscribe_url') }}"})

    result = mail(rendered(issue("Text.\n"), theme))

    assert result.text.startswith("Text.\nhttps://")
    assert result.html == delivered("Text.\n").html


def test_settings_of_the_project_change_only_what_they_name(tmp_path: Path) -> None:
    own = '[colours]\nink = "#102030"\n[strings.en]\nunsubscribe = "Leave"\n'

    theme = own_theme(tmp_path, {"theme.toml": own})

    packaged = load_theme("digest", [packaged_templates()]).settings
    assert theme.settings["colours"] == {**packaged["colours"], "ink": "#102030"}
    assert theme.settings["fonts"] == packaged["fonts"]
    assert theme.strings("en")["unsubscribe"] == "Leave"
    assert theme.strings("en")["preferences"] == packaged["strings"]["en"]["preferences"]


def test_a_colour_of_the_project_is_in_the_mail(tmp_path: Path) -> None:
    theme = own_theme(tmp_path, {"theme.toml": '[colours]\nink = "#102030"\n'})

    assert "#102030" in mail(rendered(issue("Text.\n"), theme)).html


def test_a_style_sheet_of_the_project_is_inlined(tmp_path: Path) -> None:
    theme = own_theme(tmp_path, {"style.css": f"{INLINE_MARK}\n.p {{ color: #102030 }}"})

    assert 'style="color:#102030"' in mail(rendered(issue("Text.\n"), theme)).html


def test_a_theme_may_be_all_of_a_projects_own(tmp_path: Path) -> None:
    """MJML, text and CSS are enough; nothing of Python is asked for."""
    folder = tmp_path / "plain"
    folder.mkdir()
    (folder / "email.mjml.j2").write_text(
        "<mjml><mj-head><mj-style>{{ style | safe }}</mj-style></mj-head><mj-body><mj-section>"
        "<mj-column><mj-text>{{ theme.greeting }}, {{ t.here }}: {{ blocks(digest.lead) }}"
        "</mj-text></mj-column></mj-section></mj-body></mjml>"
    )
    (folder / "email.txt.j2").write_text("{{ theme.greeting }}: {{ body }}")
    (folder / "style.css").write_text("/* inline */")
    (folder / "responsive.css").write_text("")
    (folder / "theme.toml").write_text('greeting = "Hi"\n[strings.en]\nhere = "read"\n')

    result = mail(rendered(issue("Text.\n"), load_theme("plain", [tmp_path])))

    assert "Hi, read: Text." in shown(visible(result.html))
    assert result.text == "Hi: Text.\n"


@pytest.mark.parametrize("name", ["digets", "", ".", "..", "../digest", "digest/", "/etc", "a\\b"])
def test_an_unknown_theme_is_a_mistake_of_use(name: str) -> None:
    """A name is a folder in `templates/`, never a way out of it."""
    with pytest.raises(UsageError) as caught:
        load_theme(name, [packaged_templates()])

    assert "digest" in caught.value.hint


@pytest.mark.parametrize(
    "settings",
    [
        b"not toml",
        b"a = 1\na = 2",
        "name = '中文'".encode("gbk"),
        b"strings = 1",
        b"[strings]\nen = 1",
        b"[strings.en]\nsummary = 1",
    ],
)
def test_settings_that_cannot_be_read_are_an_error_with_their_file(
    settings: bytes, tmp_path: Path
) -> None:
    own_theme(tmp_path, {})
    (tmp_path / "digest" / "theme.toml").write_bytes(settings)

    with pytest.raises(RenderError) as caught:
        load_theme("digest", [tmp_path, packaged_templates()])

    assert caught.value.where == str(tmp_path / "digest" / "theme.toml")
    assert caught.value.hint


@pytest.mark.parametrize("name", ["email.mjml.j2", "email.txt.j2", "style.css", "responsive.css"])
def test_a_theme_without_one_of_its_files_is_an_error(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    for other in {"email.mjml.j2", "email.txt.j2", "style.css", "responsive.css"} - {name}:
        (folder / other).write_text("<mjml><mj-body></mj-body></mjml>" if "mjml" in other else "x")

    with pytest.raises(RenderError, match=f"no file '{name}'") as caught:
        rendered(issue(), load_theme("plain", [tmp_path]))

    assert caught.value.where == f"templates/plain/{name}"
