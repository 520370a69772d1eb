"""The blocks that editors expect, written in plain Markdown."""

import pytest

from newsletter.model.blocks import (
    Button,
    Contents,
    Embed,
    EmbedKind,
    Figure,
    Footnote,
    Labelled,
    Paragraph,
    PictureRow,
    Quote,
    Sponsored,
)
from newsletter.model.finding import Severity
from newsletter.model.inline import FootnoteReference, Link
from newsletter.model.walking import plain_text, walk
from tests.unit.digest.reading import all_of, body, finding, findings, read, texts

URL = "https://a.example/x"
IMAGE = "![a](https://a.example/a.png)"


def kinds(source: str) -> list[str]:
    """The kinds of the blocks of an issue without headings."""
    return [type(block).__name__ for block in body(source).lead]


# --- buttons --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (f"**[Read more]({URL})**\n", "Read more"),
        (f"[**Read more**]({URL})\n", "Read more"),
        (f"__[Read more]({URL})__\n", "Read more"),
        (f"**[阅读全文]({URL})**\n", "阅读全文"),
        (f"**[اقرأ المزيد]({URL})**\n", "اقرأ المزيد"),
        (f"**[`code` and *more*]({URL})**\n", "code and more"),
        (f"**[Read more][r]**\n\n[r]: {URL}\n", "Read more"),
        (f"<p><strong><a href='{URL}'>Read more</a></strong></p>\n", "Read more"),
        (f"> **[Read more]({URL})**\n", "Read more"),
        (f"- one\n\n  **[Read more]({URL})**\n", "Read more"),
        (f"::: tip\n**[Read more]({URL})**\n:::\n", "Read more"),
        (f"## S\n\n### I\n\n**Impact:**\n\n**[Read more]({URL})**\n", "Read more"),
    ],
)
def test_a_paragraph_that_is_one_bold_link_is_a_button(source: str, text: str) -> None:
    (button,) = all_of(body(source), Button)

    assert (button.link.url, plain_text(button.link.children)) == (URL, text)


@pytest.mark.parametrize(
    "source",
    [
        f"[Read more]({URL})\n",
        f"*[Read more]({URL})*\n",
        f"**[Read more]({URL})** and on\n",
        f"**[One]({URL})** **[Two]({URL})**\n",
        f"**Go: [Read more]({URL})**\n",
        f"**[Read more]({URL})**\nand on\n",
        "**[Read more](javascript:x())**\n",
        f"**[{IMAGE}]({URL})**\n",
        f"**[ ]({URL})**\n",
        f"- **[Read more]({URL})**\n",
        f"- **[Read more]({URL})**\n\n  and what it is about\n",
        f"### **[Read more]({URL})**\n",
        f"| **[Read more]({URL})** |\n|---|\n| **[b]({URL})** |\n",
        f"`**[Read more]({URL})**`\n",
    ],
)
def test_other_links_are_no_buttons(source: str) -> None:
    assert all_of(body(source), Button) == []


# --- pictures -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "rows", "alone"),
    [
        (f"{IMAGE} {IMAGE}\n", [2], 0),
        (f"{IMAGE}{IMAGE}{IMAGE}\n", [3], 0),
        (f"{IMAGE}\n{IMAGE}\n", [], 2),
        (f"{IMAGE}  \n{IMAGE} {IMAGE}\n", [2], 1),
        (f"{IMAGE} {IMAGE}\n{IMAGE} {IMAGE} {IMAGE}\n", [2, 3], 0),
        (f"[{IMAGE}]({URL}) [{IMAGE}]({URL})\n", [2], 0),
        (f"> {IMAGE} {IMAGE}\n", [2], 0),
        (f"- {IMAGE} {IMAGE}\n", [2], 0),
        (
            "<p><img src='https://a.example/a.png'> <img src='https://a.example/b.png'></p>\n",
            [2],
            0,
        ),
        (f"{IMAGE} and {IMAGE}\n", [], 0),
        (f"{IMAGE} ![b](javascript:x)\n", [], 0),
    ],
)
def test_neighbours_on_one_line_are_a_row(source: str, rows: list[int], alone: int) -> None:
    digest = body(source)

    assert [len(row.figures) for row in all_of(digest, PictureRow)] == rows
    assert len(all_of(digest, Figure)) == sum(rows) + alone


