"""A headless Chromium for the tests of a module, and pages in it."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from tests import chromium
from tests.waiting import PATIENCE_SECONDS

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
