"""How what an author wrote looks: rules, the levels of headings, tables."""

import itertools
import re

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
    pieces = ("x\n\n", "---\n\n", "## S\n\n", "### i\n\n")
    for order in itertools.product(pieces, repeat=4):
        body = visible(delivered("x\n\n" + "".join(order)).html)
        for rule in body.iter("hr"):
            after = rule.getnext()
            assert after is not None, order
            assert after.tag != "hr", order
            assert not after.xpath("self::div/h3"), order


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
    [("2026-01-31", True), ("1.0.0-rc.1", True), ("well-made and cheap", False), ("plain", False)],
)
def test_a_date_in_a_table_stays_on_its_line(text: str, kept: bool) -> None:
    (cell,) = visible(delivered(f"| a |\n|---|\n| {text} |\n").html).iterfind(".//td[@class='td']")

    assert (cell.get("nowrap") is not None) is kept


def test_a_table_that_is_too_wide_is_scrolled_with_the_keyboard_too() -> None:
    (box,) = visible(delivered(TABLE).html).iterfind(".//div[@tabindex='0']")

    assert "overflow-x:auto" in box.get("style")
    assert "overflow-wrap:normal" in box.get("style")