IMG = '<img src="https://a.example/a.png" alt="A">'


@pytest.mark.parametrize(
    ("shown", "captions"),
    [
        (IMG, ["By Ann"]),
        (f'<a href="{URL}">{IMG}</a>', ["By Ann"]),
        (f"<p>{IMG}</p>", ["By Ann"]),
        (f"\n  {IMG}\n  ", ["By Ann"]),
        (f"{IMG} {IMG}", ["By Ann"]),
        (f"{IMG}<br>{IMG}", ["", ""]),
        (f"Words {IMG}", []),
        ("<pre>code</pre>", []),
    ],
)
def test_the_caption_of_a_figure_is_its_pictures(shown: str, captions: list[str]) -> None:
    """One of several in a row is about them all; of anything else it is a text below it."""
    digest = body(f'<figure>{shown}<figcaption>By <a href="{URL}">Ann</a></figcaption></figure>\n')

    rows, figures = all_of(digest, PictureRow), all_of(digest, Figure)
    assert [plain_text(each.caption) for each in rows or figures] == captions
    assert plain_text(tuple(all_of(digest, Link)[-1:])) == "Ann"


@pytest.mark.parametrize(
    "source",
    [
        f"<figure><figcaption>Above</figcaption>{IMG}</figure>\n",
        f"<figure>{IMG}<figcaption><p>One</p><p>two</p></figcaption></figure>\n",
        f"<figure>{IMG}<figcaption>Within</figcaption> and on</figure>\n",
        f"<figure>{IMG}<figcaption></figcaption></figure>\n",
        f"<figure>{IMG}</figure>\n",
        f"<div>{IMG}<p>Below</p></div>\n",
    ],
)
def test_other_words_beside_a_picture_stay_paragraphs(source: str) -> None:
    (figure,) = all_of(body(source), Figure)

    assert figure.caption == ()


# --- quotes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "who"),
    [
        ("<p>Said.</p><p>— Ann</p>", "— Ann"),
        ("Said.<br>— Ann", "— Ann"),
        ("<p>Said.</p><footer>Ann, <cite>Letters</cite></footer>", "Ann, Letters"),
        ("<p>Said.</p><footer>— Ann</footer>", "— Ann"),
        ("<p>Said.</p><cite>Ann</cite>", "Ann"),
        ("<p>Said.</p>\n<p><cite>Ann</cite></p>\n", "Ann"),
        ("<p>Said.<br><cite>Ann</cite></p>", "Ann"),
        ("<p>— Said.</p><footer>Ann</footer>", "Ann"),
    ],
)
def test_html_says_as_well_who_said_it(source: str, who: str) -> None:
    (quote,) = all_of(body(f"<blockquote>{source}</blockquote>\n"), Quote)

    assert plain_text(quote.attribution) == who
    assert quote.blocks


def test_a_caption_says_who_is_quoted() -> None:
    source = "<figure><blockquote><p>{}</p></blockquote><figcaption>Ann</figcaption></figure>\n"
    (said,) = all_of(body(source.format("Said.")), Quote)
    (signed,) = all_of(body(source.format("Said.<br>— Bob")), Quote)

    assert plain_text(said.attribution) == "Ann"
    assert plain_text(signed.attribution) == "— Bob"


