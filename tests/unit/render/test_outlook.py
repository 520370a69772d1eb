"""Every theme, in every sample, obeys what Outlook for Windows asks; and each rule can fail."""

import re
from pathlib import Path

import pytest

from newsletter.errors import RenderError
from newsletter.render import load_theme
from tests.browser.samples import LOOKS, html_of
from tests.unit.render import outlook
from tests.unit.render.outlook import RULES, Rule
from tests.unit.render.rendering import delivered, issue, mail, own_theme, rendered, visible
from tests.unit.test_extending import install

PICTURE = "https://a.example/i.png"

each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)


@pytest.mark.parametrize(("name", "theme"), LOOKS)
@each_rule
def test_a_sample_obeys_outlook(rule: Rule, name: str, theme: str) -> None:
    assert list(rule(html_of(name, theme))) == []


@each_rule
def test_the_theme_of_the_page_on_themes_obeys_outlook(rule: Rule, tmp_path: Path) -> None:
    """Who copies it begins with a mail that Outlook shows."""
    install(tmp_path, "templates/plain/")
    body = f"![a]({PICTURE})\n\n> quote\n\n- ![b]({PICTURE})\n\n```\ncode\n```\n"

    result = mail(rendered(issue(body), load_theme("plain", [tmp_path / "templates"])))

    assert list(rule(result.html)) == []


# A piece of the HTML -> what breaks the rule, once it stands in its place.
BREAKS = (
    (outlook.picture_has_its_width_in_pixels, r' width="568"', ' width="100%"'),
    (outlook.picture_has_its_width_in_pixels, r' width="568"', ""),
    (outlook.picture_has_its_width_in_pixels, r'(<img [^>]*style=")', r"\1width:100%;"),
    (outlook.picture_has_a_height_that_is_pixels, r' height="\d\d+"', ' height="auto"'),
    (outlook.picture_fits_its_column, r' width="568"', ' width="569"'),
    (outlook.picture_fits_its_column, r'cover.png" width="640"', 'cover.png" width="641"'),
    (outlook.padding_is_in_cells_alone, '<p style="', '<p style="padding:0 0 1px;'),
    (outlook.padding_is_in_cells_alone, r'(<a [^>]*style=")', r"\1padding-left:4px;"),
    (outlook.padding_is_in_cells_alone, r'(<ul style=".*?)padding:0', r"\1padding:0 0 0 22px"),
    (outlook.box_is_a_cell, '<p style="', '<p style="background-color:#eeeeee;'),
    (outlook.button_is_a_cell, "mso-padding-alt:6px 22px", ""),
    (outlook.button_is_a_cell, ' bgcolor="#a8321f"', ""),
    (outlook.what_is_hidden_is_hidden_from_outlook, "mso-hide:all;", ""),
    (outlook.what_is_hidden_is_not_painted_over, "mso-hide:all;", "mso-hide:all;color:#fff;"),
    (outlook.preheader_fills_the_inbox, "\u2007\u034f", ""),
    (outlook.layout_is_no_table_of_data, ' role="presentation" width="100%"', ""),
    (outlook.nothing_hangs_on_what_word_does_not_know, '<p style="', '<p style="float:left;'),
    (
        outlook.nothing_hangs_on_what_word_does_not_know,
        '<p style="',
        '<p style="display:inline-block;',
    ),
    (outlook.lines_are_as_high_as_they_say, "mso-line-height-rule:exactly}", "}"),
)
SMALL = f"""\
![a]({PICTURE})

<img src="{PICTURE}" alt="a" width="48" height="32">

- one

---

<div class="card"><h3>T</h3><p>x</p><a href="https://a.example/">Go</a></div>
"""


@pytest.mark.parametrize(("rule", "piece", "broken"), BREAKS)
def test_each_rule_fails_where_it_is_broken(rule: Rule, piece: str, broken: str) -> None:
    html = delivered(SMALL, preheader="Short.", coverImage="https://a.example/cover.png").html

    assert list(rule(html)) == []
    assert list(rule(re.sub(piece, broken, html)))


def test_every_rule_is_seen_to_fail() -> None:
    assert {rule for rule, _, _ in BREAKS} == set(RULES)


# --- pictures -------------------------------------------------------------------------------------


def pictures(body: str) -> list[tuple[str | None, str | None]]:
    """The width and height of each picture of an issue."""
    found = visible(delivered(body).html).iter("img")
    return [(picture.get("width"), picture.get("height")) for picture in found]


def test_a_picture_alone_has_the_width_of_the_column() -> None:
    assert pictures(f"![a]({PICTURE})\n") == [("568", None)]


def test_a_picture_never_grows_beyond_the_size_its_author_gives() -> None:
    assert pictures(f'<img src="{PICTURE}" alt="a" width="48" height="32">\n') == [("48", "32")]


def test_a_wide_picture_shrinks_with_its_height() -> None:
    html = f'<img src="{PICTURE}" alt="a" width="1136" height="401">\n'

    assert pictures(html) == [("568", "200")]


def test_a_small_picture_of_unknown_size_is_not_blown_up_where_styles_are_read() -> None:
    (picture,) = visible(delivered(f"![a]({PICTURE})\n").html).iter("img")

    assert "width:auto" in picture.get("style")


def test_a_picture_of_known_size_is_as_wide_as_it_says() -> None:
    (picture,) = visible(delivered(f'<img src="{PICTURE}" alt="a" width="320">\n').html).iter("img")

    assert "width:auto" not in picture.get("style")


@pytest.mark.parametrize(
    "body",
    [
        "- {}\n",
        "- x\n  - {}\n",
        "> {}\n",
        "> > {}\n",
        "**Impact:** {}\n",
        "| a | b |\n|---|---|\n| {} | b |\n",
        "> | a | b |\n> |---|---|\n> | {} | b |\n",
        "1. [a](https://a.example/) {}\n2. [b](https://a.example/)\n3. [c](https://a.example/)\n",
        "x[^1]\n\n[^1]: {}\n",
    ],
)
def test_a_wide_picture_fits_wherever_it_stands(body: str) -> None:
    html = f'<img src="{PICTURE}" alt="a" width="2400" height="1200">'

    result = delivered("## S\n\n### I\n\n" + body.format(html)).html

    assert len(list(visible(result).iter("img"))) == 1
    assert list(outlook.picture_fits_its_column(result)) == []


def test_a_theme_says_how_wide_its_column_is(tmp_path: Path) -> None:
    theme = own_theme(tmp_path, {"theme.toml": "column = 400\n"})

    html = mail(rendered(issue(f"![a]({PICTURE})\n"), theme)).html

    assert [p.get("width") for p in visible(html).iter("img")] == ["400"]


@pytest.mark.parametrize("column", ["0", '"568"', "true", "568.5"])
def test_a_column_that_is_no_width_is_an_error(column: str, tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="column"):
        own_theme(tmp_path, {"theme.toml": f"column = {column}\n"})
