"""Headings as places that links of the same issue lead to, as on a page: `[Guides](#guides)`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from urllib.parse import unquote

from markdown_it.token import Token

from newsletter.model.blocks import Item, Section
from newsletter.model.slug import slugified

_GIVEN = re.compile(r"\{:?[^{}]*#([\w:.-]+)[^{}]*\}\s*$")
_TARGET = re.compile(r"[(\"'<]\s*(#[^\s()\"'<>]+)")
_TEXTS = ("text", "text_special", "code_inline", "foreign")


@dataclass(frozen=True, slots=True)
class HeadingAnchor:
    """A heading by its line in the file, and the anchor that links name."""

    line: int
    anchor: str


def places(tokens: Sequence[Token], body_line: int) -> Mapping[str, HeadingAnchor]:
    """Each heading of the issue except its title, by its own or its given name.

    `body_line` is the line of the file that the body begins in.
    """
    anchors: dict[str, HeadingAnchor] = {}
    for number, (token, inline) in enumerate(pairwise(tokens)):
        if token.type != "heading_open" or token.level or token.tag == "h1" or not token.map:
            continue
        text = "".join(t.content for t in inline.children or () if t.type in _TEXTS)
        names = [slugified(text)]
        if match := _GIVEN.search(inline.content):
            names.insert(0, slugified(match[1]))
        # Addresses are ASCII, even if browsers read other letters.
        place = HeadingAnchor(
            token.map[0] + body_line, f"to-{names[0] if names[0].isascii() else number}"
        )
        for name in filter(None, names):
            anchors.setdefault(name, place)
    return anchors


def asked_for(body: str) -> frozenset[str]:
    """The names in all targets that look like links to headings."""
    return frozenset(name_of(target) for target in _TARGET.findall(body))


def is_asked_for(attributes: str, names: frozenset[str]) -> bool:
    """Whether the attributes of a heading, such as `{#guides}`, give it one of these names."""
    match = _GIVEN.search(attributes)
    return match is not None and slugified(match[1]) in names


def name_of(target: str) -> str:
    """The name of a heading in a target such as `#guides`, however it is spelt."""
    return slugified(unquote(target.strip()).removeprefix("#"))


def with_anchors(section: Section, anchors: Mapping[int, str]) -> Section:
    """The section with anchors for the headings at these lines of the file, its own and those
    below."""
    parts = tuple(
        with_anchors(part, anchors)
        if isinstance(part, Section)
        else replace(part, anchor=anchors[part.position.line], position=part.position)
        if isinstance(part, Item) and part.position.line in anchors
        else part
        for part in section.parts
    )
    anchor = anchors.get(section.position.line, section.anchor)
    return replace(section, parts=parts, anchor=anchor, position=section.position)
