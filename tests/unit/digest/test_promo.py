"""Promo cards in the shapes that authors give them: nothing of one is lost or only half a card."""

from itertools import permutations

import pytest

from newsletter.model.blocks import (
    Button,
    Figure,
    Paragraph,
    Promo,
    Table,
)
from newsletter.model.digest import Digest
from newsletter.model.finding import Severity
from newsletter.model.inline import Image, Link, Text
from newsletter.model.walking import plain_text, walk
from tests.unit.digest.reading import all_of, body, finding, findings, read, texts

GO = "https://a.example/go"
MORE = "https://a.example/more"
QR = '<img src="https://a.example/qr.png" alt="QR">'


def card(inner: str, after: str = "") -> Digest:
    return body(f'## A\n\nx\n\n---\n\n<div class="promo-card">{inner}</div>\n{after}')


def promo_of(digest: Digest) -> Promo:
    assert digest.promo is not None
    return digest.promo


def kinds(promo: Promo) -> list[str]:
    return [type(block).__name__ for block in promo.blocks]


def buttons(promo: Promo) -> list[str]:
    return [block.link.url for block in promo.blocks if isinstance(block, Button)]


@pytest.mark.parametrize(
    ("inner", "blocks", "complete"),
    [
        (
            f"<h3>T</h3><p>a</p><a href='{GO}'>Go</a><p>{QR}</p>",
            "Heading Paragraph Button Figure",
            True,
        ),
        (f"<h3>T</h3><p>a</p><p><a href='{GO}'>Go</a></p>", "Heading Paragraph Button", True),
        (
            f"<h3>T</h3><p>a</p><p>b</p><p><a href='{GO}'>Go</a></p>",
            "Heading Paragraph Paragraph Button",
            False,
        ),
        (
            f"<h3>T</h3><p>a</p><p><a class=cta href={GO}>Go</a></p><p><a href={MORE}>More</a></p>",
            "Heading Paragraph Button Paragraph",
            False,
        ),
        (
            f"<h3>T</h3><p>a</p><a class='cta' href='{GO}'>Go</a> <a href='{MORE}'>More</a>",
            "Heading Paragraph Button Paragraph",
            False,
        ),
        (
            f"<h3>T</h3><p>a <a class='btn' href='{GO}'>Go</a></p>",
            "Heading Paragraph Button",
            True,
        ),
        (
            f"<h3>T</h3><p>a</p><p><a href='{GO}'>Go</a></p><p>{QR}</p>",
            "Heading Paragraph Button Figure",
            True,
        ),
        (
            f"<p>{QR}</p><h3>T</h3><p>a</p><p><a href='{GO}'>Go</a></p>",
            "Figure Heading Paragraph Button",
            True,
        ),
        (
            f"<h3>T</h3><p><strong><a href='{GO}'>Go</a></strong></p><ul><li>a</li></ul>",
            "Heading Button ListBlock",
            False,
        ),
    ],
)
def test_a_card_is_read_in_every_shape(inner: str, blocks: str, complete: bool) -> None:
    promo = promo_of(card(inner))

    assert kinds(promo) == blocks.split()
    assert buttons(promo) == [GO]
    assert promo.complete is complete
    assert plain_text(promo.title) == "T"
    assert {node.url for node in walk(promo) if isinstance(node, Link)} >= {GO}


@pytest.mark.parametrize(
    "parts", [*permutations(["<h3>T</h3>", "<p>a</p>", f"<a href='{GO}'>Go</a>", QR])]
)
@pytest.mark.parametrize("between", ["", "\n", " <br>"])
def test_the_parts_of_a_card_stand_in_any_order(parts: tuple[str, ...], between: str) -> None:
    promo = promo_of(card(between.join(parts)))

    assert sorted(kinds(promo)) == ["Button", "Figure", "Heading", "Paragraph"]
    assert (buttons(promo), promo.complete) == ([GO], True)


