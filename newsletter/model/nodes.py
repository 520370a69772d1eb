"""The nodes of a digest, and whatever else is worked out of it once for all who ask."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import TypeVar

from newsletter.model.digest import Digest
from newsletter.model.inline import Node
from newsletter.model.walking import walk

Result = TypeVar("Result")


def once_a_digest(work: Callable[[Digest], Result]) -> Callable[[Digest], Result]:
    """`work`, whose result for the last digest is kept: part after part asks about the same one."""
    last: tuple[Digest, Result] | None = None

    @wraps(work)
    def result_of(digest: Digest) -> Result:
        nonlocal last
        known = last
        if known is None or known[0] is not digest:
            last = known = (digest, work(digest))
        return known[1]

    return result_of


@once_a_digest
def nodes_of(digest: Digest) -> Sequence[Node]:
    """The digest and all nodes below it, in reading order."""
    return tuple(walk(digest))
