"""What a reader sees of a digest, as plain values for the rules."""

import re
from collections.abc import Iterator

from newsletter.model.digest import (
    Code,
    CodeBlock,
    Digest,
    Embed,
    Figure,
    Link,
    Node,
    Text,
    walk,
)

_CHINESE = re.compile(r"[\u4e00-\u9fff]")


def body_nodes(digest: Digest) -> Iterator[Node]:
    """All nodes below the title and the summary, the promo card left out."""
    for part in (*digest.lead, *digest.sections, *digest.tail):
        yield from walk(part)


def visible_text(digest: Digest) -> str:
    """The text of the body."""
    return " ".join(
        node.text for node in body_nodes(digest) if isinstance(node, Text | Code | CodeBlock)
    )


def link_targets(digest: Digest) -> Iterator[str]:
    for node in body_nodes(digest):
        url = node.url if isinstance(node, Link | Embed | Figure) else None
        if url is not None:
            yield url


def is_chinese(text: str) -> bool:
    return bool(_CHINESE.search(text))
