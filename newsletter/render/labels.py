"""Labels, names of speakers and hosts, as HTML and the text part both show them."""

from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from newsletter.model.blocks import Labelled
from newsletter.model.inline import Break, Inline, InlineNode, Link, Span, SpanKind, Text
from newsletter.model.walking import plain_text


def label(block: Labelled) -> Inline:
    """A label without its colon and bold type: its own line and look part it from what follows."""
    plain: list[InlineNode] = []
    for node in block.label:
        match node:
            case Span(kind=SpanKind.STRONG):
                plain += node.children
            case _:
                plain.append(node)
    return _without_colon(plain)


def _without_colon(nodes: Sequence[InlineNode]) -> Inline:
    """The run without white space and colons at its end."""
    rest = list(nodes)
    while rest:
        last = rest.pop()
        match last:
            case Text():
                if text := last.text.rstrip().rstrip(":：").rstrip():
                    return (*rest, Text(text, position=last.position))
            case Span():
                if children := _without_colon(last.children):
                    return (*rest, replace(last, children=children, position=last.position))
            case Link(children=children) if children:
                inner = _without_colon(children)
                return (*rest, replace(last, children=inner, position=last.position))
            case Break():
                pass
            case _:
                return (*rest, last)
    return ()


def begins_with_dash(line: Inline) -> bool:
    return plain_text(line).startswith(("—", "–", "―", "--"))


def domain(url: str) -> str:
    """The host of a web address as readers know it, without www."""
    host = urlsplit(url).hostname or ""
    return host.removeprefix("www.")
