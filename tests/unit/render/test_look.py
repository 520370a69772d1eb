"""How what an author wrote looks: rules, the levels of headings, tables."""

import itertools
import re
from typing import Any

import pytest

from tests.unit.render.rendering import delivered, issue, mail, rendered, visible


def lines(body: str) -> list[str]:
    """What parts an issue, in its order: the author's rules, and where the theme draws its own."""
    html = delivered(body).html
    found = re.findall(
        r"<hr|border-top:4px double|<div [^>]*border-top:1px solid[^>]*><h[3-6]", html
    )
    return ["rule" if line == "<hr" else "part" if "double" in line else "line" for line in found]


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("x\n\n---\n\ny\n", ["rule"]),
        ("x\n\n---\n\n***\n\n___\n\ny\n", ["rule"]),
        ("---\n\nx\n", ["rule"]),
        ("x\n\n---\n", []),
        ("x\n\n---\n\n## A\n\ny\n", ["part"]),
        ("## A\n\nx\n\n---\n\n***\n\n## B\n\ny\n", ["part", "part"]),
        ("## A\n\nx\n\n## B\n\ny\n\n---\n", ["part", "part"]),
        ("## A\n\n---\n\n### i\n\nx\n", ["part"]),
        ("## A\n\nx\n\n---\n\n### i\n\ny\n", ["part", "line"]),
        ("## A\n\nx\n\n### i\n\ny\n", ["part"]),
        ("## A\n\n### i\n\nx\n\n---\n\n### j\n\ny\n", ["part", "line"]),
        ("## A\n\n### i\n\nx\n\n### j\n\ny\n", ["part", "line"]),
        ("## A\n\n### i\n\nx\n\n---\n\ny\n\n### j\n\nz\n", ["part", "rule", "line"]),
        ("## A\n\n### B\n\n#### i\n\nx\n\n---\n\n### C\n\ny\n", ["part", "line"]),
        ("> x\n>\n> ---\n>\n> y\n", ["rule"]),
    ],
)
def test_there_is_one_line_where_two_would_meet(body: str, wanted: list[str]) -> None:
    """A rule of the author's adds none to that of a heading, and stays where there is no other."""
    assert lines(body) == wanted


def test_no_two_lines_meet_in_any_order_of_texts_headings_and_rules() -> None:
    text = "x\n\n"
    pieces = (text, "---\n\n", "## S\n\n", "### i\n\n")
    short = ["".join(order) for order in itertools.product(pieces, repeat=2)]
    long = ["".join(order) for order in itertools.product(pieces, repeat=4)]
    for body in (*short, text.join(long)):
        for rule in visible(delivered(text + body).html).iter("hr"):
            after = rule.getnext()
            assert after is not None, body
            assert after.tag != "hr", body
            assert not after.xpath("self::div/h3"), body


def test_the_text_part_has_one_line_too() -> None:
    text = delivered("x\n\n---\n\n## A\n\ny\n\n---\n\n---\n\nz\n\n---\n").text

    assert text.count("· · ·") == 1
    assert re.search(r"\nx\n\n━+\nA\n\ny\n\n· · ·\n\nz\n\n━+\n", text)


def looks(body: str) -> dict[str, tuple[str, str]]:
    """Each heading with its font and size."""
    found = {}
    for heading in visible(delivered(body).html).iter("h1", "h2", "h3", "h4", "h5", "h6"):
        style = heading.get("style")
        family = re.search(r"font-family:([^;]*)", style)
        size = re.search(r"font-size:([^;]*)", style)
        assert size
        found[heading.text_content()] = (family[1] if family else "", size[1])
    return found


def test_each_level_of_headings_has_its_own_look() -> None:
    found = looks("# Part\n\n## Chapter\n\n### Item\n\nx\n\n#### Below\n\ny\n")

    sizes = [int(size.removesuffix("px")) for _, size in found.values()]
    assert list(found) == ["T", "Part", "Chapter", "Item", "Below"]
    assert sizes == sorted(set(sizes), reverse=True)


def test_headings_of_one_level_look_alike() -> None:
    """A group of links among items is no chapter, nor an item that has a heading below it."""
    links = "- [a](https://a.example/)\n- [b](https://a.example/)\n- [c](https://a.example/)\n"
    found = looks(
        f"## A\n\n### Item\n\nx\n\n### Links\n\n{links}\n"
        "### [Linked](https://a.example/)\n\nx\n\n#### Below\n\ny\n"
    )

    assert found["Item"] == found["Links"] == found["Linked"]
    assert found["Below"] != found["Item"]


# --- tables ---------------------------------------------------------------------------------------

TABLE = "| a | b | c | d |\n|---|:--|:-:|--:|\n| 1 | 2 | 3 | 4 |\n| 5 | 6 |\n"


@pytest.mark.parametrize(("language", "start"), [("en", "left"), ("he", "right")])
def test_a_header_stands_above_its_column(language: str, start: str) -> None:
    """Outlook and a browser centre a header that says nothing."""
    html = mail(rendered(issue(TABLE, language=language))).html
    header, first, _ = visible(html).iterfind(".//div[@tabindex='0']//tr")

    assert [cell.get("align") for cell in header] == [start, "left", "center", "right"]
    assert [cell.get("align", start) for cell in first] == [start, "left", "center", "right"]
    assert "text-align" not in "".join(cell.get("style") for cell in header)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("2026-01-31", True),
        ("1.0.0-rc.1", True),
        ("2026年1月6日", True),
        ("well-made and cheap", False),
        ("plain", False),
        ("开源的自动驾驶平台", False),
    ],
)
def test_a_date_in_a_table_stays_on_its_line(text: str, kept: bool) -> None:
    assert (cell_of(text).get("nowrap") is not None) is kept


