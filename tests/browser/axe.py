"""What axe-core finds in a page, as it stands in its window and its mode."""

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

_TAGS = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]
# Axe comes once into a document. Of what it finds, only what is broken is handed over.
_IS_THERE = "'axe' in window"
# What the other mode can break of a page that breaks nothing in this one.
COLOURS = "color-contrast link-in-text-block"
_RUN = """async ([tags, only]) => {
    const all = axe.getRules()
    const others = only.length ? all.filter(rule => !only.includes(rule.ruleId)) : []
    const rules = Object.fromEntries(others.map(rule => [rule.ruleId, {enabled: false}]))
    const found = await axe.run({runOnly: tags, rules, resultTypes: ["violations"]})
    return found.violations.map(rule =>
        [rule.id, rule.nodes.slice(0, 3).map(node => node.html.slice(0, 200))]) }"""


def violations(page: Page, only: str = "") -> dict[str, list[str]]:
    """The rules that a page breaks, each with the first elements that break it: of all rules, or
    `only` of those that it names."""
    if not page.evaluate(_IS_THERE):
        page.evaluate(AXE_SCRIPT)
    return dict(page.evaluate(_RUN, [_TAGS, only.split()]))
