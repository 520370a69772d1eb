"""Runs of inline nodes: without white space at their ends, and line by line."""

from collections.abc import Iterator

from newsletter.model.inline import Break, Inline, InlineNode, Text


def trimmed(nodes: list[InlineNode] | Inline) -> Inline:
    """The run without white space and breaks at its ends, and without empty texts."""
    rest = list(nodes)
    while rest and (isinstance(rest[0], Break) or is_blank(rest[0])):
        rest.pop(0)
    while rest and (isinstance(rest[-1], Break) or is_blank(rest[-1])):
        rest.pop()
    if rest and isinstance(first := rest[0], Text):
        rest[0] = Text(first.text.lstrip(), position=first.position)
    if rest and isinstance(last := rest[-1], Text):
        rest[-1] = Text(last.text.rstrip(), position=last.position)
    return tuple(rest)


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