@pytest.mark.parametrize(
    ("inner", "blocks"),
    [
        (f"**[Go]({GO})** ![QR](https://a.example/qr.png)", "Heading Button Figure"),
        (f"[Go]({GO}) ![a]({GO}.png) ![b]({MORE}.png)", "Heading Button PictureRow"),
        (f"[Go]({GO}) [More]({MORE}) ![a]({GO}.png)", "Heading Paragraph Figure"),
        (f"[![a]({GO}.png)]({MORE}) [Go]({GO})", "Heading Figure Button"),
        (f"or ![a]({GO}.png) [Go]({GO})", "Heading Paragraph"),
        (f"[Go ![a]({GO}.png)]({GO})", "Heading Button"),
    ],
)
def test_pictures_beside_links_stand_apart(inner: str, blocks: str) -> None:
    source = f'x\n\n---\n\n<div class="card">\n\n### T\n\n{inner}\n\n</div>\n'

    assert kinds(promo_of(body(source))) == blocks.split()


@pytest.mark.parametrize(
    "source",
    [
        f"**Join us**\n\nText with a [link]({MORE}).\n\n**[Go]({GO})**",
        f"### Join us\n\nText.\n\n[Go]({GO})",
        f"<h3>Join us</h3>\n\nText.\n\n<a href='{GO}'>Go</a>",
    ],
)
def test_markdown_in_a_card_is_read(source: str) -> None:
    promo = promo_of(body(f'x\n\n---\n\n<div class="card">\n\n{source}\n\n</div>\n'))

    assert plain_text(promo.title) == "Join us"
    assert buttons(promo) == [GO]


@pytest.mark.parametrize("indent", ["", "  ", "    "])
def test_markdown_right_below_the_tag_is_read_too(indent: str) -> None:
    """CommonMark takes it for HTML, so readers would see its signs."""
    lines = [f"{indent}**Join us**", "", f"{indent}**[Go]({GO})**"]
    inner = "\n".join(line for line in lines if line) + f"\n{indent}- one"
    promo = promo_of(body(f'x\n\n---\n\n<div class="card">\n{inner}\n</div>\n'))

    assert "**" not in "".join(node.text for node in walk(promo) if isinstance(node, Text))
    assert [node.url for node in walk(promo) if isinstance(node, Link)] == [GO]
    link = next(node for node in walk(promo) if isinstance(node, Link))
    assert link.position.line == 11


def test_markdown_that_html_shows_as_it_stands_is_told() -> None:
    parsed = read(
        f"---\ntitle: T\n---\nx\n\n---\n\n<div class=card><p>**Join** [us]({GO})</p></div>\n"
    )

    assert finding(parsed, "literal-emphasis") == (Severity.WARNING, 8)


def test_a_card_may_be_laid_out_by_a_table() -> None:
    source = (
        f"<table class='card'><tr><td>{QR}</td><td><h3>Join us</h3><p>Text.</p>"
        f"<p><a class='button' href='{GO}'>Go</a></p></td></tr></table>"
    )
    promo = promo_of(body(f"x\n\n---\n\n{source}\n"))

    assert kinds(promo) == ["Figure", "Heading", "Paragraph", "Button"]
    assert promo.complete


def test_a_table_of_data_in_a_card_stays_one() -> None:
    rows = "<tr><td>a</td><td>1</td></tr><tr><td>b</td><td>2</td></tr>"
    promo = promo_of(card(f"<h3>T</h3><table>{rows}</table><p><a href='{GO}'>Go</a></p>"))

    assert any(isinstance(block, Table) for block in promo.blocks)
    assert buttons(promo) == [GO]


