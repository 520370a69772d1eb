"""Where a line break in the source means a space, and where it means nothing."""

import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from newsletter.model.digest import InlineNode, plain_text


@lru_cache(maxsize=16_384)
def is_wide(character: str) -> bool:
    """A letter or sign of a script that is written without spaces, so none of Korean."""
    return (
        bool(character)
        and unicodedata.east_asian_width(character) in "WF"
        and not unicodedata.name(character, "").startswith("HANGUL")
    )


def joins_without_space(nodes: Sequence[InlineNode], index: int) -> bool:
    """Whether the soft break at `index` stands between two such characters."""
    before = plain_text(tuple(nodes[max(0, index - 1) : index]))[-1:]
    after = plain_text(tuple(nodes[index + 1 : index + 2]))[:1]
    return is_wide(before) and is_wide(after)
