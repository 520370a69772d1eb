"""What mail programs of readers lack, as the difference to what a theme does without."""

from dataclasses import replace
from pathlib import Path

import pytest

from newsletter.desk.clients import BASELINE, baseline_of, theme_features, unsupported_features
from newsletter.errors import ConfigurationError, RenderError
from newsletter.lint.clients.features import features, picture_feature
from newsletter.lint.clients.programs import programs
from newsletter.model.finding import Finding
from newsletter.project import Project
from newsletter.render import Theme, load_theme, packaged_templates
from tests.browser.samples import SAMPLES, THEMES, html_of
from tests.unit.render.rendering import default_theme, issue, own_theme, rendered

ROOT = Path(__file__).parents[3]
KNOWN = programs()
WITH_BASELINE = [name for name in THEMES if (packaged_templates() / name / BASELINE).exists()]


def project(*clients: str) -> Project:
    opened = Project.open(ROOT)
    lint = replace(opened.settings.lint, clients=clients or opened.settings.lint.clients)
    return replace(opened, settings=replace(opened.settings, lint=lint))


def found(body: str, *clients: str, theme: Theme | None = None) -> list[Finding]:
    theme = theme or default_theme()
    digest = issue(body)
    email = rendered(digest, theme)
    return list(unsupported_features(digest, email, theme, project(*clients)))


@pytest.mark.pressure
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("sample", SAMPLES)
def test_a_theme_uses_no_more_than_its_baseline_says(sample: str, theme: str) -> None:
    """Else a change of it brought what some mail program lacks: see what becomes of it there, and
    renew the baseline by `python -m tests.vendored theme THEME`."""
    baseline = baseline_of(load_theme(theme, [packaged_templates()]))

    uses = theme_features(html_of(sample, theme))

    assert {name: piece for name, piece in uses.items() if name not in baseline} == {}


@pytest.mark.parametrize("theme", WITH_BASELINE)
def test_a_baseline_lists_nothing_that_its_theme_does_not_use(theme: str) -> None:
    uses = {name for sample in SAMPLES for name in theme_features(html_of(sample, theme))}

    assert baseline_of(load_theme(theme, [packaged_templates()])) - uses == set()


def test_a_picture_that_a_mail_program_does_not_show_is_told_at_its_line() -> None:
    body = "Text.\n\n![A](https://e.example/a.png)\n\n![B](https://e.example/b.webp?w=1)\n"

    (finding,) = found(body)

    assert finding.rule == "unsupported-by-clients"
    assert finding.position.line == 9
    assert finding.message == (
        "'https://e.example/b.webp?w=1': Outlook (Windows) does not support webP image format"
    )
    assert found(body, "gmail", "apple-mail/ios") == []


def test_a_link_that_a_mail_program_does_not_follow_is_told_where_readers_have_it() -> None:
    body = "[us](mailto:a@b.example)\n"

    assert found(body) == []
    assert [f.position.line for f in found(body, "orange")] == [5]


def test_what_a_style_sheet_of_the_project_brings_is_told_at_its_line(tmp_path: Path) -> None:
    source = (packaged_templates() / "digest" / "responsive.css").read_text("utf-8")
    line = len(source.splitlines()) + 1
    theme = own_theme(tmp_path, {"responsive.css": source + ".p { text-shadow: 0 1px #000000 }\n"})

    (finding,) = found("Text.\n", theme=theme)

    assert str(finding.position) == f"templates/digest/responsive.css:{line}"
    assert "'text-shadow: 0 1px #000000': Gmail (Android), " in finding.message
    assert 'add "css-text-shadow" to templates/digest/clients.toml' in finding.fix


def test_a_baseline_of_the_project_takes_the_place_of_that_of_the_theme(tmp_path: Path) -> None:
    names = sorted({*baseline_of(default_theme()), "css-text-shadow"})
    sheet = (packaged_templates() / "digest" / "responsive.css").read_text("utf-8")
    files = {
        "responsive.css": sheet + ".p { text-shadow: 0 1px #000000 }\n",
        "clients.toml": f"uses = {names}".replace("'", '"'),
    }

    assert found("Text.\n", theme=own_theme(tmp_path, files)) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("uses = [", "is not TOML"),
        ('uses = ["css-opacitty"]', "caniemail.com knows no feature 'css-opacitty'"),
        ('uses = "css-shadow"', "caniemail.com knows no feature 'css-shadow'"),
        ("uses = [3]", "caniemail.com knows no feature 3"),
    ],
)
def test_a_baseline_that_cannot_be_read_is_refused(
    tmp_path: Path, content: str, message: str
) -> None:
    theme = own_theme(tmp_path, {"clients.toml": content})

    with pytest.raises(RenderError, match=message) as caught:
        baseline_of(theme)

    assert str(caught.value.where).endswith("clients.toml")


def test_an_unknown_mail_program_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigurationError) as caught:
        found("Text.\n", "gmial")

    assert "there is no mail program 'gmial'" in str(caught.value)
    assert "gmail" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("html", "feature"),
    [
        ("<style>@media (prefers-color-scheme:dark){p{color:red}}</style>", "prefers-color-scheme"),
        ("<style>a:hover{color:red}</style>", "css-pseudo-class-hover"),
        ("<style>p::before{color:red}</style>", "css-pseudo-element-before"),
        ("<style>h1 + p{color:red}</style>", "css-selector-adjacent-sibling"),
        ("<style>@font-face{font-family:x}</style>", "css-at-font-face"),
        ('<p style="display:flex">', "css-display-flex"),
        ('<p style="width:calc(100% - 2px)">', "css-unit-calc"),
        ('<p style="color:var(--ink)">', "css-variables"),
        ('<p style="margin-inline-start:2rem">', "css-margin-inline-start-end"),
        ('<p style="margin-inline-start:2rem">', "css-unit-rem"),
        ('<p style="color:oklch(1 0 0)">', "css-modern-color"),
        ("<video>", "html-video"),
        ("<section>", "html-semantics"),
        ('<img srcset="a.png 2x">', "html-srcset"),
        ('<a href="#x">', "html-anchor-links"),
        ('<img src="data:image/png;base64,x">', "image-base64"),
        ('<input type="checkbox">', "html-input-checkbox"),
        ("<svg>", "html-svg"),
    ],
)
def test_a_feature_is_seen(html: str, feature: str) -> None:
    assert any(name.endswith(feature) for name in features(html, KNOWN.support))


def test_what_is_text_a_comment_or_a_string_is_no_feature() -> None:
    html = """<!--[if mso]><svg><![endif]--><p style="font-family:'2rem var(x)'">display:flex"""

    assert set(features(html, KNOWN.support)) == {"html-p"}


def test_a_picture_has_the_format_that_its_address_names() -> None:
    assert picture_feature("https://e.example/a.WEBP?x=.png#y") == "image-webp"
    assert picture_feature("https://e.example/a") is None
    assert picture_feature("https://webp.example") is None


def test_the_programs_of_a_family_are_all_of_it() -> None:
    assert len(KNOWN.of(["gmail"])) == 4
    assert KNOWN.of(["gmail/ios", "apple-mail/macos"]) == ("apple-mail/macos", "gmail/ios")
    assert all(len(letters) == len(KNOWN.names) for _, letters in KNOWN.support.values())
