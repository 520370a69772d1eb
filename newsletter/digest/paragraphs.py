"""Paragraphs that become something else: buttons and cards of videos."""

from collections.abc import Iterator, Sequence
from urllib.parse import unquote

from newsletter.digest.runs import lines_of, trimmed
from newsletter.digest.videos import is_video
from newsletter.model.blocks import (
    Block,
    Button,
    Embed,
    EmbedKind,
    Paragraph,
)
from newsletter.model.inline import (
    Image,
    InlineNode,
    Link,
    Span,
    SpanKind,
    Text,
)
from newsletter.model.walking import plain_text, walk


def parted(block: Block) -> Iterator[Block]:
    """A button in place of a bold link, a card in place of each line that is a video's address."""
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
        bare = trimmed(line)
        if len(bare) == 1 and isinstance(link := bare[0], Link) and _is_bare_video(link):
            yield from _paragraph(words)
            words = []
            yield Embed(EmbedKind.VIDEO, link.url, position=link.position)
        else:
            words += line
    yield from _paragraph(words)


def _paragraph(words: Sequence[InlineNode]) -> Iterator[Block]:
    if run := trimmed(tuple(words)):
        yield Paragraph(run, position=run[0].position)
