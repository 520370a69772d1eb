"""Finding a theme: a project's own files in front of the packaged ones."""

import re
from pathlib import Path

import pytest

from newsletter.errors import RenderError, UsageError
from newsletter.languages import words
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
    assert theme.strings("en")["preferences"] == words("en", "mail")["preferences"]


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("zh-Hant-HK", "HK"),
        ("zh-Hant", "Hant"),
        ("zh-TW", "zh"),
        ("zh", "zh"),
        ("fr", "Se désabonner"),
    ],
)
def test_the_nearest_words_of_a_theme_win(tmp_path: Path, language: str, expected: str) -> None:
    tables = {"en": "E", "zh": "zh", "zh-hant": "Hant", "zh-Hant-HK": "HK"}
    own = "".join(f'[strings.{tag}]\nunsubscribe = "{word}"\n' for tag, word in tables.items())

    theme = own_theme(tmp_path, {"theme.toml": own})

    assert theme.strings(language)["unsubscribe"] == expected


def test_english_words_of_a_theme_stand_where_a_language_has_none(tmp_path: Path) -> None:
    """A word of the theme's own, and any word of a language that newsletter does not know."""
    own = '[strings.en]\nunsubscribe = "Leave"\nmotto = "Onwards"\n'

    theme = own_theme(tmp_path, {"theme.toml": own})

    assert [theme.strings(tag)["motto"] for tag in ("de", "sv")] == ["Onwards", "Onwards"]
    assert [theme.strings(tag)["unsubscribe"] for tag in ("de", "sv")] == ["Abmelden", "Leave"]
    assert theme.only_english("de") == {"motto"}
    assert theme.only_english("sv") >= {"motto", "unsubscribe", "joined"}
    assert theme.only_english("en-GB") == set()


def test_parts_of_sentences_in_an_older_theme_are_in_the_mail(tmp_path: Path) -> None:
    own = '[strings.en]\nminutes = "minutes to read"\nwhy = "You asked for"\n'

    result = mail(rendered(issue(), own_theme(tmp_path, {"theme.toml": own})))

    for part in (shown(visible(result.html)).replace("\u00a0", " "), result.text):
        assert "1 minutes to read" in part
        assert "You asked for readers." in part


@pytest.mark.parametrize("language", ["en", "de", "ja", "ar"])
def test_a_template_of_an_older_theme_finds_its_words(tmp_path: Path, language: str) -> None:
    """It puts the number and the list beside them itself."""
    why = "{{ t.why }} {{ merge('list_name', t.this_list) }}."
    old = f"{{{{ minutes }}}} {{{{ t.minutes }}}} {why}\n{{{{ body }}}}"
    theme = own_theme(tmp_path, {"email.txt.j2": old})

    text = mail(rendered(issue(language=language), theme)).text

    known = words(language, "mail")
    assert text.startswith(f"1 {known['minutes']} {known['why']} readers.\n")


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

    assert caught.value.where.removesuffix(":1").removesuffix(":2") == str(
        tmp_path / "digest" / "theme.toml"
    )
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


# --- themes that extend others --------------------------------------------------------------------


def extending(folder: Path, **themes: str) -> list[Path]:
    """Folders to search for themes, with these `theme.toml`."""
    for name, settings in themes.items():
        (folder / name).mkdir()
        (folder / name / "theme.toml").write_text(settings, "utf-8")
    return [folder, packaged_templates()]


def test_a_theme_has_the_files_and_settings_of_what_it_extends(tmp_path: Path) -> None:
    """Of a theme that extends a third one, too; its own come first."""
    search = extending(
        tmp_path,
        evening='extends = "night"\ncolumn = 500\n',
        night='extends = "digest"\ncolumn = 400\n[colours]\nink = "#102030"\nmoon = "#ffffcc"\n',
    )
    (tmp_path / "night" / "style.css").write_text(
        "{% include 'digest/style.css' %}\n.h1 { color: {{ theme.colours.moon }} }", "utf-8"
    )

    theme = load_theme("evening", search)
    html = mail(rendered(issue(), theme)).html

    assert theme.column == 500
    assert [name for name, _ in theme.bases] == ["night", "digest"]
    assert re.search(r"<h1 [^>]*color:#ffc", html)
    assert "#102030" in html
    assert ".sheet" in html


@pytest.mark.parametrize(
    ("settings", "message", "hint"),
    [
        ('extends = "digst"\n', "extends 'digst', which is no theme", "'digest'"),
        ('extends = "evening"\n', "extends itself", "digest"),
        ("extends = 3\n", "extends '3', which is no theme", "digest"),
        ('extends = "../digest"\n', "which is no theme", "'digest'"),
    ],
)
def test_a_theme_that_extends_none_is_an_error_with_its_line(
    tmp_path: Path, settings: str, message: str, hint: str
) -> None:
    with pytest.raises(RenderError, match=message) as caught:
        load_theme("evening", extending(tmp_path, evening=f"# Evening\n{settings}"))

    assert str(caught.value.where).endswith("evening/theme.toml:2")
    assert hint in str(caught.value.hint)


def test_a_fault_in_a_file_of_the_extended_theme_is_named_there(tmp_path: Path) -> None:
    search = extending(tmp_path, evening='extends = "night"\n', night='extends = "digest"\n')
    (tmp_path / "night" / "email.txt.j2").write_text("one\n{{ nothing }}\n", "utf-8")

    with pytest.raises(RenderError) as caught:
        rendered(issue(), load_theme("evening", search))

    assert caught.value.where == "templates/night/email.txt.j2:2"


@pytest.mark.parametrize("key", ["name", "description"])
def test_what_a_theme_says_of_itself_is_text(tmp_path: Path, key: str) -> None:
    with pytest.raises(RenderError, match=f"{key} is not a text") as caught:
        load_theme("evening", extending(tmp_path, evening=f"{key} = 3\n"))

    assert str(caught.value.where).endswith("theme.toml:1")
