"""A walk over the nodes of a digest, and the text in them."""

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import get_args

from newsletter.model.inline import (
    Break,
    Code,
    FootnoteReference,
    Image,
    Inline,
    InlineNode,
    Link,
    Node,
    Span,
    Text,
)


def walk(root: Node) -> Iterator[Node]:
    """`root` and every node below it, each exactly once, in reading order (pre-order).

    Field order in the dataclasses is reading order, so one rule serves every node.
    """
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        for name in reversed(_CONTENT[type(node)]):
            _add_reversed(getattr(node, name), waiting)


def _add_reversed(value: object, waiting: list[Node]) -> None:
    """Let the nodes of a field wait, the last one longest."""
    if isinstance(value, tuple):
        if value and isinstance(value[0], Node):  # then all of them are
            waiting += reversed(value)
        else:
            for part in reversed(value):
                _add_reversed(part, waiting)
    elif isinstance(value, Node):
        waiting.append(value)


def inlines_of(node: Node) -> Iterator[Inline]:
    """The runs of text directly in a block: a heading, a line or a cell each; an inline has
    none."""
    if type(node) in _INLINE:
        return
    for name in _CONTENT[type(node)]:
        value = getattr(node, name)
        if not isinstance(value, tuple) or not value:
            continue
        if type(value[0]) in _INLINE:
            yield value
        elif isinstance(value[0], tuple):
            yield from value


_INLINE = frozenset(get_args(InlineNode))
_HOLDS_NO_NODE = (str, int, bool, int | None, str | None, bool | None)


class _Content(dict[type[Node], tuple[str, ...]]):
    """The fields of each kind of node that may hold others, worked out once."""

    def __missing__(self, kind: type[Node]) -> tuple[str, ...]:
        self[kind] = tuple(
            spec.name for spec in fields(kind) if spec.compare and spec.type not in _HOLDS_NO_NODE
        )
        return self[kind]


_CONTENT = _Content()


def without_references(inline: Inline) -> Inline:
    """A run without its footnote numbers, as a list of headings shows it."""
    nodes: list[InlineNode] = []
    for node in inline:
        match node:
            case FootnoteReference():
                continue
            case Span() | Link():
                inner = without_references(node.children)
                nodes.append(replace(node, children=inner, position=node.position))
            case _:
                nodes.append(node)
    return tuple(nodes)


def plain_text(inline: Inline) -> str:
    """The visible text of an inline run: alternative text for images, a space for breaks."""
    pieces: list[str] = []
    for node in inline:
        match node:
            case Text() | Code():
                pieces.append(node.text)
            case Break():
                pieces.append(" ")
            case Span() | Link():
                pieces.append(plain_text(node.children))
            case Image():
                pieces.append(node.alt)
            case FootnoteReference():
                pieces.append(f"[{node.number}]")
    return "".join(pieces)
