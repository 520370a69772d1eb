"""Markup that was not recognised, so that readers would see it."""

import re

from newsletter.digest.report import Report
from newsletter.model.finding import Severity
from newsletter.model.inline import Inline, Text

_UNRESOLVED = re.compile(r"\[[^\[\]]+\]\[[^\[\]]*\]")
_UNKNOWN_FOOTNOTE = re.compile(r"\[\^[^\[\]\s]+\]")
_LEFTOVERS = (
    (
        re.compile(r"(?<!\d)\*\*"),  # 2**10 is a number, xoshiro256** a name
        "literal-emphasis",
        "asterisks that readers will see",
        "Put spaces around the bold text, or remove the asterisks.",
    ),
    (
        _UNKNOWN_FOOTNOTE,
        "unknown-footnote",
        "a footnote that is not defined",
        "Add its text: [^1]: …",
    ),
)


def tell_of_leftovers(report: Report, nodes: Inline) -> None:
    for node in nodes:
        if not isinstance(node, Text):
            continue
        report.unresolved += ((link, node.position) for link in _UNRESOLVED.findall(node.text))
        for pattern, rule, what, fix in _LEFTOVERS:
            if match := pattern.search(node.text):
                report.add(rule, Severity.WARNING, node.position, f"{match[0]!r}: {what}", fix)
