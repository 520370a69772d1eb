"""Sections, items, labels, link lists and the promo card: recognised by form."""

from pathlib import Path

import pytest

from newsletter.digest import parse
from newsletter.model.blocks import (
    Block,
    CodeBlock,
    Embed,
    EmbedKind,
    Figure,
    Heading,
    Item,
    LabelKind,
    Labelled,
    LinkList,
    ListBlock,
    Paragraph,
    Quote,
    Rule,
    Section,
    Table,
)
from newsletter.model.finding import Severity
from newsletter.model.inline import (
    Break,
    Code,
    Link,
    Span,
    SpanKind,
    Text,
)
from newsletter.model.walking import plain_text, walk
from tests.unit.digest.reading import BASE, all_of, body, finding, findings, read, texts

LINK = "https://a.example/"

YARDSTICK = Path(__file__).parents[3].parent / "shared" / "digests" / "2026-01-07-ai-daily.md"


def kinds(parts: tuple[object, ...]) -> list[str]:
    return [type(part).__name__ for part in parts]


def only_section(source: str) -> Section:
    (section,) = body(source).sections
    return section


def only_labelled(source: str) -> Labelled:
    (labelled,) = all_of(body(source), Labelled)
    return labelled


def text_of(block: Block) -> str:
    assert isinstance(block, Paragraph)
    return plain_text(block.inline)


# --- the yardstick ------------------------------------------------------------------------------


@pytest.mark.skipif(not YARDSTICK.exists(), reason=f"put the real digest at {YARDSTICK}")
def test_the_yardstick_is_read_as_its_editor_meant_it() -> None:
    """Six sections, the last a link list; 21 items; labels on items, one on its section; a card."""
    parsed = parse(
        YARDSTICK.read_bytes(),
        file=str(YARDSTICK),
        stem=YARDSTICK.stem,
        base_url=BASE,
        section_labels=("影响", "Impact"),
    )
    digest = parsed.digest
    *with_items, links = digest.sections
    labelled = all_of(digest, Labelled)
    promo = digest.promo

    assert not parsed.findings
    assert len(digest.summary) == 8
    assert digest.summary_is_list
    assert digest.meta.cover is not None
    assert [len(list(section.items())) for section in with_items] == [5, 5, 3, 4, 4]
    assert all(item.url for item in digest.items())
    assert kinds(links.parts) == ["LinkList"]
    assert len(all_of(digest, LinkList)[0].entries) == 19
    assert [label.kind for label in labelled].count(LabelKind.INSIGHT) == len(labelled) - 1
    assert [label.kind for label in labelled if label.whole_section] == [LabelKind.IMPACT]
    assert isinstance(digest.sections[0].parts[-1], Labelled)
    assert promo is not None
    assert promo.title
    assert promo.text
    assert promo.button is not None
    assert promo.image is not None
    assert digest.lead == digest.tail == ()


# --- title --------------------------------------------------------------------------------------


def test_a_first_heading_equal_to_the_title_is_shown_once() -> None:
    """Only white space may differ."""
    digest = read("---\ntitle: One  two\n---\n# One two\n\n## A\n\nx\n").digest

    assert digest.title_text == "One two"
    assert [plain_text(section.heading) for section in digest.sections] == ["A"]


def test_a_first_heading_that_differs_stays_and_is_told() -> None:
    parsed = read("---\ntitle: One\n---\n# Two\n\n## A\n\nx\n")

    assert finding(parsed, "h1-differs") == (Severity.WARNING, 4)
    assert [plain_text(section.heading) for section in parsed.digest.sections] == ["Two"]
    assert parsed.digest.title_text == "One"


@pytest.mark.parametrize("text", ["# Two\n\nx\n\n# Three\n", "## Two\n\nx\n\n# Three\n"])
def test_a_heading_like_the_title_that_is_a_section_is_not_told(text: str) -> None:
    """Among others of its kind, or below another heading."""
    assert findings(read(f"---\ntitle: One\n---\n{text}\nx\n"), "h1-differs") == []


def test_a_link_in_the_title_heading_is_kept() -> None:
    (link,) = read("---\ntitle: One\n---\n# [One](https://a.example/)\n\nx\n").digest.title

    assert isinstance(link, Link)
    assert link.url == "https://a.example/"


