"""The email in a real browser: every width and mode that readers have."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route

from tests.browser.conftest import context_of
from tests.browser.samples import (
    FIRST_SCREEN,
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


@pytest.fixture(scope="module")
def window(browser: Browser) -> Iterator[Page]:
    """One page for all tests. Pictures never load, and nothing but pictures may be asked for."""
    context = context_of(browser)
    page = context.new_page()
    page.route("**/*", _refuse)
    yield page
    context.close()


@pytest.fixture(params=WIDTHS)
def page(window: Page, request: pytest.FixtureRequest) -> Page:
    """A page of one width in light mode."""
    return _set(window, request.param, "light")


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> Mode:
    mode: Mode = request.param
    return mode


@pytest.fixture
def phone(window: Page, mode: Mode) -> Page:
    """A page as narrow as a phone, in light and in dark mode."""
    return _set(window, 390, mode)


def _set(page: Page, width: int, mode: Mode) -> Page:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=mode)
    return page


def _refuse(route: Route) -> None:
    assert route.request.resource_type == "image", route.request.url
    route.abort()


def _overhang(page: Page) -> int:
    """How many pixels the content is wider than the window."""
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


@pytest.mark.parametrize("name", SAMPLES)
def test_nothing_is_wider_than_the_window(page: Page, name: str) -> None:
    """Nobody scrolls sideways, on the narrowest phone neither."""
    page.set_content(html_of(name))

    assert _overhang(page) <= 0


@pytest.mark.parametrize("count", [3, 4, 5])
def test_pictures_of_a_long_row_stand_two_and_two_on_a_phone(phone: Page, count: int) -> None:
    pictures = " ".join(f"![p{n}](https://a.example/{n}.png)" for n in range(count))
    phone.set_content(delivered(f"{pictures}\n").html)

    boxes = phone.evaluate("""() => [...document.querySelectorAll("td.beside")]
        .filter(cell => cell.querySelector("img"))
        .map(cell => cell.getBoundingClientRect())
        .map(box => [Math.round(box.x), Math.round(box.y), Math.round(box.width)])""")

    assert len(boxes) == count
    assert {x for x, _, _ in boxes} == {boxes[0][0], boxes[1][0]}
    assert boxes[0][1] == boxes[1][1] < boxes[2][1]
    assert all(width >= 165 for _, _, width in boxes)


def test_no_word_in_a_table_is_broken(page: Page) -> None:
    """A table that is too wide scrolls in its box."""
    page.set_content(with_every_block())

    broken = page.evaluate("""() => {
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
        return broken }""")

    assert broken == []


_WIDE = """\
| Date | Vessel | From | To | Remarks | 说明 |
|---|---|---|---|---|---|
| 2026-11-16 | Margarethe | Northhaven | Rotterdam | Late by nine hours | 因为大雾晚了九个小时 |
"""


def test_a_wide_table_scrolls_before_its_text_becomes_a_column_of_words(page: Page) -> None:
    """And a date, whatever else there is, stays on its line."""
    page.set_content(delivered(_WIDE).html)

    cells = page.evaluate("""() => [...document.querySelectorAll("td.td")].map(cell => {
        const range = new Range()
        range.selectNodeContents(cell)
        return [cell.innerText, cell.clientWidth, range.getClientRects().length] })""")

    lines = {text: count for text, _, count in cells}
    widths = {text: width for text, width, _ in cells}
    assert lines["2026-11-16"] == 1
    assert min(widths["Late by nine hours"], widths["因为大雾晚了九个小时"]) >= 110
    assert _overhang(page) <= 0


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


@pytest.mark.parametrize("name", SAMPLES)
def test_without_style_sheets_it_still_fits(page: Page, name: str) -> None:
    """Some mail programs drop every <style>; what is inlined must do."""
    page.set_content(re.sub(r"<style.*?</style>", "", html_of(name), flags=re.DOTALL))

    assert _overhang(page) <= 0


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", SAMPLES)
def test_no_rule_of_accessibility_is_broken(phone: Page, name: str, theme: str) -> None:
    """Contrast, landmarks, names and structure, in both modes, as axe-core judges them."""
    phone.set_content(html_of(name, theme))

    assert _violations(phone) == {}


def _violations(page: Page) -> dict[str, list[str]]:
    """The rules of axe that a page breaks, with the first elements that break them."""
    options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}
    broken = Axe().run(page, options=options).response["violations"]
    return {rule["id"]: [node["html"][:200] for node in rule["nodes"][:3]] for rule in broken}


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


@pytest.mark.parametrize(
    ("mode", "rule", "piece", "broken"),
    [("dark", *AXE_BREAKS[0]), *(("light", *each) for each in AXE_BREAKS)],
)
def test_axe_sees_what_is_broken(phone: Page, rule: str, piece: str, broken: str) -> None:
    """A page that is never looked at breaks nothing; modes differ in colours alone."""
    phone.set_content(re.sub(piece, broken, with_every_block()))

    assert rule in _violations(phone)


@pytest.mark.parametrize("name", SAMPLES)
def test_no_text_is_too_small_to_read(phone: Page, name: str) -> None:
    phone.set_content(html_of(name))

    small = phone.evaluate("""() => [...document.querySelectorAll("body *")]
        .filter(e => !e.closest("[aria-hidden=true]"))
        .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
        .filter(e => parseFloat(getComputedStyle(e).fontSize) < 13)
        .map(e => e.outerHTML.slice(0, 200))""")

    assert small == []


def test_both_modes_have_their_own_ground(phone: Page, mode: Mode) -> None:
    """The sheet is light in light mode and dark in dark mode, and so is its text the other way."""
    phone.set_content(with_every_block())

    ground, ink = (
        _brightness(phone, f"getComputedStyle(document.querySelector('{where}')).{what}")
        for where, what in ((".sheet", "backgroundColor"), ("h1", "color"))
    )

    assert (ground > ink + 128) if mode == "light" else (ink > ground + 128)


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


def test_every_block_of_a_mail_from_right_to_left_is_set_so(phone: Page) -> None:
    """But code, and the centred foot."""
    phone.set_content(html_of(RIGHT_TO_LEFT))

    assert _not_from_right_to_left(phone) == {"PRE", "CODE"}


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

    assert _not_from_right_to_left(phone) - {"PRE", "CODE"}


def test_with_pictures_off_every_word_is_there(phone: Page) -> None:
    """A picture's place is taken by its description; nothing else depends on it."""
    phone.set_content(with_every_block())

    shown = phone.inner_text("body")

    assert "A chart of the year" in phone.content()
    assert "What is a picture worth" in shown


def test_a_sample_issue_of_the_project_is_among_them() -> None:
    """The tests above run on what the project ships."""
    issues = Path(__file__).parents[2] / "issues"

    assert {path.stem for path in issues.glob("*.md")} <= set(SAMPLES)
