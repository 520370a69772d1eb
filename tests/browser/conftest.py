"""A headless Chromium for the tests of a module, and pages in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests import chromium
from tests.waiting import PATIENCE_SECONDS

ColourScheme = Literal["light", "dark"]

_QUIET = (  # no sandbox, for root; no request of its own
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium.

    Playwright holds the event loop of its thread: no longer than a module, for other tests need it.
    """
    program = chromium.needed()
    expect.set_options(timeout=PATIENCE_SECONDS * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=_QUIET, timeout=PATIENCE_SECONDS * 1000
        )
        yield browser
        browser.close()


def context_of(browser: Browser, **options: Any) -> BrowserContext:
    """A context of its own, whose pages may take their time."""
    context = browser.new_context(**options)
    context.set_default_timeout(PATIENCE_SECONDS * 1000)
    return context


@contextmanager
def studio_page(
    browser: Browser, url: str, path: str, width: int, scheme: ColourScheme, language: str
) -> Iterator[Page]:
    """A page of the studio whose start is at `url`; it must run without a fault of its own."""
    context = context_of(
        browser,
        viewport={"width": width, "height": 860},
        color_scheme=scheme,
        locale=language,
    )
    faults: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "console",
        lambda line: faults.append(line.text) if "Content Security" in line.text else None,
    )
    page.goto(url)
    page.goto(f"{url.partition('/?')[0]}{path}")
    yield page
    context.close()
    assert not faults
