"""Raw HTML of an author -> the same nodes as Markdown.

nh3 sanitises it first; our own URL policy then decides about each target. No HTML gets any
further than this module.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from html import unescape
from typing import Any

import lxml.html
import nh3

from newsletter.digest import quotes, raw
from newsletter.digest.characters import harmless
from newsletter.digest.report import Report
from newsletter.digest.runs import is_blank, trimmed
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
    SpanKind,
    Text,
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
_BLOCKS = frozenset(
    "address article aside blockquote center dd details div dl dt figcaption figure footer h1 h2 "
    "h3 h4 h5 h6 header hr li main nav ol p pre section summary table tbody td tfoot th thead tr "
    "ul iframe embed object video audio caption".split()
)
APART = _BLOCKS - EMBEDS.keys()  # what stands on a line of its own in a run too
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
_MOST_PARSED = 5000  # tags left open at once, before the sanitiser closes what closes by itself
# Possessive, for what did not fit once would be tried again at every length.
_ANY_TAG = re.compile(r"<(/?)([a-z][a-z0-9]*+)(?:[^<>\"]++|\"[^\"]*+\")*+>", re.IGNORECASE)
_BOXES = frozenset("div section aside article center table".split())
_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
# What a block may leave open: it ends at a blank line, and the end stands in another.
_LEFT_OPEN = (
    (_BLOCKS | _INLINE | frozenset("html head body form fieldset font".split()))
    - EMBEDS.keys()
    - {"img", "source", "picture"}
)
_HANDLER = re.compile(r"<[a-z][^<>]*[\s/\"']on[a-z]{3,20}\s*=", re.IGNORECASE)


def clean(source: str, place: Position, report: Report) -> str:
    """Sanitised HTML; what was taken away is told."""
    tell_of_handlers(source, place, report)
    source = raw.read(source, _LEFT_OPEN, place, report)
    if _depth(source) > _MOST_PARSED:  # its time grows with the square
        source = _ANY_TAG.sub(" ", source)
        report.add(*_too_deep(place))
    cleaned = _sanitised(source)
    if cleaned != (kept := harmless(cleaned)):
        report.add(
            "control-character",
            Severity.WARNING,
            place,
            "an entity stands for a control character, which was removed",
            "Delete it.",
        )
    if _depth(kept) > _MAX_DEPTH:
        report.add(*_too_deep(place))
        return _ANY_TAG.sub(" ", kept)
    return kept


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
        tags=set(_BLOCKS | _INLINE),
        attributes=_ATTRIBUTES,
        url_schemes=_SCHEMES.union(own),
        link_rel=None,
        strip_comments=True,
        clean_content_tags={"script", "style"},
    )


def _depth(source: str) -> int:
    """How deep HTML is nested; too high for elements that end by themselves, until sanitised."""
    depth = deepest = 0
    for match in _ANY_TAG.finditer(source):
        if match[1]:
            depth = max(0, depth - 1)
        elif match[2].lower() not in _VOID:
            depth += 1
            deepest = max(deepest, depth)
    return deepest


def boxes_opened(source: str) -> int:
    """How many more boxes HTML opens than it ends; Markdown may stand in those left open."""
    tags = (match for match in _ANY_TAG.finditer(source) if match[2].lower() in _BOXES)
    return sum(-1 if match[1] else 1 for match in tags)


def tree(cleaned: str) -> Any:
    """The sanitised fragment as an lxml element that holds it."""
    return lxml.html.fragment_fromstring(cleaned, create_parent="div")


def attributes_of(tag_source: str) -> dict[str, str]:
    """The attributes of one opening tag."""
    element = next(iter(tree(harmless(_sanitised(tag_source)))), None)
    return {} if element is None else {str(k): str(v) for k, v in element.attrib.items()}


def blocks(element: Any, place: Position, report: Report) -> Blocks:
    """What stands in an element, as blocks in reading order."""
    return tuple(_blocks(element, place, report))


def _blocks(element: Any, place: Position, report: Report, end: Any = None) -> Iterator[Block]:
    """What stands in an element, before its child `end` if there is one."""
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
    return element.tag in _BLOCKS or any(_is_block(child) for child in element)


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
            said = blocks(element, place, report)
            yield quotes.quote(said, place, is_signed=_is_signed(element))
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
    """Whether a <footer>, or a <cite> on a line of its own, ends a quote: it names who said it."""
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
    """What a figure shows; a caption at its end is the picture's, or says who is quoted."""
    last = element[-1] if len(element) else None
    if last is None or last.tag != "figcaption" or (last.tail or "").strip():
        yield from _blocks(element, place, report)
        return
    shown = tuple(_blocks(element, place, report, end=last))
    caption = blocks(last, place, report)
    match shown, caption:
        case (Figure() | PictureRow() as only,), (Paragraph(inline=run),):
            yield replace(only, caption=run, position=only.position)
        case (Quote(attribution=()) as only,), (Paragraph(inline=run),) if quotes.is_short_enough(
            run
        ):
            yield replace(only, attribution=run, position=only.position)
        case _:
            yield from (*shown, *caption)


def _preformatted(element: Any, place: Position, report: Report) -> Iterator[Block]:
    """Preformatted text; with links or pictures in it, which code cannot have, an ordinary run."""
    if next(element.iter("a", "img", *EMBEDS), None) is not None:
        yield from _blocks(element, place, report)
    elif text := element.text_content().strip("\n"):
        yield CodeBlock(text, position=place)


def _list(element: Any, place: Position, report: Report) -> Iterator[Block]:
    """A list; what stands in it outside of its items, which HTML forbids, is an item of its own."""
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
        made = Row(cells, position=place)
        if header is None and not rows and all(cell.tag == "th" for cell in row):
            header = made
        else:
            rows.append(made)
    if header or rows:
        width = max(len(row.cells) for row in ([header] if header else []) + rows)
        yield Table((Align.NONE,) * width, header, tuple(rows), position=place)


def _embed(element: Any, place: Position, report: Report) -> Iterator[Block]:
    if url := _embedded(element, place, report):
        yield Embed(EMBEDS[element.tag], url, element.get("title", ""), position=place)
    yield from _blocks(element, place, report)


def _embedded(element: Any, place: Position, report: Report) -> str | None:
    """What an embed shows: its source, or the first of those below it."""
    below = (child.get("src") for child in element.iter("source"))
    named = [element.get("src"), element.get("data"), *below]
    source = next((source for source in named if source), None)
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
        found = image(dict(element.attrib), place, report)
        return [] if found is None else [found]
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
    """What a browser shows around a quote in so many others, and what tells how to read a word."""
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
    found = source and report.image(source, alt, attributes.get("title", ""), place, width, height)
    if not found:
        return Text(alt, position=place) if alt else None
    return replace(found, decorative=attributes.get("alt", "?").strip() == "")


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