def test_without_front_matter_the_first_heading_is_the_title() -> None:
    digest = read("# The *title*\n\n## A\n\nx\n").digest

    assert digest.title_text == "The title"
    assert len(digest.sections) == 1


def test_without_any_heading_the_first_line_is_the_title() -> None:
    digest = read("The title\nand text below\n\nmore\n").digest

    assert digest.title_text == "The title"
    assert texts(digest) == "and text belowmore"


def test_a_first_line_too_long_for_a_title_is_copied_and_told() -> None:
    line = "word " * 30
    parsed = read(f"{line}\n")

    assert len(parsed.digest.title_text) <= 80
    assert texts(parsed.digest) == line.strip()
    assert finding(parsed, "title-derived") == (Severity.WARNING, 1)


@pytest.mark.parametrize("source", ["", "- a list\n", "---\ncategory: x\n---\n> quote\n", "#\n"])
def test_an_issue_without_a_title_is_an_error(source: str) -> None:
    assert finding(read(source), "title-missing")[0] is Severity.ERROR


# --- sections and items -------------------------------------------------------------------------


def test_sections_are_the_shallowest_headings_below_the_title() -> None:
    digest = body("# T\n\nlead\n\n### A\n\n#### i\n\nx\n\n### B\n\ny\n")

    assert [section.level for section in digest.sections] == [3, 3]
    assert [text_of(block) for block in digest.lead] == ["lead"]
    assert kinds(digest.sections[0].parts) == ["Item"]


def test_headings_before_the_first_of_the_top_level_are_sections_too() -> None:
    """Only what stands before the first heading is lead."""
    digest = body("### Early\n\nx\n\n## Late\n\ny\n")

    assert digest.lead == ()
    assert [plain_text(section.heading) for section in digest.sections] == ["Early", "Late"]


def test_headings_that_skip_a_level_inside_a_section_are_items_too() -> None:
    section = only_section("## A\n\n#### deep\n\nx\n\n### item\n\ny\n")

    assert kinds(section.parts) == ["Item", "Item"]


def test_an_item_is_a_heading_of_one_link_and_what_follows_it() -> None:
    section = only_section(
        "## A\n\nlead\n\n### [one](https://a.example/1)\n\nx\n\n- y\n\n"
        "### **[two](https://a.example/2)**\n\n### three\n\nz\n"
    )
    lead, *items = section.parts

    assert isinstance(lead, Paragraph)
    assert [item.url for item in items if isinstance(item, Item)] == [
        "https://a.example/1",
        "https://a.example/2",
        None,
    ]
    assert [kinds(item.blocks) for item in items if isinstance(item, Item)] == [
        ["Paragraph", "ListBlock"],
        [],
        ["Paragraph"],
    ]


def test_a_heading_with_a_link_and_more_stays_whole() -> None:
    (item,) = body("## A\n\n### see [one](https://a.example/) now\n\nx\n").items()

    assert item.url == "https://a.example/"
    assert plain_text(item.heading) == "see one now"


def test_a_heading_with_two_links_has_no_target_of_its_own() -> None:
    source = "## A\n\n### [one](https://a.example/1) [two](https://a.example/2)\n\nx\n"
    (item,) = body(source).items()

    assert item.url is None
    assert len([node for node in item.heading if isinstance(node, Link)]) == 2


def test_a_plain_heading_above_links_only_is_a_sub_section() -> None:
    links = "\n".join(f"- [t](https://a.example/{number})" for number in range(3))
    section = only_section(f"## A\n\n### Others\n\n{links}\n\n### [i](https://a.example/)\n\nx\n")
    others, item = section.parts

    assert isinstance(others, Section)
    assert kinds(others.parts) == ["LinkList"]
    assert isinstance(item, Item)
    assert list(section.items()) == [item]


def test_deeper_headings_nest_and_keep_their_items() -> None:
    digest = body("## A\n\n### B\n\n#### [i](https://a.example/)\n\nx\n\n### C\n\ny\n")
    (section,) = digest.sections

    assert kinds(section.parts) == ["Section", "Item"]
    assert [plain_text(item.heading) for item in digest.items()] == ["i", "C"]