@pytest.mark.parametrize(
    "source",
    [
        "Said.",
        "Said by <cite>Ann</cite>",
        "<p>It is in <cite>Hamlet</cite>.</p>",
        "<cite>Ann</cite>",
        "<p>Said.</p><footer></footer>",
        "<p>Said.</p><footer>" + "and so on " * 20 + "</footer>",
        "<p>Said.</p><footer><ul><li>one</li></ul></footer>",
        "<footer>Ann</footer><p>Said.</p>",
        "<p>— Hello.</p><p>— Good day.</p>",
    ],
)
def test_in_html_what_names_nobody_stays_in_the_quote(source: str) -> None:
    (quote,) = all_of(body(f"<blockquote>{source}</blockquote>\n"), Quote)

    assert quote.attribution == ()


@pytest.mark.parametrize(
    ("source", "who"),
    [
        ("> Said.\n>\n> — Ann\n", "— Ann"),
        ("> Said.\n> — Ann\n", "— Ann"),
        ("> Said.\n>\n> – Ann, *The Book*\n", "– Ann, The Book"),
        ("> Said.\n>\n> -- Ann\n", "-- Ann"),
        ("> Said.\n>\n> --Ann\n", "--Ann"),
        ("> Said.\n>\n> ---Ёж\n", "---Ёж"),
        ("> Said.\n>\n> ―Ann\n", "―Ann"),
        ("> 横眉冷对千夫指。\n>\n> ——鲁迅\n", "——鲁迅"),
        ("> قول.\n>\n> — آن\n", "— آن"),
        (f"> Said.\n>\n> — [Ann]({URL})\n", "— Ann"),
        ("> Said.\n> - Ann\n", "Ann"),
        ("> Said.\n>\n> - Ann\n", "Ann"),
        ("> - one\n> - two\n>\n> — Ann\n", "— Ann"),
        ("> > Said.\n> >\n> > — Ann\n", "— Ann"),
        ("- > Said.\n  > — Ann\n", "— Ann"),
    ],
)
def test_the_last_line_of_a_quote_behind_a_dash_says_who_said_it(source: str, who: str) -> None:
    quotes = [quote for quote in all_of(body(source), Quote) if quote.attribution]

    assert [plain_text(quote.attribution) for quote in quotes] == [who]
    assert quotes[0].blocks


@pytest.mark.parametrize(
    "source",
    [
        "> — Ann\n",
        "> - one\n> - two\n",
        "> Said.\n> - one\n> - two\n",
        "> Buy:\n> - milk\n",
        "> Said.\n> * Ann\n",
        "> Said.\n> - [ ] Ann\n",
        "> — Hello.\n>\n> — Good day.\n",
        "> — Hello.\n> — Good day.\n",
        "> It was cold:\n>\n> –5 °C\n",
        "> Run it with\n>\n> --verbose\n",
        "> Said.\n>\n> — " + "and so on " * 20 + "\n",
        "> Said.\n>\n> — Ann\n>\n> Said more.\n",
        ">\n",
        "Said.\n\n— Ann\n",
    ],
)
def test_what_names_nobody_stays_in_the_quote(source: str) -> None:
    assert [quote.attribution for quote in all_of(body(source), Quote) if quote.attribution] == []


def test_a_note_that_ends_in_a_dash_keeps_it() -> None:
    """`> [!NOTE]` is no quote."""
    (note,) = all_of(body("> [!NOTE]\n> Said.\n>\n> — Ann\n"), Labelled)

    assert "— Ann" in texts(body("> [!NOTE]\n> Said.\n>\n> — Ann\n"))
    assert len(note.blocks) == 2


