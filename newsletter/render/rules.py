"""Which rules (`---`) of an issue separate anything that nothing else separates."""

from collections.abc import Iterable, Iterator
from itertools import pairwise

from newsletter.model.blocks import Block, Item, Rule, Section

DigestPart = Block | Item | Section


def with_gaps(parts: Iterable[DigestPart]) -> Iterator[tuple[DigestPart, bool]]:
    """The parts without idle rules, each with whether such a rule stood between it and another.

    A rule is idle before an item, a section, another rule or the end: what begins or ends there has
    a line of its own.
    """
    follows = parted = False
    for part, after in pairwise((*parts, None)):
        if isinstance(part, Rule) and (after is None or isinstance(after, Rule | Item | Section)):
            parted = True
        elif part is not None:
            yield part, parted and follows
            follows, parted = True, False


def without_idle_rules(parts: Iterable[DigestPart]) -> Iterator[DigestPart]:
    """The parts without the rules that `with_gaps` leaves out."""
    return (part for part, _ in with_gaps(parts))
