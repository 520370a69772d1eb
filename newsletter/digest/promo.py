"""The promo card: HTML at the very end of an issue, rebuilt as title, text, button and picture."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from newsletter.digest import html, paragraphs
from newsletter.digest.blocks import Piece, RawHtml
from newsletter.digest.report import Report
from newsletter.model.digest import (
    Block,
    Blocks,
    Figure,
    Footnotes,
    Heading,
    Image,
    Inline,
    Link,
    Paragraph,
    Promo,
    Rule,
    Span,
    plain_text,
    walk,
)

_HINT = re.compile(r"card|promo|sponsor|cta", re.IGNORECASE)
_CLASS = re.compile(r'(?:class|id)="([^"]*)"')
_BUTTON = re.compile(r"cta|button|btn", re.IGNORECASE)
_TITLE = re.compile(r"title|heading|headline", re.IGNORECASE)


def split(pieces: Sequence[Piece], report: Report) -> tuple[list[Block], Promo | None]:
    """The blocks of a document without its promo card, and the card if there is one.

    It is the HTML after the last rule if nothing else follows, or HTML at the end that calls
    itself a card.
    """
    notes = [piece for piece in pieces if isinstance(piece, Footnotes)]
    rest = [piece for piece in pieces if not isinstance(piece, Footnotes)]
    first = len(rest)
    while first and isinstance(rest[first - 1], RawHtml):
        first -= 1
    card = [piece for piece in rest[first:] if isinstance(piece, RawHtml)]
    after_rule = first > 0 and isinstance(rest[first - 1], Rule)
    if not card or not (after_rule or _calls_itself_card(card[0])):
        return [*_as_blocks(rest, report), *notes], None
    if after_rule:
        first -= 1  # the rule parts the card from the rest; the card's own frame does that now
    return [*_as_blocks(rest[:first], report), *notes], _promo(card, report)


def _calls_itself_card(piece: RawHtml) -> bool:
    return any(_HINT.search(names) for names in _CLASS.findall(piece.cleaned[:2000]))


def _as_blocks(pieces: Sequence[Piece], report: Report) -> Iterator[Block]:
    for piece in pieces:
        if isinstance(piece, RawHtml):
            for block in html.blocks(html.tree(piece.cleaned), piece.position, report):
                yield from paragraphs.parted(block)
        else:
            yield piece


def _promo(card: Sequence[RawHtml], report: Report) -> Promo:
    place = card[0].position
    element = html.tree("\n".join(piece.cleaned for piece in card))
    blocks = html.blocks(element, place, report)
    nodes = [node for block in blocks for node in walk(block)]
    links = [node for node in nodes if isinstance(node, Link)]
    image = next((node for node in nodes if isinstance(node, Image)), None)
    title = _title(element, blocks)
    button = _button(element, links)
    text = _text(blocks, title, button)
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


def _title(element: Any, blocks: Blocks) -> Inline:
    """The block whose class says title, else a heading, else a first paragraph of bold text."""
    named = _text_of_class(element, _TITLE)
    for block in blocks:
        match block:
            case Heading():
                return block.inline
            case Paragraph() if named and _squeezed(plain_text(block.inline)) == named:
                return block.inline
            case Paragraph(inline=(Span(),)):
                return block.inline
            case _:
                continue
    return ()


def _button(element: Any, links: Sequence[Link]) -> Link | None:
    """The link whose class says button, else the last one."""
    named = _text_of_class(element, _BUTTON)
    for link in reversed(links):
        if named and _squeezed(plain_text(link.children)) == named:
            return link
    return links[-1] if links else None


def _text(blocks: Blocks, title: Inline, button: Link | None) -> Inline:
    """The first paragraph that is neither the title nor the button alone."""
    for block in blocks:
        if isinstance(block, Paragraph) and block.inline not in (title, (button,)):
            return block.inline
    return ()


def _is_complete(
    blocks: Blocks, title: Inline, text: Inline, button: Link | None, image: Image | None
) -> bool:
    """Whether the typed parts hold all of the card, each block of it exactly once."""
    left: list[Inline | Image] = [title, text, (button,) if button else ()]
    left = [part for part in (*left, image) if part]
    for block in blocks:
        match block:
            case Paragraph() | Heading() if block.inline in left:
                left.remove(block.inline)
            case Figure(url=None) if block.image in left:
                left.remove(block.image)
            case _:
                return False
    return bool(title) and not left


def _text_of_class(element: Any, pattern: re.Pattern[str]) -> str:
    for child in element.iter():
        if pattern.search(child.get("class", "")) and not any(
            pattern.search(inner.get("class", "")) for inner in child.iter() if inner is not child
        ):
            return _squeezed(child.text_content())
    return ""


def _squeezed(text: str) -> str:
    return "".join(text.split())