# --- sponsors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "title"),
    [
        ("::: sponsor\nText.\n:::\n", ""),
        ("::: Sponsor Acme & Co\nText.\n:::\n", "Acme & Co"),
        ("::: sponsored\nText.\n:::\n", ""),
        ("::: ad\nText.\n:::\n", ""),
        (":::sponsor{.x}\nText.\n:::\n", ""),
        ('!!! sponsor "Acme"\n    Text.\n', "Acme"),
        ("!!! sponsor\n    Text.\n", ""),
        ("> [!SPONSOR]\n> Text.\n", ""),
        ("> [!SPONSOR] Acme\n> Text.\n", "Acme"),
        ("- one\n\n  ::: sponsor\n  Text.\n  :::\n", ""),
        ("> ::: sponsor\n> Text.\n> :::\n", ""),
        ("## S\n\n### I\n\nx\n\n::: sponsor\nText.\n:::\n", ""),
        ("::: tip\n:::: sponsor\nText.\n::::\n:::\n", ""),
        ("::: sponsored [Acme](https://a.example/)\nText.\n:::\n", "Acme"),
        ("::: sponsor Acme [Co]\nText.\n:::\n", "Acme [Co]"),
        ("::: sponsor Acme {2}\nText.\n:::\n", "Acme {2}"),
        ("::: sponsor Acme {.x}\nText.\n:::\n", "Acme"),
        ("::: sponsor 中文 :::\nText.\n:::\n", "中文"),
        (
            "::: ad Content [of](https://a.example/) *the* `week`\nText.\n:::\n",
            "Content of the week",
        ),
        ("::: Anzeige Acme\nText.\n:::\n", "Acme"),
        ("::: WERBUNG: Acme\nText.\n:::\n", "Acme"),
        ("::: Партнёр выпуска Acme\nText.\n:::\n", "Acme"),
        ("::: 广告：Acme\nText.\n:::\n", "Acme"),
        ("::: sponsored-content\nText.\n:::\n", ""),
        ("::: sponsored Content Corp\nText.\n:::\n", "Content Corp"),
        ('!!! Publicité inline "Acme"\n    Text.\n', "Acme"),
        ('!!! Партнер випуску "The \\"Acme\\""\n    Text.\n', 'The "Acme"'),
        ("> [!スポンサー] Acme\n> Text.\n", "Acme"),
        ("> [!Партнёр выпуска]\n> Text.\n", ""),
    ],
)
def test_what_somebody_paid_for_is_marked_wherever_it_stands(source: str, title: str) -> None:
    (sponsored,) = all_of(body(source), Sponsored)

    assert plain_text(sponsored.title) == title
    assert [plain_text(p.inline) for p in sponsored.blocks if isinstance(p, Paragraph)] == ["Text."]


@pytest.mark.parametrize("name", ["tip", "sponsoring", "partner", "anuncio", "admin", "реклам"])
def test_other_names_are_no_sponsor(name: str) -> None:
    (block,) = body(f"::: {name}\nText.\n:::\n").lead

    assert isinstance(block, Labelled)
    assert plain_text(block.label) == name.capitalize()


def test_a_sponsor_holds_any_block() -> None:
    source = f"::: sponsor\n{IMAGE}\n\n**Offer:** cheap\n\n- a\n\n**[Buy]({URL})**\n:::\n"
    (sponsored,) = all_of(body(source), Sponsored)

    assert [type(block).__name__ for block in sponsored.blocks] == ["Figure", "Labelled", "Button"]


def test_an_empty_sponsor_is_no_fault() -> None:
    (sponsored,) = all_of(body("::: sponsor\n:::\n"), Sponsored)

    assert sponsored.blocks == ()


def test_a_sponsor_that_never_ends_is_text() -> None:
    assert all_of(body("::: sponsor\nText.\n"), Sponsored) == []


# --- videos ---------------------------------------------------------------------------------------