def cell_of(text: str) -> Any:
    """The first cell of a table of two."""
    html = delivered(f"| a | b |\n|---|---|\n| {text} | x |\n").html
    cell, _ = visible(html).iterfind(".//div[@tabindex='0']//td")
    return cell


@pytest.mark.parametrize(
    ("text", "is_long"),
    [
        ("2026年1月6日", False),
        ("A few words", False),
        ("开源的自动驾驶平台", True),
        ("word " * 5, True),
    ],
)
def test_prose_in_a_table_keeps_some_width(text: str, is_long: bool) -> None:
    """So that a wide table scrolls before its text becomes a column of single words."""
    assert ("long" in cell_of(text).get("class", "")) is is_long


def test_a_table_ends_where_its_last_column_ends() -> None:
    """Its figures stand below each other and above the end of the line."""
    html = delivered("| a | b |\n|---|--:|\n| x | 1 |\n").html

    for row in visible(html).iterfind(".//div[@tabindex='0']//tr"):
        first, last = row
        assert "padding-right:12px" in first.get("style")
        assert "padding-right:0;" in f"{last.get('style')};"


def test_a_table_that_is_too_wide_is_scrolled_with_the_keyboard_too() -> None:
    (box,) = visible(delivered(TABLE).html).iterfind(".//div[@tabindex='0']")

    assert "overflow-x:auto" in box.get("style")
    assert "overflow-wrap:normal" in box.get("style")


# --- where lines break ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "whole"),
    [("--emit", True), ("std::fmt::Default", True), ("pip install x", False), ("x" * 25, False)],
)
def test_a_short_piece_of_code_is_not_broken(code: str, whole: bool) -> None:
    """A browser would part `--emit` behind its hyphens."""
    (found,) = visible(delivered(f"See `{code}`.\n").html).iter("code")

    assert ("white-space:nowrap" in found.get("style")) is whole


@pytest.mark.parametrize(
    ("title", "language", "kept"),
    [
        ("物理AI爆发，人形机器人量产元年开启", "zh-CN", True),
        ("开源：“少一个选项”为什么更难？", "zh-CN", True),
        ("大模型能力演进与Agent开发框架成熟度报告", "zh-CN", False),
        ("重磅，某某公司发布全新一代人工智能芯片产品", "zh-CN", False),
        ("Plain words, and some more", "en", False),
    ],
)
def test_a_chinese_heading_breaks_at_its_punctuation_where_all_its_phrases_fit(
    title: str, language: str, kept: bool
) -> None:
    html = mail(
        rendered(issue(f"## {title}\n\n### {title}\n\nx\n", title=title, language=language))
    ).html

    headings = [h for h in visible(html).iter("h1", "h2", "h3") if h.text_content() == title]
    assert len(headings) == 3
    assert {"phrases" in h.get("class", "") for h in headings} == {kept}
    assert (".phrases{word-break:keep-all}" in html) is (language == "zh-CN")


@pytest.mark.parametrize(
    ("language", "style"),
    [("en", ""), ("zh-TW", "font-style:normal"), ("ja", "font-style:normal"), ("ar", "bold")],
)
def test_emphasis_slants_no_letters_that_have_no_slant(language: str, style: str) -> None:
    (emphasis,) = visible(mail(rendered(issue("*a*\n", language=language))).html).iter("em")

    assert style in emphasis.get("style", "")
    assert bool(emphasis.get("style")) is bool(style)


# --- lists and rules ------------------------------------------------------------------------------


def test_paragraphs_of_one_point_stand_apart() -> None:
    html = delivered("- one\n\n  two\n\n- short\n\n- above\n  - below\n").html
    point, short, nested, _ = visible(html).iter("li")

    assert [p.text for p in point.iterchildren("p")] == ["one", "two"]
    assert {p.get("style") for p in point.iterchildren("p")} == {"margin:0 0 14px"}
    assert short.text == "short"
    assert nested.text == "above"


def test_a_rule_has_as_much_room_above_as_below() -> None:
    (rule,) = visible(delivered("x\n\n---\n\ny\n").html).iter("hr")

    assert re.search(r"margin:(\d+)px 0(?:;|$)", rule.get("style"))


# --- pictures -------------------------------------------------------------------------------------


def test_a_picture_in_a_row_fills_a_wider_place_only_where_it_is_wide_enough() -> None:
    """Of three side by side, which stand two and two on a phone."""
    sized = '<img src="https://a.example/{0}.png" alt="{0}" width="{1}" height="90">'
    row = " ".join(sized.format(name, width) for name, width in (("a", 400), ("b", 184), ("c", 60)))

    pictures = visible(delivered(f"{row} ![d](https://a.example/d.png)\n").html).iter("img")

    assert {p.get("alt"): "fill" in p.get("class", "").split() for p in pictures} == {
        "a": True,
        "b": True,
        "c": False,
        "d": False,
    }


def test_what_shines_through_a_picture_is_as_light_as_its_author_saw_it() -> None:
    """In dark mode too: a chart is drawn in ink, and a code to scan wants its white."""
    html = delivered("![a](https://a.example/a.png)\n").html
    (picture,) = visible(html).iter("img")

    assert "background-color:#fff;" in picture.get("style")
    dark = html[html.index("prefers-color-scheme") : html.index("</head>")]
    assert not re.search(r"\.image\b[^{}]*\{[^}]*(?:background|color)", dark)
