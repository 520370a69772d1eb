"""Which line of its issue a piece of HTML was written in: for previews, never in a mail.

Without the attributes of these marks the HTML is the same, byte for byte, as without marks.
"""

import re

from newsletter.model.inline import Inline, Node

_FIRST_TAG = re.compile(r"<[A-Za-z][\w:-]*")


def attribute(node: Node | Inline) -> str:
    """The mark of a node, or of a run by its first node."""
    if isinstance(node, Node):
        return f' data-line="{node.position.line}"'
    return attribute(node[0]) if node else ""


def marked(written: str, node: Node) -> str:
    """HTML with the mark of its node on its first tag; text alone stays as it is."""
    tag = _FIRST_TAG.search(written)
    if tag is None:
        return written
    return f"{written[: tag.end()]}{attribute(node)}{written[tag.end() :]}"
