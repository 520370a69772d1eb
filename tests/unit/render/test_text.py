"""The text part: what a reader of plain text gets, line by line."""

import pytest

from newsletter.render.fields import Fields
from newsletter.render.signs import TextSigns
from newsletter.render.text import TextWriter
from tests.unit.render.rendering import default_theme, delivered, issue


def text(body: str) -> str:
    """What the text part makes of a body."""
    digest = issue(body)
    fields, words = Fields.apart_from(str(digest)), default_theme().strings("en")
    return TextWriter(fields, words, digest, TextSigns()).body()


# --- lines --------------------------------------------------------------------------------------


def test_a_paragraph_is_one_line_however_long() -> None:
    """Mail programs break CJK lines well, and any break of ours badly."""
    assert text("字" * 5_000) == "字" * 5_000
    assert text("word " * 2_000).count("\n") == 0


@pytest.mark.parametrize(
    ("source", "joined"),
    [
        ("中文\n第二行", "中文第二行"),
        ("完。\n日本語", "完。日本語"),
        ("中文\nword", "中文 word"),
        ("word\n中文", "word 中文"),
        ("one\ntwo", "one two"),
        ("한국어\n말", "한국어 말"),
        ("**中文**\n第二行", "中文第二行"),
        ("`中文`\n第二行", "中文第二行"),
        ("中文  \n第二行", "中文\n第二行"),
        ("中文\\\n第二行", "中文\n第二行"),
        ("中文<br>第二行", "中文\n第二行"),
    ],
)
def test_a_line_break_in_the_source_is_a_space_only_where_words_are_parted(
    source: str, joined: str
) -> None:
    """Chinese and Japanese have no spaces, Korean has, and a hard break is one."""
    assert text(source) == joined


def test_no_line_ends_in_spaces() -> None:
    written = delivered("```\na\n\nb\n```\n\n> c\n>\n> ```\n> d\n>\n> e\n> ```\n\n-\n- f\n").text

    assert [line for line in written.split("\n") if line != line.rstrip()] == []


# --- links --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "written"),
    [
        ("[here](https://a.example/x)", "here <https://a.example/x>"),
        ("see [here](https://a.example/x), now", "see here <https://a.example/x>, now"),
        ("<https://a.example/x>", "https://a.example/x"),
        ("**<https://a.example/x>**", "https://a.example/x"),
        ("- https://a.example/x", "- https://a.example/x"),
        ("见https://a.example/x，还有", "见<https://a.example/x>，还有"),
        ("**https://a.example/x** now", "<https://a.example/x> now"),
        ("write to <me@b.example>.", "write to <mailto:me@b.example>."),
        ("[me](mailto:me@b.example)", "me <mailto:me@b.example>"),
        ("![alt](https://a.example/i.png)", "[alt] <https://a.example/i.png>"),
        ("![](https://a.example/i.png)", "<https://a.example/i.png>"),
        (
            "[![alt](https://a.example/i.png)](https://a.example/)",
            "[alt] <https://a.example/i.png>\nhttps://a.example/",
        ),
        ("[x](https://a.example/中文)", "x <https://a.example/%E4%B8%AD%E6%96%87>"),
        ("[nowhere](#)", "nowhere"),
    ],
)
def test_an_address_stands_alone_on_its_line_or_in_angle_brackets(
    source: str, written: str
) -> None:
    """A mail program must find where it ends, Chinese right behind it or not."""
    assert text(source) == written


def test_a_heading_that_is_a_link_has_its_address_on_the_next_line() -> None:
    written = text("## [S](https://s.example/)\n\n### [I](https://i.example/)（源）\n\nx\n")

    assert written == (
        "━━━━━━━━━━━━━━━━━━━━━━━━\nS\nhttps://s.example/\n\n■ I（源）\nhttps://i.example/\n\nx"
    )


# --- blocks -------------------------------------------------------------------------------------


def test_lists_keep_their_numbers_and_their_depth() -> None:
    written = text("7. a\n8. b\n   - c\n\n     more\n   3. d\n9. e\n   f\n")

    assert written == "7. a\n8. b\n   - c\n     more\n   3. d\n9. e f"


