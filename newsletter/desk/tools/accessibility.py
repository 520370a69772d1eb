"""axe-core in Chromium on the mail of an issue, in light and in dark mode, without a network."""

import html
import importlib.util
import json
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from newsletter.desk import chromium
from newsletter.desk.prepare import Prepared
from newsletter.desk.preview import sample_message
from newsletter.desk.tools.base import failed, missing
from newsletter.lint.visible import place_of_text, quoted
from newsletter.model.finding import Finding, Severity
from newsletter.project import Project

_WHAT = "accessibility"
_SECONDS = 120
_SHOWN = 3  # elements of a rule
_MODES = (("light", "1"), ("dark", "0"))
_OPTIONS = ("--window-size=600,900", "--virtual-time-budget=30000", "--dump-dom")
_TAGS = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]
_RUN = """
const wanted = {runOnly: %s, resultTypes: ["violations"], elementRef: true}
axe.run(wanted).then(found => {
    const told = found.violations.map(rule => ({
        id: rule.id, help: rule.help, url: rule.helpUrl.split("?")[0],
        nodes: rule.nodes.map(node => ({html: node.html, text: node.element.textContent})) }))
    const place = document.createElement("pre")
    place.id = "told-by-axe"
    place.textContent = JSON.stringify(told)
    document.documentElement.append(place) })
"""
_TOLD = re.compile(r'<pre id="told-by-axe">(.*?)</pre>', re.DOTALL)


def accessibility(issues: Sequence[Prepared], project: Project) -> Iterator[Finding]:
    """What axe finds, each rule once a mode with its first elements."""
    browser = chromium.find()
    script = axe_script()
    if browser is None or script is None:
        yield missing(_WHAT, "axe-playwright-python of PyPI" if browser else "chromium")
        return
    for issue in issues:
        for mode, number in _MODES:
            try:
                told = _told(browser, script, sample_message(issue, project).html, number)
            except (OSError, ValueError, subprocess.SubprocessError) as error:
                yield failed(_WHAT, f"{browser.name}: {error}")
                return
            for rule in told:
                yield _finding(issue, rule, mode)


def axe_script() -> Path | None:
    """axe-core (MPL-2.0), as axe-playwright-python brings it; Playwright itself is not needed."""
    spec = importlib.util.find_spec("axe_playwright_python")
    if spec is None or spec.origin is None:
        return None
    return next(Path(spec.origin).parent.rglob("axe.min.js"), None)


def _told(browser: Path, script: Path, page: str, scheme: str) -> list[dict[str, Any]]:
    """The rules that a page breaks. Raises ValueError where the browser says nothing of them."""
    scripts = (
        f"<script>{script.read_text('utf-8')}</script><script>{_RUN % json.dumps(_TAGS)}</script>"
    )
    with tempfile.TemporaryDirectory(prefix="newsletter-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        file = folder / "mail.html"
        file.write_text(page.replace("</body>", f"</body>{scripts}", 1), "utf-8")
        mode = f"--blink-settings=preferredColorScheme={scheme},imagesEnabled=false"
        done = subprocess.run(  # noqa: S603 -- the program that was found
            chromium.command(browser, folder, file, *_OPTIONS, mode),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=_SECONDS,
        )
    match = _TOLD.search(done.stdout.decode("utf-8", "replace"))
    if match is None:
        raise ValueError("axe gave no answer")
    return list(json.loads(html.unescape(match[1])))


def _finding(issue: Prepared, rule: dict[str, Any], mode: str) -> Finding:
    nodes = rule["nodes"]
    elements = ", ".join(quoted(str(node["html"])) for node in nodes[:_SHOWN])
    more = f" and {len(nodes) - _SHOWN} more" if len(nodes) > _SHOWN else ""
    return Finding(
        "accessibility",
        Severity.WARNING,
        place_of_text(str(nodes[0]["text"] or ""), issue.digest),
        f"{rule['help']} ({rule['id']}, {mode} mode): {elements}{more}",
        f"See {rule['url']}.",
    )
