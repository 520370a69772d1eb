"""Definitions of links: `[name]: https://…`, even right below a text; unused ones are reported.

CommonMark wants a blank line before them, which authors forget. Below a text, only those that some
link uses are read; the others are meant for readers.
"""

import re
from typing import Any

from markdown_it.common.utils import normalizeReference
from markdown_it.rules_block import StateBlock, reference

from newsletter.digest.report import Report
from newsletter.model.finding import Severity

_NEEDED = "labels in brackets"  # in the environment: those that may use a definition
_LABEL = re.compile(r"\[([^\[\]]{1,999})\](?!:)")
# As nearly all blocks begin, those with a link first included.
_NO_DEFINITION = re.compile(r"[^\[]|\[[^\[\]\\\n]*+(?:\[|\](?!:))")
_DEFINITION = re.compile(
    r"\[(?!\^)([^\[\]]{1,999})\]:[ \t]+<?(?:[a-z][a-z0-9+.-]*:|/|\.{1,2}/|#)[^\s<>]*>?"
    r"(?:[ \t]+(?:\"[^\"]*\"|'[^']*'|\([^()]*\)))?[ \t]*",
    re.IGNORECASE,
)


def rule(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """The stock rule, but a definition that is used also ends a paragraph."""
    first = state.bMarks[start] + state.tShift[start]
    if not silent:
        return not _NO_DEFINITION.match(state.src, first) and reference(state, start, end, silent)
    if not state.src.startswith("[", first) or state.is_code_block(start):
        return False
    definition = _DEFINITION.fullmatch(state.src, first, state.eMarks[start])
    return definition is not None and normalizeReference(definition[1]) in _labels_in_use(state)


def _labels_in_use(state: StateBlock) -> set[str]:
    if _NEEDED not in state.env:
        state.env[_NEEDED] = _labels(state.src)
    labels: set[str] = state.env[_NEEDED]
    return labels


def _labels(text: str) -> set[str]:
    return {normalizeReference(label) for label in _LABEL.findall(text)}


def tell_of_unused(env: dict[str, Any], body: str, report: Report) -> None:
    """Report definitions that nothing refers to, so that no reader sees them; `#` is the target of
    a comment."""
    needed = _labels(body)
    unused = [
        (label, definition["map"][0])
        for label, definition in env.get("references", {}).items()
        if label not in needed and definition["href"] not in ("", "#")
    ]
    if unused:
        label, line = unused[0]
        more = f" and {len(unused) - 1} more" if unused[1:] else ""
        report.add(
            "unused-definition",
            Severity.INFO,
            report.at(line),
            f"no link refers to [{label.lower()}]{more}, so it is not shown",
            "Refer to it, as in [text][name], or remove it.",
        )


def tell_of_repeated(env: dict[str, Any], report: Report) -> None:
    """Report names of links that are defined twice with different targets."""
    first = env.get("references", {})
    for repeated in env.get("duplicate_refs", ()):
        label = repeated["label"]
        if repeated["href"] != first[label]["href"]:
            report.add(
                "duplicate-definition",
                Severity.WARNING,
                report.at(repeated["map"][0]),
                f"[{label.lower()}] is defined in line {report.at(first[label]['map'][0]).line} "
                "too, and that one counts",
                "Give one of them another name.",
            )