def test_a_heading_inside_a_quote_opens_no_section() -> None:
    section = only_section("## A\n\n> # inside\n>\n> x\n")
    (quote,) = section.parts

    assert isinstance(quote, Quote)
    assert isinstance(quote.blocks[0], Heading)


def test_a_section_may_link_somewhere_itself() -> None:
    assert only_section("## [A](https://a.example/)\n\nx\n").url == "https://a.example/"


def test_rules_between_sections_stay_and_open_nothing() -> None:
    digest = body("## A\n\nx\n\n---\n\n## B\n\ny\n")

    assert [kinds(section.parts) for section in digest.sections] == [
        ["Paragraph", "Rule"],
        ["Paragraph"],
    ]


def test_a_line_underlined_is_a_heading_and_no_rule() -> None:
    digest = body("# T\n\nA\n---\n\nx\n")

    assert plain_text(digest.sections[0].heading) == "A"
    assert not all_of(digest, Rule)


# --- labels -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "label", ["**影响：**", "**影响:**", "**影响**：", "**影响**:", "__影响：__", "**影响：**  "]
)
def test_a_label_is_bold_with_a_colon_inside_or_outside(label: str) -> None:
    labelled = only_labelled(f"{label}\n- one\n- two\n")

    assert plain_text(labelled.label).strip(":：") == "影响"
    assert plain_text(labelled.label)[-1] in ":："
    assert kinds(labelled.blocks) == ["ListBlock"]


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ("深度解读 & 洞察：", LabelKind.INSIGHT),
        ("深度解读 & 洵察：", LabelKind.INSIGHT),
        ("解读：", LabelKind.INSIGHT),
        ("Insight:", LabelKind.INSIGHT),
        ("Why it matters:", LabelKind.INSIGHT),
        ("影响：", LabelKind.IMPACT),
        ("Impact:", LabelKind.IMPACT),
        ("技术突破：", LabelKind.NEUTRAL),
        ("Tips:", LabelKind.NEUTRAL),
    ],
)
def test_the_hue_of_a_label_follows_its_beginning(label: str, kind: LabelKind) -> None:
    """Misspelt labels keep their family, unknown ones are labels all the same."""
    assert only_labelled(f"**{label}** text\n").kind is kind


@pytest.mark.parametrize(
    "source",
    [
        "**No colon** and text\n",
        "**A label far too long for one, of thirty letters:** text\n",
        "*Impact:* text\n",
        "text **Impact:** text\n",
        "**[Impact:](https://a.example/)** text\n",
        "Impact: text\n",
        "- **Impact:** in a list\n",
        "> **Impact:** in a quote\n",
    ],
)
def test_what_lacks_the_form_is_no_label(source: str) -> None:
    assert not all_of(body(source), Labelled)


def test_a_label_with_text_takes_that_text_and_a_list_right_below() -> None:
    digest = body("**Impact:** text\n- one\n\n1. second\n\nafter\n\n- far\n")
    labelled, second, after, far = digest.lead

    assert isinstance(labelled, Labelled)
    assert kinds(labelled.blocks) == ["Paragraph", "ListBlock"]
    assert isinstance(second, ListBlock)
    assert text_of(after) == "after"
    assert isinstance(far, ListBlock)


def test_a_label_with_its_text_on_the_next_line_takes_it() -> None:
    (paragraph,) = only_labelled("**Impact:**\ntext\n").blocks

    assert text_of(paragraph) == "text"


def test_a_label_alone_takes_paragraphs_and_lists_up_to_the_next_label_or_rule() -> None:
    first, second, rule, after = body(
        "**Impact:**\n\none\n\n1. two\n\nthree\n\n**Notes:**\n\nfour\n\n---\n\nfive\n"
    ).lead

    assert isinstance(first, Labelled)
    assert kinds(first.blocks) == ["Paragraph", "ListBlock", "Paragraph"]
    assert isinstance(second, Labelled)
    assert kinds(second.blocks) == ["Paragraph"]
    assert isinstance(rule, Rule)
    assert text_of(after) == "five"


def test_a_label_takes_no_table_quote_code_or_picture() -> None:
    digest = body("**Impact:**\n\n> q\n\n```\nc\n```\n\n![i](https://a.example/i.png)\n")

    assert kinds(digest.lead) == ["Labelled", "Quote", "CodeBlock", "Figure"]


