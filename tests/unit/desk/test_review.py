"""A review shows what differs, and of no issue's text is anything more than text."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from lxml import html as lxml_html
from markdown_it import MarkdownIt
from markdown_it.token import Token

from newsletter.desk.review import markdown, texts
from newsletter.desk.review.base import Base
from newsletter.desk.review.changes import Differing, Fate, MailChange, Review, compare
from newsletter.desk.review.page import page
from newsletter.desk.review.pictures import Gallery
from newsletter.desk.review.sides import SEEN_HEADERS, Reference, Side
from newsletter.desk.review.texts import LineKind
from newsletter.lint.sizes import MOST_BYTES
from newsletter.model.finding import Finding, Position, Severity

HOSTILE = (
    "@someone #1 ![x](https://evil.example/x.png) [x](https://evil.example) "
    "<img src=https://evil.example/y.png onerror=alert(1)><script>alert(1)</script> "
    "` `` ``` ```` </details> | \u202edlrow\u2066 https://evil.example/auto\x1b[31m"
)
LINES = f"```\n{HOSTILE}\n</code></pre>\n@everyone\n````\n![x](https://evil.example/z.png)\n"


def side(**parts: object) -> Side:
    usual: dict[str, object] = {"stem": "valley", "html": "<p>Looms</p>", "text": "Looms"}
    return Side(**{**usual, **parts})  # type: ignore[arg-type]


def finding(message: str, line: int = 1, severity: Severity = Severity.ERROR) -> Finding:
    return Finding("some-rule", severity, Position("issues/valley.md", line), message, "Mend it.")


def changed(before: Side | None, after: Side | None) -> MailChange:
    change = compare(before, after)
    assert change is not None
    return change


def review_of(*changes: MailChange) -> Review:
    return Review(Base("a" * 40, "main"), changes, same=1, sent=2, older=3)


def hostile() -> Review:
    evil = side(
        stem=HOSTILE,
        headers=tuple((name, HOSTILE) for name in SEEN_HEADERS),
        html=LINES,
        text=LINES,
        visible=tuple(LINES.splitlines()),
        links=(Reference(HOSTILE, HOSTILE),),
        shown=(Reference(HOSTILE, HOSTILE),),
        findings=(finding(HOSTILE),),
        problem=HOSTILE,
    )
    longer = replace(evil, text=f"{LINES}One more line.\n")  # so that its last lines are around it
    return review_of(changed(None, evil), changed(evil, longer), changed(evil, None))


# --- what differs ---------------------------------------------------------------------------------


def test_mails_that_are_the_same_are_no_change() -> None:
    assert compare(side(), side()) is None


def test_a_finding_that_only_moved_is_neither_new_nor_mended() -> None:
    before, after = side(findings=(finding("a", 1),)), side(findings=(finding("a", 9),))

    assert compare(before, after) is None


def test_one_more_of_the_same_finding_is_new() -> None:
    before = side(findings=(finding("a", 1),))
    after = side(findings=(finding("a", 1), finding("a", 5)))

    change = changed(before, after)

    assert [new.position.line for new in change.findings_added] == [5]
    assert change.errors == 1


def test_a_link_that_leads_elsewhere_by_the_same_text_is_one_change() -> None:
    before = side(links=(Reference("https://a.example", "A"), Reference("https://b.example", "B")))
    after = side(
        links=(Reference("https://x.example", "A"), Reference("https://c.example", "C")), text=""
    )

    change = changed(before, after)

    assert change.links == (Differing("A", "https://a.example", "https://x.example"),)
    assert change.links_added == (Reference("https://c.example", "C"),)
    assert change.links_removed == (Reference("https://b.example", "B"),)


@pytest.mark.parametrize(
    ("before", "after", "status"),
    [
        (None, side(), Fate.ADDED),
        (side(), None, Fate.REMOVED),
        (side(stem="hills"), side(), Fate.RENAMED),
        (side(text="Other"), side(), Fate.CHANGED),
    ],
)
def test_a_change_says_what_became_of_the_issue(
    before: Side | None, after: Side | None, status: Fate
) -> None:
    assert (changed(before, after).status, changed(before, after).stem) == (status, "valley")


def test_an_issue_that_can_no_longer_be_rendered_counts_as_an_error() -> None:
    assert changed(side(), Side("valley", problem="no theme")).errors == 1


# --- texts ----------------------------------------------------------------------------------------


def marked(before: str, after: str) -> list[tuple[LineKind, list[str]]]:
    """The marked pieces of each line."""
    rows = texts.lines(before.splitlines(), after.splitlines())
    return [(row.kind, [piece.text for piece in row.pieces if piece.is_marked]) for row in rows]


def test_in_a_line_that_changed_the_words_are_marked() -> None:
    assert marked("The looms are slow.", "The looms are fast.") == [
        (LineKind.REMOVED, ["slow"]),
        (LineKind.ADDED, ["fast"]),
    ]


def test_in_chinese_each_character_is_a_word() -> None:
    assert marked("慢一点的软件", "快一点的软件") == [
        (LineKind.REMOVED, ["慢"]),
        (LineKind.ADDED, ["快"]),
    ]


def test_lines_far_from_a_change_are_left_out() -> None:
    text = [f"line {number}" for number in range(20)]

    rows = texts.lines(text, [*text[:3], "new", *text[3:16], "newer", *text[16:]])

    assert [row.kind for row in rows].count(LineKind.GAP) == 1
    assert len(rows) == 2 * 5 + 1


# --- Markdown -------------------------------------------------------------------------------------


def tokens(text: str) -> Iterator[Token]:
    parser = MarkdownIt("commonmark", {"html": True, "linkify": True}).enable(["table", "linkify"])
    for block in parser.parse(text):
        yield block
        yield from block.children or ()


def test_in_markdown_no_text_of_an_issue_is_anything_but_code() -> None:
    """No mention, no picture, no link, no HTML, and no fence that ends too early."""
    text = markdown.markdown(hostile())

    parsed = list(tokens(text))
    outside = [t for t in parsed if t.type not in ("code_inline", "fence", "inline")]
    markup = {t.content.strip() for t in parsed if t.type.startswith("html")}
    assert not any("evil" in t.content or "@" in t.content for t in outside)
    assert {t.type for t in parsed} & {"image", "link_open", "table_open"} == set()
    assert all(
        re.fullmatch(
            r"<!-- newsletter review -->|<details><summary>[\w ]+</summary>|</details>", tag
        )
        for tag in markup
    )
    assert "\\u202e" in text
    assert "\\x1b" in text
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x1b]", text)


def test_markdown_fits_into_a_comment() -> None:
    many = [
        changed(side(), side(text="x", visible=tuple(f"{HOSTILE} {n}" for n in range(500))))
    ] * 40

    text = markdown.markdown(review_of(*many))

    assert len(text) <= markdown.MOST_CHARACTERS
    assert text.endswith("The HTML file has all of it.*\n")
    assert len(list(tokens(text))) > 100


def test_the_comment_is_found_again_by_its_mark() -> None:
    assert markdown.markdown(review_of()).startswith(f"{markdown.MARK}\n## No mail changes\n")


# --- HTML -----------------------------------------------------------------------------------------


def test_in_html_no_text_of_an_issue_is_markup() -> None:
    text = page(hostile(), Gallery({}, HOSTILE))

    document = lxml_html.document_fromstring(text)
    elements = [element for element in document.iter() if isinstance(element.tag, str)]
    attributes = {(e.tag, name): str(value) for e in elements for name, value in e.attrib.items()}
    assert {e.tag for e in elements} & {"script", "img", "iframe", "object", "form"} == set()
    assert not any(name.startswith("on") or name == "src" for _, name in attributes)
    assert all(
        str(e.get("href")).startswith("#mail-") for e in elements if e.get("href") is not None
    )
    assert "<script>alert(1)</script>" in document.text_content()
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x1b]", text)


def test_the_page_allows_nothing_but_its_own_style_and_the_pictures_in_it() -> None:
    text = page(review_of(changed(None, side())), Gallery({}))

    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', text)
    assert re.fullmatch(
        r"default-src &#39;none&#39;; style-src &#39;sha256-[\w+/=]+&#39;; img-src data:; "
        r"base-uri &#39;none&#39;; form-action &#39;none&#39;",
        policy,
    )
    assert "style=" not in text


def test_a_mail_that_gmail_may_cut_off_is_told() -> None:
    large = changed(None, side(html="x" * (MOST_BYTES + 1)))

    assert "Gmail may cut this mail off." in page(review_of(large), Gallery({}))
    assert "Gmail may cut it off." in markdown.markdown(review_of(large))


def test_what_was_not_compared_is_told() -> None:
    for text in (page(review_of(), Gallery({})), markdown.markdown(review_of())):
        assert "The same as before: 1." in text
        assert "Sent already, so not compared: 2." in text
        assert "older, so not compared: 3." in text
