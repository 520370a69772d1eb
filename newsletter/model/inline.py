"""The inline nodes of a digest: runs of text, and what stands among it."""

from dataclasses import dataclass, field
from enum import StrEnum

from newsletter.model.finding import Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Anything in the tree; `position` is where it was written and does not count in equality."""

    position: Position = field(compare=False, repr=False)


# --- inline -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Text(Node):
    """Literal text. `{{` and `{%` in it mean nothing here; render looks for merge fields."""

    text: str


@dataclass(frozen=True, slots=True)
class Code(Node):
    text: str


@dataclass(frozen=True, slots=True)
class Break(Node):
    """A line break: hard ones show, soft ones are white space (nothing between CJK letters)."""

    hard: bool


class SpanKind(StrEnum):
    """How a run of text is set apart; the value is the HTML element that says so."""

    EMPHASIS = "em"
    STRONG = "strong"
    STRIKE = "s"
    SUPERSCRIPT = "sup"
    SUBSCRIPT = "sub"
    UNDERLINE = "u"


@dataclass(frozen=True, slots=True)
class Span(Node):
    kind: SpanKind
    children: "Inline"


@dataclass(frozen=True, slots=True)
class Link(Node):
    """`url` is absolute (http, https or mailto), a URL merge field such as {{web_url}}, or `#` and
    the anchor of a heading."""

    url: str
    children: "Inline"
    title: str = ""


@dataclass(frozen=True, slots=True)
class Image(Node):
    """`url` is absolute http or https; width and height are in CSS pixels, where known.

    `file` is that of a picture which lies beside the issue, as its author names it; `decorative` is
    one that readers would not miss, as its author says by an empty `alt` in HTML.
    """

    url: str
    alt: str
    title: str = ""
    width: int | None = None
    height: int | None = None
    file: str = ""
    decorative: bool = False


@dataclass(frozen=True, slots=True)
class FootnoteReference(Node):
    """`occurrence` counts the references to one note, from 1."""

    number: int
    occurrence: int = 1


InlineNode = Text | Code | Break | Span | Link | Image | FootnoteReference
Inline = tuple[InlineNode, ...]
