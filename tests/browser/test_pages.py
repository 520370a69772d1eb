"""The public pages in a real browser: from subscribing to leaving, without any script."""

import datetime as dt
import email
import email.policy
import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from newsletter.links import Links, PersonalLink, Purpose, load_keys
from newsletter.model.address import Address
from newsletter.project import Project
from newsletter.scaffold import start
from newsletter.store import Store, open_store
from newsletter.store.people import people, subscriptions
from newsletter.web.subscribe import YOUNGEST_FORM
from tests.browser.axe import COLOURS, violations
from tests.browser.conftest import context_of
from tests.factories import join, link_of, make_list
from tests.pictures import encoded
from tests.waiting import until
from tests.warm import Program

pytestmark = pytest.mark.browser

WIDTHS = (390, 1200)
# Words and widths may overhang, modes have their own colours: no need for each with each.
MODES: dict[tuple[str, int], Literal["light", "dark"]] = {
    ("en", 390): "light",
    ("en", 1200): "dark",
    ("zh-CN", 390): "dark",
    ("zh-CN", 1200): "light",
    ("ar", 390): "light",
    ("ar", 1200): "dark",
}


BRAND = """
[brand]
logo = "logo.png"
accent = "#1a4fa0"
description = "What moved, at eight."
links = { Mastodon = "https://social.example/@valley" }
"""


class Served:
    """A newsletter with a brand and a list `daily`, its `newsletter serve`, and its outbox."""

    mail = ""  # the HTML of the last one that asked for a yes

    def __init__(self, root: Path, language: str) -> None:
        self.root = root
        self.language = language
        settings = root / "newsletter.toml"
        source = settings.read_text("utf-8")
        source = re.sub(r"^language = .*$", f'language = "{language}"', source, flags=re.MULTILINE)
        settings.write_text(source + BRAND, "utf-8")
        (root / "logo.png").write_bytes(encoded(Image.new("RGBA", (96, 96), "#101830"), "PNG"))
        with self.store() as store:
            for name in ("daily", "weekly"):
                make_list(store, name)
        said, its_out = os.pipe()
        self._process = Program(root, "serve", "--port", "0", "--json", stdout=its_out)
        os.close(its_out)
        with open(said, encoding="utf-8") as lines:
            self.url = str(json.loads(lines.readline())["url"])

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        assert self._process.code == 0

    def here(self, link: str) -> str:
        """A link of a mail, at the address where the test serves."""
        return self.url + link.removeprefix("https://news.example.com")

    def confirmation(self) -> str:
        """The link in the newest mail that asks for a yes."""
        folder = self.root / "outbox" / "confirm"
        until(lambda: any(folder.glob("*.eml")))
        newest = max(folder.glob("*.eml"), key=lambda path: path.stat().st_mtime_ns)
        message = email.message_from_bytes(newest.read_bytes(), policy=email.policy.default)
        html, plain = message.get_body(("html",)), message.get_body(("plain",))
        assert html is not None
        assert plain is not None
        self.mail = html.get_content()
        found = re.search(r"https://\S+/confirm/\S+", plain.get_content())
        assert found is not None
        newest.unlink()
        return self.here(found[0])

    @contextmanager
    def store(self) -> Iterator[Store]:
        url = Project.open(self.root).settings.store.url
        with closing(open_store(url, self.root)) as store:
            yield store

    def status(self, address: str) -> dict[str, str]:
        """Where somebody stands on each list."""
        with self.store() as store, store.read() as connection:
            reader = people.find(connection, Address(address))
            if reader is None:
                return {}
            of_each = subscriptions.subscriptions_of(connection, [reader.id])
        return {each.list: each.status for each in of_each.get(reader.id, [])}


