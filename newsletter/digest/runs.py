"""Runs of inline nodes: without white space at their ends, and line by line."""

from collections.abc import Iterator

from newsletter.model.inline import Break, Inline, InlineNode, Text


def trimmed(nodes: list[InlineNode] | Inline) -> Inline:
    """The run without white space and breaks at its ends, and without empty texts."""
    kept = list(nodes)
    while kept and (isinstance(kept[0], Break) or is_blank(kept[0])):
        kept.pop(0)
    while kept and (isinstance(kept[-1], Break) or is_blank(kept[-1])):
        kept.pop()
    if kept and isinstance(first := kept[0], Text):
        kept[0] = Text(first.text.lstrip(), position=first.position)
    if kept and isinstance(last := kept[-1], Text):
        kept[-1] = Text(last.text.rstrip(), position=last.position)
    return tuple(kept)


def is_blank(node: InlineNode) -> bool:
    return isinstance(node, Text) and not node.text.strip()


def lines_of(inline: Inline) -> Iterator[Inline]:
    """The lines of a run, each with the break before it."""
    start = 0
    for index, node in enumerate(inline):
        if isinstance(node, Break) and index > start:
            yield inline[start:index]
            start = index
    if inline[start:]:
        yield inline[start:]