@pytest.mark.parametrize(
    ("heading", "kind"),
    [
        ("深度解读 & 洞察", LabelKind.INSIGHT),
        ("影响", LabelKind.IMPACT),
        ("Impact:", LabelKind.IMPACT),
        ("Summary", LabelKind.NEUTRAL),
    ],
)
def test_a_heading_that_is_a_label_belongs_to_the_item_before_it(
    heading: str, kind: LabelKind
) -> None:
    source = f"## A\n\n### [i](https://a.example/)\n\nx\n\n### {heading}\n\ny\n\n### [j](/j)\n\nz\n"
    first, second = body(source).items()

    assert kinds(first.blocks) == ["Paragraph", "Labelled"]
    assert [label.kind for label in all_of(body(source), Labelled)] == [kind]
    assert kinds(second.blocks) == ["Paragraph"]


@pytest.mark.parametrize(
    "heading", ["Impact on Rust", "影响力报告", "Notes from Prague", "[影响](https://a.example/)"]
)
def test_a_heading_that_only_begins_like_a_label_is_an_item(heading: str) -> None:
    digest = body(f"## A\n\n### [i](https://a.example/)\n\nx\n\n### {heading}\n\ny\n")

    assert len(list(digest.items())) == 2
    assert not all_of(digest, Labelled)


def test_a_section_label_at_the_end_speaks_for_the_whole_section() -> None:
    digest = body(
        "## A\n\n### [i](https://a.example/)\n\nx\n\n**影响：**\n\n- y\n\n---\n\n"
        "## B\n\n### [j](https://b.example/)\n\nx\n\n**解读：**\n\n- z\n"
    )
    first, second = digest.sections

    assert kinds(first.parts) == ["Item", "Labelled", "Rule"]
    assert [label.whole_section for label in all_of(digest, Labelled)] == [True, False]
    assert kinds(second.parts) == ["Item"]


def test_which_labels_speak_for_a_section_is_configured() -> None:
    source = "---\ntitle: T\n---\n## A\n\n### i\n\nx\n\n**影响：** y\n\n**Bottom line:** z\n"
    default = read(source).digest
    configured = read(source, section_labels=("bottom",)).digest

    assert kinds(default.sections[0].parts) == ["Item"]
    assert kinds(configured.sections[0].parts) == ["Item", "Labelled"]


def test_a_section_label_before_another_item_stays_with_its_own() -> None:
    digest = body("## A\n\n### i\n\nx\n\n**影响：** y\n\n### j\n\nz\n")

    assert kinds(digest.sections[0].parts) == ["Item", "Item"]
    assert not all_of(digest, Labelled)[0].whole_section


# --- link lists ---------------------------------------------------------------------------------


def links(count: int, others: int) -> str:
    return "- [t](https://a.example/): n\n" * count + "- plain\n" * others


@pytest.mark.parametrize(
    ("count", "others", "kind"),
    [(3, 0, LinkList), (3, 2, LinkList), (3, 3, ListBlock), (2, 0, ListBlock), (0, 5, ListBlock)],
)
def test_a_list_is_a_link_list_if_three_and_six_of_ten_lead_with_a_link(
    count: int, others: int, kind: type[Block]
) -> None:
    (block,) = body(links(count, others)).lead

    assert type(block) is kind


def test_an_entry_has_its_link_first_and_its_note_after() -> None:
    (block,) = body(
        "- [a](https://a.example/)：x\n- **[b](https://b.example/)** y\n- [c](https://c.example/)\n"
        "- **d**：z\n- e\n"
    ).lead
    assert isinstance(block, LinkList)

    assert [
        (plain_text(entry.lead), plain_text(entry.note), entry.url) for entry in block.entries
    ] == [
        ("a", "：x", "https://a.example/"),
        ("b", " y", "https://b.example/"),
        ("c", "", "https://c.example/"),
        ("d", "：z", None),
        ("", "e", None),
    ]


@pytest.mark.parametrize(
    "heading", ["更多动态", "七、更多动态", "其他重要动态", "In brief", "Links"]
)
def test_a_list_under_a_heading_for_the_rest_is_a_link_list_without_links(heading: str) -> None:
    section = only_section(f"## {heading}\n\n- **a**：x\n- b\n")

    assert kinds(section.parts) == ["LinkList"]


LONG = "word " * 41