@pytest.mark.parametrize("after", ["\nThanks for reading!\n", "\n## B\n\ny\n", "\n- a\n- b\n"])
def test_a_card_with_something_behind_it_is_one_where_it_stands(after: str) -> None:
    digest = card(f"<h3>Join</h3><p>a</p><p><a href='{GO}'>Go</a></p>", after)

    assert digest.promo is None
    (promo,) = all_of(digest, Promo)
    assert plain_text(promo.title) == "Join"
    assert "Join" in texts(digest)
    order = [node for node in walk(digest) if isinstance(node, Promo | Paragraph)]
    assert order.index(promo) > 0


def test_cards_may_stand_anywhere() -> None:
    one = f"<div class='cta'><p><a href='{GO}'>Go</a></p></div>"
    digest = body(f"{one}\n\n## A\n\n### B\n\nx\n\n{one}\n\n## C\n\ny\n")

    assert len(all_of(digest, Promo)) == 2
    assert len(all_of(digest, Button)) == 2


def test_a_card_whose_own_class_says_button_has_the_one_that_stands_alone() -> None:
    more = f"<p>Or <a href='{MORE}'>more</a>.</p>"
    digest = card(f"<div class='cta'><h3>T</h3><p><a href='{GO}'>Go</a></p>{more}</div>")

    assert buttons(promo_of(digest)) == [GO]


@pytest.mark.parametrize(
    "source",
    [
        "<div class='discard'>a</div>\n\nb\n",
        "<div class='nectar'>a</div>\n\nb\n",
        "<div><p class='card'>a</p></div>\n\nb\n",
        "<div class='card'>\n\n## A\n\nx\n\n## B\n\ny\n\n</div>\n",
        "<div class='card'>\n\nnever ends\n",
        "</div>\n\nx\n",
    ],
)
def test_other_boxes_are_no_cards(source: str) -> None:
    assert all_of(body("x\n\n" + source), Promo) == []


@pytest.mark.parametrize(
    "inner",
    [
        "",
        "\n\n",
        "<p></p>",
        f"<a href='{GO}'></a>",
        f"{QR}{QR}",
        f"<h3>{QR}</h3>",
        "<h3>اشترك معنا</h3><p>كل أسبوع</p>",
        "\n\n<div>\n\n<div>\n\ndeep\n\n</div>\n\n</div>\n\n",
        "<h3>A</h3><h3>A</h3><p>A</p><p>A</p>",
        "<p>[^1]</p>",
    ],
)
def test_odd_cards_lose_nothing(inner: str) -> None:
    digest = card(inner)

    images = inner.count("<img")
    assert len(all_of(digest, Image)) == images
    words = "".join(texts(digest).split())
    assert all(word in words for word in ("اشترك", "deep", "AAAA", "[^1]") if word in inner)


def test_a_picture_with_a_title_keeps_it() -> None:
    promo = promo_of(card(f"<h3>T</h3><img title='x' src='{GO}.png' alt='a'>"))

    assert not promo.complete
    assert any(isinstance(block, Figure) for block in promo.blocks)


def test_no_finding_tells_of_a_card_that_is_read() -> None:
    parsed = read(
        "---\ntitle: T\ndate: 2026-01-07\n---\nx\n\n---\n\n"
        f"<div class='card'>\n\n**J**\n\n[Go]({GO})\n\n</div>\n"
    )

    assert findings(parsed, "literal-emphasis") == findings(parsed, "broken-link") == []


@pytest.mark.processor_seconds(10)
@pytest.mark.parametrize(
    "source",
    [
        "<div class='card'>\n\na\n\n" * 2_000,
        "</div>\n\na\n\n" * 2_000,
        "<div class='card'>\n\na\n\n</div>\n\n" * 1_000,
        "<div class='card'>\n" + "**a** [b](https://a.example/)\n" * 2_000 + "</div>\n",
        "<div class='card'>"
        + "<a class='btn' href='https://a.example/'>b</a>" * 2_000
        + "</div>\n",
    ],
)
def test_the_largest_cards_are_read_in_time(source: str) -> None:
    assert body("x\n\n" + source).title_text == "T"
