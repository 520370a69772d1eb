"""Blocks that editors expect, as a reader sees them: HTML for all mail programs, and text."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from newsletter import languages
from newsletter.render import words_used
from tests.unit.render import outlook
from tests.unit.render.rendering import (
    default_theme,
    delivered,
    issue,
    mail,
    rendered,
    shown,
    visible,
)

URL = "https://a.example/x"
A, B = "https://a.example/a.png", "https://a.example/b.png"
LEAST_TARGET_PIXELS = 44
LANGUAGES = sorted(p.stem for p in (Path(languages.__file__).parent / "words").glob("*.toml"))


def lines(body: str, **front: str) -> list[str]:
    """The lines of the text part that the body makes."""
    text = delivered(body, **front).text.split("\n\n━", 1)[0]
    return [line for line in text.split("\n")[4:] if line]


def assert_outlook_shows(html: str) -> None:
    assert [broken for rule in outlook.RULES for broken in rule(html)] == []


# --- buttons --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "around", ["{}\n", "> {}\n", "- x\n\n  {}\n", "::: tip\n{}\n:::\n", "## S\n\n### I\n\n{}\n"]
)
def test_a_button_is_one_wherever_it_stands(around: str) -> None:
    sent = delivered(around.format(f"**[Read more]({URL})**"))

    (link,) = (a for a in visible(sent.html).iter("a") if a.get("href") == URL)
    cell = link.getparent()
    assert (cell.tag, cell.get("bgcolor"), shown(link)) == ("td", "#a8321f", "Read more")
    assert_outlook_shows(sent.html)


def test_a_thumb_hits_a_button() -> None:
    html = delivered(f"**[Go]({URL})**\n").html
    (link,) = (a for a in visible(html).iter("a") if a.get("href") == URL)

    height = int(re.search(r"line-height:(\d+)px", link.get("style"))[1])  # type: ignore[index]
    padding = int(re.search(r"padding:(\d+)px", link.getparent().get("style"))[1])  # type: ignore[index]
    assert height + 2 * padding >= LEAST_TARGET_PIXELS


def test_a_button_may_lead_where_a_merge_field_says() -> None:
    html = delivered("**[Leave]({{unsubscribe_url}})**\n").html

    (link,) = (a for a in visible(html).iter("a") if shown(a) == "Leave")
    assert link.get("href").startswith("https://news.example.com/u/")


def test_a_button_has_its_address_in_the_text() -> None:
    assert lines(f"**[Read more]({URL})**\n") == [f"Read more <{URL}>"]


# --- pictures -------------------------------------------------------------------------------------


def test_the_title_of_a_lone_picture_is_its_caption() -> None:
    body = visible(delivered(f'![alt]({A} "The *harbour* <1>")\n').html)

    (picture,) = body.iter("img")
    assert picture.get("title") is None
    assert "The *harbour* <1>" in [shown(p) for p in body.iter("p")]


def test_a_title_among_words_stays_a_title() -> None:
    (picture,) = visible(delivered(f'x ![alt]({A} "The harbour")\n').html).iter("img")

    assert picture.get("title") == "The harbour"


FIGURE = f'<figure><img src="{A}" alt="alt" title="T">{{}}<figcaption>{{}}</figcaption></figure>'


def test_the_caption_of_a_figure_stands_below_it_as_it_is_written() -> None:
    """With its links and emphasis; the title of the picture stays one."""
    sent = delivered(FIGURE.format("", f'By <a href="{URL}">Ann</a>, <i>2026</i>') + "\n")

    (picture,) = visible(sent.html).iter("img")
    caption = picture.getparent().getnext()
    assert picture.get("title") == "T"
    assert [a.get("href") for a in caption.iter("a")] == [URL]
    assert shown(caption) == "By Ann, 2026"


def test_the_caption_of_a_row_stands_below_all_of_it() -> None:
    sent = delivered(FIGURE.format(f' <img src="{B}" alt="b">', "Both of them") + "\n")

    *_, row = (table for table in visible(sent.html).iter("table") if list(table.iter("img")))
    assert len(list(row.iter("img"))) == 2
    assert shown(row.getnext()) == "Both of them"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (FIGURE.format("", f'By <a href="{URL}">Ann</a>'), [f"[alt] <{A}>", f"By Ann <{URL}>"]),
        (FIGURE.format("", "alt"), [f"[alt] <{A}>"]),
        (
            FIGURE.format(f' <img src="{B}" alt="b">', "Both"),
            [f"[alt] <{A}>", "T", f"[b] <{B}>", "Both"],
        ),
        (f'![alt]({A} "Caption")', [f"[alt] <{A}>", "Caption"]),
        (f'![same]({A} "same")', [f"[same] <{A}>"]),
        (f'![it\'s]({A} "it’s")', [f"[it's] <{A}>"]),
        (f'[![alt]({A} "Caption")]({URL})', [f"[alt] <{A}>", URL, "Caption"]),
        (f'![a]({A} "C") ![b]({B})', [f"[a] <{A}>", "C", f"[b] <{B}>"]),
    ],
)
def test_a_picture_is_told_in_the_text(source: str, text: list[str]) -> None:
    assert lines(source + "\n") == text


@pytest.mark.parametrize("count", range(2, 14))
def test_pictures_of_a_row_have_the_same_room(count: int) -> None:
    html = delivered(" ".join(f'![{n}]({A} "c{n}")' for n in range(count)) + "\n").html

    pictures = list(visible(html).iter("img"))
    assert [shown(p) for p in pictures] == [str(n) for n in range(count)]
    assert len({picture.get("width") for picture in pictures}) == 1
    assert int(pictures[0].get("width")) >= 568 // 4 - 8
    assert_outlook_shows(html)


@pytest.mark.parametrize("around", ["> {}\n", "> > {}\n", "- {}\n", "::: sponsor\n{}\n:::\n"])
def test_a_row_fits_wherever_it_stands(around: str) -> None:
    assert_outlook_shows(delivered(around.format(f"![a]({A}) ![b]({B}) ![c]({A})")).html)


def test_a_small_picture_in_a_row_is_not_blown_up() -> None:
    source = f'<p><img src="{A}" alt="a" width="48" height="32"> ![b]({B})'
    html = delivered(source.replace("![b]", "") + f'<img src="{B}" alt="b"></p>\n').html

    (first, *_) = visible(html).iter("img")
    assert (first.get("width"), first.get("height")) == ("48", "32")


# --- quotes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "who"),
    [
        ("> Said.\n>\n> — Ann\n", "— Ann"),
        ("> Said.\n> - Ann\n", "— Ann"),
        ("> 说。\n>\n> ——鲁迅\n", "——鲁迅"),
        ("> Said.\n>\n> -- Ann\n", "-- Ann"),
    ],
)
def test_who_said_it_stands_on_a_line_of_its_own(source: str, who: str) -> None:
    sent = delivered(source)

    (quote,) = visible(sent.html).iter("blockquote")
    assert shown(list(quote.iter("p"))[-1]) == who
    assert lines(source)[-1] == f"> {who}"


# --- sponsors -------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sponsor_is_marked_in_the_language_of_the_issue(language: str) -> None:
    sent = delivered("::: sponsor Acme\nText.\n:::\n", language=language)
    word = languages.words(language, "mail")["sponsor"]
    assert f"{word} · Acme" in [shown(p) for p in visible(sent.html).iter("p")]
    assert f"〔{word} · Acme〕\nText." in sent.text
    assert_outlook_shows(sent.html)


def test_a_sponsor_is_no_other_block() -> None:
    """Readers tell it apart: it has a ground and a frame."""
    html = delivered("::: sponsor\nText.\n:::\n").html

    (cell,) = (
        td for td in visible(html).iter("td") if "sponsor" in (td.get("class") or "").split("-")
    )
    assert "border:1px solid" in cell.get("style")
    assert "background-color" in cell.get("style")


# --- labels ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("opening", "html", "text"),
    [
        (
            f"> [!TIP] Read [the guide]({URL}) first\n> x",
            "Read a first",
            f"the guide <{URL}> first",
        ),
        (f'!!! note "See [the guide]({URL}) and `code`"\n    x', "See a and code", "and code〕"),
        (f'!!! tip "*Mind* this [gap]({URL}):"\n    x', "em this a", f"gap <{URL}>〕"),
        (f"> [!TIP] {URL}\n> x", "a", f"〔<{URL}>〕"),
        (f"> [!SPONSOR] {URL}\n> x", "Sponsor · a", f"〔Sponsor · <{URL}>〕"),
        ("**Mind `x` :** y", "Mind code", "〔Mind x〕"),
        ("**Mind *it：*** y", "Mind em", "〔Mind it〕"),
        ("**洞察**： y", "洞察", "〔洞察〕"),
        ("## S\n\n### I\n\nx\n\n#### Tips: **x:**\n\ny", "Tips: x", "〔Tips: x〕"),
        ("**Note[^1]:** y\n\n[^1]: z", "Notesup", "〔Note[1]〕"),
    ],
)
def test_a_label_keeps_its_links_and_emphasis(opening: str, html: str, text: str) -> None:
    """Each element within it is shown here by its name."""
    sent = delivered(f"{opening}\n")

    shapes = [
        "".join([p.text or "", *(f"{child.tag}{child.tail or ''}" for child in p)])
        for p in visible(sent.html).iter("p")
    ]
    assert html in shapes
    assert text in sent.text


# --- videos ---------------------------------------------------------------------------------------


def test_a_video_is_the_card_that_a_frame_is() -> None:
    address = "https://www.youtube.com/watch?v=a&t=1"
    sent = delivered(f"{address}\n")

    (link,) = (a for a in visible(sent.html).iter("a") if a.get("href") == address)
    assert "youtube.com" in shown(link)
    assert lines(f"{address}\n") == [address]


# --- links within the mail ------------------------------------------------------------------------

NOTES = (
    "a[^1] b[^1]\n\n## [S](https://a.example/)\n\n### [x](https://a.example/)[^2]\n\n"
    "[^1]: one\n\n[^2]: - l\n"
)


def places(html: str) -> list[str]:
    """Where links may lead, by id and by name, which are the same."""
    named = list(visible(html).xpath(".//*[@id or @name]"))
    assert all(element.get("id") == element.get("name") for element in named)
    return [element.get("id") for element in named]


def leading(html: str) -> list[str]:
    """Where the links within a mail lead."""
    hrefs = [a.get("href", "") for a in visible(html).iter("a")]
    return [href[1:] for href in hrefs if href.startswith("#")]


@pytest.mark.parametrize(
    "source",
    [
        NOTES,
        "x[^1]\n\n[^1]: note\n",
        "> x[^1]\n\n| a[^2] |\n|---|\n| b[^1] |\n\n[^1]: note\n\n[^2]: ```\n    code\n    ```\n",
        "[toc]\n\n## A\n\nx\n\n## B[^1]\n\ny\n\n[toc]\n\n[^1]: note\n",
        "[toc]\n\n## [A](https://a.example/)\n\n## *B*\n\n## `C <`\n\n##\n\n## ![d](https://a.example/d.png)\n",
    ],
)
def test_every_link_within_a_mail_leads_somewhere_once(source: str) -> None:
    html = delivered(source).html

    assert set(leading(html)) <= set(places(html))
    assert len(places(html)) == len(set(places(html)))
    assert leading(html)
    assert_outlook_shows(html)


def test_a_footnote_leads_back_to_each_of_its_references() -> None:
    html = delivered(NOTES).html

    assert leading(html) == ["note-1", "note-1", "note-2", "ref-1", "ref-1-2", "ref-2"]


@pytest.mark.parametrize("note", ["one", "one\n\n    more", "*one* `two`"])
def test_the_number_of_a_footnote_stands_beside_it(note: str) -> None:
    html = delivered(f"a[^1]\n\n[^1]: {note}\n").html

    (mark,) = (e for e in visible(html).iter("span") if e.get("class") == "note-mark")
    assert mark.getparent().tag == "p"
    assert shown(mark.getparent()).startswith("[1] one")


def test_a_footnote_that_begins_with_a_list_has_its_number_too() -> None:
    html = delivered("a[^1]\n\n[^1]:\n    - one\n    - two\n").html

    assert "[1]" in [shown(e) for e in visible(html).iter("span") if e.get("class") == "note-mark"]


def test_a_footnote_in_a_link_makes_no_link_in_a_link() -> None:
    """Browsers would end the outer link there."""
    html = delivered("<a href='https://a.example/'>x <b>y[^1]</b></a>\n\n[^1]: note\n").html

    assert visible(html).xpath(".//a//a") == []
    assert "[1]" in shown(visible(html))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_way_back_and_the_contents_are_named_in_the_language(language: str) -> None:
    source = "[toc]\n\n## A\n\nx[^1]\n\n[^1]: note\n"
    sent = delivered(source, language=language)

    words = languages.words(language, "mail")
    (back,) = (a for a in visible(sent.html).iter("a") if a.get("href") == "#ref-1")
    assert back.get("title") == back.get("aria-label") == words["back"]
    assert shown(back)[0] == ("↪" if language in ("ar", "he") else "↩")
    assert words["contents"] in [shown(p) for p in visible(sent.html).iter("p")]
    assert f"〔{words['contents']}〕\n- A" in sent.text


def test_contents_show_headings_without_their_marks() -> None:
    sent = delivered("[toc]\n\n## *A* & [b](https://a.example/)[^1]\n\nx\n\n## B\n\n[^1]: note\n")

    entries = [a for a in visible(sent.html).iter("a") if a.get("href", "").startswith("#section")]
    assert [shown(a) for a in entries] == ["A & b", "B"]
    assert "- A & b\n- B" in sent.text


# --- the cover ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "attributes"),
    [((320, 200), ("320", "200")), ((640, 400), ("640", "400")), (None, ("640", None))],
)
def test_a_small_cover_is_not_blown_up(
    size: tuple[int, int] | None, attributes: tuple[str, str | None]
) -> None:
    digest = issue(coverImage=A)
    digest = replace(digest, meta=replace(digest.meta, cover_size=size), position=digest.position)

    html = mail(rendered(digest)).html
    (cover,) = visible(html).iter("img")
    assert (cover.get("width"), cover.get("height")) == attributes
    assert_outlook_shows(html)


# --- promo cards ----------------------------------------------------------------------------------

QR = '<img src="https://a.example/qr.png" alt="QR">'
CARDS = {
    "two paragraphs": f"<h3>Join</h3><p>a</p><p>b</p><p><a href='{URL}'>Go</a></p>",
    "a second link": f"<h3>Join</h3><a class=cta href={URL}>Go</a> <a href={URL}/2>or not</a>",
    "a picture last": f"<h3>Join</h3><p>a</p><p>b</p><p><a href='{URL}'>Go</a></p><p>{QR}</p>",
    "Markdown": f"\n\n### Join\n\n**a** b\n\n[Go]({URL})\n\n",
    "Markdown on its lines": "\n### Join\n**a** b\n\n",
    "a table": f"<table><tr><td>{QR}<td><h3>Join</h3><a class=btn href={URL}>Go</a></table>",
    "a list": f"<h3>Join</h3><ul><li>a</li></ul><p><a href='{URL}'>Go</a></p>",
    "Arabic": f"<h3>اشترك</h3><p>أ</p><p>ب</p><p><a href='{URL}'>Go</a></p>",
}


@pytest.mark.parametrize("inner", CARDS.values(), ids=CARDS)
@pytest.mark.parametrize("after", ["", "\nThanks.\n", "\n## More\n\nx\n"])
def test_a_card_is_whole_in_every_shape(inner: str, after: str) -> None:
    sent = delivered(f"## A\n\nx\n\n---\n\n<div class='card'>{inner}</div>\n{after}")

    seen = shown(visible(sent.html))
    for part in (seen, sent.text):
        assert all(word in part for word in ("Join", "QR", "or not", "اشترك") if word in inner)
        assert "**" not in part
        assert all(word in part for word in ("Thanks.", "More") if word in after)
    if "href" in inner or "](" in inner:
        (link,) = (a for a in visible(sent.html).iter("a") if a.get("href") == URL)
        assert (link.getparent().tag, link.getparent().get("bgcolor")) == ("td", "#a8321f")
        assert URL in sent.text
    assert_outlook_shows(sent.html)


def test_a_card_shows_its_title_as_one_wherever_it_stands() -> None:
    inner = "<p>first</p><h3>Join</h3><p>a</p>"
    html = delivered(f"x\n\n---\n\n<div class='card'>{inner}</div>\n").html

    (title,) = (p for p in visible(html).iter("p") if shown(p) == "Join")
    assert "font-size:21px" in title.get("style")


def test_a_row_with_its_gaps_is_no_wider_than_its_line() -> None:
    html = delivered(f"![a]({A}) ![b]({B}) ![c]({A}) ![d]({B})\n").html

    (row,) = (tr for tr in visible(html).iter("tr") if len(list(tr.iterchildren("td"))) > 1)
    pictures = sum(int(picture.get("width")) for picture in row.iter("img"))
    gaps = sum(int(cell.get("width", "0")) for cell in row.iterchildren("td"))
    assert gaps > 0
    assert pictures + gaps <= 568


# --- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("::: sponsor\nx\n:::\n", "sponsor"),
        ("[toc]\n\n## A\n", "contents"),
        ("x[^1]\n\n[^1]: y\n", "back"),
    ],
)
def test_a_word_is_wanted_of_a_theme_only_where_a_block_shows_it(source: str, word: str) -> None:
    """Else every issue in a language without words would be told of blocks that it lacks."""
    theme = default_theme()

    assert word in words_used(theme, issue(source))
    assert word not in words_used(theme, issue("x\n"))
