"""Who is quoted, where the end of a quote says so."""

import re

from newsletter.digest.runs import lines_of, trimmed
from newsletter.model.blocks import (
    Block,
    Blocks,
    ListBlock,
    Paragraph,
    Quote,
)
from newsletter.model.finding import Position
from newsletter.model.inline import Break, Inline
from newsletter.model.walking import plain_text

_DASH = re.compile(r"(?:[—–―]{1,2}(?!\d)|-{2,3}(?=\s|[^\W\d_a-z]))\s*(?=\S)")
_LONGEST_NAME = 150  # characters of a name; a longer text is part of the quote
_COLONS = (":", "：")


def quote(
    blocks: Blocks, place: Position, *, ends_in_dash: bool = False, is_signed: bool = False
) -> Quote:
    """A quote, its last line set apart if that names who said it.

    `ends_in_dash`: its last block is a list that a dash began, as in `- Ann`; `is_signed`: its last
    line is a name whatever it begins with.
    """
    if ends_in_dash and (name := _listed_name(blocks)):
        return Quote(blocks[:-1], name, position=place)
    if not blocks or not isinstance(last := blocks[-1], Paragraph):
        return Quote(blocks, position=place)
    *before, final = lines_of(last.inline)
    name = trimmed(final)
    words = trimmed(tuple(node for line in before for node in line))
    rest = (Paragraph(words, position=last.position),) if words else ()
    earlier = (*blocks[:-1], *rest)
    if not earlier or not is_short_enough(name):
        return Quote(blocks, position=place)
    if not is_signed and (not _begins_with_dash(name) or any(map(_speaks, earlier))):
        return Quote(blocks, position=place)
    return Quote(earlier, name, position=place)


def is_short_enough(line: Inline) -> bool:
    """Whether a line can be a name, with a work and a year."""
    return len(plain_text(line)) <= _LONGEST_NAME


def _begins_with_dash(line: Inline) -> bool:
    return bool(_DASH.match(plain_text(line)))


def _speaks(block: Block) -> bool:
    """Whether a paragraph begins speech with a dash, as dialogues do."""
    return isinstance(block, Paragraph) and any(
        _begins_with_dash(trimmed(line)) for line in lines_of(block.inline)
    )


def _listed_name(blocks: Blocks) -> Inline:
    """The only entry of a list at the end, if it is one line below the quoted text."""
    match blocks:
        case (*_, Paragraph() as said, ListBlock(items=(item,))):
            pass
        case _:
            return ()
    if plain_text(said.inline).rstrip().endswith(_COLONS) or item.checked is not None:
        return ()
    match item.blocks:
        case (Paragraph(inline=name),) if is_short_enough(name):
            return () if any(isinstance(node, Break) for node in name) else name
        case _:
            return ()
