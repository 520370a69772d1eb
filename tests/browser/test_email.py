"""The email in a real browser: every width and mode that readers have."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, Route

from tests.browser.axe import COLOURS, violations
from tests.browser.conftest import context_of
from tests.browser.samples import (
    EVERY_BLOCK,
    FIRST_SCREEN,
    LOOKS,
    RIGHT_TO_LEFT,
    SAMPLES,
    THEMES,
    html_of,
    with_every_block,
)
from tests.unit.render.rendering import delivered

pytestmark = pytest.mark.browser

Mode = Literal["light", "dark"]
MODES: tuple[Mode, ...] = ("light", "dark")
WIDTHS = (320, 600, 1200)
ONE_OF_EACH = [look for look in LOOKS if look[1] == "digest" or look[0] == EVERY_BLOCK]


@pytest.fixture(scope="module")
def window(browser: Browser) -> Iterator[Page]:
    """One page for all tests. Pictures never load, and nothing but pictures may be asked for."""
    context = context_of(browser)
    page = context.new_page()
    page.route("**/*", _refuse)
    yield page
    context.close()


@pytest.fixture
def page(window: Page) -> Page:
    """A page in light mode, for `at_each_width`."""
    window.emulate_media(color_scheme="light")
    return window


@pytest.fixture
def phone(window: Page) -> Page:
    """A page as narrow as a phone, for `in_each_mode`."""
    _widen(window, 390)
    return window


def at_each_width(page: Page) -> Iterator[int]:
    """What is shown is set anew, as in a window that is resized."""
    for width in WIDTHS:
        _widen(page, width)
        yield width


def in_each_mode(page: Page) -> Iterator[Mode]:
    """What is shown changes its colours, as where the sun goes down."""
    for mode in MODES:
        page.emulate_media(color_scheme=mode)
        yield mode


def _widen(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})


def _refuse(route: Route) -> None:
    assert route.request.resource_type == "image", route.request.url
    route.abort()


def _overhangs(page: Page) -> dict[int, int]:
    """By how many pixels the content is wider than which window."""
    pixels = {
        width: page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        for width in at_each_width(page)
    }
    return {width: overhang for width, overhang in pixels.items() if overhang > 0}


@pytest.mark.pressure
@pytest.mark.parametrize(("name", "theme"), ONE_OF_EACH)
def test_nothing_is_wider_than_the_window(page: Page, name: str, theme: str) -> None:
    """Nobody scrolls sideways, on the narrowest phone neither."""
    page.set_content(html_of(name, theme))

    assert _overhangs(page) == {}


@pytest.mark.parametrize("count", [3, 4, 5])
def test_pictures_of_a_long_row_stand_two_and_two_on_a_phone(phone: Page, count: int) -> None:
    pictures = " ".join(f"![p{n}](https://a.example/{n}.png)" for n in range(count))
    phone.set_content(delivered(f"{pictures}\n").html)

    for mode in in_each_mode(phone):
        boxes = phone.evaluate("""() => [...document.querySelectorAll("td.beside")]
            .filter(cell => cell.querySelector("img"))
            .map(cell => cell.getBoundingClientRect())
            .map(box => [Math.round(box.x), Math.round(box.y), Math.round(box.width)])""")

        assert len(boxes) == count, mode
        assert {x for x, _, _ in boxes} == {boxes[0][0], boxes[1][0]}, mode
        assert boxes[0][1] == boxes[1][1] < boxes[2][1], mode
        assert all(width >= 165 for _, _, width in boxes), mode


def test_no_word_in_a_table_is_broken(page: Page) -> None:
    """A table that is too wide scrolls in its box."""
    page.set_content(with_every_block())

    broken = {width: page.evaluate(_BROKEN_WORDS) for width in at_each_width(page)}

    assert broken == {width: [] for width in WIDTHS}


_BROKEN_WORDS = """() => {
    const broken = []
    for (const cell of document.querySelectorAll(".table td, .table th")) {
        const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT)
        while (texts.nextNode()) {
            const text = texts.currentNode
            for (const word of text.data.matchAll(/[^\\s-]+/g)) {
                const range = new Range()
                range.setStart(text, word.index)
                range.setEnd(text, word.index + word[0].length)
                if (range.getClientRects().length > 1) broken.push(word[0])
            }
        }
    }
    return broken }"""


_WIDE = """\
| Date | Vessel | From | To | Remarks | 说明 |
|---|---|---|---|---|---|
| 2026-11-16 | Margarethe | Northhaven | Rotterdam | Late by nine hours | 因为大雾晚了九个小时 |
"""


def test_a_wide_table_scrolls_before_its_text_becomes_a_column_of_words(page: Page) -> None:
    """And a date, whatever else there is, stays on its line."""
    page.set_content(delivered(_WIDE).html)

    for width in at_each_width(page):
        cells = page.evaluate("""() => [...document.querySelectorAll("td.td")].map(cell => {
            const range = new Range()
            range.selectNodeContents(cell)
            return [cell.innerText, cell.clientWidth, range.getClientRects().length] })""")

        lines = {text: count for text, _, count in cells}
        widths = {text: width for text, width, _ in cells}
        assert lines["2026-11-16"] == 1, width
        assert min(widths["Late by nine hours"], widths["因为大雾晚了九个小时"]) >= 110, width
    assert _overhangs(page) == {}


def test_the_news_begins_on_the_first_screen(browser: Browser) -> None:
    """Below the title, its cover and seven points of a summary, of two lines each."""
    context = context_of(browser, viewport={"width": 390, "height": 900})
    page = context.new_page()
    cover = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 7.5" width="640"/>'
    page.route("**/*", lambda route: route.fulfill(body=cover, content_type="image/svg+xml"))
    page.set_content(html_of(FIRST_SCREEN))

    title, cover_top, story = page.evaluate("""() => ["h1", "img", "h3"]
        .map(name => document.querySelector(name).getBoundingClientRect().top)""")

    context.close()
    assert title < cover_top < story <= 850


@pytest.mark.parametrize(("name", "theme"), ONE_OF_EACH)
def test_without_style_sheets_it_still_fits(page: Page, name: str, theme: str) -> None:
    """Some mail programs drop every <style>; what is inlined must do."""
    page.set_content(re.sub(r"<style.*?</style>", "", html_of(name, theme), flags=re.DOTALL))

    assert _overhangs(page) == {}


@pytest.mark.pressure
@pytest.mark.parametrize(("name", "theme"), ONE_OF_EACH)
def test_no_rule_of_accessibility_is_broken(phone: Page, name: str, theme: str) -> None:
    """Contrast, landmarks, names and structure, in both modes, as axe-core judges them."""
    phone.set_content(html_of(name, theme))

    for mode in in_each_mode(phone):
        assert violations(phone, "" if mode == MODES[0] else COLOURS) == {}, mode


# A rule of axe, a piece of the HTML, and what breaks the rule once it stands in its place.
AXE_BREAKS = (
    ("color-contrast", "</head>", "<style>p{color:#777!important}</style></head>"),
    ("document-title", r"<title>.*?</title>", ""),
    ("heading-order", r"<(/?)h2", r"<\1h5"),
    ("html-has-lang", r"<html lang=\"[^\"]*\"", "<html"),
    ("image-alt", r" alt=\"[^\"]*\"", ""),
    ("landmark-one-main", r" role=\"main\"", ""),
    ("link-in-text-block", "text-decoration:underline", "text-decoration:none!important"),
    ("link-name", r"(<a [^>]*>)[^<]*(</a>)", r"\1\2"),
    ("meta-viewport", "initial-scale=1", "initial-scale=1,user-scalable=no"),
    ("page-has-heading-one", r"<(/?)h1", r"<\1h2"),
    ("region", r" role=\"main\"", ""),
    ("html-lang-valid", r"<html lang=\"[^\"]*\"", '<html lang="nowhere"'),
)


@pytest.mark.pressure
@pytest.mark.parametrize(("rule", "piece", "broken"), AXE_BREAKS)
def test_axe_sees_what_is_broken(phone: Page, rule: str, piece: str, broken: str) -> None:
    """A page that is never looked at breaks nothing."""
    phone.set_content(re.sub(piece, broken, with_every_block()))

    for mode in in_each_mode(phone):
        assert rule in violations(phone, only=COLOURS if rule in COLOURS else rule), mode


@pytest.mark.parametrize(("name", "theme"), ONE_OF_EACH)
def test_no_text_is_too_small_to_read(phone: Page, name: str, theme: str) -> None:
    phone.set_content(html_of(name, theme))

    for mode in in_each_mode(phone):
        small = phone.evaluate("""() => [...document.querySelectorAll("body *")]
            .filter(e => !e.closest("[aria-hidden=true]"))
            .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
            .filter(e => parseFloat(getComputedStyle(e).fontSize) < 13)
            .map(e => e.outerHTML.slice(0, 200))""")

        assert small == [], mode


@pytest.mark.parametrize("theme", THEMES)
def test_both_modes_have_their_own_ground(phone: Page, theme: str) -> None:
    """The sheet is light in light mode and dark in dark mode, and so is its text the other way."""
    phone.set_content(html_of(EVERY_BLOCK, theme))

    for mode in in_each_mode(phone):
        ground, ink = (
            _brightness(phone, what)
            for what in (_GROUND, "getComputedStyle(document.querySelector('h1')).color")
        )

        assert (ground > ink + 128) if mode == "light" else (ink > ground + 128)


_GROUND = """(() => {
    const ground = element => getComputedStyle(element).backgroundColor
    let element = document.querySelector("h1")
    while (ground(element) === "rgba(0, 0, 0, 0)") element = element.parentElement
    return ground(element) })()"""


def _brightness(page: Page, expression: str) -> float:
    numbers = [int(n) for n in re.findall(r"\d+", page.evaluate(expression))[:3]]
    return sum(numbers) / 3


def _not_from_right_to_left(page: Page) -> set[str]:
    """The elements with text that are set from left to right, or begin on the left."""
    return set(
        page.evaluate("""() =>
        [...document.querySelectorAll("p, li, h1, h2, h3, h4, td, th, pre, code")]
        .filter(e => e.innerText.trim() && e.offsetParent)
        .filter(e => {
            const s = getComputedStyle(e);
            const side = s.textAlign.replace("-webkit-", "");
            return s.direction !== "rtl" || !["right", "start", "center"].includes(side) })
        .map(e => e.tagName)""")
    )


@pytest.mark.parametrize("theme", THEMES)
def test_every_block_of_a_mail_from_right_to_left_is_set_so(phone: Page, theme: str) -> None:
    """But code, and the centred foot."""
    phone.set_content(html_of(RIGHT_TO_LEFT, theme))

    for mode in in_each_mode(phone):
        assert _not_from_right_to_left(phone) == {"PRE", "CODE"}, mode


@pytest.mark.parametrize(
    ("piece", "broken"),
    [
        ("direction:rtl", "direction:ltr"),
        ("text-align:right", "text-align:left"),
        ("<p ", "<p dir='ltr' "),
        ("<li ", "<li align='left' "),
    ],
)
def test_a_block_that_is_set_the_other_way_is_seen(phone: Page, piece: str, broken: str) -> None:
    phone.set_content(html_of(RIGHT_TO_LEFT).replace(piece, broken))

    for mode in in_each_mode(phone):
        assert _not_from_right_to_left(phone) - {"PRE", "CODE"}, mode


def test_with_pictures_off_every_word_is_there(phone: Page) -> None:
    """A picture's place is taken by its description; nothing else depends on it."""
    phone.set_content(with_every_block())

    for _ in in_each_mode(phone):
        shown = phone.inner_text("body")

        assert "A chart of the year" in phone.content()
        assert "What is a picture worth" in shown


def test_a_sample_issue_of_the_project_is_among_them() -> None:
    """The tests above run on what the project ships."""
    issues = Path(__file__).parents[2] / "issues"

    assert {path.stem for path in issues.glob("*.md")} <= set(SAMPLES)
