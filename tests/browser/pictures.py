"""Take the pictures of docs/pictures: `python -m tests.browser.pictures` after a change of looks.

The covers of the samples exist nowhere; a drawing stands in for them.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import Browser, Route, expect, sync_playwright

from newsletter.desk import chromium
from newsletter.desk.preview import write
from newsletter.desk.themes import kitchen_sink
from newsletter.project import Project
from newsletter.reports.page import page as report_page
from tests.browser.running_send import running_send
from tests.browser.samples import ROOT, THEMES, html_of
from tests.reports import a_report

_WINDOW, _PHONE = (
    (640, 1240),
    (390, 1007),
)  # as high as each other, once one is 400 and one 300 wide
_PICTURES = (
    ("email-light.png", "2026-11-20-quiet-machines", "light", _WINDOW),
    ("email-dark.png", "2026-11-20-quiet-machines", "dark", _PHONE),
    ("email-chinese-light.png", "2026-11-22-slow-software", "light", _PHONE),
    ("email-chinese-dark.png", "2026-11-22-slow-software", "dark", _PHONE),
)
_THEME = (390, 1007)
_REPORT = (900, 880)
_SENDS = (("sends.png", "/sends", 640), ("send.png", "/sends/{id}", 880))
_COVER = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 300">
<rect width="640" height="300" fill="#23324a"/>
<circle cx="470" cy="120" r="62" fill="#e8b36a"/>
<path d="M0 220 Q160 150 320 210 T640 190 V300 H0Z" fill="#34486a"/>
<path d="M0 255 Q200 200 380 245 T640 235 V300 H0Z" fill="#4a628c"/>
<path d="M0 282 Q240 245 440 272 T640 268 V300 H0Z" fill="#6b84ad"/></svg>"""


def main() -> None:
    program = chromium.find()
    assert program, "needs Chromium: apt-get install chromium-headless-shell"
    folder = ROOT / "docs" / "pictures"
    folder.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for name, sample, mode, (width, height) in _PICTURES:
            page = browser.new_page(
                viewport={"width": width, "height": height},
                color_scheme="dark" if mode == "dark" else "light",
            )
            page.route("**/*", _draw)
            page.set_content(html_of(sample))
            page.screenshot(path=folder / name)
            print(_shown(folder / name))
        for theme in THEMES:
            page = browser.new_page(viewport={"width": _THEME[0], "height": _THEME[1]})
            with TemporaryDirectory() as out:
                page.goto(f"file://{_in_every_block(theme, Path(out))}")
                page.screenshot(path=folder / f"theme-{theme}.png")
            print(_shown(folder / f"theme-{theme}.png"))
        page = browser.new_page(viewport={"width": _REPORT[0], "height": _REPORT[1]})
        page.set_content(report_page(a_report()))
        page.screenshot(path=folder / "report.png")
        print(_shown(folder / "report.png"))
        _take_sends(browser, folder)
        browser.close()


def _take_sends(browser: Browser, folder: Path) -> None:
    """Of the list of sends, and of the page of one, while it is under way."""
    with TemporaryDirectory() as place, running_send(Path(place)) as (url, send_id):
        page = browser.new_page()
        page.goto(url)
        for name, path, height in _SENDS:
            page.set_viewport_size({"width": 1000, "height": height})
            page.goto(url.partition("/?")[0] + path.format(id=send_id))
            expect(page.locator(".pace").first).to_contain_text("a second")
            if name == "send.png":
                expect(page.locator("#mailboxes table")).to_be_visible()
            page.screenshot(path=folder / name)
            few = Image.open(folder / name).convert("RGB").quantize(128, dither=Image.Dither.NONE)
            few.save(folder / name, optimize=True)
            print(_shown(folder / name))


def _in_every_block(theme: str, out: Path) -> Path:
    """The page of the issue that has every block, in a theme."""
    project = Project.open(ROOT)
    return write(kitchen_sink(project, theme), project, out).files[0]


def _draw(route: Route) -> None:
    route.fulfill(body=_COVER, content_type="image/svg+xml")


def _shown(path: Path) -> str:
    return f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes"


if __name__ == "__main__":
    main()
