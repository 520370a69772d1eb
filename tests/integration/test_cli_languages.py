"""The language of an issue: named or inferred, with words or without, and what is said of it."""

import json
from pathlib import Path

import lxml.html
import pytest

from tests.integration.commandline import Call, write_issue

ARABIC = "كل أسبوع نجمع لكم أهم الأخبار عن الأدوات المفتوحة وما تعلمناه منها.\n"
BULGARIAN = "Всяка седмица събираме за вас важните новини за отворените инструменти.\n"
RULES = ("language-inferred", "language-mismatch", "words-missing")


def write(project: Path, body: str, **front: str) -> None:
    write_issue(project, "2026-01-08-a.md", **front)
    path = project / "issues" / "2026-01-08-a.md"
    head = path.read_text("utf-8").split("---\n")[1]
    path.write_text(f"---\n{head}---\n{body}", "utf-8")


def said(call: Call) -> list[tuple[str, str, str]]:
    """(rule, severity, message) of what lint says of the issue's language."""
    found = [json.loads(line) for line in call("lint", "2026-01-08-a", "--json").out.splitlines()]
    return [(f["rule"], f["severity"], f["message"]) for f in found if f["rule"] in RULES]


def mail(call: Call, project: Path) -> tuple[lxml.html.HtmlElement, str]:
    assert call("render", "2026-01-08-a", "--out", "out").code == 0
    [html] = (project / "out").rglob("email.html")
    return lxml.html.fromstring(html.read_bytes()), html.with_suffix(".txt").read_text("utf-8")


def test_an_issue_in_a_plain_script_is_set_in_its_language_and_that_is_told(
    call: Call, project: Path
) -> None:
    write(project, ARABIC, title="نشرة الأسبوع")

    html, text = mail(call, project)

    assert (html.get("lang"), html.get("dir")) == ("ar", "rtl")
    assert "إلغاء الاشتراك" in text
    assert said(call) == [
        (
            "language-inferred",
            "warning",
            "the text is in Arabic script and names no language: it is set as ar, not as en",
        )
    ]


def test_a_language_that_is_named_is_never_replaced_but_a_wrong_one_is_told(
    call: Call, project: Path
) -> None:
    write(project, ARABIC, language="fr")

    html, text = mail(call, project)

    assert (html.get("lang"), html.get("dir")) == ("fr", "ltr")
    assert "Se désabonner" in text
    assert [rule for rule, _, _ in said(call)] == ["language-mismatch"]


def test_letters_that_tell_no_language_leave_the_newsletters_and_are_told(
    call: Call, project: Path
) -> None:
    write(project, BULGARIAN)

    assert mail(call, project)[0].get("lang") == "en"
    assert said(call) == [
        ("language-mismatch", "warning", "the text is in Cyrillic script, its language is en")
    ]


@pytest.mark.parametrize("language", ["ar", "AR-eg"])
def test_nothing_is_said_of_an_issue_that_names_its_language(
    call: Call, project: Path, language: str
) -> None:
    write(project, ARABIC, language=language)

    assert said(call) == []


@pytest.mark.parametrize(
    "language", ["fr", "zh-Hant-HK", "pt-BR", "de-AT", "iw", "EN-us", "uk", "tr", "pl"]
)
def test_a_language_with_words_is_no_finding(call: Call, project: Path, language: str) -> None:
    write(project, "Text.\n", language=language)

    assert said(call) == []


def test_a_language_without_words_is_told_with_those_that_are_english(
    call: Call, project: Path
) -> None:
    write(project, "Text.\n", language="sv")

    assert "Unsubscribe" in mail(call, project)[1]
    [(rule, severity, message)] = said(call)
    assert (rule, severity) == ("words-missing", "warning")
    assert message.startswith("the theme digest has no words in sv for browser, ")


def test_a_theme_with_all_words_that_it_uses_is_no_finding(call: Call, project: Path) -> None:
    write(project, "Text.\n", language="sv", theme="own")
    theme = project / "templates" / "own"
    theme.mkdir(parents=True)
    (theme / "email.mjml.j2").write_text(
        "<mjml><mj-body><mj-section><mj-column><mj-text>{% include 'foot.j2' %}</mj-text>"
        "</mj-column></mj-section></mj-body></mjml>"
    )
    (theme / "foot.j2").write_text("{{ t.leave }} {{ t.go }} {{ merge('unsubscribe_url') }}")
    (theme / "email.txt.j2").write_text("{{ body }} {{ merge('unsubscribe_url') }}")
    (theme / "style.css").write_text("")
    (theme / "responsive.css").write_text("")
    words = '[strings.en]\nleave = "Leave"\ngo = "Go"\n[strings.sv]\nleave = "Avsluta"\n'
    (theme / "theme.toml").write_text(words)

    [(_, _, message)] = said(call)
    assert message == "the theme own has no words in sv for go: they are English"

    (theme / "theme.toml").write_text(f'{words}go = "Gå"\n')
    assert said(call) == []


def test_the_archive_of_a_language_without_words_says_that_its_pages_are_english(
    call: Call, project: Path
) -> None:
    settings = project / "newsletter.toml"
    english = settings.read_text("utf-8")
    settings.write_text(english.replace('language = "en"', 'language = "sv"'), "utf-8")

    assert "no words for sv" in call("archive", "build", "site").err
    assert 'lang="en"' in (project / "site/archive/index.html").read_text("utf-8")

    (project / "templates" / "texts").mkdir(parents=True, exist_ok=True)
    (project / "templates/texts/sv.toml").write_text('archive_title = "Alla nummer"\n', "utf-8")
    assert call("archive", "build", "other").err == ""
