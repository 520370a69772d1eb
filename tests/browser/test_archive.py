"""The archive in a real browser: every width and mode, for everybody."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, Route

from newsletter.desk.prepare import prepare
from newsletter.model.email import Email
from newsletter.model.listing import Correction, Listing
from newsletter.project import Project
from newsletter.store import open_store
from newsletter.store.ledger import corrections
from tests.browser.axe import COLOURS, violations
from tests.browser.conftest import context_of
from tests.browser.samples import ROOT
from tests.integration.publishing import Visitor, sent, site_of, visiting
from tests.integration.sending import FixedClock, fill_list

pytestmark = pytest.mark.browser

WIDTHS = (320, 390, 1200)
MODES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
ISSUES = ("2026-11-20-quiet-machines", "2026-11-22-slow-software")
PATHS = (
    "/archive/",
    *(f"/archive/{slug}/" for slug in ISSUES),
    f"/archive/{ISSUES[0]}/original/",
    "/archive/tags/tools/",
    "/archive/search?q=quiet",
)
# A mail has no landmarks, and its own layout; what stands around it is ours.
NOISE = {"landmark-one-main", "region"}


@pytest.fixture(scope="module")
def visitor(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    """A newsletter that has sent the project's own issues, and corrected one."""
    folder = tmp_path_factory.mktemp("archive")
    shutil.copy(sqlite_template, folder / "store.db")
    with closing(open_store(f"sqlite:///{folder / 'store.db'}", folder)) as store:
        fill_list(store, 1)
        for slug in ISSUES:
            sent(store, slug, email(slug), FixedClock(), listing=Listing(("Tools",)))
        with store.write() as connection:
            corrections.add(
                connection,
                Correction(0, 1, FixedClock()(), "A link led nowhere.", "ada@desk"),
                email=email(ISSUES[0]).to_json(),
                content_hash="",
                source_hash="",
                git_commit=None,
                listing=Listing(("Tools",)),
            )
        with visiting(site_of(store, folder)) as visitor:
            yield visitor


def email(slug: str) -> Email:
    return prepare(Project.open(ROOT), slug).email


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """Pictures never load, and nothing but pictures may be asked for elsewhere."""
    context = context_of(browser)
    page = context.new_page()
    page.route(lambda url: "127.0.0.1" not in url, _refuse)
    yield page
    context.close()


def _refuse(route: Route) -> None:
    assert route.request.resource_type == "image", route.request.url
    route.abort()


@pytest.mark.pressure
@pytest.mark.parametrize("path", PATHS)
def test_the_archive_fits_and_can_be_read_by_all(visitor: Visitor, page: Page, path: str) -> None:
    page.goto(visitor.url + path)

    for mode in MODES:
        page.emulate_media(color_scheme=mode)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            overhang = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert overhang <= 0, (mode, width)

        broken = violations(page, "" if mode == MODES[0] else COLOURS)
        assert broken.keys() <= NOISE, (mode, broken)


def test_one_comes_from_an_issue_to_all_issues_and_back(visitor: Visitor, page: Page) -> None:
    """By the bar above the mail, which lies over nothing and below nothing."""
    page.goto(f"{visitor.url}/archive/{ISSUES[1]}/")

    page.get_by_role("link", name="往期内容").click()
    assert page.url == f"{visitor.url}/archive/"

    page.get_by_role("link", name="The year of quiet machines").click()
    assert page.url == f"{visitor.url}/archive/{ISSUES[0]}/"
    assert page.get_by_role("heading", level=1).inner_text() == "The year of quiet machines"


def test_the_way_to_leave_is_told_and_is_nobodys(visitor: Visitor, page: Page) -> None:
    page.goto(f"{visitor.url}/archive/{ISSUES[0]}/")

    page.get_by_role("link", name="Unsubscribe").click()

    assert page.url == f"{visitor.url}/archive/#leave"
    assert page.locator("#leave").is_visible()
