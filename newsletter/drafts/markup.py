"""Blocks -> Markdown. What HTML was read as is written here; whatever Markdown has no words for
stays HTML."""

import re
from itertools import pairwise

from newsletter.drafts import elements, escaping
from newsletter.model.blocks import (
    Block,
    Blocks,
    CodeBlock,
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

_MARKS = {SpanKind.EMPHASIS: "*", SpanKind.STRONG: "**", SpanKind.STRIKE: "~~"}
_MOST_CELLS = 12  # of a row: a wider one is read more easily as HTML


def markdown(blocks: Blocks, *, careful: bool = False) -> str:
    """The Markdown of some blocks, with a blank line between them.

    It reads well, and is nearly always read as the same blocks; `careful` leaves no sign to chance.
    """
    pieces = [_block(block, careful) for block in blocks]
    for index, (above, below) in enumerate(pairwise(blocks), start=1):
        if isinstance(above, ListBlock) and isinstance(below, ListBlock):  # or they would be one
            pieces[index] = f"<!-- -->\n\n{pieces[index]}"
    return "\n\n".join(pieces)


def inline(run: Inline, *, careful: bool = False, line_break: str = "\\\n") -> str:
    """The Markdown of a run, whose lines may still begin blocks."""
    return "".join(_node(node, careful, line_break) for node in run)


def _block(block: Block, careful: bool) -> str:
    match block:
        case Paragraph():
            return _lines(inline(block.inline, careful=careful))
        case Heading():
            words = inline(block.inline, careful=careful, line_break="<br>")
            return f"{'#' * block.level} {escaping.heading(words)}"
        case ListBlock():
            return _items(block, careful)
        case Quote(attribution=()):
            return _behind("> ", "> ", markdown(block.blocks, careful=careful))
        case CodeBlock():
            longest = max(map(len, re.findall("`+", block.text)), default=0)
            fence = "`" * max(3, longest + 1)
            return f"{fence}{block.language}\n{block.text}\n{fence}"
        case Table(header=Row() as header) if not careful and _fits(block):
            rule = f"|{'---|' * len(header.cells)}"
            return "\n".join([_row(header), rule, *map(_row, block.rows)])
        case Figure() if _is_plain(block):
            return _picture(block, careful)
        case PictureRow(caption=()) if all(map(_is_plain, block.figures)):
            return " ".join(_picture(figure, careful) for figure in block.figures)
        case Rule():
            return "---"
        case _:
            return elements.html((block,))


def _lines(words: str) -> str:
    return "\n".join(map(escaping.line, words.split("\n")))


def _items(block: ListBlock, careful: bool) -> str:
    gap = "\n" if all(map(_is_tight, block.items)) else "\n\n"
    items: list[str] = []
    for number, item in enumerate(block.items, start=block.start or 0):
        mark = "- " if block.start is None else f"{number}. "
        text = gap.join(markdown((part,), careful=careful) for part in item.blocks)
        items.append(_behind(mark, " " * len(mark), text))
    return gap.join(items)


def _is_tight(item: ListItem) -> bool:
    """Whether an item is a paragraph, perhaps with a list right below it."""
    match item.blocks:
        case () | (Paragraph(),) | (Paragraph(), ListBlock(start=None | 1)):
            return True
        case _:
            return False


def _behind(first: str, others: str, text: str) -> str:
    """A text with a mark before its first line, and one before each further line."""
    head, *rest = text.split("\n")
    lines = [first + head, *(others + line for line in rest)]
    return "\n".join(line.rstrip(" ") if not line.strip(" >") else line for line in lines)


def _fits(table: Table) -> bool:
    """Whether Markdown has words for a table: no line breaks, and no row longer than its header."""
    assert table.header
    width = len(table.header.cells)
    rows = (table.header, *table.rows)
    return 1 < width <= _MOST_CELLS and all(
        0 < len(row.cells) <= width
        and not any(isinstance(node, Break | Image) for cell in row.cells for node in cell)
        for row in rows
    )


def _row(row: Row) -> str:
    cells = (inline(cell, line_break="<br>").replace("|", "\\|") for cell in row.cells)
    return f"| {' | '.join(cells)} |"


def _is_plain(figure: Figure) -> bool:
    return not figure.caption and not figure.image.width and bool(figure.image.alt)


def _picture(figure: Figure, careful: bool) -> str:
    picture = _node(figure.image, careful, "")
    return f"[{picture}]({escaping.target(figure.url)})" if figure.url else picture


def _node(node: InlineNode, careful: bool, line_break: str) -> str:
    match node:
        case Text():
            return escaping.escaped(node.text, every_sign=careful)
        case Code() if node.text.strip() and "\n" not in node.text and not careful:
            return escaping.code(node.text)
        case Break():
            return line_break if node.hard else " "
        case Span() if not careful and node.kind in _MARKS:
            return _marked(node, line_break)
        case Span():
            return f"<{node.kind}>{inline(node.children, careful=careful)}</{node.kind}>"
        case Link() if node.children and not careful:
            inner = inline(node.children, line_break=line_break)
            return f"[{inner}]({escaping.target(node.url)}{escaping.title(node.title)})"
        case Image() if node.alt and not (node.width or careful):
            alt = escaping.escaped(node.alt)
            source = escaping.target(node.file or node.url)
            return f"![{alt}]({source}{escaping.title(node.title)})"
        case _:
            return elements.inline((node,))


def _marked(span: Span, line_break: str) -> str:
    """A run between its marks, which stand at its words."""
    inner = inline(span.children, line_break=line_break)
    words = inner.strip()
    if not words:
        return inner
    start = inner.index(words)
    mark = _MARKS[span.kind]
    return f"{inner[:start]}{mark}{words}{mark}{inner[start + len(words) :]}"
