"""The keyed hashes by which erased people are known."""

from collections.abc import Callable, Collection
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from newsletter.links import Links


def hashes_of(root: Path) -> Callable[[str], Collection[str]]:
    """The hashes of an address key, by the keys of the newsletter at `root`.

    The keys are read when first asked for, which is rarely.
    """

    @cache
    def links() -> "Links":
        from newsletter.links import Links, load_keys  # noqa: PLC0415 -- start-up stays light

        return Links("", load_keys(root))

    return lambda key: links().address_hashes(key)
