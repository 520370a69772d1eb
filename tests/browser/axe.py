"""What axe-core finds in a page, as it stands in its window and its mode."""

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

_TAGS = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]
# Axe comes once into a document. Of what it finds, only what is broken is handed over.
_IS_THERE = "'axe' in window"
_RUN = """async ([tags, only]) => {
    const others = only ? axe.getRules().filter(rule => rule.ruleId !== only) : []
    const rules = Object.fromEntries(others.map(rule => [rule.ruleId, {enabled: false}]))
    const found = await axe.run({runOnly: tags, rules, resultTypes: ["violations"]})
    return found.violations.map(rule =>
        [rule.id, rule.nodes.slice(0, 3).map(node => node.html.slice(0, 200))]) }"""


def violations(page: Page, only: str = "") -> dict[str, list[str]]:
    """The rules that a page breaks, or `only` one, each with the first elements that break it."""
    if not page.evaluate(_IS_THERE):
        page.evaluate(AXE_SCRIPT)
    return dict(page.evaluate(_RUN, [_TAGS, only]))
