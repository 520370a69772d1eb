"""Blocks that editors expect, as a reader sees them: HTML for all mail programs, and text."""

import re
from pathlib import Path

import pytest

from newsletter import languages
from tests.unit.render import outlook
from tests.unit.render.rendering import delivered, shown, visible

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
    mail = delivered(around.format(f"**[Read more]({URL})**"))

    (link,) = (a for a in visible(mail.html).iter("a") if a.get("href") == URL)
    cell = link.getparent()
    assert (cell.tag, cell.get("bgcolor"), shown(link)) == ("td", "#a8321f", "Read more")
    assert_outlook_shows(mail.html)


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


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (f'![alt]({A} "Caption")', [f"[alt] <{A}>", "Caption"]),
        (f'![same]({A} "same")', [f"[same] <{A}>"]),
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
    mail = delivered(source)

    (quote,) = visible(mail.html).iter("blockquote")
    assert shown(list(quote.iter("p"))[-1]) == who
    assert lines(source)[-1] == f"> {who}"


# --- sponsors -------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sponsor_is_marked_in_the_language_of_the_issue(language: str) -> None:
    mail = delivered("::: sponsor Acme\nText.\n:::\n", language=language)
    word = languages.words(language, "mail")["sponsor"]
    assert f"{word} · Acme" in [shown(p) for p in visible(mail.html).iter("p")]
    assert f"〔{word} · Acme〕\nText." in mail.text
    assert_outlook_shows(mail.html)


def test_a_sponsor_is_no_other_block() -> None:
    """Readers tell it apart: it has a ground and a frame."""
    html = delivered("::: sponsor\nText.\n:::\n").html

    (cell,) = (
        td for td in visible(html).iter("td") if "sponsor" in (td.get("class") or "").split("-")
    )
    assert "border:1px solid" in cell.get("style")
    assert "background-color" in cell.get("style")


# --- videos ---------------------------------------------------------------------------------------


def test_a_video_is_the_card_that_a_frame_is() -> None:
    address = "https://www.youtube.com/watch?v=a&t=1"
    mail = delivered(f"{address}\n")

    (link,) = (a for a in visible(mail.html).iter("a") if a.get("href") == address)
    assert "youtube.com" in shown(link)
    assert lines(f"{address}\n") == [address]
