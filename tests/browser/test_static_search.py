"""The search of a static site in a real browser: by a script of ours alone, below any path."""

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page

from newsletter.model.listing import Listing
from newsletter.store import open_store
from newsletter.web.search_words import terms
from newsletter.web.static_site import build
from tests.browser.axe import violations
from tests.browser.conftest import context_of
from tests.integration.publishing import letter, sent, site_of
from tests.integration.sending import FixedClock, fill_list
from tests.integration.test_search import issue

pytestmark = pytest.mark.browser

TITLE = "Of <b>looms</b> & mills"
TEXTS = (
    "The Looms, again! don't snake_case",
    "慢软件 ABC 第2章，バックアップ ﾊﾞｯｸ 한국어",
    "Zu\u0308rich ZÜRICH Ａ Ελλάς ΕΛΛΑΣ İstanbul",
    "مَرْحَبًا שָׁלוֹם हिन्दी। สวัสดี 𠮷野家 😀 ①",
)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def url(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A static site of thirteen issues, below a path of another site."""
    folder, clock = tmp_path_factory.mktemp("static"), FixedClock()
    shutil.copy(sqlite_template, folder / "store.db")
    with closing(open_store(f"sqlite:///{folder / 'store.db'}", folder)) as store:
        fill_list(store, 1)
        sent(store, "slow", issue("慢一点的软件", "少一个选项。", "zh-CN"), clock)
        sent(store, "looms", issue(TITLE, "A shuttle."), clock, listing=Listing(("C++",)))
        for number in range(11):
            sent(store, f"no-{number}", letter(f"Number {number}"), clock)
        build(site_of(store, folder, clock=clock), folder / "public" / "news")
    handler = functools.partial(Quiet, directory=str(folder / "public"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/news"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """A page on which nothing may break its policy."""
    context = context_of(browser)
    page = context.new_page()
    page.add_init_script(
        "window.broken = []; document.addEventListener('securitypolicyviolation', "
        "event => broken.push(event.violatedDirective))"
    )
    yield page
    context.close()


def search(page: Page, url: str, query: str, more: str = "") -> list[str]:
    page.goto(f"{url}/archive/search/?q={quote(query)}{more}")
    page.locator("#results [role=status]").wait_for()
    return [link.inner_text() for link in page.locator("h2 a").all()]


def test_issues_are_found_without_a_server(url: str, page: Page) -> None:
    assert search(page, url, "loom SHUTTLE") == [TITLE]
    assert page.locator("mark").all_inner_texts() == ["looms"]
    assert page.locator(".tags a").get_attribute("href") == "../tags/c%2B%2B/"
    assert violations(page) == {}
    assert page.evaluate("broken") == []
    assert search(page, url, "软件") == search(page, url, "一个选项") == ["慢一点的软件"]
    assert search(page, url, "项") == ["慢一点的软件"]
    assert search(page, url, "<img src=x onerror=alert(1)>") == []
    assert "Nothing found for “<img" in page.locator("#results").inner_text()
    assert len(search(page, url, "number")) == 10
    assert search(page, url, "number", "&page=2") == ["Number 0"]


def test_one_comes_from_the_list_to_what_was_found(url: str, page: Page) -> None:
    page.goto(f"{url}/archive/index.html")

    page.get_by_role("searchbox").fill("shuttle")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name=TITLE).click()

    assert page.url == f"{url}/archive/looms/"


def test_the_script_parts_words_as_the_site_does(url: str, page: Page) -> None:
    page.goto(f"{url}/archive/search/")

    for text in TEXTS:
        parted = page.evaluate("text => runs(text).flatMap(run => termsOf(run.text))", text)
        assert parted == list(terms(text))


def test_without_scripts_the_page_says_what_it_needs(url: str, browser: Browser) -> None:
    context = context_of(browser, java_script_enabled=False)
    page = context.new_page()

    page.goto(f"{url}/archive/search/?q=loom")

    assert "needs JavaScript" in page.locator("#results").inner_text()
    context.close()
