"""Blocks, items and sections -> HTML."""

import html
from collections.abc import Iterable, Iterator, Mapping
from typing import assert_never

from markupsafe import Markup

from newsletter.model.blocks import (
    Block,
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
from newsletter.model.digest import Digest
from newsletter.model.inline import Inline
from newsletter.model.walking import plain_text, without_references
from newsletter.render import breaking
from newsletter.render.fields import Fields
from newsletter.render.html.inline import WIDTH_UNKNOWN, InlineWriter, Sheet
from newsletter.render.html.pictures import lone_picture, picture_row
from newsletter.render.html.tables import table
from newsletter.render.html.tags import box, place, place_of
from newsletter.render.labels import begins_with_dash, domain, label
from newsletter.render.rules import DigestPart, with_gaps

# The pixels that a block takes of its line's width: indents, bars and padding on both sides.
_LIST_INDENT = 24
_QUOTE_SIDES = 21
_CALLOUT_SIDES = 40
_CARD_SIDES = 48
_FIRST_LEVEL = 3  # of headings below a section


class HtmlWriter(InlineWriter):
    """Writes nodes as HTML; merge fields in text become tokens of `fields`."""

    def __init__(
        self, fields: Fields, sheet: Sheet, words: Mapping[str, str], digest: Digest
    ) -> None:
        """`words` are those of the mail in its language, as a theme has them."""
        super().__init__(fields, sheet)
        self._words = words
        self._digest = digest

    def blocks(self, blocks: Iterable[DigestPart], level: int = _FIRST_LEVEL) -> Markup:
        """Blocks in their order; the headings of items and sub-sections are of `level`."""
        return Markup("".join(self._parts(blocks, level, 0)))  # noqa: S704 -- as above

    def _parts(self, parts: Iterable[DigestPart], level: int, below: int) -> Iterator[str]:
        """As `blocks`; `below` counts the headings of their kind above them."""
        after_heading = False
        for part, parted in with_gaps(parts):
            match part:
                case Item():
                    yield self._item(part, level, below, parted or after_heading)
                case Section():
                    yield self._subsection(part, level, below, parted or after_heading)
                case _:
                    yield self._block(part)
            after_heading = isinstance(part, Item | Section)

    def _block(self, block: Block) -> str:
        match block:
            case Paragraph():
                return f'<p class="p">{self.inline(block.inline)}</p>'
            case Heading():
                return f'<h4 class="h4">{self.inline(block.inline)}</h4>'
            case ListBlock():
                return self._list(block)
            case Quote():
                inner = self.within(_QUOTE_SIDES).blocks(block.blocks)
                if block.attribution:
                    inner += self._attribution(block.attribution)
                return box("quote", f'<blockquote class="quoted">{inner}</blockquote>')
            case CodeBlock():
                code = f"<code>{html.escape(block.text)}</code>"
                return box("pre-cell", f'<pre{self.code_direction} class="pre">{code}</pre>')
            case Table():
                return table(block, self)
            case Figure():
                return lone_picture(block, self, self.sheet.width)
            case PictureRow():
                return picture_row(block, self)
            case Button():
                return str(self.button(block.link))
            case Embed():
                return self._embed(block)
            case Rule():
                return '<hr class="rule" />'
            case Labelled():
                return self._labelled(block)
            case Sponsored():
                return self._sponsored(block)
            case Promo():
                return box("promo-cell", self.card(block))
            case LinkList():
                return self._link_list(block)
            case Contents():
                return self._contents()
            case Footnotes():
                return self._footnotes(block)
            case _:
                assert_never(block)

    def _list(self, block: ListBlock) -> str:
        tag = "ul" if block.start is None else "ol"
        start = f' start="{block.start}"' if block.start not in (None, 1) else ""
        inner = self.within(_LIST_INDENT)
        items = "".join(inner._list_item(item) for item in block.items)
        return f'<{tag}{start} class="list">{items}</{tag}>'

    def _list_item(self, item: ListItem) -> str:
        signs = self.sheet.signs
        mark = ""
        if item.checked is not None:
            mark = _before(signs.done if item.checked else signs.open)
        blocks = item.blocks
        if blocks and isinstance(first := blocks[0], Paragraph):
            text = f"{mark}{self.inline(first.inline)}"
            if any(isinstance(block, Paragraph) for block in blocks[1:]):
                text = f'<p class="p">{text}</p>'
            inner = f"{text}{self.blocks(blocks[1:])}"
        else:
            inner = f"{mark}{self.blocks(blocks)}"
        return f'<li class="{"task" if mark else "li"}">{inner}</li>'

    def _attribution(self, line: Inline) -> Markup:
        """Who said it, behind a dash, even where the author's dash began a list."""
        text = self.inline(line)
        dash = "" if begins_with_dash(line) else f"{html.escape(self.sheet.signs.attribution)} "
        return Markup(f'<p class="attribution">{dash}{text}</p>')  # noqa: S704 -- as above

    def _embed(self, embed: Embed) -> str:
        signs = self.sheet.signs
        sign = _before(signs.sound if embed.kind is EmbedKind.AUDIO else signs.film)
        title = self.text(embed.title) if embed.title else html.escape(domain(embed.url))
        return box("embed", f'<a href="{self.url(embed.url)}" class="embed-link">{sign}{title}</a>')

    def _labelled(self, block: Labelled) -> str:
        inner = self.within(_CALLOUT_SIDES).blocks(block.blocks)
        return box(
            f"callout-cell {block.kind.value}",
            f'<p class="label {block.kind.value}-label">{self.inline(label(block))}</p>{inner}',
        )

    def _sponsored(self, block: Sponsored) -> str:
        inner = self.within(_CALLOUT_SIDES).blocks(block.blocks)
        word = html.escape(self._words["sponsor"])
        between = html.escape(self.sheet.signs.between)
        title = f" {between} {self.inline(block.title)}" if block.title else ""
        return box("sponsor-cell", f'<p class="sponsor">{word}{title}</p>{inner}')

    def card(self, promo: Promo) -> Markup:
        """All of a card in its order, its title set apart."""
        inner = self.within(_CARD_SIDES)
        pieces: list[str] = []
        title = promo.title
        for block in promo.blocks:
            match block:
                case Heading(inline=run) | Paragraph(inline=run) if title and run == title:
                    pieces.append(f'<p class="promo-title">{inner.inline(run)}</p>')
                    title = ()
                case Figure():
                    room = inner.sheet.width if block.image.width else WIDTH_UNKNOWN
                    pieces.append(lone_picture(block, inner, min(room, inner.sheet.width)))
                case _:
                    pieces.append(inner._block(block))
        return Markup("".join(pieces))  # noqa: S704 -- as above

    def _link_list(self, block: LinkList) -> str:
        writer = self if block.start is None else self.within(_LIST_INDENT)
        entries = "".join(
            writer._entry(entry, index > 0) for index, entry in enumerate(block.entries)
        )
        if block.start is None:
            return f'<ul class="brief">{entries}</ul>'
        return f'<ol start="{block.start}" class="brief numbered">{entries}</ol>'

    def _entry(self, entry: Entry, follows: bool) -> str:
        lead = ""
        if entry.url is not None:
            lead = str(self.inline(entry.lead)).replace('class="link"', 'class="lead-link"')
        elif entry.lead:
            lead = f'<span class="lead">{self.inline(entry.lead)}</span>'
        outer = "entry ruled" if follows else "entry"
        return (
            f'<li class="{outer}"><p class="entry-line">{lead}{self.inline(entry.note)}</p>'
            f"{self.blocks(entry.blocks)}</li>"
        )

    def phrases(self, heading: Inline) -> str:
        """A further class for a heading that may only break between its phrases, or nothing."""
        return " phrases" if breaking.is_of_short_phrases(plain_text(heading)) else ""

    def anchor(self, section: Section | Item) -> Markup:
        """Where a link to a heading leads; nothing where there is none."""
        return Markup(place(section.anchor) if section.anchor else "")  # noqa: S704 -- as above

    def _contents(self) -> str:
        entries = "".join(
            f'<li class="li"><a href="#{section.anchor}" class="link">{html.escape(text)}</a></li>'
            for section in self._digest.sections
            if (text := self._fields.plain(without_references(section.heading)).strip())
        )
        title = html.escape(self._words["contents"])
        return f'<p class="contents">{title}</p><ul class="list">{entries}</ul>' if entries else ""

    def _footnotes(self, block: Footnotes) -> str:
        notes = "".join(f'<div class="footnote">{self._note(note)}</div>' for note in block.notes)
        return box("footnotes", notes)

    def _note(self, note: Footnote) -> str:
        """A note behind its number, with the ways back to where the text refers to it."""
        beginning = place(f"note-{note.number}")
        mark = f'<span class="note-mark">{beginning}[{note.number}]</span> '
        inner = str(self.blocks(note.blocks))
        tag, end, rest = inner.partition(">")
        inner = f"{tag}{end}{mark}{rest}" if tag.startswith("<p ") else mark + inner
        back = html.escape(self._words["back"])
        signs = self.sheet.signs
        sign = html.escape(signs.back_rtl if self.sheet.direction == "rtl" else signs.back)
        links = "".join(
            f'&nbsp;<a href="#{place_of(note.number, occurrence)}" title="{back}" '
            f'aria-label="{back}" class="note-link">{sign}</a>'
            for occurrence in range(1, note.references + 1)
        )
        if inner.endswith("</p>"):
            return f"{inner.removesuffix('</p>')}{links}</p>"
        return f'{inner}<p class="p">{links}</p>'

    def _subsection(self, section: Section, level: int, below: int, follows: bool) -> str:
        """A section in a section; one that groups others gets a stronger look than they.

        A line separates it from an item or section before it.
        """
        holds_headings = any(isinstance(part, Item | Section) for part in section.parts)
        groups = holds_headings and section.url is None and level == _FIRST_LEVEL
        name = "chapter" if groups else _look(below)
        deeper = below if groups else below + 1
        parts = "".join(self._parts(section.parts, min(level + 1, 6), deeper))
        name += self.phrases(section.heading)
        heading = _heading(f"{self.anchor(section)}{self._title(section.heading)}", level, name)
        opening = f'<div class="next">{heading}</div>' if follows else heading
        return f"{opening}{parts}"

    def _item(self, item: Item, level: int, below: int, follows: bool) -> str:
        source = ""
        if item.url and (host := domain(item.url)):
            source = (
                f'<p class="source"><a href="{self.url(item.url)}" class="source-link">'
                f"{html.escape(host)}&nbsp;{html.escape(self.sheet.signs.source)}</a></p>"
            )
        name = _look(below) + (" linked" if source else "") + self.phrases(item.heading)
        heading = _heading(f"{self.anchor(item)}{self._title(item.heading)}", level, name)
        outer = "item next" if follows else "item"
        return f'<div class="{outer}">{heading}{source}{self.blocks(item.blocks)}</div>'

    def _title(self, inline: Inline) -> str:
        return str(self.inline(inline)).replace('class="link"', 'class="title-link"')


def _before(sign: str) -> str:
    """A sign in front of the text of its line."""
    return f"{html.escape(sign)}&nbsp; "


def _heading(title: str, level: int, name: str) -> str:
    return f'<h{level} class="{name}">{title}</h{level}>'


def _look(below: int) -> str:
    """The class of a heading by how many of its kind are above it."""
    return "h4" if below else "h3"