VIDEOS = (
    "https://www.youtube.com/watch?v=dQw4w9WgXcQ",
    "https://www.youtube.com/watch?app=desktop&v=dQw4w9WgXcQ&t=42s",
    "https://youtube.com/watch?v=dQw4w9WgXcQ",
    "http://m.youtube.com/watch?v=dQw4w9WgXcQ",
    "https://music.youtube.com/watch?v=dQw4w9WgXcQ",
    "https://youtu.be/dQw4w9WgXcQ?si=abc",
    "https://www.youtube.com/shorts/dQw4w9WgXcQ",
    "https://www.youtube.com/live/dQw4w9WgXcQ?feature=share",
    "https://www.youtube.com/embed/dQw4w9WgXcQ",
    "https://www.youtube-nocookie.com/embed/dQw4w9WgXcQ",
    "https://www.youtube.com/playlist?list=PL123",
    "https://vimeo.com/76979871",
    "https://vimeo.com/channels/staffpicks/76979871",
    "https://player.vimeo.com/video/76979871",
    "https://www.bilibili.com/video/BV1xx411c7mD",
    "https://www.dailymotion.com/video/x8abcd",
    "https://www.twitch.tv/videos/123456",
    "https://www.loom.com/share/0123abcd",
)


@pytest.mark.parametrize("url", VIDEOS)
def test_a_bare_address_of_a_video_is_a_card(url: str) -> None:
    (card,) = body(f"{url}\n").lead

    assert isinstance(card, Embed)
    assert (card.kind, card.url) == (EmbedKind.VIDEO, url)


@pytest.mark.parametrize(
    ("source", "blocks"),
    [
        (f"<{VIDEOS[0]}>\n", ["Embed"]),
        (f"Look:\n{VIDEOS[0]}\n", ["Paragraph", "Embed"]),
        (f"Look:\n{VIDEOS[0]}\nand wonder\n", ["Paragraph", "Embed", "Paragraph"]),
        (f"{VIDEOS[0]}\n{VIDEOS[3]}\n", ["Embed", "Embed"]),
        (f"{VIDEOS[0]}  \nand wonder\n", ["Embed", "Paragraph"]),
        (f"See {VIDEOS[0]}\n", ["Paragraph"]),
        (f"{VIDEOS[0]}.\n", ["Paragraph"]),
        (f"[a film]({VIDEOS[0]})\n", ["Paragraph"]),
        (f"[{VIDEOS[1]}]({VIDEOS[0]})\n", ["Paragraph"]),
        (f"- {VIDEOS[0]}\n", ["ListBlock"]),
        ("https://www.youtube.com/@somebody\n", ["Paragraph"]),
        ("https://www.youtube.com/\n", ["Paragraph"]),
        ("https://youtube.com.evil.example/watch?v=dQw4w9WgXcQ\n", ["Paragraph"]),
        ("https://notyoutu.be/dQw4w9WgXcQ\n", ["Paragraph"]),
        ("https://vimeo.com/about\n", ["Paragraph"]),
        ("https://example.com/watch?v=dQw4w9WgXcQ\n", ["Paragraph"]),
        ("https://youtu.be:x/dQw4w9WgXcQ\n", ["Paragraph"]),
    ],
)
def test_only_what_stands_alone_on_its_line_is_a_card(source: str, blocks: list[str]) -> None:
    assert kinds(source) == blocks


# --- none of them takes long ----------------------------------------------------------------------


@pytest.mark.processor_seconds(30)
@pytest.mark.parametrize(
    "source",
    [
        f"{IMAGE} " * 1_200,
        f"{VIDEOS[3]}\n" * 1_200,
        "> a\n" + "> — b\n" * 10_000,
        "> a\n>\n> —" + "—" * 100_000,
        "https://www.youtube.com/watch?" + "a=b&" * 20_000,
        f"**[a]({URL})**\n\n" * 3_000,
        "::: sponsor\n" * 3_000 + ":::\n" * 3_000,
        "> [!SPONSOR]\n" * 5_000,
    ],
)
def test_the_largest_of_each_is_read_in_time(source: str) -> None:
    assert body(source).title_text == "T"


# --- contents and footnotes -----------------------------------------------------------------------