@pytest.mark.parametrize(
    ("source", "kinds_of_lists"),
    [
        (links(1, 0), ["ListBlock"]),
        (links(3, 0) + "\n## B\n\n" + links(1, 0), ["LinkList", "LinkList"]),
        (links(2, 0) + "\n## B\n\n" + links(3, 0), ["LinkList", "LinkList"]),
        (links(2, 0) + "\n## In brief\n\n- x\n", ["LinkList", "LinkList"]),
        (links(1, 1) + "\n## B\n\n" + links(3, 0), ["ListBlock", "LinkList"]),
        (links(3, 3) + "\n## B\n\n" + links(3, 0), ["ListBlock", "LinkList"]),
        ("- [x] [a](https://a.example/)\n\n## B\n\n" + links(3, 0), ["ListBlock", "LinkList"]),
        ("### i\n\nx\n\n" + links(2, 0) + "\n## B\n\n" + links(3, 0), ["LinkList", "LinkList"]),
    ],
)
def test_short_lists_of_links_are_link_lists_beside_another(
    source: str, kinds_of_lists: list[str]
) -> None:
    """Lists of the same kind look the same in one issue."""
    digest = body(f"## A\n\n{source}")

    assert [
        type(node).__name__ for node in walk(digest) if isinstance(node, ListBlock | LinkList)
    ] == kinds_of_lists


@pytest.mark.parametrize("heading", ["News", "In brief"])
def test_a_list_with_a_paragraph_for_a_note_is_body_text(heading: str) -> None:
    entry = "- [t](https://a.example/), "

    short = only_section(f"## {heading}\n\n" + 3 * f"{entry}{LONG[:190]}\n")
    long = only_section(f"## {heading}\n\n{links(3, 0)}{entry}{LONG}\n")

    assert kinds(short.parts) == ["LinkList"]
    assert kinds(long.parts) == ["ListBlock"]


@pytest.mark.parametrize(
    "sign", ["🎈 ", "🇯🇵 ", "👩🏽‍💻 ", "❤️ ", "[video] ", "[series] [DE] ", "🎈 [en] "]
)
def test_a_sign_before_a_link_belongs_to_what_the_entry_leads_with(sign: str) -> None:
    escaped = sign.replace("[", "\\[")
    (block,) = body(f"- {escaped}[a](https://a.example/): n\n" + links(2, 0)).lead
    assert isinstance(block, LinkList)

    assert plain_text(block.entries[0].lead) == f"{sign}a"
    assert plain_text(block.entries[0].note) == ": n"
    assert block.entries[0].url == "https://a.example/"


@pytest.mark.parametrize("before", ["see ", "1 ", "🎈 new: ", "(", "[a longer text in brackets] "])
def test_words_before_a_link_are_no_sign(before: str) -> None:
    (block,) = body(f"- {before}[a](https://a.example/)\n" + links(3, 0)).lead
    assert isinstance(block, LinkList)

    assert block.entries[0].lead == ()


def test_what_is_nested_under_an_entry_stays_with_it() -> None:
    (block,) = body("- [a](https://a.example/)\n  - nested\n\n  > said\n" + links(2, 0)).lead
    assert isinstance(block, LinkList)

    assert kinds(block.entries[0].blocks) == ["ListBlock", "Quote"]


def test_an_ordered_link_list_keeps_its_first_number() -> None:
    (block,) = body("".join(f"{n}. [t](https://a.example/)\n" for n in (7, 8, 9))).lead

    assert isinstance(block, LinkList)
    assert block.start == 7


def test_tasks_are_no_link_list() -> None:
    (block,) = body("- [x] [a](https://a.example/)\n" * 3).lead

    assert isinstance(block, ListBlock)
    assert [item.checked for item in block.items] == [True, True, True]


# --- the promo card -----------------------------------------------------------------------------

CARD = (
    '<div class="x-card"><div class="x-card__title">Join</div>'
    '<div class="x-card__text">Daily at <a class="h" href="https://a.example/h">@h</a></div>'
    '<a class="x-card__cta" href="https://a.example/join">Go</a>'
    '<img class="qr" src="https://a.example/qr.png" alt="QR" width="90" height="80px"></div>\n'
)


