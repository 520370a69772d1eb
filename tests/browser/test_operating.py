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
from tests.browser.conftest import ColourScheme, context_of, studio_page
from tests.integration.commandline import fork
from tests.integration.serving import served
from tests.warm import Program

pytestmark = pytest.mark.browser

READERS = 60
LONG = "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz"
PHONE = 360
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
    fork(project, "lists", "edit", "readers", "--title", LONG)
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
        expect(deeds).to_have_count(6)


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


@pytest.mark.pressure
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (PHONE, "dark")])
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
            assert width > PHONE or too_small(page) == [], path
            page.emulate_media(color_scheme="light" if scheme == "dark" else "dark")
            assert violations(page, COLOURS) == {}, path
            page.emulate_media(color_scheme=scheme)


def too_small(page: Page) -> list[str]:
    """What a thumb cannot hit: controls that are less than 44 pixels high, and their labels, too,
    and links that stand alone."""
    return list(page.evaluate(_TOO_SMALL))


_TOO_SMALL = """() => [...document.querySelectorAll("a[href], button, input, select, summary")]
    .filter(each => each.checkVisibility() && !each.closest(".unseen, .skip, .sends, dialog"))
    .map(each => each.matches("[type=radio], [type=checkbox]") ? each.closest("label") : each)
    .filter(each => each.getBoundingClientRect().height < 43.5)
    .map(each => each.outerHTML.slice(0, 100))"""


@pytest.mark.parametrize(("place", "width"), [("#lists", 1280), ("#suppressions", PHONE)])
def test_tables_of_long_words_need_no_scrolling(
    rooms: Rooms, browser: Browser, place: str, width: int
) -> None:
    """Of a list with a long title all numbers are seen; on a phone, all about a suppression is."""
    fork(rooms.project, "suppressions", "add", f"{'rindfleisch' * 5}@{'etikett' * 8}.example.com")
    with rooms.page(browser, "/audience", width) as page:
        table = page.locator(place)
        expect(table.get_by_role("rowheader").first).to_be_visible()

        assert table.evaluate("place => place.scrollWidth <= place.clientWidth")


def test_all_parts_of_the_studio_are_in_view_on_a_phone(rooms: Rooms, browser: Browser) -> None:
    with rooms.page(browser, "/health", PHONE) as page:
        link = page.get_by_role("navigation").get_by_role("link", name="Health")
        box = link.bounding_box()

        assert box is not None
        assert box["x"] + box["width"] <= PHONE


def test_the_state_of_things_is_renewed_while_it_is_shown(rooms: Rooms, browser: Browser) -> None:
    with rooms.page(browser, "/health") as page:
        deeds = page.locator("#deeds tbody tr")
        expect(deeds.first).to_be_visible()
        before = deeds.count()

        fork(rooms.project, "suppressions", "add", "r2@gmail.com")
        fork(rooms.project, "suppressions", "remove", "r2@gmail.com")

        expect(deeds).to_have_count(before + 2)


def test_figures_are_shown_without_scripts(rooms: Rooms, browser: Browser) -> None:
    context = context_of(browser, java_script_enabled=False)
    page = context.new_page()
    page.goto(rooms.url)

    page.goto(f"{rooms.origin}/health")
    expect(page.locator("#deeds tbody tr").first).to_be_visible()
    expect(page.get_by_text("No alarm.")).to_be_visible()

    page.goto(f"{rooms.origin}/audience")
    instead = page.locator("noscript")  # in which Playwright finds no texts and no roles
    assert "newsletter explain ADDRESS" in instead.inner_text()
    expect(page.get_by_text("Counting")).to_be_hidden()
    instead.locator("a").click()
    page.wait_for_url("**/audience?tables=yes")
    expect(instead.locator("tbody th").first).to_be_visible()
    assert f"{LONG}\t{READERS}\t" in instead.inner_text()
    context.close()


def test_a_newsletter_of_nobody_says_so(tmp_path: Path, browser: Browser) -> None:
    project = tmp_path / "letter"
    start(project, dt.date(2026, 1, 6))
    with served(project, "--json", "--no-open", command="studio") as server:
        rooms = Rooms(project, server.url)
        with rooms.page(browser, "/audience", PHONE) as page:
            expect(page.locator("#lists")).to_contain_text("No list yet")
            expect(page.get_by_text("Nobody has joined or left")).to_be_visible()
            expect(page.locator("#growth")).to_be_hidden()
            for path in ("/sends", "/sends/20260101-abcdef"):
                page.goto(f"{rooms.origin}{path}")
                expect(page.get_by_role("heading", level=1)).to_be_visible()
                expect(page.locator("#sends")).to_be_hidden()
                assert violations(page) == {}, path


def test_a_scheduled_send_shows_when_its_readers_are_chosen(rooms: Rooms, browser: Browser) -> None:
    order = ("2026-01-06-welcome", "--list", "readers", "--again", "later", "--yes", "--detach")
    sent = fork(rooms.project, "send", *order, "--at", "2099-01-06 08:00", "--json")
    with rooms.page(browser, f"/sends/{sent.json['send_id']}") as page:
        expect(page.get_by_text("Who gets it is decided when it begins")).to_be_visible()
        expect(page.get_by_text("Nothing has left yet")).to_be_visible()
        expect(page.locator(".figures")).to_be_hidden()
        assert violations(page) == {}

        page.goto(f"{rooms.origin}/sends")
        row = page.locator(f"[data-send='{sent.json['send_id']}']")
        expect(row).to_contain_text("2099-01-06 08:00")
        expect(row.locator(".numbers")).to_be_hidden()


def test_a_room_speaks_chinese(rooms: Rooms, browser: Browser) -> None:
    with rooms.page(browser, "/health", language="zh-CN") as page:
        expect(page.get_by_role("heading", level=1)).to_have_text("状态")
