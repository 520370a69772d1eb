"""Where a line break in the source means a space, and where it means nothing."""

from collections.abc import Sequence

from newsletter.languages import is_wide
from newsletter.model.inline import InlineNode
from newsletter.model.walking import plain_text


def joins_without_space(nodes: Sequence[InlineNode], index: int) -> bool:
    """Whether the soft break at `index` stands between two such characters."""
    before = plain_text(tuple(nodes[max(0, index - 1) : index]))[-1:]
    after = plain_text(tuple(nodes[index + 1 : index + 2]))[:1]
    return is_wide(before) and is_wide(after)
