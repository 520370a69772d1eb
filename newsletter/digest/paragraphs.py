"""Paragraphs and quotes that are more than that: buttons, cards of videos, and who is quoted."""

import re
from collections.abc import Iterator, Sequence
from urllib.parse import unquote

from newsletter.digest import html
from newsletter.digest.videos import is_video
from newsletter.model.digest import (
    Block,
    Blocks,
    Break,
    Button,
    Embed,
    EmbedKind,
    Image,
    Inline,
    InlineNode,
    Link,
    ListBlock,
    Paragraph,
    Quote,
    Span,
    SpanKind,
    Text,
    plain_text,
    walk,
)
from newsletter.model.finding import Position

_DASH = re.compile(r"(?:[—–―]{1,2}(?!\d)|-{2,3}(?=\s|[^\W\d_a-z]))\s*(?=\S)")
_LONGEST_NAME = 150  # characters of who said it; what is longer is said itself
_COLONS = (":", "：")


def parted(block: Block) -> Iterator[Block]:
    """A button in place of one bold link, a card in place of each line that names a video."""
    if not isinstance(block, Paragraph):
        yield block
    elif button := _button(block):
        yield button
    elif any(_is_bare_video(node) for node in block.inline):
        yield from _with_cards(block)
    else:
        yield block


def _button(paragraph: Paragraph) -> Button | None:
    match paragraph.inline:
        case (Span(kind=SpanKind.STRONG, children=(Link() as link,)),):
            pass
        case (Link(children=(Span(kind=SpanKind.STRONG),)) as link,):
            pass
        case _:
            return None
    if any(isinstance(node, Image) for node in walk(link)) or not plain_text((link,)).strip():
        return None
    return Button(link, position=paragraph.position)


def _is_bare_video(node: InlineNode) -> bool:
    match node:
        case Link(url=url, children=(Text(text=text),), title=""):
            return unquote(text) == unquote(url) and is_video(url)
        case _:
            return False


def _with_cards(paragraph: Paragraph) -> Iterator[Block]:
    words: list[InlineNode] = []
    for line in lines_of(paragraph.inline):
        bare = html.trimmed(line)
        if len(bare) == 1 and isinstance(link := bare[0], Link) and _is_bare_video(link):
            yield from _paragraph(words)
            words = []
            yield Embed(EmbedKind.VIDEO, link.url, position=link.position)
        else:
            words += line
    yield from _paragraph(words)


def _paragraph(words: Sequence[InlineNode]) -> Iterator[Block]:
    if run := html.trimmed(tuple(words)):
        yield Paragraph(run, position=run[0].position)


def lines_of(inline: Inline) -> Iterator[Inline]:
    """The lines of a run, each with the break before it."""
    start = 0
    for index, node in enumerate(inline):
        if isinstance(node, Break) and index > start:
            yield inline[start:index]
            start = index
    if inline[start:]:
        yield inline[start:]


# --- quotes ---------------------------------------------------------------------------------------


def quote(blocks: Blocks, place: Position, *, ends_in_dash: bool = False) -> Quote:
    """A quote with its last line apart if that names who said it.

    `ends_in_dash`: its last block is a list that a dash began, as in `- Ann`.
    """
    if ends_in_dash and (name := _listed_name(blocks)):
        return Quote(blocks[:-1], name, position=place)
    if not blocks or not isinstance(last := blocks[-1], Paragraph):
        return Quote(blocks, position=place)
    *before, final = lines_of(last.inline)
    name = html.trimmed(final)
    said = html.trimmed(tuple(node for line in before for node in line))
    rest = (Paragraph(said, position=last.position),) if said else ()
    earlier = (*blocks[:-1], *rest)
    if not earlier or not _names_somebody(name) or any(map(_speaks, earlier)):
        return Quote(blocks, position=place)
    return Quote(earlier, name, position=place)


def _names_somebody(line: Inline) -> bool:
    return _begins_with_dash(line) and len(plain_text(line)) <= _LONGEST_NAME


def _begins_with_dash(line: Inline) -> bool:
    return bool(_DASH.match(plain_text(line)))


def _speaks(block: Block) -> bool:
    """Whether a paragraph holds what is said behind a dash, as dialogues do."""
    return isinstance(block, Paragraph) and any(
        _begins_with_dash(html.trimmed(line)) for line in lines_of(block.inline)
    )


def _listed_name(blocks: Blocks) -> Inline:
    """The one entry of the list at the end, if that is a line below something said."""
    match blocks:
        case (*_, Paragraph() as said, ListBlock(items=(item,))):
            pass
        case _:
            return ()
    if plain_text(said.inline).rstrip().endswith(_COLONS) or item.checked is not None:
        return ()
    match item.blocks:
        case (Paragraph(inline=name),) if len(plain_text(name)) <= _LONGEST_NAME:
            return () if any(isinstance(node, Break) for node in name) else name
        case _:
            return ()
