"""What stands in the frame of a block, and what stands above it -> HTML."""

import html
from typing import TYPE_CHECKING, assert_never

from newsletter.model.blocks import (
    Button,
    CodeBlock,
    Contents,
    Embed,
    EmbedKind,
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
from newsletter.model.inline import Inline
from newsletter.render.html.pictures import caption, linked, rows
from newsletter.render.html.standing import FIRST_LEVEL, BlockPart, PartContext
from newsletter.render.html.tables import table_rows
from newsletter.render.html.tags import place, place_of
from newsletter.render.labels import begins_with_dash, domain, label

if TYPE_CHECKING:
    from newsletter.render.html.blocks import HtmlWriter

# The pixels that a block takes of its line's width: indents, bars and padding on both sides.
_LIST_INDENT = 24
_QUOTE_SIDES = 21
_CALLOUT_SIDES = 40


def inner(writer: "HtmlWriter", part: BlockPart, standing: PartContext) -> str:
    """What a block holds, without the frame around it and what `heading` says."""
    match part:
        case Paragraph() | Heading():
            return str(writer.inline(part.inline))
        case Item() | Entry():
            return str(writer.blocks(part.blocks))
        case ListBlock():
            indented = writer.within(_LIST_INDENT)
            return "".join(indented.part(item) for item in part.items)
        case ListItem():
            return point(writer, part)
        case Labelled() | Sponsored():
            return str(writer.within(_CALLOUT_SIDES).blocks(part.blocks))
        case Section():
            below = standing.below + (not _groups_others(part, standing))
            return "".join(writer.parts(part.parts, min(standing.level + 1, 6), below))
        case Quote():
            quoted = writer.within(_QUOTE_SIDES).blocks(part.blocks)
            return f"{quoted}{_attribution(writer, part.attribution)}"
        case Figure():
            return linked(part, writer, writer.sheet.width)
        case PictureRow():
            return rows(part, writer)
        case LinkList():
            indented = writer if part.start is None else writer.within(_LIST_INDENT)
            return "".join(
                indented.part(entry, standing._replace(follows=index > 0))
                for index, entry in enumerate(part.entries)
            )
        case Table():
            return table_rows(part, writer)
        case CodeBlock():
            return html.escape(part.text)
        case Button():
            return str(writer.link(part.link, "button"))
        case Embed():
            return _film(writer, part)
        case Promo():
            return str(writer.card(part))
        case Contents():
            return writer.contents()
        case Footnotes():
            return "".join(writer.part(note) for note in part.notes)
        case Footnote():
            return _note(writer, part)
        case Rule():
            return ""
        case _:
            assert_never(part)


def heading(writer: "HtmlWriter", part: BlockPart) -> str:
    """What stands above or before what a block holds; nothing where nothing does."""
    match part:
        case Item() | Section():
            title = str(writer.inline(part.heading)).replace('class="link"', 'class="title-link"')
            return f"{writer.anchor(part)}{title}"
        case Labelled():
            return str(writer.inline(label(part)))
        case Sponsored():
            word = html.escape(writer.words["sponsor"])
            between = html.escape(writer.sheet.signs.between)
            return f"{word} {between} {writer.inline(part.title)}" if part.title else word
        case Entry():
            return f"{_lead(writer, part)}{writer.inline(part.note)}"
        case Figure():
            return caption(part, writer)
        case PictureRow():
            return str(writer.inline(part.caption))
        case Contents():
            return html.escape(writer.words["contents"])
        case _:
            return ""


def look(writer: "HtmlWriter", part: BlockPart, standing: PartContext) -> str:
    """The classes of the heading of an item or a section; nothing for other blocks."""
    match part:
        case Item():
            source = " linked" if part.url and domain(part.url) else ""
            return f"{_level_look(standing)}{source}{writer.phrases(part.heading)}"
        case Section():
            name = "chapter" if _groups_others(part, standing) else _level_look(standing)
            return f"{name}{writer.phrases(part.heading)}"
        case _:
            return ""


def _level_look(standing: PartContext) -> str:
    """The class of a heading by how many of its kind are above it."""
    return "h4" if standing.below else "h3"


def _groups_others(section: Section, standing: PartContext) -> bool:
    """Whether a section in a section holds others, and so gets a stronger look than they."""
    holds_headings = any(isinstance(part, Item | Section) for part in section.parts)
    return holds_headings and section.url is None and standing.level == FIRST_LEVEL


def point(writer: "HtmlWriter", point: ListItem) -> str:
    """A point of a list, behind the sign of one that is to be ticked off."""
    signs = writer.sheet.signs
    mark = ""
    if point.checked is not None:
        mark = _before(signs.done if point.checked else signs.open)
    blocks = point.blocks
    if blocks and isinstance(first := blocks[0], Paragraph):
        text = f"{mark}{writer.inline(first.inline)}"
        if any(isinstance(block, Paragraph) for block in blocks[1:]):
            text = f'<p class="p">{text}</p>'
        return f"{text}{writer.blocks(blocks[1:])}"
    return f"{mark}{writer.blocks(blocks)}"


def _before(sign: str) -> str:
    """A sign in front of the text of its line."""
    return f"{html.escape(sign)}&nbsp; "


def _attribution(writer: "HtmlWriter", line: Inline) -> str:
    """Who said it, behind a dash, even where the author's dash began a list."""
    if not line:
        return ""
    sign = html.escape(writer.sheet.signs.attribution)
    dash = "" if begins_with_dash(line) else f"{sign} "
    return f'<p class="attribution">{dash}{writer.inline(line)}</p>'


def _film(writer: "HtmlWriter", embed: Embed) -> str:
    signs = writer.sheet.signs
    sign = _before(signs.sound if embed.kind is EmbedKind.AUDIO else signs.film)
    title = writer.text(embed.title) if embed.title else html.escape(domain(embed.url))
    return f'<a href="{writer.url(embed.url)}" class="embed-link">{sign}{title}</a>'


def _lead(writer: "HtmlWriter", entry: Entry) -> str:
    """How an entry begins: its link, or its text in bold type."""
    if entry.url is not None:
        return str(writer.inline(entry.lead)).replace('class="link"', 'class="lead-link"')
    return f'<span class="lead">{writer.inline(entry.lead)}</span>' if entry.lead else ""


def _note(writer: "HtmlWriter", note: Footnote) -> str:
    """A note behind its number, with the ways back to where the text refers to it."""
    beginning = place(f"note-{note.number}")
    mark = f'<span class="note-mark">{beginning}[{note.number}]</span> '
    written = str(writer.blocks(note.blocks))
    tag, end, rest = written.partition(">")
    written = f"{tag}{end}{mark}{rest}" if tag.startswith("<p ") else mark + written
    back = html.escape(writer.words["back"])
    signs = writer.sheet.signs
    sign = html.escape(signs.back_rtl if writer.sheet.direction == "rtl" else signs.back)
    links = "".join(
        f'&nbsp;<a href="#{place_of(note.number, occurrence)}" title="{back}" '
        f'aria-label="{back}" class="note-link">{sign}</a>'
        for occurrence in range(1, note.references + 1)
    )
    if written.endswith("</p>"):
        return f"{written.removesuffix('</p>')}{links}</p>"
    return f'{written}<p class="p">{links}</p>'
