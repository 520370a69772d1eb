"""One card of promotion: its title, text, button and picture, in whatever shape it came."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby
from textwrap import dedent
from typing import Any

from newsletter.digest import html, limits, markdown, paragraphs, sanitising
from newsletter.digest.blocks import Piece, RawHtml, build
from newsletter.digest.report import Report
from newsletter.digest.runs import trimmed
from newsletter.model.blocks import (
    Block,
    Blocks,
    Button,
    Figure,
    Footnotes,
    Heading,
    Paragraph,
    Promo,
)
from newsletter.model.finding import Position, Severity
from newsletter.model.inline import (
    Break,
    Image,
    Inline,
    InlineNode,
    Link,
    Span,
    Text,
)
from newsletter.model.walking import plain_text, walk

_BUTTON = re.compile(r"cta|button|btn", re.IGNORECASE)
_BOX = re.compile(r"[ ]*<(div|section|aside|article|center)\b[^<>]*>[ \t]*\n", re.IGNORECASE)
_TAG_FIRST = re.compile(r"^[ \t]*<", re.MULTILINE)
_MARKDOWN = re.compile(r"\*\*|\]\(|^[ \t]*(?:#{1,6}|[-*+]|\d{1,9}\.)[ \t]", re.MULTILINE)
_TITLE = re.compile(r"title|heading|headline", re.IGNORECASE)


def promo_of(card: Sequence[Piece], report: Report) -> Promo:
    place = card[0].position
    blocks: list[Block] = []
    titles: set[str] = set()
    buttons: set[str] = set()
    for _, run in groupby(card, key=lambda piece: isinstance(piece, RawHtml)):
        pieces = list(run)
        raw = [piece for piece in pieces if isinstance(piece, RawHtml)]
        if not raw:
            blocks += _blocks_of(pieces)
            continue
        inners = [_markdown_in(piece, report) for piece in raw]
        if not any(inners):
            blocks += _read(raw, titles, buttons, report)
            continue
        for piece, inner in zip(raw, inners, strict=True):
            blocks += inner or _read([piece], titles, buttons, report)
    apart = [part for block in blocks for part in _without_pictures(block)]
    return _typed(_with_buttons(apart, buttons), titles, place)


def _without_pictures(block: Block) -> Iterator[Block]:
    """A paragraph of links and pictures alone as its links, with the pictures as blocks."""
    nodes = block.inline if isinstance(block, Paragraph) else ()
    others = [node for node in nodes if not isinstance(node, Link | Image | Span | Break)]
    if not any(map(_is_picture, nodes)) or plain_text(tuple(others)).strip():
        yield block
        return
    runs: list[list[InlineNode]] = [[]]
    shows_pictures = False
    for node in nodes:
        if isinstance(node, Link | Image | Span) and _is_picture(node) is not shows_pictures:
            shows_pictures = not shows_pictures
            runs.append([])
        runs[-1].append(node)
    for run in runs:
        for part in html.paragraphs(trimmed(run), block.position):
            yield from paragraphs.parted(part)


def _is_picture(node: InlineNode) -> bool:
    return isinstance(node, Image) or (
        isinstance(node, Link) and any(isinstance(child, Image) for child in node.children)
    )


def _read(
    raw: Sequence[RawHtml], titles: set[str], buttons: set[str], report: Report
) -> list[Block]:
    """HTML as blocks; the texts that its classes call titles and buttons are added to `titles` and
    `buttons`."""
    element = sanitising.tree("\n".join(piece.cleaned for piece in raw))
    titles |= _texts_of_class(element, _TITLE)
    buttons |= _texts_of_class(element, _BUTTON)
    _take_layout_apart(element)
    blocks = html.blocks(element, raw[0].position, report)
    tell_of_markup(blocks, report)
    return [part for block in blocks for part in paragraphs.parted(block)]


def _markdown_in(piece: RawHtml, report: Report) -> list[Block]:
    """The Markdown right below the opening tag of a box as blocks, since it would be text in HTML;
    empty where there is none."""
    box = _BOX.match(piece.source)
    if not box:
        return []
    end = f"</{box[1]}>"
    lines = piece.source[box.end() :].rstrip()
    lines = lines[: -len(end)] if lines.lower().endswith(end.lower()) else lines
    if _TAG_FIRST.search(lines) or not _MARKDOWN.search(lines):
        return []
    within = replace(report, offset=piece.position.line + 1)
    check = partial(
        limits.refuse_too_many_parts, file=report.file, body_line=piece.position.line + 1
    )
    env: dict[str, Any] = {markdown.CHECK_BLOCKS: check}
    pieces = build(markdown.parser().parse(dedent(lines), env), within)
    blocks = _blocks_of(pieces)
    whole = len(blocks) == len(pieces) and not any(isinstance(b, Footnotes) for b in blocks)
    return blocks if whole else []


def _blocks_of(pieces: Sequence[Piece]) -> list[Block]:
    return [piece for piece in pieces if not isinstance(piece, RawHtml)]


def tell_of_markup(blocks: Sequence[Block], report: Report) -> None:
    """Report bold Markdown in HTML, which readers see as it stands; once for each piece of HTML."""
    texts = (node for block in blocks for node in walk(block) if isinstance(node, Text))
    if text := next((node for node in texts if "**" in node.text), None):
        report.add(
            "literal-emphasis",
            Severity.WARNING,
            text.position,
            "'**' in HTML: asterisks that readers will see",
            "Put an empty line before and after the Markdown, or write <b>.",
        )


def _take_layout_apart(element: Any) -> None:
    """Turn the cells of layout tables into blocks: those with one row or column and no header."""
    for table in [*element.iter("table")]:
        rows = [row for row in table.iter("tr") if next(row.iterancestors("table")) is table]
        columns = max((len(row) for row in rows), default=0)
        if next(table.iter("th", "caption"), None) is not None or min(len(rows), columns) > 1:
            continue
        for part in [*table.iter("tbody", "tr", "td", "thead", "tfoot")]:
            if next(part.iterancestors("table")) is table:
                part.tag = "div"
        table.tag = "div"


def _with_buttons(blocks: Sequence[Block], titles: set[str]) -> Blocks:
    """The blocks with buttons set apart: the links whose class says so, else the last link that is
    alone on its line."""
    texts = {_squeezed(plain_text((link,))) for link in _links(blocks)}
    if titles := titles & texts:
        return tuple(part for block in blocks for part in _parted(block, titles))
    if any(isinstance(block, Button) for block in blocks):
        return tuple(blocks)
    for index in range(len(blocks) - 1, -1, -1):
        match blocks[index]:
            case Paragraph(inline=(Link() as link,)) if plain_text((link,)).strip():
                button = Button(link, position=link.position)
                return (*blocks[:index], button, *blocks[index + 1 :])
            case _:
                continue
    return tuple(blocks)


def _links(blocks: Sequence[Block]) -> Iterator[Link]:
    for block in blocks:
        yield from (node for node in walk(block) if isinstance(node, Link))


def _parted(block: Block, titles: set[str]) -> Iterator[Block]:
    if not isinstance(block, Paragraph):
        yield block
        return
    words: list[InlineNode] = []
    for node in block.inline:
        if isinstance(node, Link) and _squeezed(plain_text((node,))) in titles:
            yield from _paragraph(words)
            words = []
            yield Button(node, position=node.position)
        else:
            words.append(node)
    yield from _paragraph(words)


def _paragraph(words: list[InlineNode]) -> Iterator[Block]:
    if run := trimmed(words):
        yield Paragraph(run, position=run[0].position)


def _typed(blocks: Blocks, titles: set[str], place: Position) -> Promo:
    nodes = [node for block in blocks for node in walk(block)]
    title = _title(blocks, titles)
    text = _text(blocks, title)
    button = next((block.link for block in blocks if isinstance(block, Button)), None)
    image = next((node for node in nodes if isinstance(node, Image)), None)
    return Promo(
        blocks,
        title,
        text,
        next((node for node in text if isinstance(node, Link)), None),
        button,
        image,
        _is_complete(blocks, title, text, button, image),
        position=place,
    )


def _title(blocks: Blocks, titles: set[str]) -> Inline:
    """The block whose class says title, else a heading, else a first paragraph of bold text."""
    for block in blocks:
        match block:
            case Heading():
                return block.inline
            case Paragraph() if _squeezed(plain_text(block.inline)) in titles:
                return block.inline
            case Paragraph(inline=(Span(),)):
                return block.inline
            case _:
                continue
    return ()


def _text(blocks: Blocks, title: Inline) -> Inline:
    """The first paragraph that is not the title."""
    for block in blocks:
        if isinstance(block, Paragraph) and block.inline != title:
            return block.inline
    return ()


def _is_complete(
    blocks: Blocks, title: Inline, text: Inline, button: Link | None, image: Image | None
) -> bool:
    """Whether the typed parts hold all of the card, each block of it exactly once."""
    remaining: list[Inline | Link | Image] = [
        part for part in (title, text, button, image) if part is not None and part != ()
    ]
    for block in blocks:
        match block:
            case Paragraph() | Heading() if block.inline in remaining:
                remaining.remove(block.inline)
            case Button() if block.link in remaining:
                remaining.remove(block.link)
            case Figure(url=None, caption=()) if block.image in remaining and not block.image.title:
                remaining.remove(block.image)
            case _:
                return False
    return bool(title) and not remaining


def _texts_of_class(element: Any, pattern: re.Pattern[str]) -> set[str]:
    """The texts of the innermost elements whose class matches."""
    matching = [child for child in element.iter() if pattern.search(child.get("class", ""))]
    around = {up for child in matching for up in child.iterancestors()}
    return {_squeezed(child.text_content()) for child in matching if child not in around} - {""}


def _squeezed(text: str) -> str:
    return "".join(text.split())