@pytest.mark.parametrize("toc", ["[toc]", "[TOC]", "[[toc]]", "[[_TOC_]]", "[Toc]"])
def test_contents_stand_where_they_are_asked_for(toc: str) -> None:
    parsed = read(f"---\ntitle: T\n---\nx\n\n{toc}\n\n## A\n\n### a\n\n## B\n")

    assert [type(block) for block in parsed.digest.lead] == [Paragraph, Contents]
    assert [section.anchor for section in parsed.digest.sections] == ["section-1", "section-2"]
    assert findings(parsed, "foreign-markup") == []


@pytest.mark.parametrize("around", ["> {}\n", "- {}\n", "::: tip\n{}\n:::\n", "## A\n\n{}\n"])
def test_contents_may_stand_in_other_blocks(around: str) -> None:
    digest = body(around.format("[toc]") + "\n## B\n")

    assert len(all_of(digest, Contents)) == 1


@pytest.mark.parametrize(
    "source", ["x\n\n[toc]\n", "## [toc]\n\n## B\n", "| [toc] |\n|---|\n| x |\n"]
)
def test_contents_of_nothing_or_in_a_line_are_told(source: str) -> None:
    parsed = read(f"---\ntitle: T\n---\n{source}")

    assert finding(parsed, "foreign-markup")[0] is Severity.INFO


def test_contents_are_listed_once_and_others_are_told() -> None:
    parsed = read("---\ntitle: T\n---\n[toc]\n\n## A\n\n> [toc]\n\n## B\n\n[[toc]]\n")

    assert len(all_of(parsed.digest, Contents)) == 1
    (found,) = findings(parsed, "foreign-markup")
    assert (found.severity, found.position.line) == (Severity.INFO, 8)
    assert "1 more" in found.message


@pytest.mark.parametrize(
    "source", ["see [toc]\n", "[toc]\n\n[toc]: https://a.example/\n", "`[toc]`\n"]
)
def test_other_brackets_are_no_contents(source: str) -> None:
    assert all_of(body(source + "\n## A\n"), Contents) == []


def test_no_section_has_an_anchor_that_nothing_leads_to() -> None:
    assert [section.anchor for section in body("## A\n\nx\n").sections] == [""]


def test_each_reference_to_a_footnote_is_told_apart() -> None:
    digest = body("a[^1] b[^x] c[^1]\n\n[^1]: one\n\n[^x]: two\n")

    references = all_of(digest, FootnoteReference)
    assert [(ref.number, ref.occurrence) for ref in references] == [(1, 1), (2, 1), (1, 2)]
    assert [(note.number, note.references) for note in all_of(digest, Footnote)] == [(1, 2), (2, 1)]


# --- the summary ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("summary", "urls"),
    [
        (f"|\n  - See [a]({URL}) and **[b]({URL})**", [URL, URL]),
        (f"\n  - [a]({URL}) first", [URL]),
        (f"See [a]({URL}) now", [URL]),
        (f"|\n  - {URL}", [URL]),
        ("|\n  - [a][r]", [URL]),
        ("|\n  - see [r]", [URL]),
    ],
)
def test_points_of_a_summary_may_link(summary: str, urls: list[str]) -> None:
    parsed = read(f"---\ntitle: T\nsummary: {summary}\n---\n[r] x\n\n[r]: {URL}\n")

    links = [node for point in parsed.digest.summary for part in point for node in walk(part)]
    assert [node.url for node in links if isinstance(node, Link)] == urls
    assert findings(parsed, "unresolved-reference") == []


def test_a_definition_that_the_summary_alone_needs_is_used() -> None:
    parsed = read(f"---\ntitle: T\nsummary: |\n  - [a][r]\n---\nx\n\n[r]: {URL}\n")

    assert findings(parsed, "unused-definition") == findings(parsed, "unresolved-reference") == []