def test_html_after_the_last_rule_is_the_promo_card_in_parts() -> None:
    digest = body(f"## A\n\nx\n\n---\n\n{CARD}")
    promo = digest.promo

    assert promo is not None
    assert plain_text(promo.title) == "Join"
    assert plain_text(promo.text) == "Daily at @h"
    assert promo.button is not None
    assert (promo.button.url, plain_text(promo.button.children)) == ("https://a.example/join", "Go")
    assert promo.image is not None
    assert (promo.image.alt, promo.image.width, promo.image.height) == ("QR", 90, 80)
    assert promo.position.line == 11
    assert not all_of(digest, Rule)


@pytest.mark.parametrize("name", ["card", "promo-box", "our-sponsor", "cta"])
def test_html_at_the_end_that_calls_itself_a_card_needs_no_rule(name: str) -> None:
    digest = body(f"## A\n\nx\n\n<div id='{name}'>Join us</div>\n")

    assert digest.promo is not None
    assert kinds(digest.sections[0].parts) == ["Paragraph"]


@pytest.mark.parametrize(
    "source",
    [
        "x\n\n<div class='box'>no rule, no name</div>\n",
        "x\n\n---\n\n<div>and then</div>\n\ntext\n",
        "x\n\n<div class='card'>and then</div>\n\ntext\n",
        "x\n\n---\n\n<!-- nothing to see -->\n",
    ],
)
def test_other_html_is_no_promo_card(source: str) -> None:
    assert body(source).promo is None


def test_footnotes_do_not_part_the_card_from_the_end() -> None:
    digest = body(f"x[^1]\n\n---\n\n{CARD}\n[^1]: note\n")

    assert digest.promo is not None
    assert kinds(digest.tail) == ["Footnotes"]


def test_a_card_without_parts_keeps_all_it_has() -> None:
    promo = body("x\n\n---\n\n<p>One</p><ul><li>Two</li></ul>\n").promo

    assert promo is not None
    assert kinds(promo.blocks) == ["Paragraph", "ListBlock"]
    assert promo.title == ()


# --- other blocks -------------------------------------------------------------------------------


def test_a_picture_alone_is_a_figure_and_in_a_sentence_is_not() -> None:
    digest = body(
        "![a](https://a.example/a.png)\n\n[![b](https://a.example/b.png)](https://b.example/)\n\n"
        "see ![c](https://a.example/c.png)\n"
    )

    assert kinds(digest.lead) == ["Figure", "Figure", "Paragraph"]
    assert [figure.url for figure in all_of(digest, Figure)] == [None, "https://b.example/"]


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ('<iframe src="https://v.example/1" title="talk"></iframe>', EmbedKind.FRAME),
        ('<video src="https://v.example/1" title="talk"></video>', EmbedKind.VIDEO),
        ('<audio title="talk"><source src="https://v.example/1"></audio>', EmbedKind.AUDIO),
    ],
)
def test_what_a_mail_cannot_play_becomes_a_card(source: str, kind: EmbedKind) -> None:
    (embed,) = body(f"<div>\n{source}\n</div>\n").lead

    assert isinstance(embed, Embed)
    assert (embed.kind, embed.url, embed.title) == (kind, "https://v.example/1", "talk")


def test_html_becomes_the_same_blocks_as_markdown() -> None:
    html = (
        "<h3>h</h3><p>p <b>b</b><br>q</p><ol start=3><li>i</li></ol><blockquote>s</blockquote>"
        "<pre>c\n d</pre><table><tr><th>t</th></tr><tr><td>u</td></tr></table>"
        "<p align=center><img src='https://a.example/i.png' alt=a></img></p>\n"
    )
    digest = body(f"<div>{html}</div>\n")
    (section,) = digest.sections

    assert kinds(section.parts) == [
        "Paragraph",
        "ListBlock",
        "Quote",
        "CodeBlock",
        "Table",
        "Figure",
    ]
    assert all_of(digest, ListBlock)[0].start == 3
    assert all_of(digest, CodeBlock)[0].text == "c\n d"
    assert all_of(digest, Span)[0].kind is SpanKind.STRONG


