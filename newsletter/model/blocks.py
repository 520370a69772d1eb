"""The blocks of a digest, and the views of them that readers see.

Sections, items, labelled blocks and link lists are views over one tree of blocks and inline
nodes; whatever no rule claims stays an ordinary block, so that nothing an author wrote is lost.
There is no HTML in it: what an author wrote as HTML was sanitised and became the same nodes, and
every URL in it has passed the URL policy.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from newsletter.model.inline import (
    Image,
    Inline,
    Link,
    Node,
)


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