@pytest.mark.parametrize("toc", ["", "[toc]\n\n"])
def test_a_point_of_the_summary_may_lead_to_a_heading(toc: str) -> None:
    parsed = read(f"---\ntitle: T\nsummary: |\n  - [a](#the-desk)\n---\n{toc}## The desk\n\nx\n")

    ((link,),) = parsed.digest.summary
    assert isinstance(link, Link)
    assert link.url == f"#{parsed.digest.sections[0].anchor}"
    assert findings(parsed, "broken-link") == []


# --- what becomes something else than its author meant --------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "One line\nand another",
        "The looms came to the valley.",
        "织机来了。",
        "They are these:",
        "So it goes …",
        "word " * 17,
        '"The end."',
    ],
)
@pytest.mark.parametrize("around", ["{}\n---\nx\n", "> {}\n> ---\n", "- {}\n  ---\n"])
def test_a_text_right_above_a_rule_is_told_to_be_a_heading(text: str, around: str) -> None:
    lines = text.replace("\n", "\n" + {">": "> ", "-": "  "}.get(around[0], ""))
    parsed = read(f"---\ntitle: T\n---\n{around.format(lines)}")

    assert finding(parsed, "text-as-heading") == (Severity.WARNING, 4)


@pytest.mark.parametrize(
    "source",
    [
        "Looms\n---\n",
        "Why looms?\n---\n",
        "Looms, and more of them!\n---\n",
        "The looms came.\n===\n",
        "## The looms came.\n",
        "The looms came.\n\n---\n",
        "The looms came.\n***\n",
        "织机\n---\n",
    ],
)
def test_a_heading_that_looks_like_one_is_not_told(source: str) -> None:
    parsed = read(f"---\ntitle: T\n---\nx\n\n{source}\nx\n")

    assert findings(parsed, "text-as-heading") == []


@pytest.mark.parametrize(
    ("source", "line", "message"),
    [
        ("10. a\n9. b\n8. c\n", 5, "readers see 11 before the point that is numbered 9"),
        ("1. a\n2. b\n4. c\n", 6, "readers see 3 before the point that is numbered 4"),
        ("1. a\n1. b\n2. c\n", 5, "readers see 2 before the point that is numbered 1"),
        ("1) a\n\n3) b\n", 6, "readers see 2 before the point that is numbered 3"),
        ("- x\n  1. a\n  3. b\n", 6, "readers see 2 before the point that is numbered 3"),
    ],
)
def test_a_point_that_readers_see_under_another_number_is_told(
    source: str, line: int, message: str
) -> None:
    (found,) = findings(read(f"---\ntitle: T\n---\n{source}"), "list-numbers")

    assert (found.position.line, found.message) == (line, message)


@pytest.mark.parametrize(
    "source", ["1. a\n1. b\n1. c\n", "7. a\n8. b\n", "0. a\n1. b\n", "3. a\n", "- a\n- b\n"]
)
def test_numbers_that_readers_see_as_they_are_written_are_not_told(source: str) -> None:
    assert findings(read(f"---\ntitle: T\n---\n{source}"), "list-numbers") == []


@pytest.mark.parametrize(
    "source",
    [
        "```\nx\n",
        "```\n",
        "~~~ python\nx\n\ny",
        "> ```\n> x\n\ny\n",
        "- ```\n  x\n\ny\n",
        "````\n```\n",
    ],
)
def test_code_that_nothing_ends_is_told(source: str) -> None:
    parsed = read(f"---\ntitle: T\n---\n{source}")

    assert finding(parsed, "code-unclosed") == (Severity.WARNING, 4)


@pytest.mark.parametrize(
    "source",
    [
        "```\nx\n```\n",
        "```\n```",
        "```\n\n\n```\n",
        "````\n```\n````\n",
        "> ~~~\n> x\n> ~~~\n",
        "- ```\n  x\n  ```\n",
        "    x\n",
        "```\nx\n`````   \n",
    ],
)
def test_code_that_ends_is_not_told(source: str) -> None:
    assert findings(read(f"---\ntitle: T\n---\n{source}"), "code-unclosed") == []
