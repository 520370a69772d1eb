"""The colours of text on their grounds, as mail programs get them."""

from pathlib import Path

import pytest

from newsletter.lint.colours import low_contrast
from newsletter.lint.page import page_of
from newsletter.lint.styles import colour, painted, rules
from newsletter.model.finding import Finding
from tests.unit.render.rendering import issue, own_theme, rendered


def look_of(html: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """Ink and ground of the one text, each by day and by night."""
    (words,) = page_of(f"<html><body>{html}</body></html>").words
    return words.look.ink, words.look.ground


BOTH = ("#111111", "#111111")
NIGHT = "@media (prefers-color-scheme: dark)"


@pytest.mark.parametrize(
    ("html", "ink"),
    [
        ("<p style='color:#111'>a", BOTH),
        ("<div style='color:#111111'><p>a", BOTH),
        ("<font color='#111111'>a", BOTH),
        ("<style>p{color:#111}</style><p>a", BOTH),
        ("<style>p{color:#222}.b{color:#111}p{color:#333}</style><p class='b'>a", BOTH),
        ("<style>p{color:#222}</style><p style='color:#111'>a", BOTH),
        ("<style>p{color:#111!important}</style><p style='color:#222'>a", BOTH),
        (f"<style>{NIGHT}{{p{{color:#999!important}}}}</style><p style='color:#111'>a", None),
        (
            f"<style>{NIGHT}{{div p{{color:#999!important}}}}</style><div><p style='color:#111'>a",
            None,
        ),
        (
            "<style>@media (max-width:9px){p{color:#999!important}}</style><p style='color:#111'>a",
            BOTH,
        ),
        ("<style>[data-ogsc] p{color:#999!important}</style><p style='color:#111'>a", BOTH),
        ("<style>b p{color:#999}</style><p style='color:rgb(17 17 17 / 100%)'>a", BOTH),
    ],
)
def test_the_ink_of_a_text_is_what_the_cascade_says(html: str, ink: tuple[str, str] | None) -> None:
    assert look_of(html)[0] == (ink or ("#111111", "#999999"))


@pytest.mark.parametrize(
    ("html", "ground"),
    [
        ("<td bgcolor='#eeeeee'>a", "#eeeeee"),
        ("<div style='background:#eee'><p>a", "#eeeeee"),
        ("<div style='background:url(a.png) no-repeat #eee'><p>a", "#eeeeee"),
        (
            "<div style='background-color:#000'><p style='background:rgba(255,255,255,.5)'>a",
            "#808080",
        ),
        ("<div style='background-color:#000;background:#eee'>a", "#eeeeee"),
        ("<div style='background:linear-gradient(90deg, #000 4%, transparent)'>a", "#ffffff"),
        ("<div style='background-color:transparent'>a", "#ffffff"),
    ],
)
def test_the_ground_of_a_text_is_what_is_painted_below_it(html: str, ground: str) -> None:
    assert look_of(f"<table><tr>{html}" if "<td" in html else html)[1][0] == ground


def test_text_that_nobody_sees_does_not_count() -> None:
    hidden = ("display:none", "visibility:hidden")

    for style in hidden:
        assert page_of(f"<body><p style='{style}'>a</p></body>").words == ()
    assert page_of("<body><p aria-hidden='true'>a</p><title>b</title></body>").words == ()


def found(html: str, css: str = "", folder: Path | None = None) -> list[Finding]:
    from dataclasses import replace

    digest = issue("Looms came to the valley.\n")
    email = rendered(digest)
    return list(low_contrast(digest, replace(email, html=(f"<style>{css}</style>{html}",))))


@pytest.mark.parametrize(
    ("style", "is_faint"),
    [
        ("color:#777777", True),  # 4.48
        ("color:#767676", False),  # 4.54
        ("color:#949494;font-size:24px", False),  # 3.03
        ("color:#949494;font-size:18px;font-weight:bold", True),
        ("color:#949494;font-size:14pt;font-weight:bold", False),
        ("color:#979797;font-size:24px", True),
    ],
)
def test_small_text_needs_more_contrast_than_large_text(style: str, is_faint: bool) -> None:
    assert bool(found(f"<p style='{style}'>Looms")) is is_faint


def test_a_faint_text_is_told_with_its_line_its_mode_and_its_colours() -> None:
    (finding,) = found(
        "<p style='color:#111111;background:#ffffff'>Looms came",
        f"{NIGHT}{{p{{background:#222222!important}}}}",
    )

    assert finding.position.line == 5
    assert "'Looms came' is #111111 on #222222 in dark mode" in finding.message


def test_one_pair_of_colours_is_told_once() -> None:
    assert len(found("<p style='color:#999'>a</p><p style='color:#999'>b</p>")) == 1


@pytest.mark.parametrize(
    ("sheet", "mode"),
    [
        ("/* inline */\n.p { color: #c8c8c8 }\n", "light"),
        (
            f"{NIGHT} {{ .sheet, .sheet > table {{ background: #777777 !important }} }}",
            "dark",
        ),
    ],
)
def test_a_faint_colour_of_a_style_sheet_of_the_project_is_found(
    tmp_path: Path, sheet: str, mode: str
) -> None:
    """Beside those of theme.toml, which are refused when the theme is read."""
    name = "style.css" if mode == "light" else "responsive.css"
    digest = issue("Looms came to the valley.\n")

    findings = list(low_contrast(digest, rendered(digest, own_theme(tmp_path, {name: sheet}))))

    assert any(f"in {mode} mode" in finding.message for finding in findings)


@pytest.mark.parametrize(
    ("written", "is_read"),
    [
        ("#ABC", "#aabbcc"),
        ("White", "#ffffff"),
        ("rgb(255, 0, 0)", "#ff0000"),
        ("rgba(255,0,0,.5)", "#ff000080"),
        ("rgb(0 0 0 / 50%)", "#00000080"),
        ("hsl(0, 100%, 50%)", "#ff0000"),
        ("transparent", "#00000000"),
        ("inherit", None),
        ("var(--x)", None),
        ("", None),
    ],
)
def test_colours_are_read_in_every_form(written: str, is_read: str | None) -> None:
    assert colour(written) == is_read


def test_what_shines_through_is_mixed_with_its_ground() -> None:
    assert painted("#00000080", "#ffffff") == "#7f7f7f"


def test_a_sheet_is_read_with_its_conditions_and_strings() -> None:
    sheet = '@charset "x"; a{b:"c;d:e"} @media x{@supports (y){f,g{h:i!important}}} j{k:url(l;m)}'

    (first, second, third) = rules(sheet)

    assert [tuple(each) for each in first.declarations] == [("b", '"c;d:e"', False)]
    assert second.conditions == ("@media x", "@supports (y)")
    assert second.selectors == ("f", "g")
    assert second.declarations[0].important
    assert third.declarations[0].value == "url(l;m)"
