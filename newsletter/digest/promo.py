"""Promo cards: where they stand among the pieces of an issue."""

import re
from collections.abc import Iterator, Sequence

from newsletter.digest import html, paragraphs, sanitising
from newsletter.digest.blocks import Piece, RawHtml
from newsletter.digest.cards import promo_of, tell_of_markup
from newsletter.digest.report import Report
from newsletter.model.blocks import (
    Block,
    Footnotes,
    Heading,
    Promo,
    Rule,
)

_HINT = re.compile(r"card|promo|sponsor|cta", re.IGNORECASE)
_CLASS = re.compile(r'(?:class|id)="([^"]*)"')
_CARD = re.compile(r"(?:^|[\s_-])(?:card|promo|sponsor|cta)(?:$|[\s_-])", re.IGNORECASE)
_FIRST_TAG = re.compile(r"\s*<[^<>]*>")


def split(pieces: Sequence[Piece], report: Report) -> tuple[list[Block], Promo | None]:
    """The blocks of a document, and the promo card at its end if there is one.

    That is the HTML after the last rule if nothing else follows, or HTML at the end that calls
    itself a card. One that calls itself so and is followed by something stays a card in its place.
    Everything between the opening and the end of a box belongs to it, Markdown too.
    """
    notes = [piece for piece in pieces if isinstance(piece, Footnotes)]
    rest = [piece for piece in pieces if not isinstance(piece, Footnotes)]
    first = _first_of_last_card(rest)
    card = rest[first:]
    after_rule = first > 0 and isinstance(rest[first - 1], Rule)
    hinted = bool(card) and isinstance(card[0], RawHtml) and _hints(card[0])
    if not card or not (after_rule or hinted) or not _is_one_part(card):
        return [*_with_cards(rest, report), *notes], None
    if after_rule:
        first -= 1  # the rule separates the card from the rest; now the card's frame does
    return [*_with_cards(rest[:first], report), *notes], promo_of(card, report)


def _first_of_last_card(pieces: Sequence[Piece]) -> int:
    """Where the HTML at the end begins; Markdown may be in a box of it."""
    first, depth = len(pieces), 0
    for index in range(len(pieces) - 1, -1, -1):
        piece = pieces[index]
        if isinstance(piece, RawHtml):
            depth -= piece.opened
            if depth < 0:  # a box that never ends
                break
            first = index if depth == 0 else first
        elif depth == 0:
            break
    return first


def _hints(piece: RawHtml) -> bool:
    """Whether anything in it is called a card, by any word for one."""
    return any(_HINT.search(names) for names in _CLASS.findall(piece.cleaned[:2000]))


def _with_cards(pieces: Sequence[Piece], report: Report) -> Iterator[Block]:
    """Pieces as blocks, with the cards among them."""
    index = 0
    ends = _ends(pieces)
    while index < len(pieces):
        piece = pieces[index]
        if not isinstance(piece, RawHtml):
            yield piece
        elif (
            index in ends
            and _calls_itself_card(piece)
            and _is_one_part(pieces[index : ends[index] + 1])
        ):
            yield promo_of(pieces[index : ends[index] + 1], report)
            index = ends[index]
        elif piece.cleaned.strip():
            blocks = html.blocks(sanitising.tree(piece.cleaned), piece.position, report)
            tell_of_markup(blocks, report)
            for block in blocks:
                yield from paragraphs.parted(block)
        index += 1


def _ends(pieces: Sequence[Piece]) -> dict[int, int]:
    """The last piece of each box that ends, by the first; a box of one piece ends in it."""
    ends: dict[int, int] = {}
    opened: list[int] = []
    for index, piece in enumerate(pieces):
        if not isinstance(piece, RawHtml):
            continue
        if piece.opened == 0:
            ends[index] = index
        opened += [index] * piece.opened
        for _ in range(min(-piece.opened, len(opened))):
            ends[opened.pop()] = index
    return ends


def _calls_itself_card(piece: RawHtml) -> bool:
    """Whether the outermost element is called one, in a word of its own."""
    outermost = _FIRST_TAG.match(piece.cleaned)
    names = _CLASS.findall(outermost[0]) if outermost else []
    return any(_CARD.search(name) for name in names)


def _is_one_part(pieces: Sequence[Piece]) -> bool:
    """Whether it is small enough for a card: a box around whole sections is not one."""
    return sum(isinstance(piece, Heading) for piece in pieces) <= 1
