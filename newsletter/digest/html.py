"""Sanitised HTML of an author -> the same nodes as Markdown; HTML itself gets no further."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from newsletter.digest import quotes
from newsletter.digest.report import Report
from newsletter.digest.runs import is_blank, trimmed
from newsletter.digest.sanitising import BLOCKS, EMBEDS, SPANS
from newsletter.digest.urls import Use
from newsletter.model.blocks import (
    Align,
    Block,
    Blocks,
    CodeBlock,
    Embed,
    EmbedKind,
    Figure,
    Heading,
    ListBlock,
    ListItem,
    Paragraph,
    PictureRow,
    Quote,
    Row,
    Rule,
    Table,
)
from newsletter.model.finding import Position, Severity
from newsletter.model.inline import (
    Break,
    Code,
    Image,
    Inline,
    InlineNode,
    Link,
    Span,
    Text,
)


def blocks(element: Any, place: Position, report: Report) -> Blocks:
    """The content of an element, as blocks in reading order."""
    return tuple(_blocks(element, place, report))


def _blocks(element: Any, place: Position, report: Report, end: Any = None) -> Iterator[Block]:
    """The content of an element, up to its child `end` if there is one."""
    run: list[InlineNode] = _text(element.text, place)
    for child in element:
        if child is end:
            break
        if _is_block(child):
            yield from paragraphs(trimmed(run), place)
            run = []
            yield from _block(child, place, report)
        else:
            run += _inline_of(child, place, report)
        run += _text(child.tail, place)
    yield from paragraphs(trimmed(run), place)


def _is_block(element: Any) -> bool:
    return element.tag in BLOCKS or any(_is_block(child) for child in element)


def _block(element: Any, place: Position, report: Report) -> Iterator[Block]:
    tag = element.tag
    match tag:
        case "h1" | "h2" | "h3" | "h4" | "h5" | "h6":
            inline = trimmed(_inline(element, place, report))
            if inline:
                yield Heading(int(tag[1]), inline, position=place)
        case "ul" | "ol":
            yield from _list(element, place, report)
        case "blockquote":
            content = blocks(element, place, report)
            yield quotes.quote(content, place, is_signed=_is_signed(element))
        case "figure":
            yield from _figure(element, place, report)
        case "pre":
            yield from _preformatted(element, place, report)
        case "hr":
            yield Rule(position=place)
        case "table":
            yield from _table(element, place, report)
        case "a":  # a link around blocks: its content as one run keeps it whole
            yield from paragraphs(trimmed(_inline_of(element, place, report)), place)
        case "iframe" | "embed" | "object" | "video" | "audio":
            yield from _embed(element, place, report)
        case _:
            yield from _blocks(element, place, report)


def _is_signed(quote: Any) -> bool:
    """Whether a quote ends in a <footer>, or in a <cite> on its own line: it names who said it."""
    last = quote[-1] if len(quote) else None
    while last is not None and not (last.tail or "").strip():
        if last.tag == "footer":
            return True
        if last.tag == "cite":
            before = last.getprevious()
            text = last.getparent().text if before is None else before.tail
            begins_line = before is None or before.tag == "br" or _is_block(before)
            return begins_line and not (text or "").strip()
        last = last[-1] if last.tag in ("p", "div") and len(last) else None
    return False


def _figure(element: Any, place: Position, report: Report) -> Iterator[Block]:
    """The content of a figure; a caption at its end belongs to the picture, or says who is
    quoted."""
    last = element[-1] if len(element) else None
    if last is None or last.tag != "figcaption" or (last.tail or "").strip():
        yield from _blocks(element, place, report)
        return
    content = tuple(_blocks(element, place, report, end=last))
    caption = blocks(last, place, report)
    match content, caption:
        case (Figure() | PictureRow() as only,), (Paragraph(inline=run),):
            yield replace(only, caption=run, position=only.position)
        case (Quote(attribution=()) as only,), (Paragraph(inline=run),) if quotes.is_short_enough(
            run
        ):
            yield replace(only, attribution=run, position=only.position)
        case _:
            yield from (*content, *caption)


def _preformatted(element: Any, place: Position, report: Report) -> Iterator[Block]:
    """Preformatted text; with links or pictures in it, which code cannot have, an ordinary run."""
    if next(element.iter("a", "img", *EMBEDS), None) is not None:
        yield from _blocks(element, place, report)
    elif text := element.text_content().strip("\n"):
        yield CodeBlock(text, position=place)


def _list(element: Any, place: Position, report: Report) -> Iterator[Block]:
    """A list; content outside of its items, which HTML forbids, becomes an item of its own."""
    items: list[ListItem] = []
    for child in (None, *element):
        if child is not None:
            inner = (
                blocks(child, place, report) if child.tag == "li" else _alone(child, place, report)
            )
            items += [ListItem(inner, position=place)] if inner else []
        stray = trimmed(_text(element.text if child is None else child.tail, place))
        items += [ListItem((Paragraph(stray, position=place),), position=place)] if stray else []
    if items:
        number = re.fullmatch(r"[0-9]{1,9}", element.get("start", ""))
        start = int(number[0]) if number else 1
        yield ListBlock(tuple(items), start if element.tag == "ol" else None, position=place)


def _alone(element: Any, place: Position, report: Report) -> Blocks:
    """One element as blocks, its tail left out."""
    if _is_block(element):
        return tuple(_block(element, place, report))
    return tuple(paragraphs(trimmed(_inline_of(element, place, report)), place))


def _table(element: Any, place: Position, report: Report) -> Iterator[Block]:
    """A table and its caption; a table in one of its cells becomes the text of that cell."""
    rows: list[Row] = []
    header: Row | None = None
    for caption in element.iterchildren("caption"):
        yield from _blocks(caption, place, report)
    for row in element.iter("tr"):
        if next(row.iterancestors("table")) is not element:
            continue
        cells = tuple(
            trimmed(_inline(cell, place, report)) for cell in row if cell.tag in ("td", "th")
        )
        built = Row(cells, position=place)
        if header is None and not rows and all(cell.tag == "th" for cell in row):
            header = built
        else:
            rows.append(built)
    if header or rows:
        width = max(len(row.cells) for row in ([header] if header else []) + rows)
        yield Table((Align.NONE,) * width, header, tuple(rows), position=place)


def _embed(element: Any, place: Position, report: Report) -> Iterator[Block]:
    if url := _embedded(element, place, report):
        yield Embed(EMBEDS[element.tag], url, element.get("title", ""), position=place)
    yield from _blocks(element, place, report)


def _embedded(element: Any, place: Position, report: Report) -> str | None:
    """The source of an embed: its own, or the first one inside it."""
    below = (child.get("src") for child in element.iter("source"))
    sources = [element.get("src"), element.get("data"), *below]
    source = next((source for source in sources if source), None)
    return report.url(source, place, Use.RESOURCE) if source else None


def _inline(element: Any, place: Position, report: Report) -> list[InlineNode]:
    nodes = _text(element.text, place)
    has_text = bool(trimmed(nodes))
    after_block = False
    for child in element:
        for run, is_block in (
            (_inline_of(child, place, report), _is_block(child)),
            (_text(child.tail, place), False),
        ):
            if not trimmed(run):
                nodes += run
                continue
            if has_text and (is_block or after_block):
                nodes.append(Break(True, position=place))
            nodes += run
            has_text = True
            after_block = is_block
    return nodes


def _inline_of(element: Any, place: Position, report: Report) -> list[InlineNode]:
    tag = element.tag
    if tag == "br":
        return [Break(True, position=place)]
    if tag == "img":
        picture = image(dict(element.attrib), place, report)
        return [] if picture is None else [picture]
    if tag in ("code", "kbd", "tt") and not len(element):
        return [Code(element.text or "", position=place)] if element.text else []
    children = _inline(element, place, report)
    if tag in ("q", "rt") and children:
        depth = sum(1 for _ in element.iterancestors("q"))
        before = element.getprevious()
        has_own = before is not None and before.tag == "rp" and not (before.tail or "").strip()
        opening, closing = ("", "") if has_own else signs_around(tag, depth, report)
        return [*_text(opening, place), *children, *_text(closing, place)]
    if tag in EMBEDS:
        url = _embedded(element, place, report)
        embed = [Link(url, (), element.get("title", ""), position=place)] if url else []
        return [*embed, *children]
    if tag == "a" and element.get("href") is not None:
        url = report.url(element.get("href"), place)
        if url is not None:
            return [Link(url, tuple(children), element.get("title", ""), position=place)]
    if tag in SPANS and children:
        return [Span(SPANS[tag], tuple(children), position=place)]
    return children


def signs_around(tag: str, depth: int, report: Report) -> tuple[str, str]:
    """The signs that a browser shows around a quote at this depth, and around the reading of a
    word."""
    if tag == "rt":
        return "（", "）"
    inner = 2 * (depth % 2)
    return report.quotes[inner], report.quotes[inner + 1]


def image(attributes: Mapping[str, str], place: Position, report: Report) -> Image | Text | None:
    """The picture of an <img>; its alternative text where its address is refused."""
    alt = attributes.get("alt", "")
    source = attributes.get("src", "")
    if not source.strip():
        report.add(
            "html-dropped",
            Severity.WARNING,
            place,
            "<img> has no address in its src, so no picture is shown",
            "Write it as src: a mail knows no srcset and no data-src.",
        )
    width, height = _pixels(attributes.get("width")), _pixels(attributes.get("height"))
    picture = source and report.image(
        source, alt, attributes.get("title", ""), place, width, height
    )
    if not picture:
        return Text(alt, position=place) if alt else None
    return replace(picture, decorative=attributes.get("alt", "?").strip() == "")


def _pixels(value: str | None) -> int | None:
    match = re.fullmatch(r"(\d{1,4})(px)?", value or "")
    return int(match[1]) if match else None


def _text(text: str | None, place: Position) -> list[InlineNode]:
    collapsed = re.sub(r"[ \t\r\n\f]+", " ", text or "")
    return [Text(collapsed, position=place)] if collapsed else []


def paragraphs(inline: Inline, place: Position) -> Iterator[Block]:
    """A run as a paragraph; pictures and embeds that stand alone in it become blocks.

    Pictures that are neighbours on one line are a row.
    """
    alone: list[Block] = []
    line: list[Figure] = []
    for node in inline:
        block = _alone_in_paragraph(node)
        if isinstance(block, Figure):
            line.append(block)
        elif block or isinstance(node, Break):
            alone += (*_row(line), *filter(None, [block]))
            line = []
        elif not is_blank(node):
            yield Paragraph(inline, position=place)
            return
    yield from (*alone, *_row(line))


def _row(line: Sequence[Figure]) -> Iterator[Block]:
    if len(line) > 1:
        yield PictureRow(tuple(line), position=line[0].position)
    else:
        yield from line


def _alone_in_paragraph(node: InlineNode) -> Figure | Embed | None:
    match node:
        case Image():
            return Figure(node, position=node.position)
        case Link(children=(Image() as only,)):
            return Figure(only, node.url, position=node.position)
        case Link(children=()):
            return Embed(EmbedKind.FRAME, node.url, node.title, position=node.position)
        case _:
            return None