@pytest.fixture(scope="module", params=["en", "zh-CN", "ar"])
def served(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("served") / "letter"
    start(root, dt.date(2026, 1, 6))
    site = Served(root, request.param)
    yield site
    site.stop()


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """A phone without JavaScript."""
    context = context_of(browser, viewport={"width": 390, "height": 800}, java_script_enabled=False)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def judged(browser: Browser) -> Iterator[Page]:
    """A page for axe-core, which runs in it."""
    context = context_of(browser, bypass_csp=True)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("served", ["en"], indirect=True, scope="module")
def test_the_way_of_a_reader(served: Served, page: Page) -> None:
    """Subscribe, confirm, choose, leave, and think again, by buttons alone; their words are all
    that another language changes."""
    address = "neo@example.com"
    page.goto(f"{served.url}/subscribe/daily")
    page.fill("#email", address)
    page.wait_for_timeout(YOUNGEST_FORM.total_seconds() * 1000)  # a person takes longer
    page.click("form button")
    assert "@" not in page.inner_text("main")

    page.goto(served.confirmation())
    assert served.status(address) == {"daily": "pending"}
    page.click("button[value=confirm]")
    assert served.status(address) == {"daily": "confirmed"}

    page.fill("#name", "Neo <b>")
    page.click("button[value=name]")
    assert page.input_value("#name") == "Neo <b>"
    page.click("button[value='30']")
    page.click("button[value=continue]")
    page.fill("#name", "Trinity")
    page.click("button[value=name]")
    assert page.input_value("#name") == "Trinity"
    page.click("button[value=leave]")
    assert served.status(address) == {"daily": "unsubscribed"}
    page.click("form:has(input[value=daily]) button[value=join]")
    assert served.status(address) == {"daily": "confirmed"}
    page.click("button[value=data]")
    page.goto(served.confirmation())
    with page.expect_download() as download:
        page.click("button[value=confirm]")
    assert json.loads(Path(download.value.path()).read_bytes())["name"] == "Trinity"

    page.goto(leave_url(served, address))
    assert served.status(address) == {"daily": "confirmed"}
    page.click("button[value=leave]")
    assert served.status(address) == {"daily": "unsubscribed"}
    page.click("button[value=undo]")
    assert served.status(address) == {"daily": "confirmed"}
    page.click("main a[href*='/preferences/']")
    page.click("button[value=erase]")
    page.goto(served.confirmation())
    page.click("button[value=confirm]")
    assert served.status(address) == {}


def leave_url(served: Served, address: str) -> str:
    return Links(served.url, load_keys(served.root)).unsubscribe_url(link_to(served, address))


def link_to(served: Served, address: str) -> PersonalLink:
    """What the links of mails to a reader say."""
    with served.store() as store:
        with store.read() as connection:
            reader = people.find(connection, Address(address))
        assert reader is not None
        return link_of(store, reader.id, "daily")


def test_no_rule_of_accessibility_is_broken(served: Served, judged: Page) -> None:
    """As axe-core judges each page and mail; nothing overhangs, and every button fits a finger."""
    address = "ada@example.com"
    with served.store() as store:
        join(store, address, "daily")
    links = Links(served.url, load_keys(served.root))
    ada = link_to(served, address)
    requested: list[str] = []
    judged.on("request", lambda request: requested.append(request.url))

    for url in (
        links.unsubscribe_url(ada),
        links.confirm_url(Purpose.CONFIRM, 1, 1),
        f"{served.url}/nothing",
        links.preferences_url(ada),
    ):
        judged.goto(url)
        judge(judged, served.language)
    judged.click("button[value=erase]")
    judge(judged, served.language)
    judged.goto(served.confirmation())
    judge(judged, served.language)
    judge_mail(judged.context.new_page(), served.mail, served.language)
    judged.goto(links.unsubscribe_url(PersonalLink(0, 0)))
    judge(judged, served.language)
    judged.goto(f"{served.url}/subscribe/daily")
    judge(judged, served.language)
    judged.fill("#email", "a@b")
    judged.click("form button")
    judge(judged, served.language)
    assert [url for url in requested if not url.startswith(served.url)] == []


def judge_mail(page: Page, html: str, language: str) -> None:
    """With its pictures switched off."""
    page.route("**/*", lambda route: route.abort())
    page.set_content(html)
    judge(page, language)
    page.close()


def judge(page: Page, language: str) -> None:
    for width in WIDTHS:
        mode = MODES[language, width]
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=mode)

        only = "" if width == WIDTHS[0] else f"{COLOURS} target-size"
        assert violations(page, only) == {}, (page.url, width, mode)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (
            page.url,
            width,
        )
        heights = page.evaluate(
            "[...document.querySelectorAll('button, input:not([type=hidden])')]"
            ".filter(e => !e.closest('.more')).map(e => e.getBoundingClientRect().height)"
        )
        assert all(height >= 44 for height in heights), (page.url, width)
