"""The frame that the program puts around a block -> HTML."""

import html
from typing import TYPE_CHECKING, assert_never

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
from newsletter.render.html.insides import heading, inner, look, point
from newsletter.render.html.pictures import lone_picture, picture_row
from newsletter.render.html.standing import BlockPart, PartContext
from newsletter.render.html.tables import table
from newsletter.render.html.tags import box
from newsletter.render.labels import domain

if TYPE_CHECKING:
    from newsletter.render.html.blocks import HtmlWriter


def framed(writer: "HtmlWriter", part: BlockPart, standing: PartContext) -> str:
    """A block as the program writes it, where the theme has no template for it."""
    match part:
        case Paragraph():
            return f'<p class="p">{writer.inline(part.inline)}</p>'
        case ListItem():
            name = "li" if part.checked is None else "task"
            return f'<li class="{name}">{point(writer, part)}</li>'
        case Item():
            return _item(writer, part, standing)
        case ListBlock():
            return _list(writer, part, standing)
        case Labelled():
            hue = part.kind.value
            title = f'<p class="label {hue}-label">{heading(writer, part)}</p>'
            return box(f"callout-cell {hue}", f"{title}{inner(writer, part, standing)}")
        case Entry():
            outer = "entry ruled" if standing.follows else "entry"
            line = f'<p class="entry-line">{heading(writer, part)}</p>'
            return f'<li class="{outer}">{line}{writer.blocks(part.blocks)}</li>'
        case Section():
            return _subsection(writer, part, standing)
        case Heading():
            return f'<h4 class="h4">{writer.inline(part.inline)}</h4>'
        case Quote():
            quoted = f'<blockquote class="quoted">{inner(writer, part, standing)}</blockquote>'
            return box("quote", quoted)
        case CodeBlock():
            code = f"<code>{inner(writer, part, standing)}</code>"
            return box("pre-cell", f'<pre{writer.code_direction} class="pre">{code}</pre>')
        case Table():
            return table(part, writer)
        case Figure():
            return lone_picture(part, writer, writer.sheet.width)
        case PictureRow():
            return picture_row(part, writer)
        case Button():
            return str(writer.button(part.link))
        case Embed():
            return box("embed", inner(writer, part, standing))
        case Rule():
            return '<hr class="rule" />'
        case Sponsored():
            title = f'<p class="sponsor">{heading(writer, part)}</p>'
            return box("sponsor-cell", f"{title}{inner(writer, part, standing)}")
        case Promo():
            return box("promo-cell", writer.card(part))
        case LinkList():
            return _links(writer, part, standing)
        case Contents():
            points = writer.contents()
            title = f'<p class="contents">{heading(writer, part)}</p>'
            return f'{title}<ul class="list">{points}</ul>' if points else ""
        case Footnotes():
            return box("footnotes", inner(writer, part, standing))
        case Footnote():
            return f'<div class="footnote">{inner(writer, part, standing)}</div>'
        case _:
            assert_never(part)


def _list(writer: "HtmlWriter", block: ListBlock, standing: PartContext) -> str:
    tag = "ul" if block.start is None else "ol"
    start = f' start="{block.start}"' if block.start not in (None, 1) else ""
    return f'<{tag}{start} class="list">{inner(writer, block, standing)}</{tag}>'


def _links(writer: "HtmlWriter", block: LinkList, standing: PartContext) -> str:
    entries = inner(writer, block, standing)
    if block.start is None:
        return f'<ul class="brief">{entries}</ul>'
    return f'<ol start="{block.start}" class="brief numbered">{entries}</ol>'


def _item(writer: "HtmlWriter", item: Item, standing: PartContext) -> str:
    source = ""
    if item.url and (host := domain(item.url)):
        source = (
            f'<p class="source"><a href="{writer.url(item.url)}" class="source-link">'
            f"{html.escape(host)}&nbsp;{html.escape(writer.sheet.signs.source)}</a></p>"
        )
    outer = "item next" if standing.follows else "item"
    title = _title(writer, item, standing)
    return f'<div class="{outer}">{title}{source}{writer.blocks(item.blocks)}</div>'


def _subsection(writer: "HtmlWriter", section: Section, standing: PartContext) -> str:
    """A section in a section. A line separates it from an item or section before it."""
    title = _title(writer, section, standing)
    opening = f'<div class="next">{title}</div>' if standing.follows else title
    return f"{opening}{inner(writer, section, standing)}"


def _title(writer: "HtmlWriter", part: Item | Section, standing: PartContext) -> str:
    level = standing.level
    return f'<h{level} class="{look(writer, part, standing)}">{heading(writer, part)}</h{level}>'