def test_cells_and_lists_of_html_keep_what_stands_in_them() -> None:
    """Blocks in a cell part by breaks; a table in it is told once."""
    digest = body("<table><tr><td><p>a</p><p>b</p>c<table><tr><td>d</td></tr></table></table>\n")
    (row,) = all_of(digest, Table)[0].rows

    assert [plain_text(cell) for cell in row.cells] == ["a b c d"]


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        (f"<a href='{LINK}'><h3>Head</h3><p>Para</p></a>", ["Head", "Para"]),
        (f"<a href='{LINK}'>\n<h3>Head</h3>\n<p>Para</p>\n</a>", ["Head", "Para"]),
        (f"<a href='{LINK}'><div><div>a</div> <p>**b** c</p></div></a>", ["a", "b c"]),
        (f"<a href='{LINK}'>a<p>b</p>c<br><p>d</p></a>", ["a", "b", "c", "d"]),
        (f"<div><a href='{LINK}'><ul><li>a</li><li>b</li></ul></a></div>", ["a", "b"]),
        (f"<a href='{LINK}'><p>a</p></a>", ["a"]),
        (f"<a href='{LINK}'>\n<div>\n<b>a</b>\n</div></a>", ["a"]),
    ],
)
def test_blocks_of_html_within_a_link_are_lines(source: str, lines: list[str]) -> None:
    (link,) = all_of(body(f"{source}\n"), Link)
    text = "".join(
        "|" if isinstance(node, Break) and node.hard else plain_text((node,))
        for node in link.children
    )

    assert [line.strip() for line in text.split("|")] == lines


@pytest.mark.parametrize("around", ["{}\n", "<p>{}</p>\n", "a {} b\n", "- {}\n"])
@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("<ruby>漢字<rt>かんじ</rt></ruby>", "漢字（かんじ）"),
        ("<ruby>漢字<rt>かんじ</ruby>", "漢字（かんじ）"),
        ("<ruby>漢<rt>かん</rt>字<rt>じ</rt></ruby>", "漢（かん）字（じ）"),
        ("<ruby>漢<rp>(</rp><rt>かん</rt><rp>)</rp>字<rt>じ</rt></ruby>", "漢(かん)字（じ）"),
        ("<ruby><rb>漢</rb><rp>《</rp><rt>かん</rt><rp>》</rp></ruby>", "漢《かん》"),
        ("<q>yes</q>", "“yes”"),
        ('<q cite="https://a.example/">yes, <q>no</q></q>', "“yes, ‘no’”"),
    ],
)
def test_signs_that_a_browser_shows_are_kept(source: str, shown: str, around: str) -> None:
    """Those of <q>, and the brackets that browsers without ruby show."""
    assert shown in texts(body(around.format(source)))


def test_quotes_of_html_are_those_of_the_language() -> None:
    digest = read("---\ntitle: T\nlanguage: de\n---\n<q>ja, <q>nein</q></q>\n").digest

    assert texts(digest) == "„ja, ‚nein‘“"


@pytest.mark.parametrize("around", ["{}\n", "<div>{}</div>\n", "a {}\n"])
@pytest.mark.parametrize(
    "source",
    [
        f'<form action="{LINK}"><input name="a"><b>Go</b></form>',
        f'<form><button formaction="{LINK}">Go</button></form>',
    ],
)
def test_the_address_of_a_form_is_told(source: str, around: str) -> None:
    parsed = read("---\ntitle: T\n---\n" + around.format(source))
    told = [found for found in findings(parsed, "html-dropped") if LINK in found.message]

    assert [(found.severity, found.position.line) for found in told] == [(Severity.WARNING, 4)]
    assert "Go" in texts(parsed.digest)


def test_html_code_between_words_is_code() -> None:
    assert [code.text for code in all_of(body("press <kbd>Esc</kbd> now\n"), Code)] == ["Esc"]


def test_pseudo_numbers_and_unusual_signs_stay_text() -> None:
    digest = body("1、[a](https://a.example/)：x\n\n#Title\n\n2） y\n")

    assert [text_of(block) for block in digest.lead] == ["1、a：x", "#Title", "2） y"]
    assert all_of(digest, Text)


def test_an_unused_footnote_is_told() -> None:
    parsed = read("---\ntitle: T\ndate: 2026-01-07\n---\nx[^a]\n\n[^a]: used\n\n[^b]: unused\n")

    assert finding(parsed, "unused-footnote") == (Severity.WARNING, 9)
    assert not findings(parsed, "unknown-footnote")
