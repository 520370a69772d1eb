"""Links that are none: what stands in brackets is shown as it was written."""

import re
from collections.abc import Iterator
from itertools import chain

from newsletter.model.digest import (
    Break,
    Code,
    Digest,
    FootnoteReference,
    Image,
    Link,
    Span,
    Text,
    walk,
)
from newsletter.model.finding import Finding, Position, Severity

_LINK = re.compile(
    r"\[(?P<text>[^\[\]\n]{0,200})\](?P<gap>[ \t\n]{0,2})\((?P<target>[^()\n]{0,300})(?P<end>\)?)"
    r"|\]\((?P<rest>[^()\n]{0,300})"
)
_ADDRESS = re.compile(r"\s*(?:https?:|mailto:|www\.|\.{0,2}/)", re.IGNORECASE)
_SHOWN = 60


def broken_link(digest: Digest) -> Iterator[Finding]:
    """A link that readers see as brackets, or that leads nowhere."""
    for texts in _runs(digest):
        whole = "".join(text for text, _ in texts)
        for match in _LINK.finditer(whole):
            if fix := _fix(match):
                shown = match[0] if len(match[0]) <= _SHOWN else f"{match[0][: _SHOWN - 1]}…"
                yield Finding(
                    "broken-link",
                    Severity.WARNING,
                    _place(texts, match.start()),
                    f"{shown!r} is no link: readers see the brackets",
                    fix,
                )


def _runs(digest: Digest) -> Iterator[list[tuple[str, Position]]]:
    """The texts of each paragraph, heading or cell in which a bracket is left, in their order."""
    run: list[tuple[str, Position]] = []
    bracket = False
    for node in chain(walk(digest), (digest,)):
        match node:
            case Text():
                run.append((node.text, node.position))
                bracket = bracket or "]" in node.text
            case Break():
                run.append(("\n", node.position))
            case Code() | Image() | FootnoteReference():
                run.append(("\0", node.position))
            case Span() | Link():
                pass
            case _:
                if bracket:
                    yield run
                run, bracket = [], False


def _place(texts: list[tuple[str, Position]], offset: int) -> Position:
    for text, place in texts:
        if offset < len(text):
            return place
        offset -= len(text)
    return texts[-1][1]


def _fix(match: re.Match[str]) -> str:
    """What to do about what looks like a link; nothing where it is none."""
    target = match["target"] if match["rest"] is None else match["rest"]
    if match["gap"]:
        named = re.search(r"[^\W\d_]", match["text"]) and _ADDRESS.match(target)
        return "Remove the space between ] and (." if named else ""
    if "{{" in target:
        return "Write the address itself: no field is filled in there."
    if '"' in target:
        return 'Close the quotes of its title: [text](https://… "title").'
    if " " in (address := target.strip()):
        return f"Write %20 for each space: ({address.replace(' ', '%20')})."
    if not match["end"]:
        return "Close it: [text](https://…)."
    return "Leave a blank line below HTML that stands before it, or write [text](https://…) anew."
