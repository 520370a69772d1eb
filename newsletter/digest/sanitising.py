"""Raw HTML of an author, sanitised: which elements and attributes an issue may have.

nh3 takes away what is not listed here; our own URL policy decides about each target later.
"""

import re
from collections.abc import Mapping
from html import unescape
from typing import Any

import lxml.html
import nh3

from newsletter.digest import raw
from newsletter.digest.characters import harmless
from newsletter.digest.report import Report
from newsletter.model.blocks import (
    EmbedKind,
)
from newsletter.model.finding import Position, Severity
from newsletter.model.inline import (
    SpanKind,
)

SPANS: Mapping[str, SpanKind] = {
    "b": SpanKind.STRONG,
    "strong": SpanKind.STRONG,
    "i": SpanKind.EMPHASIS,
    "em": SpanKind.EMPHASIS,
    "cite": SpanKind.EMPHASIS,
    "s": SpanKind.STRIKE,
    "del": SpanKind.STRIKE,
    "strike": SpanKind.STRIKE,
    "sup": SpanKind.SUPERSCRIPT,
    "sub": SpanKind.SUBSCRIPT,
    "u": SpanKind.UNDERLINE,
    "ins": SpanKind.UNDERLINE,
}
EMBEDS: Mapping[str, EmbedKind] = {
    "iframe": EmbedKind.FRAME,
    "embed": EmbedKind.FRAME,
    "object": EmbedKind.FRAME,
    "video": EmbedKind.VIDEO,
    "audio": EmbedKind.AUDIO,
}
BLOCKS = frozenset(
    "address article aside blockquote center dd details div dl dt figcaption figure footer h1 h2 "
    "h3 h4 h5 h6 header hr li main nav ol p pre section summary table tbody td tfoot th thead tr "
    "ul iframe embed object video audio caption".split()
)
APART = BLOCKS - EMBEDS.keys()  # elements on a line of their own, even within a run
_INLINE = (
    frozenset("a br code img kbd mark picture q rp rt ruby small source span tt".split())
    | SPANS.keys()
)
_ATTRIBUTES = {
    "a": {"href", "title", "class", "id"},
    "img": {"src", "alt", "title", "width", "height", "class"},
    "ol": {"start"},
    "*": {"class", "id"},
    **{tag: {"src", "data", "title", "class"} for tag in (*EMBEDS, "source")},
}
# All schemes pass here; those that could do harm are refused, with a finding, by the URL policy.
_SCHEMES = frozenset("http https mailto javascript vbscript data file ftp tel".split())
_SCHEME = re.compile(r"=\s*+[\"']?+\s*+([a-z][a-z0-9+.-]*+):", re.IGNORECASE)
_MAX_DEPTH = 60
_MOST_PARSED = (
    5000  # tags open at once, counted before the sanitiser closes those that close by themselves
)
# Possessive: otherwise a mismatch would be tried again at every length.
_ANY_TAG = re.compile(r"<(/?)([a-z][a-z0-9]*+)(?:[^<>\"]++|\"[^\"]*+\")*+>", re.IGNORECASE)
_BOXES = frozenset("div section aside article center table".split())
_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
# Elements that a block may leave open: it ends at a blank line, and another block closes them.
_LEFT_OPEN = (
    (BLOCKS | _INLINE | frozenset("html head body form fieldset font".split()))
    - EMBEDS.keys()
    - {"img", "source", "picture"}
)
_HANDLER = re.compile(r"<[a-z][^<>]*[\s/\"']on[a-z]{3,20}\s*=", re.IGNORECASE)


def clean(source: str, place: Position, report: Report) -> str:
    """Sanitised HTML; what was removed is reported."""
    tell_of_handlers(source, place, report)
    source = raw.read(source, _LEFT_OPEN, place, report)
    if _depth(source) > _MOST_PARSED:  # its time grows with the square
        source = _ANY_TAG.sub(" ", source)
        report.add(*_too_deep(place))
    cleaned = _sanitised(source)
    if cleaned != (safe := harmless(cleaned)):
        report.add(
            "control-character",
            Severity.WARNING,
            place,
            "an entity stands for a control character, which was removed",
            "Delete it.",
        )
    if _depth(safe) > _MAX_DEPTH:
        report.add(*_too_deep(place))
        return _ANY_TAG.sub(" ", safe)
    return safe


def _too_deep(place: Position) -> tuple[str, Severity, Position, str, str]:
    message = f"HTML nested deeper than {_MAX_DEPTH} levels; only its text is kept"
    return "nesting-too-deep", Severity.WARNING, place, message, "Nest it less."


def tell_of_handlers(source: str, place: Position, report: Report) -> None:
    if _HANDLER.search(source):
        report.add(
            "html-dropped", Severity.WARNING, place, "an event handler is left out", "Remove it."
        )


def _sanitised(source: str) -> str:
    own = (scheme.lower() for scheme in _SCHEME.findall(unescape(source)))
    return nh3.clean(
        source,
        tags=set(BLOCKS | _INLINE),
        attributes=_ATTRIBUTES,
        url_schemes=_SCHEMES.union(own),
        link_rel=None,
        strip_comments=True,
        clean_content_tags={"script", "style"},
    )


def _depth(source: str) -> int:
    """How deep HTML is nested; before sanitising, elements that end by themselves make it too
    high."""
    depth = deepest = 0
    for match in _ANY_TAG.finditer(source):
        if match[1]:
            depth = max(0, depth - 1)
        elif match[2].lower() not in _VOID:
            depth += 1
            deepest = max(deepest, depth)
    return deepest


def boxes_opened(source: str) -> int:
    """How many more boxes HTML opens than it closes; Markdown may follow in open ones."""
    tags = (match for match in _ANY_TAG.finditer(source) if match[2].lower() in _BOXES)
    return sum(-1 if match[1] else 1 for match in tags)


def tree(cleaned: str) -> Any:
    """The sanitised fragment as an lxml element that holds it."""
    return lxml.html.fragment_fromstring(cleaned, create_parent="div")


def attributes_of(tag_source: str) -> dict[str, str]:
    """The attributes of one opening tag."""
    element = next(iter(tree(harmless(_sanitised(tag_source)))), None)
    return {} if element is None else {str(k): str(v) for k, v in element.attrib.items()}
