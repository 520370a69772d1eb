"""Nodes -> HTML for a mail: the one place that escapes what an author wrote.

`<`, `>`, `&` and quotes are all escaped: mrml panics at a bare `>` after a letter beyond ASCII.
Looks come from the theme's classes; nothing here has a colour.
"""

import html
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import assert_never
from urllib.parse import urlsplit

from markupsafe import Markup

from newsletter.model.blocks import (
    Block,
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
from newsletter.model.digest import Digest
from newsletter.model.inline import (
    Break,
    Code,
    FootnoteReference,
    Image,
    Inline,
    InlineNode,
    Link,
    Span,
    SpanKind,
    Text,
)
from newsletter.model.walking import plain_text, without_references
from newsletter.render import breaking
from newsletter.render.fields import Fields
from newsletter.render.rules import DigestPart, with_gaps
from newsletter.render.spacing import joins_without_space

_INLINE_WIDE = 284  # CSS pixels of a picture among words whose size nobody knows
_LEAST_ROOM = 60
# What a block takes of the width of its line: indents, bars and padding on both sides.
_LIST_INDENT = 24
_QUOTE_SIDES = 21
_CALLOUT_SIDES = 40
_CARD_SIDES = 48
_CELL_SIDE = 12
_FIRST_LEVEL = 3  # of headings below a section
_MOST_IN_A_ROW = 4  # pictures; what is more stands in further rows
_ROW_GAP = 8


@dataclass(frozen=True, slots=True)
class Sheet:
    """What HTML must know of the sheet it is for, as Outlook obeys no style that says so.

    `width` is what its text has, in CSS pixels; `button_ground` a colour.
    """

    width: int
    direction: str
    button_ground: str


class HtmlWriter:
    """Writes nodes as HTML; merge fields in text become tokens of `fields`."""

    def __init__(
        self, fields: Fields, sheet: Sheet, words: Mapping[str, str], digest: Digest
    ) -> None:
        """`words` are those of the mail in its language, as a theme has them."""
        self._fields = fields
        self._sheet = sheet
        self._words = words
        self._digest = digest
        self._code = ' dir="ltr"' if sheet.direction == "rtl" else ""

    def _within(self, taken: int) -> "HtmlWriter":
        """A writer for what stands in a block that takes so many pixels of the width."""
        width = max(_LEAST_ROOM, self._sheet.width - taken)
        sheet = replace(self._sheet, width=width)
        return HtmlWriter(self._fields, sheet, self._words, self._digest)

    # --- inline ---

    def inline(self, nodes: Inline) -> Markup:
        return Markup("".join(self._inline(nodes)))  # noqa: S704 -- built of escaped pieces

    def _inline(self, nodes: Sequence[InlineNode], in_link: bool = False) -> Iterable[str]:
        for index, node in enumerate(nodes):
            match node:
                case Text():
                    yield self._text(node.text)
                case Code():
                    name = "code whole" if breaking.is_whole_code(node.text) else "code"
                    yield f'<code{self._code} class="{name}">{html.escape(node.text)}</code>'
                case Break(hard=True):
                    yield "<br />"
                case Break():
                    yield "" if joins_without_space(nodes, index) else " "
                case Span():
                    inner = "".join(self._inline(node.children, in_link))
                    yield f"<{node.kind.value}>{inner}</{node.kind.value}>"
                case Link():
                    yield self._link(node)
                case Image():
                    yield self._inline_picture(node)
                case FootnoteReference():
                    yield self._reference(node, in_link)
                case _:
                    assert_never(node)

    def _text(self, text: str) -> str:
        return html.escape(self._fields.tokenised(text))

    def url(self, url: str) -> str:
        return html.escape(self._fields.tokenised(url))

    def link(self, link: Link, name: str) -> Markup:
        """A link of the class `name`."""
        return Markup(self._link(link, name))  # noqa: S704 -- as above

    def _link(self, link: Link, name: str = "link") -> str:
        text = "".join(self._inline(link.children, in_link=True)) or html.escape(link.url)
        title = f' title="{self._text(link.title)}"' if link.title else ""
        return f'<a href="{self.url(link.url)}"{title} class="{name}">{text}</a>'

    def _reference(self, node: FootnoteReference, in_link: bool) -> str:
        """A number that leads to its note; in a link, which holds no other, the number alone."""
        mark = f"[{node.number}]"
        if not in_link:
            href = f"#note-{node.number}"
            mark = _anchor(_place_of(node.number, node.occurrence), mark, href, "note-link")
        return f'<sup class="note-mark">{mark}</sup>'

    def _inline_picture(self, image: Image) -> str:
        room = self._sheet.width if image.width else min(_INLINE_WIDE, self._sheet.width)
        return self._picture(image, "inline-image", room)

    def button(self, link: Link) -> Markup:
        """A link as a button: the padding is its cell's, for Outlook gives none to a link."""
        return Markup(  # noqa: S704 -- as above
            '<table role="presentation" cellpadding="0" cellspacing="0" class="action"><tr>'
            f'<td bgcolor="{html.escape(self._sheet.button_ground)}" class="button-cell">'
            f"{self._link(link, 'button')}</td></tr></table>"
        )

    def picture(self, image: Image, name: str, width: int) -> Markup:
        """A picture of the class `name`, at most `width` CSS pixels wide."""
        room = min(width, self._sheet.width)
        wanted = image if image.width else replace(image, width=width, height=None)
        return Markup(self._picture(wanted, name, room))  # noqa: S704 -- as above

    def _picture(self, image: Image, name: str, room: int) -> str:
        """At most as wide as there is room; Outlook would else take the width of the file."""
        width = min(image.width or room, room)
        size = f' width="{width}"'
        if image.width and image.height:
            size += f' height="{max(1, round(image.height * width / image.width))}"'
        title = f' title="{self._text(image.title)}"' if image.title else ""
        names = name if image.width else f"{name} natural"
        return (
            f'<img src="{html.escape(image.url)}" alt="{self._text(image.alt)}"{title}{size} '
            f'class="{names}" />'
        )

    # --- blocks ---

    def blocks(self, blocks: Iterable[DigestPart], level: int = _FIRST_LEVEL) -> Markup:
        """Blocks in their order; the headings of items and sub-sections are of `level`."""
        return Markup("".join(self._parts(blocks, level, 0)))  # noqa: S704 -- as above

    def _parts(self, parts: Iterable[DigestPart], level: int, below: int) -> Iterator[str]:
        """As `blocks`; `below` is how many headings of their kind they stand under."""
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
                inner = self._within(_QUOTE_SIDES).blocks(block.blocks)
                if block.attribution:
                    inner += self._attribution(block.attribution)
                return _box("quote", f'<blockquote class="quoted">{inner}</blockquote>')
            case CodeBlock():
                code = f"<code>{html.escape(block.text)}</code>"
                return _box("pre-cell", f'<pre{self._code} class="pre">{code}</pre>')
            case Table():
                return self._table(block)
            case Figure():
                return self._figure(block, self._sheet.width)
            case PictureRow():
                return self._row(block)
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
                return _box("promo-cell", self.card(block))
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
        inner = self._within(_LIST_INDENT)
        items = "".join(inner._list_item(item) for item in block.items)
        return f'<{tag}{start} class="list">{items}</{tag}>'

    def _list_item(self, item: ListItem) -> str:
        mark = "" if item.checked is None else "☑&nbsp; " if item.checked else "☐&nbsp; "
        blocks = item.blocks
        if blocks and isinstance(first := blocks[0], Paragraph):
            text = f"{mark}{self.inline(first.inline)}"
            if any(isinstance(block, Paragraph) for block in blocks[1:]):
                text = f'<p class="p">{text}</p>'
            inner = f"{text}{self.blocks(blocks[1:])}"
        else:
            inner = f"{mark}{self.blocks(blocks)}"
        return f'<li class="{"task" if mark else "li"}">{inner}</li>'

    def _table(self, table: Table) -> str:
        rows = []
        start = "right" if self._sheet.direction == "rtl" else "left"  # a browser centres headers
        if table.header:
            cells = self._cells(table.header.cells, table, "th", start)
            rows.append(f"<tr>{cells}</tr>")
        for row in table.rows:
            cells = self._cells(row.cells, table, "td")
            rows.append(f"<tr>{cells}</tr>")
        body = "".join(rows)
        return (
            '<div class="scroll" tabindex="0"><table width="100%" cellpadding="0" cellspacing="0" '
            f'class="table">{body}</table></div>'
        )

    def _cells(self, cells: Sequence[Inline], table: Table, tag: str, usual: str = "") -> str:
        made = []
        width = self._sheet.width // max(1, len(cells)) - _CELL_SIDE
        inner = self._within(self._sheet.width - width)
        for index, cell in enumerate(cells):
            align = (table.align[index].value if index < len(table.align) else "") or usual
            text = plain_text(cell)
            names = [tag]
            if tag == "td" and breaking.is_long_cell(text):
                names.append("long")
            if index == len(cells) - 1:
                names.append("last")
            attributes = f' class="{" ".join(names)}"'
            attributes += ' scope="col"' if tag == "th" else ""
            attributes += f' align="{align}"' if align else ""
            attributes += " nowrap" if breaking.is_whole_cell(text) else ""
            made.append(f"<{tag}{attributes}>{inner.inline(cell)}</{tag}>")
        return "".join(made)

    def _attribution(self, line: Inline) -> Markup:
        """Who said it, behind a dash also where the author's began a list."""
        text = self.inline(line)
        dash = "" if begins_with_dash(line) else "— "
        return Markup(f'<p class="attribution">{dash}{text}</p>')  # noqa: S704 -- as above

    def _figure(
        self, figure: Figure, room: int, name: str = "image", *, captioned: bool = False
    ) -> str:
        """A picture alone, at most so many pixels wide, with its caption below it; `captioned`
        where one is to follow."""
        image = figure.image
        title = image.title if figure.caption else ""
        picture = self._picture(replace(image, title=title, position=image.position), name, room)
        if figure.url:
            picture = f'<a href="{self.url(figure.url)}">{picture}</a>'
        caption = self.inline(figure.caption) or self._text(image.title)
        outer = "figure captioned" if caption or captioned else "figure"
        below = f'<p class="caption">{caption}</p>' if caption else ""
        return f'<p class="{outer}">{picture}</p>{below}'

    def _row(self, row: PictureRow) -> str:
        """Pictures side by side, in as many lines as they need, each with the same room."""
        lines = -(-len(row.figures) // _MOST_IN_A_ROW)
        columns = -(-len(row.figures) // lines)
        room = max(1, (self._sheet.width - _ROW_GAP * (columns - 1)) // columns)
        pictures = [
            self._figure(
                figure,
                room,
                "image fill" if _fills(figure, room) else "image",
                captioned=bool(row.caption),
            )
            for figure in row.figures
        ]
        rows = []
        for start in range(0, len(pictures), columns):
            cells = pictures[start : start + columns]
            rows.append(_gapped([*cells, *[""] * (columns - len(cells))]))
        body = "".join(f"<tr>{cells}</tr>" for cells in rows)
        name = "row many" if columns > 2 else "row"
        caption = f'<p class="caption">{self.inline(row.caption)}</p>' if row.caption else ""
        return (
            '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" '
            f'class="{name}">{body}</table>{caption}'
        )

    def _embed(self, embed: Embed) -> str:
        sign = {"frame": "▶", "video": "▶", "audio": "♪"}[embed.kind.value]
        title = self._text(embed.title) if embed.title else html.escape(domain(embed.url))
        return _box(
            "embed", f'<a href="{self.url(embed.url)}" class="embed-link">{sign}&nbsp; {title}</a>'
        )

    def _labelled(self, block: Labelled) -> str:
        inner = self._within(_CALLOUT_SIDES).blocks(block.blocks)
        return _box(
            f"callout-cell {block.kind.value}",
            f'<p class="label {block.kind.value}-label">{self.inline(label(block))}</p>{inner}',
        )

    def _sponsored(self, block: Sponsored) -> str:
        inner = self._within(_CALLOUT_SIDES).blocks(block.blocks)
        word = html.escape(self._words["sponsor"])
        title = f" · {self.inline(block.title)}" if block.title else ""
        return _box("sponsor-cell", f'<p class="sponsor">{word}{title}</p>{inner}')

    def card(self, promo: Promo) -> Markup:
        """All of a card in its order, its title set apart."""
        inner = self._within(_CARD_SIDES)
        pieces: list[str] = []
        title = promo.title
        for block in promo.blocks:
            match block:
                case Heading(inline=run) | Paragraph(inline=run) if title and run == title:
                    pieces.append(f'<p class="promo-title">{inner.inline(run)}</p>')
                    title = ()
                case Figure():
                    room = inner._sheet.width if block.image.width else _INLINE_WIDE
                    pieces.append(inner._figure(block, min(room, inner._sheet.width)))
                case _:
                    pieces.append(inner._block(block))
        return Markup("".join(pieces))  # noqa: S704 -- as above

    def _link_list(self, block: LinkList) -> str:
        writer = self if block.start is None else self._within(_LIST_INDENT)
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
        """A further class for a heading that may break between its phrases alone, or nothing."""
        return " phrases" if breaking.is_of_short_phrases(plain_text(heading)) else ""

    def anchor(self, section: Section | Item) -> Markup:
        """Where a link to a heading leads; nothing where there is none."""
        anchor = _anchor(section.anchor) if section.anchor else ""
        return Markup(anchor)  # noqa: S704 -- as above

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
        return _box("footnotes", notes)

    def _note(self, note: Footnote) -> str:
        """A note behind its number, with the ways back to where the text refers to it."""
        anchor = _anchor(f"note-{note.number}")
        mark = f'<span class="note-mark">{anchor}[{note.number}]</span> '
        inner = str(self.blocks(note.blocks))
        tag, end, rest = inner.partition(">")
        inner = f"{tag}{end}{mark}{rest}" if tag.startswith("<p ") else mark + inner
        back = html.escape(self._words["back"])
        sign = "↪" if self._sheet.direction == "rtl" else "↩"
        links = "".join(
            f'&nbsp;<a href="#{_place_of(note.number, occurrence)}" title="{back}" '
            f'aria-label="{back}" class="note-link">{sign}\ufe0e</a>'
            for occurrence in range(1, note.references + 1)
        )
        if inner.endswith("</p>"):
            return f"{inner.removesuffix('</p>')}{links}</p>"
        return f'{inner}<p class="p">{links}</p>'

    def _subsection(self, section: Section, level: int, below: int, follows: bool) -> str:
        """A section in a section; one that groups others looks like more than they do.

        What follows an item or a section is parted from it by a line.
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
                f"{html.escape(host)}&nbsp;›</a></p>"
            )
        name = _look(below) + (" linked" if source else "") + self.phrases(item.heading)
        heading = _heading(f"{self.anchor(item)}{self._title(item.heading)}", level, name)
        outer = "item next" if follows else "item"
        return f'<div class="{outer}">{heading}{source}{self.blocks(item.blocks)}</div>'

    def _title(self, inline: Inline) -> str:
        return str(self.inline(inline)).replace('class="link"', 'class="title-link"')


def _heading(title: str, level: int, name: str) -> str:
    return f'<h{level} class="{name}">{title}</h{level}>'


def _look(below: int) -> str:
    """The class of a heading that stands under so many of its kind."""
    return "h4" if below else "h3"


def _box(name: str, content: str) -> str:
    """Content in a cell of the class `name`: Outlook knows padding in cells alone."""
    return (
        '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" class="box">'
        f'<tr><td class="{name}">{content}</td></tr></table>'
    )


def _fills(figure: Figure, room: int) -> bool:
    """Whether a picture is at least as wide as its place, so that it may fill a wider one."""
    return figure.image.width is not None and figure.image.width >= room


def _anchor(name: str, text: str = "", href: str = "", class_name: str = "") -> str:
    """A place that links may lead to: Outlook looks for its name, others for its id."""
    attributes = f' href="{href}" class="{class_name}"' if href else ""
    return f'<a id="{name}" name="{name}"{attributes}>{text}</a>'


def _place_of(number: int, occurrence: int) -> str:
    """Where the text refers to a note."""
    return f"ref-{number}" if occurrence == 1 else f"ref-{number}-{occurrence}"


def label(block: Labelled) -> Inline:
    """A label without its colon and bold type: its own line and look part it from what follows."""
    plain: list[InlineNode] = []
    for node in block.label:
        match node:
            case Span(kind=SpanKind.STRONG):
                plain += node.children
            case _:
                plain.append(node)
    return _without_colon(plain)


def _without_colon(nodes: Sequence[InlineNode]) -> Inline:
    """The run without white space and colons at its end."""
    kept = list(nodes)
    while kept:
        last = kept.pop()
        match last:
            case Text():
                if text := last.text.rstrip().rstrip(":：").rstrip():
                    return (*kept, Text(text, position=last.position))
            case Span():
                if children := _without_colon(last.children):
                    return (*kept, replace(last, children=children, position=last.position))
            case Link(children=children) if children:
                inner = _without_colon(children)
                return (*kept, replace(last, children=inner, position=last.position))
            case Break():
                pass
            case _:
                return (*kept, last)
    return ()


def _gapped(cells: Sequence[str]) -> str:
    """The cells of a row of pictures; at a gap called turn a phone begins another line."""
    gaps = ("", *("gap" if number % 2 else "gap turn" for number in range(1, len(cells))))
    return "".join(
        (f'<td width="{_ROW_GAP}" class="{gap}"></td>' if gap else "")
        + f'<td valign="top" class="beside">{cell}</td>'
        for gap, cell in zip(gaps, cells, strict=True)
    )


def begins_with_dash(line: Inline) -> bool:
    return plain_text(line).startswith(("—", "–", "―", "--"))


def domain(url: str) -> str:
    """The host of a web address as readers know it, without www."""
    host = urlsplit(url).hostname or ""
    return host.removeprefix("www.")
