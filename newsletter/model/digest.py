"""A digest: an issue parsed and typed.

Sections, items, labelled blocks and link lists are views over one tree of blocks and inline
nodes; whatever no rule claims stays an ordinary block, so that nothing an author wrote is lost.
`walk` visits the whole tree in reading order. There is no HTML in it: what an author wrote as
HTML was sanitised and became the same nodes, and every URL in it has passed the URL policy.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, get_args

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

    `file` is that of a picture which lies beside the issue, as its author names it; `decorative`
    is one of which readers would miss nothing, as its author says by an empty `alt` in HTML.
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


# --- blocks -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Paragraph(Node):
    inline: Inline


@dataclass(frozen=True, slots=True)
class Heading(Node):
    """A heading that opens neither a section nor an item, e.g. inside a quote."""

    level: int
    inline: Inline


@dataclass(frozen=True, slots=True)
class ListItem(Node):
    blocks: "Blocks"
    checked: bool | None = None  # None: not a task


@dataclass(frozen=True, slots=True)
class ListBlock(Node):
    """`start` is the first number of an ordered list, None for bullets."""

    items: tuple[ListItem, ...]
    start: int | None = None
    tight: bool = True


@dataclass(frozen=True, slots=True)
class Quote(Node):
    """`attribution` is its last line, as written, where that names who said it."""

    blocks: "Blocks"
    attribution: Inline = ()


@dataclass(frozen=True, slots=True)
class CodeBlock(Node):
    text: str
    language: str = ""


class Align(StrEnum):
    NONE = ""
    LEFT = "left"
    CENTER = "center"
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class Row(Node):
    cells: tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Table(Node):
    """`header` may be empty (HTML tables); rows may be ragged."""

    align: tuple[Align, ...]
    header: Row | None
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Figure(Node):
    """A picture standing alone, perhaps linked.

    Its caption is what a `<figcaption>` says, else the title of the image.
    """

    image: Image
    url: str | None = None
    caption: Inline = ()


@dataclass(frozen=True, slots=True)
class PictureRow(Node):
    """Two or more pictures that stand side by side, alone on their line; `caption` is about all."""

    figures: tuple[Figure, ...]
    caption: Inline = ()


@dataclass(frozen=True, slots=True)
class Button(Node):
    """A paragraph that is one bold link."""

    link: Link


class EmbedKind(StrEnum):
    FRAME = "frame"
    VIDEO = "video"
    AUDIO = "audio"


@dataclass(frozen=True, slots=True)
class Embed(Node):
    """What a mail cannot play: shown as a linked card."""

    kind: EmbedKind
    url: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Rule(Node):
    """A thematic break."""


class LabelKind(StrEnum):
    """The hue of a labelled block, by the form of its label, never by an exact list of words."""

    INSIGHT = "insight"
    IMPACT = "impact"
    NEUTRAL = "neutral"


@dataclass(frozen=True, slots=True)
class Labelled(Node):
    """A block that an author introduced by a bold label such as `**Impact:**`, or named a tip.

    `label` is as written, its colon included; `whole_section` is True where it speaks for its
    section rather than for the item before it.
    """

    kind: LabelKind
    label: Inline
    blocks: "Blocks"
    whole_section: bool = False


@dataclass(frozen=True, slots=True)
class Sponsored(Node):
    """What somebody paid for, marked as such; `title` is what its author calls it, if anything."""

    title: Inline
    blocks: "Blocks"


@dataclass(frozen=True, slots=True)
class Entry(Node):
    """One entry of a link list: `lead` is its link (or bold text), `note` the rest of its line."""

    lead: Inline
    note: Inline
    blocks: "Blocks" = ()
    url: str | None = None


@dataclass(frozen=True, slots=True)
class LinkList(Node):
    entries: tuple[Entry, ...]
    start: int | None = None


@dataclass(frozen=True, slots=True)
class Footnote(Node):
    """`references` is how many there are to it in the text."""

    number: int
    blocks: "Blocks"
    references: int = 1


@dataclass(frozen=True, slots=True)
class Contents(Node):
    """A list of the sections of the issue, with links to them."""


@dataclass(frozen=True, slots=True)
class Footnotes(Node):
    notes: tuple[Footnote, ...]


@dataclass(frozen=True, slots=True)
class Promo(Node):
    """A card, rebuilt from its HTML and the Markdown in it: `blocks` holds all of it, in order.

    The typed fields name the parts that a theme may set apart; each node in them also stands in
    `blocks`, which is what `walk` visits. `handle` is the link inside `text`. Where the typed
    fields are `complete` a theme may show them alone, else it shows the blocks as they are.
    """

    blocks: "Blocks"
    title: Inline = field(default=(), compare=False)
    text: Inline = field(default=(), compare=False)
    handle: Link | None = field(default=None, compare=False)
    button: Link | None = field(default=None, compare=False)
    image: Image | None = field(default=None, compare=False)
    complete: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Item(Node):
    """A heading with what belongs to it.

    `url` is the target if the heading is one link, perhaps with text around it; the heading keeps
    its whole inline content either way. `anchor` is what a link to it names, as in a Section.
    """

    level: int
    heading: Inline
    blocks: "Blocks"
    url: str | None = None
    anchor: str = ""


Block = (
    Paragraph
    | Heading
    | ListBlock
    | Quote
    | CodeBlock
    | Table
    | Figure
    | PictureRow
    | Button
    | Embed
    | Rule
    | Labelled
    | Sponsored
    | Promo
    | LinkList
    | Contents
    | Footnotes
)
Blocks = tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Section(Node):
    """The biggest part of a digest; `parts` keeps items, sub-sections and blocks in their order.

    `anchor` is what a link to it names, behind a #; empty where nothing links to it.
    """

    level: int
    heading: Inline
    parts: tuple["Item | Section | Block", ...]
    url: str | None = None
    anchor: str = ""

    def items(self) -> Iterator[Item]:
        """Its items and those of its sub-sections, in reading order."""
        for part in self.parts:
            if isinstance(part, Item):
                yield part
            elif isinstance(part, Section):
                yield from part.items()


# --- the whole ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Meta:
    """The front matter that is not content; what no key claims is kept in `extra`."""

    date: dt.date | dt.datetime | None = None
    category: str = ""
    tags: tuple[str, ...] = ()
    seo: tuple[str, ...] = ()
    cover: str | None = None
    cover_size: tuple[int, int] | None = None  # at which it is shown, in CSS pixels, where known
    subject: str | None = None
    preheader: str | None = None
    language: str | None = None
    slug: str | None = None
    list: str | None = None
    theme: str | None = None
    draft: bool = False
    smart: bool = True  # whether straight quotes and hyphens become those of the language
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def day(self) -> dt.date | None:
        return None if self.date is None else day_of(self.date)


def day_of(date: dt.date | dt.datetime) -> dt.date:
    """The day as its author wrote it, in whatever time zone that was."""
    return date.date() if isinstance(date, dt.datetime) else date


@dataclass(frozen=True, slots=True)
class Digest(Node):
    """An issue, parsed and typed.

    `stem` is the file's stem verbatim, `slug` its identity in the ledger and the archive.
    `summary` holds one inline per point; `summary_is_list` tells bullets from sentences.
    A title equal to the body's first heading is kept once, here.
    """

    stem: str
    slug: str
    title: Inline
    meta: Meta
    summary: tuple[Inline, ...] = ()
    summary_is_list: bool = True
    lead: Blocks = ()
    sections: tuple[Section, ...] = ()
    tail: Blocks = ()  # footnotes, and what follows the last section after a rule
    promo: Promo | None = None

    def items(self) -> Iterator[Item]:
        """All items, in reading order."""
        for section in self.sections:
            yield from section.items()

    @property
    def title_text(self) -> str:
        return plain_text(self.title)


def walk(root: Node) -> Iterator[Node]:
    """`root` and every node below it, each exactly once, in reading order (pre-order).

    Field order in the dataclasses is reading order, so one rule serves every node.
    """
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        if names := _CONTENT[type(node)]:
            below: list[Node] = []
            for name in names:
                _collect(getattr(node, name), below)
            below.reverse()
            waiting += below


def _collect(value: object, nodes: list[Node]) -> None:
    if isinstance(value, tuple):
        for part in value:
            if isinstance(part, Node):
                nodes.append(part)
            else:
                _collect(part, nodes)
    elif isinstance(value, Node):
        nodes.append(value)


def inlines_of(node: Node) -> Iterator[Inline]:
    """The runs of text right below a block, each a heading, a line or a cell; none of an inline."""
    if type(node) in _INLINE:
        return
    for name in _CONTENT[type(node)]:
        value = getattr(node, name)
        if not isinstance(value, tuple) or not value:
            continue
        if type(value[0]) in _INLINE:
            yield value
        elif isinstance(value[0], tuple):
            yield from value


_INLINE = frozenset(get_args(InlineNode))
_HOLDS_NO_NODE = (str, int, bool, int | None, str | None, bool | None)


class _Content(dict[type[Node], tuple[str, ...]]):
    """The fields of each kind of node that may hold others, found out once."""

    def __missing__(self, kind: type[Node]) -> tuple[str, ...]:
        self[kind] = tuple(
            spec.name for spec in fields(kind) if spec.compare and spec.type not in _HOLDS_NO_NODE
        )
        return self[kind]


_CONTENT = _Content()


def without_references(inline: Inline) -> Inline:
    """A run without the numbers of its footnotes, as a list of headings has them."""
    kept: list[InlineNode] = []
    for node in inline:
        match node:
            case FootnoteReference():
                continue
            case Span() | Link():
                inner = without_references(node.children)
                kept.append(replace(node, children=inner, position=node.position))
            case _:
                kept.append(node)
    return tuple(kept)


def plain_text(inline: Inline) -> str:
    """The visible text of an inline run: alternative text for images, a space for breaks."""
    pieces: list[str] = []
    for node in inline:
        match node:
            case Text() | Code():
                pieces.append(node.text)
            case Break():
                pieces.append(" ")
            case Span() | Link():
                pieces.append(plain_text(node.children))
            case Image():
                pieces.append(node.alt)
            case FootnoteReference():
                pieces.append(f"[{node.number}]")
    return "".join(pieces)
