"""A report as a page in a real browser: on desktops and phones, in light and dark."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from newsletter.reports import page
from tests.browser.axe import COLOURS, violations
from tests.browser.conftest import context_of
from tests.reports import a_report

pytestmark = pytest.mark.browser

PAGES = {"page": page.page(a_report()), "mail": page.mail(a_report())}


@pytest.mark.parametrize("name", PAGES)
def test_it_is_readable_at_any_width_and_in_both_modes(
    browser: Browser, tmp_path: Path, name: str
) -> None:
    file = tmp_path / "report.html"
    file.write_text(PAGES[name], "utf-8")
    with context_of(browser, viewport={"width": 1280, "height": 800}) as context:
        shown = context.new_page()
        asked: list[str] = []
        shown.on("request", lambda request: asked.append(request.url))
        shown.goto(file.as_uri())
        for summary in shown.locator("summary").all():
            summary.click()

        shown.emulate_media(color_scheme="dark")
        assert violations(shown, COLOURS) == {}
        shown.emulate_media(color_scheme="light")
        shown.set_viewport_size({"width": 360, "height": 640})
        assert violations(shown) == {}
        assert shown.evaluate("document.documentElement.scrollWidth") == 360
        assert asked == [file.as_uri()]
