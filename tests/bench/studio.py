"""How soon the studio is there, and how soon it shows what was saved."""

import json
import shutil
import statistics
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.cookiejar import CookieJar
from pathlib import Path

from newsletter.desk import chromium
from tests.bench.bench import Bench
from tests.bench.figures import Figure
from tests.bench.processes import NEWSLETTER, command
from tests.bench.rendering import issue as seed

_ISSUES = 400
_SAVES = 200
_APART_SECONDS = 0.2  # an author saves no faster
_WATCH = """() => {
    window.seen = [];
    new MutationObserver(() => window.seen.push(Date.now()))
        .observe(document.body, {attributes: true, attributeFilter: ["data-shown"]});
}"""
_QUIET = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")


def studio(bench: Bench) -> Iterator[Figure]:
    folder = bench.folder / "written"
    command(NEWSLETTER, "init", str(folder))
    issue = folder / "issues" / "2026-01-07-seed.md"
    issue.write_text(seed().read_text("utf-8"), "utf-8")
    others = min(bench.issues, _ISSUES)
    for number in range(others):
        shutil.copy(issue, issue.with_name(f"2025-01-01-{number}.md"))
    waits = tuple(_first_page(folder) for _ in range(bench.short_repeats))
    yield Figure("newsletter studio, until its first page is there", waits, "s", at_most=1.0)
    if (program := chromium.find()) is None:
        return
    times = _refreshes(folder, issue, program, max(2, _SAVES * bench.short_repeats // 10))
    name = f"a save is shown, {others} issues in the folder"
    yield Figure(name, tuple(times), "ms")
    slow = statistics.quantiles(times, n=20)[-1]
    yield Figure("  95 of 100 saves", (slow,), "ms", at_most=300)


@contextmanager
def running(folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """The address of a studio; its end is waited for."""
    call = [NEWSLETTER, "studio", "--port", "0", "--json", "--project", str(folder)]
    with subprocess.Popen(call, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        yield str(json.loads(process.stdout.readline())["url"])
        process.terminate()


def _first_page(folder: Path) -> float:
    """Seconds from the call of the command to the list of issues."""
    began = time.perf_counter()
    with running(folder) as url:
        cookies = urllib.request.HTTPCookieProcessor(CookieJar())
        urllib.request.build_opener(cookies).open(url).read()
        return time.perf_counter() - began


def _refreshes(folder: Path, issue: Path, program: Path, saves: int) -> list[float]:
    """Milliseconds from each save to when the page shows it."""
    from playwright.sync_api import sync_playwright

    text, times = issue.read_text("utf-8"), []
    with running(folder) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_QUIET)
        page = browser.new_page()
        page.goto(url)
        page.goto(f"{url.partition('/?')[0]}/issues/{issue.stem}")
        page.wait_for_selector("body[data-shown]", state="attached")
        page.evaluate(_WATCH)
        for number in range(saves):
            time.sleep(_APART_SECONDS)
            seen = page.evaluate("seen.length")
            began = time.time()
            issue.write_text(f"{text}\n\nSaved for the {number}th time.\n", "utf-8")
            while page.evaluate("seen.length") == seen:
                time.sleep(0.02)
            times.append(page.evaluate("seen.at(-1)") - began * 1000)
        browser.close()
    return times
