"""Blocks that a theme writes in its own way: `blocks/<name>.html.j2`, and what they may use."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from newsletter.model.blocks import (
    Button,
    CodeBlock,
    Contents,
    Embed,
    Entry,
    Figure,
    Footnote,
    Footnotes,
    Heading,
    Item,
    Labelled,
    LinkList,
    ListBlock,
    ListItem,
    Paragraph,
    PictureRow,
    Promo,
    Quote,
    Rule,
    Section,
    Sponsored,
    Table,
)
from newsletter.model.inline import Node
from newsletter.render.html import frames, insides
from newsletter.render.html.standing import BlockPart, PartContext

if TYPE_CHECKING:
    from newsletter.render.html.blocks import HtmlWriter

# How a theme names what it writes in its own way.
NAMES: Mapping[type[Node], str] = {
    Paragraph: "paragraph",
    Heading: "heading",
    ListBlock: "list",
    ListItem: "point",
    Quote: "quote",
    CodeBlock: "code",
    Table: "table",
    Figure: "picture",
    PictureRow: "pictures",
    Button: "button",
    Embed: "embed",
    Rule: "rule",
    Labelled: "labelled",
    Sponsored: "sponsor",
    Promo: "card",
    LinkList: "links",
    Entry: "entry",
    Contents: "contents",
    Footnotes: "notes",
    Footnote: "note",
    Item: "item",
    Section: "subsection",
}

# Writes a part from what its template may use.
OwnBlock = Callable[["HtmlWriter", Mapping[str, Any]], str]


def by_kind(blocks: Mapping[str, OwnBlock]) -> Mapping[type[Node], OwnBlock]:
    return {kind: blocks[name] for kind, name in NAMES.items() if name in blocks}


def facts(writer: "HtmlWriter", part: BlockPart, standing: PartContext) -> dict[str, Any]:
    """What the template of a block may use beside what all templates may."""
    return {
        "block": part,
        "standard": lambda: Markup(frames.framed(writer, part, standing)),  # noqa: S704
        "heading": lambda: Markup(insides.heading(writer, part)),  # noqa: S704
        "inner": lambda: Markup(insides.inner(writer, part, standing)),  # noqa: S704
        "look": insides.look(writer, part, standing),
        "level": standing.level,
        "follows": standing.follows,
        "width": writer.sheet.width,
    }
