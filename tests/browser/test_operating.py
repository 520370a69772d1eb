"""The studio of operators in a real browser: a send that another process runs, and all rooms."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from newsletter.scaffold import start
from tests.browser.axe import COLOURS, violations
from tests.browser.conftest import ColourScheme, studio_page
from tests.integration.commandline import fork
from tests.integration.serving import served
from tests.warm import Program

pytestmark = pytest.mark.browser

READERS = 60
ROOMS = ("/sends", "/audience", "/schedule", "/health")


class Rooms:
    """The studio of a newsletter with some readers, and pages of it."""

    def __init__(self, project: Path, url: str) -> None:
        self.project = project
        self.url = url
        self.origin = url.partition("/?")[0]

    @contextmanager
    def page(
        self,
        browser: Browser,
        path: str,
        width: int = 1280,
        scheme: ColourScheme = "light",
        language: str = "en",
    ) -> Iterator[Page]:
        with studio_page(browser, self.url, path, width, scheme, language) as page:
            yield page


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rooms]:
    project = tmp_path_factory.mktemp("studio") / "letter"
    start(project, dt.date(2026, 1, 6))
    lines = (f"r{number}@gmail.com\n" for number in range(READERS))
    (project / "people.csv").write_text("email\n" + "".join(lines))
    fork(project, "subscribers", "import", "people.csv", "--list", "readers", "--confirmed")
    fork(project, "suppressions", "add", "r1@gmail.com")
    with served(project, "--json", "--no-open", command="studio") as server:
        yield Rooms(project, server.url)


def test_a_send_of_another_process_is_followed_paused_and_cancelled(
    rooms: Rooms, browser: Browser
) -> None:
    with rooms.page(browser, "/sends") as page:
        order = ("send", "2026-01-06-welcome", "--list", "readers", "--yes", "--rate", "2")
        process = Program(rooms.project, *order)
        row = page.locator("[data-send]")
        expect(row.locator("[data-status]")).to_have_text("Sending")
        expect(row.locator(".pace")).to_contain_text("a second")
        row.get_by_role("link").click()

        accepted = page.locator(".figures [data-number=accepted]")
        before = accepted.inner_text()
        expect(accepted).not_to_have_text(before)
        expect(page.locator("#left")).to_contain_text("left")
        expect(page.locator("#course canvas")).to_be_visible()
        expect(page.get_by_role("rowheader", name="Gmail")).to_be_visible()

        page.get_by_role("button", name="Pause").click()
        expect(page.locator("[data-status]")).to_have_text("Paused")
        assert process.code == 4
        page.get_by_role("button", name="Resume").click()
        expect(page.locator("#advice")).to_contain_text("newsletter resume 2")

        page.get_by_role("button", name="Cancel the send").click()
        assert violations(page) == {}
        page.get_by_label("To confirm").fill("yes")
        page.get_by_role("button", name="Do it").click()
        expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("not confirmed")
        page.get_by_label("To confirm").fill(str(READERS))
        page.get_by_role("button", name="Do it").click()
        expect(page.locator("[data-status]")).to_have_text("Cancelled")
        assert violations(page) == {}

        page.goto(f"{rooms.origin}/health")
        deeds = page.locator("#deeds tbody tr")
        expect(deeds.first).to_contain_text("cancelled")
        expect(deeds).to_have_count(5)


def test_an_address_is_explained_and_allowed_again(rooms: Rooms, browser: Browser) -> None:
    """It stands in no address of a page."""
    with rooms.page(browser, "/audience") as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.get_by_label("Address", exact=True).fill("r1@gmail.com")
        page.get_by_role("button", name="Explain").click()
        expect(page.locator("#story")).to_contain_text("suppressed")

        page.locator("#suppressions").get_by_role("button", name="Allow again").click()
        page.get_by_role("button", name="Do it").click()

        expect(page.locator("#story")).to_contain_text("may be mailed again")
        expect(page.locator("#suppressions")).to_contain_text("Nobody is.")
        assert asked
        assert not any("r1" in url for url in asked)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_all_rooms_are_accessible_at_any_size(
    rooms: Rooms, browser: Browser, width: int, scheme: Literal["light", "dark"]
) -> None:
    with rooms.page(browser, ROOMS[0], width, scheme) as page:
        for path in ROOMS:
            page.goto(f"{rooms.origin}{path}")
            expect(page.get_by_role("heading", level=1)).to_be_visible()
            expect(page.get_by_text("Counting")).to_have_count(0)

            assert violations(page) == {}, path
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
            page.emulate_media(color_scheme="light" if scheme == "dark" else "dark")
            assert violations(page, COLOURS) == {}, path
            page.emulate_media(color_scheme=scheme)


def test_a_room_speaks_chinese(rooms: Rooms, browser: Browser) -> None:
    with rooms.page(browser, "/health", language="zh-CN") as page:
        expect(page.get_by_role("heading", level=1)).to_have_text("状态")
