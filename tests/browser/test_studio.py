"""The studio in a real browser: an issue that is written on disk and in it, and shown meanwhile."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, Route, expect

from newsletter.scaffold import start
from tests.browser.axe import violations
from tests.browser.conftest import ColourScheme, studio_page
from tests.integration.serving import served
from tests.pictures import png
from tests.waiting import until

pytestmark = pytest.mark.browser

STEM = "2026-01-07-valley"
ISSUE = """\
---
title: News of the valley
date: 2026-01-07
summary: Looms came to the valley
---
The first paragraph is about [looms](https://example.com/looms) that count threads.

## Weaving

{paragraph}

## Dyeing

TODO: what the dyers say.
""" + "".join(f"\n## Part {number}\n\nWords of part {number}.\n" for number in range(40))


class Desk:
    """The studio of a newsletter with one issue, and a page that shows it."""

    def __init__(self, project: Path, url: str) -> None:
        self.project = project
        self.url = url
        self.issue = project / "issues" / f"{STEM}.md"

    def write(self, paragraph: str) -> None:
        self.issue.write_text(ISSUE.format(paragraph=paragraph))

    @contextmanager
    def page(
        self,
        browser: Browser,
        width: int = 1280,
        scheme: ColourScheme = "light",
        language: str = "en",
    ) -> Iterator[Page]:
        with studio_page(browser, self.url, f"/issues/{STEM}", width, scheme, language) as page:
            expect(mail(page).get_by_role("heading", level=1)).to_be_attached()
            yield page


def mail(page: Page) -> FrameLocator:
    return page.frame_locator("#mail")


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    project = tmp_path_factory.mktemp("studio") / "letter"
    start(project, dt.date(2026, 1, 6))
    with served(project, "--json", "--no-open", command="studio") as server:
        yield Desk(project, server.url)


@pytest.fixture
def desk(studio: Desk) -> Desk:
    studio.write("They stand still.")
    return studio


def test_an_issue_is_followed_while_it_is_written_on_disk(desk: Desk, browser: Browser) -> None:
    """The view stays where it was, changes and gaps are marked, an error leaves the last good."""
    with desk.page(browser) as page:
        frame = page.frames[1]
        frame.evaluate("scrollTo(0, 600)")

        desk.write("They never tire.")

        changed = mail(page).get_by_text("They never tire.")
        expect(changed).to_have_attribute("data-marked", "changed")
        expect(mail(page).locator("[data-marked]")).to_have_count(1)
        expect(mail(page).locator("[data-gone]")).to_have_count(0)
        expect(mail(page).locator("[data-marked]")).to_have_count(0)
        desk.issue.write_text(desk.issue.read_text().replace("Words of part 0.", "Other words."))
        expect(mail(page).locator("[data-marked]")).to_have_text(["Other words."])
        assert frame.evaluate("scrollY") == 600

        text = desk.issue.read_text().replace("Words of part 39.\n", "")
        desk.issue.write_text(text.replace("TODO: what the dyers say.\n", ""))

        gone = mail(page).locator("[data-gone]")
        expect(gone).to_have_text(["Part 0", "Part 39"])
        assert [place.get_attribute("data-gone") for place in gone.all()] == ["above", "below"]
        expect(gone).to_have_count(0)

        desk.issue.write_bytes(b"\xff\xfe\x00")

        expect(page.get_by_role("alert")).to_contain_text("UTF-8")
        expect(page.get_by_role("alert")).to_contain_text("last preview")
        expect(changed).to_be_attached()

        page.keyboard.press("e")
        expect(page.locator("#refused")).to_contain_text("cannot be edited here")
        expect(page.locator("#editor")).to_be_hidden()
        page.reload()
        expect(page.get_by_role("alert")).to_contain_text("UTF-8")
        expect(page.get_by_role("alert")).not_to_contain_text("last preview")


def test_a_finding_leads_to_its_place(desk: Desk, browser: Browser) -> None:
    """Whoever is at a finding, or has opened the sizes, is still there when the file changes."""
    with desk.page(browser) as page:
        page.get_by_role("button", name="unfinished-text").click()

        place = mail(page).get_by_text("TODO: what the dyers say.")
        expect(place).to_have_attribute("data-marked", "found")
        expect(place).to_be_in_viewport()
        expect(page.locator("#status")).to_have_text(f"issues/{STEM}.md:14")
        expect(page.locator('[aria-current="true"]')).to_have_count(1)

        page.locator("#size summary").click()
        page.keyboard.press("j")
        desk.write("They never tire.")

        expect(mail(page).get_by_text("They never tire.")).to_be_attached()
        expect(page.locator('[aria-current="true"]')).to_be_focused()
        expect(page.locator("#size details")).to_have_attribute("open", "")


def test_an_issue_is_written_in_the_studio(desk: Desk, browser: Browser) -> None:
    """However quick its keys are pressed: one editor opens, and no save is in another's way."""
    with desk.page(browser) as page:
        for _ in range(3):
            page.keyboard.press("e")
        page.get_by_role("textbox", name="Text of the issue").click()
        page.keyboard.press("Control+End")
        page.keyboard.type("\n\nWritten here.")

        expect(mail(page).get_by_text("Written here.")).to_be_attached()
        expect(page.locator("#saved")).to_have_text("Not saved")
        assert "Written here." not in desk.issue.read_text()

        for _ in range(3):
            page.keyboard.press("Control+s")
            page.keyboard.type("!")
        page.keyboard.press("Control+s")

        expect(page.locator("#saved")).to_have_text("Saved")
        assert desk.issue.read_text().endswith("Words of part 39.\n\n\nWritten here.!!!")
        expect(page.get_by_role("dialog")).to_have_count(0)


def test_what_another_wrote_meanwhile_is_never_lost(desk: Desk, browser: Browser) -> None:
    with desk.page(browser) as page:
        page.keyboard.press("e")
        page.get_by_role("textbox", name="Text of the issue").click()
        page.keyboard.press("Control+End")
        page.keyboard.type("Mine.")
        expect(mail(page).get_by_text("Mine.")).to_be_attached()
        desk.write("Theirs.")
        expect(page.locator("#saved")).to_contain_text("changed elsewhere")

        page.keyboard.press("Control+s")

        conflict = page.get_by_role("dialog", name="changed elsewhere")
        expect(conflict.locator(".removed", has_text="Theirs.")).to_be_visible()
        expect(conflict.locator(".added", has_text="Mine.")).to_be_visible()
        assert "Mine." not in desk.issue.read_text()

        conflict.get_by_role("button", name="Take the file").click()

        expect(mail(page).get_by_text("Theirs.")).to_be_attached()
        expect(page.locator("#saved")).to_have_text("Saved")


DROPPED = """([kind, files]) => {
    const data = new DataTransfer();
    for (const [name, bytes] of files) {
        data.items.add(new File([new Uint8Array(bytes)], name, {type: "image/png"}));
    }
    const text = document.querySelector(".cm-content");
    const {left, top} = text.getBoundingClientRect();
    const options = {bubbles: true, cancelable: true, clientX: left, clientY: top + 1};
    text.dispatchEvent(kind === "paste"
        ? new ClipboardEvent("paste", {clipboardData: data, ...options})
        : new DragEvent("drop", {dataTransfer: data, ...options}));
}"""


def test_pictures_are_pasted_and_dropped_into_the_issue(desk: Desk, browser: Browser) -> None:
    """Several come in their order, where they were dropped; what is refused is told."""
    held: list[Route] = []
    with desk.page(browser) as page:
        page.keyboard.press("e")
        page.get_by_role("textbox", name="Text of the issue").click()
        page.keyboard.press("Control+End")
        page.evaluate(DROPPED, ["paste", [("loom.png", list(png()))]])

        picture = mail(page).locator("img[src*='/media/']")
        expect(picture).to_be_attached()
        until(lambda: picture.evaluate("img => img.complete && img.naturalWidth > 0"))
        assert (desk.issue.parent / "pictures" / "loom.png").read_bytes() == png()

        page.keyboard.press("Control+Home")
        page.route("**/pictures?name=c.png", lambda route: held.append(route))
        files = [("a.png", list(png())), ("b.png", list(b"text")), ("c.png", list(png(8, 8)))]
        with page.expect_response("**/pictures?name=a.png"):
            page.evaluate(DROPPED, ["drop", files])
        page.keyboard.type("x")
        held[0].continue_()

        text = page.locator(".cm-content")
        expect(text).to_contain_text("![](pictures/a.png)![](pictures/c.png)---")
        expect(page.get_by_role("alert")).to_contain_text("b.png")
        page.keyboard.press("Control+s")
        expect(page.locator("#saved")).to_have_text("Saved")
        start = "x![](pictures/a.png)\n\n![](pictures/c.png)---\n"
        assert desk.issue.read_text().startswith(start)


def test_a_test_is_sent_and_its_address_is_there_the_next_time(
    desk: Desk, browser: Browser
) -> None:
    desk.issue.write_text(desk.issue.read_text().replace("TODO: what", "What"))
    with desk.page(browser) as page:
        page.keyboard.press("t")
        page.get_by_role("textbox", name="To").fill("editor@example.com")
        page.get_by_role("button", name="Send", exact=True).click()

        expect(page.locator("#result")).to_contain_text("editor@example.com: sent")
        expect(page.locator("#stage")).to_have_text("Tested")
        assert len(list((desk.project / "outbox" / "test").iterdir())) == 1

        page.reload()
        page.keyboard.press("t")
        expect(page.get_by_role("textbox", name="To")).to_have_value("editor@example.com")


def test_it_is_shown_as_others_see_it(desk: Desk, browser: Browser) -> None:
    """Each of the views that the bar offers, by its keys."""
    with desk.page(browser) as page:
        heading = mail(page).get_by_role("heading", level=1)
        expect(heading).to_have_css("color", "rgb(34, 32, 29)")
        page.keyboard.press("d")
        expect(heading).to_have_css("color", "rgb(236, 230, 220)")
        page.keyboard.press("]")
        page.keyboard.press("]")
        assert page.locator("#mail").evaluate("frame => frame.style.width") == "1100px"
        page.keyboard.press("2")
        expect(page.locator("#other pre")).to_contain_text("News of the valley")
        page.keyboard.press("3")
        expect(page.locator("#other pre")).to_contain_text("<!DOCTYPE html>")
        page.keyboard.press("4")
        expect(page.get_by_role("row", name="List-Unsubscribe-Post")).to_be_visible()
        page.keyboard.press("5")
        expect(page.locator(".entry.phone")).to_contain_text("Looms came to the valley")


def test_single_keys_are_switched_off_and_stay_so(desk: Desk, browser: Browser) -> None:
    """Whoever speaks to the computer writes no test mail by a word; a button leads back."""
    with desk.page(browser) as page:
        page.keyboard.press("?")
        page.get_by_role("checkbox", name="Single keys").uncheck()
        page.keyboard.press("Escape")
        page.reload()
        expect(mail(page).get_by_role("heading", level=1)).to_be_attached()
        expect(page.locator("#test")).not_to_have_attribute("aria-keyshortcuts", "t")

        for key in "t?e5":
            page.keyboard.press(key)

        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(page.locator("#editor")).to_be_hidden()
        expect(page.locator("#other")).to_be_hidden()

        button = page.get_by_role("button", name="Keys", exact=True)
        button.press("Enter")
        page.get_by_role("checkbox", name="Single keys").check()
        page.keyboard.press("Escape")
        expect(button).to_be_focused()
        page.keyboard.press("t")
        expect(page.get_by_role("dialog", name="Send a test")).to_be_visible()


@pytest.mark.pressure
@pytest.mark.parametrize(
    ("width", "scheme", "language"),
    [(360, "light", "zh-CN"), (1280, "dark", "en")],
)
def test_anybody_can_use_it(
    desk: Desk, browser: Browser, width: int, scheme: Literal["light", "dark"], language: str
) -> None:
    """Axe finds nothing in the list, the desk with its editor, and the dialog; all of it fits."""
    with desk.page(browser, width, scheme, language) as page:
        assert violations(page) == {}
        page.keyboard.press("e")
        expect(page.locator(".cm-content")).to_be_visible()
        assert violations(page) == {}
        page.locator("#test").click()
        assert violations(page) == {}
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.keyboard.press("Escape")
        page.locator(".tabs button[data-tab=preview]").dispatch_event("click")
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert page.locator("#floor").evaluate("floor => floor.clientHeight") > 100
        assert page.locator(".bars").evaluate("bars => bars.scrollHeight <= bars.clientHeight")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.goto(desk.url)
        expect(page.locator(".issues .stage.faulty").first).to_be_visible()
        assert violations(page) == {}
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.get_by_role("link", name="主题" if language == "zh-CN" else "Themes").click()
        expect(page.locator("iframe").first).to_be_visible()
        assert violations(page) == {}


def test_a_line_is_marked_for_a_fault_of_the_issue_and_none_for_one_of_its_theme(
    desk: Desk, browser: Browser
) -> None:
    theme = desk.project / "templates" / "torn"
    theme.mkdir(parents=True)
    (theme / "theme.toml").write_text('extends = "digest"\n')
    (theme / "email.mjml.j2").write_text("{% if %}")
    with desk.page(browser) as page:
        page.keyboard.press("e")
        expect(page.locator(".cm-content")).to_be_visible()

        text = desk.issue.read_text()
        desk.issue.write_text(text.replace("## Dyeing", "## Dyeing\0"))
        expect(page.locator(".cm-error")).to_contain_text("Dyeing")
        expect(page.locator("#none")).to_be_hidden()
        desk.issue.write_text(text.replace("title:", "theme: torn\ntitle:"))

        expect(page.get_by_role("alert")).to_contain_text("templates/torn/email.mjml.j2:1")
        expect(page.locator(".cm-error")).to_have_count(0)


def test_all_issues_are_listed_and_found(desk: Desk, browser: Browser) -> None:
    """Files that come and go are listed, and the list stays filtered."""
    with desk.page(browser) as page:
        page.keyboard.press("u")
        row = page.get_by_role("link", name="News of the valley")
        expect(row).to_be_visible()
        page.keyboard.press("/")
        page.keyboard.type("valley")
        expect(page.locator(".issues li:visible")).to_have_count(1)
        other = desk.issue.with_name("valleys.md")
        other.write_text("# Valleys\n")
        expect(page.locator(".issues li:visible")).to_have_count(2)
        other.unlink()
        expect(page.locator(".issues li:visible")).to_have_count(1)
        expect(page.locator("#filter")).to_have_value("valley")
        page.keyboard.press("/")
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")
        expect(page).to_have_url(f"{desk.url.partition('/?')[0]}/issues/{STEM}")


def test_nothing_in_a_mail_runs_or_leads_the_studio_away(desk: Desk, browser: Browser) -> None:
    desk.write('<b onclick="parent.document.title=1">b</b> <a href="javascript:alert(1)">x</a>')
    with desk.page(browser) as page:
        page.frames[1].evaluate(
            """() => {
                const script = document.createElement("script");
                script.textContent = "parent.document.body.dataset.stolen = 'yes'";
                document.body.append(script);
            }"""
        )

        assert page.locator("body").get_attribute("data-stolen") is None