def test_the_lines_below_a_long_number_stand_under_its_text() -> None:
    assert text("10. a  \n    b\n\n    c\n") == "10. a\n    b\n    c"


def test_tasks_show_their_ticks() -> None:
    assert text("- [x] done\n- [ ] open\n- neither\n") == "[x] done\n[ ] open\n- neither"


def test_a_table_is_a_line_for_each_row() -> None:
    source = "| *a* | b |\n|---|--:|\n| c | [d](https://d.example/) |\n| e |\n"

    assert text(source) == "a | b\nc | d <https://d.example/>\ne |"


def test_code_keeps_its_lines_and_spaces() -> None:
    assert text("```py\nif x:\n\n    y  = `1`\n```\n") == "    if x:\n\n        y  = `1`"


def test_quotes_are_marked_on_every_line_and_in_every_depth() -> None:
    written = text("> a  \n> b\n>\n> - c\n>\n> > d\n")

    assert written == "> a\n> b\n> - c\n> > d"


def test_footnotes_stand_under_their_numbers() -> None:
    written = text("a[^x] b[^y]\n\n[^x]: one\n\n    more\n[^y]: two\n")

    assert written == "a[1] b[2]\n\n[1] one\n    more\n[2] two"


def test_labels_stand_in_brackets_without_their_colon() -> None:
    written = text("## S\n\n### I\n\nx\n\n**洞察：**\n- a\n- b\n\n**Impact:** one\n")

    assert "〔洞察〕\n- a\n- b\n\n〔Impact〕\none" in written


@pytest.mark.parametrize(("marks", "written"), [("- - -", "• • •"), ("3. 4. 5.", "3. 4. 5.")])
def test_the_entries_of_a_link_list_stand_apart(marks: str, written: str) -> None:
    """Each with its note behind it and what belongs to it below it."""
    first, second, third = marks.split()
    one, two, three = written.split()

    result = text(
        f"{first} [a](https://a.example/)：note\n\n   below\n"
        f"{second} [b](https://b.example/)\n{third} [c](https://c.example/) text\n"
    )

    assert result == (
        f"{one} a <https://a.example/>：note\n{' ' * len(one)} below\n\n"
        f"{two} b <https://b.example/>\n\n{three} c <https://c.example/> text"
    )


def test_an_embed_is_its_title_and_its_address() -> None:
    source = '<iframe src="https://v.example/1" title="A film"></iframe>\n'

    assert text(source) == "A film\nhttps://v.example/1"


def test_the_card_ends_the_text() -> None:
    source = "x\n\n---\n\n<div class='card'><h3>H</h3><p>P <a href='https://p.example/'>go</a></p></div>\n"

    assert text(source) == "x\n\n· · ·\n\nH\n\nP go <https://p.example/>"


def test_a_card_amid_the_text_is_parted_once_on_each_side() -> None:
    card = "<div class='card'><h3>H</h3><p>P <a href='https://p.example/'>go</a></p></div>"

    written = text(f"x\n\n---\n\n{card}\n\n---\n\ny\n")

    assert written == "x\n\n· · ·\n\nH\n\nP go <https://p.example/>\n\n· · ·\n\ny"


# --- the whole part -----------------------------------------------------------------------------


def test_the_text_part_says_whose_it_is_and_how_to_leave() -> None:
    result = delivered("Body.\n", title="A title", summary='["one", "two"]')

    lines = [line for line in result.text.split("\n") if line]
    assert lines[0] == "Valley Post"
    assert "7 January 2026" in lines[1]
    assert lines[2] == "A title"
    assert lines[4:7] == ["1. one", "2. two", "Body."]
    assert any(line.endswith("1 Mill Lane, Valley") for line in lines)
    for path in ("/u/", "/preferences/", "/archive/issue/"):
        assert sum(f"https://news.example.com{path}" in line for line in lines) == 1


def test_nothing_is_escaped_in_the_text_part() -> None:
    result = delivered("5 < 6 & \"7\" > '3'\n", title="'A & B < C'")

    assert "5 < 6 & \"7\" > '3'" in result.text
    assert "A & B < C" in result.text
    assert result.subject == "A & B < C"
