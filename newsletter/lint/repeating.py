"""What is said twice: headings, and a summary that is the title once more."""

from collections.abc import Iterator, Sequence

from newsletter.lint.visible import spoken
from newsletter.model.blocks import Item, Section
from newsletter.model.digest import Digest
from newsletter.model.finding import Finding, Severity
from newsletter.model.walking import plain_text

_WHOLE_TITLE = 12  # letters of a heading that names a story and no mere subject


def duplicate_heading(digest: Digest) -> Iterator[Finding]:
    """Two sections or items of one name look like a mistake."""
    first: dict[str, tuple[Section | None, Section | Item]] = {}
    for parent, node in _headings(digest.sections):
        text = plain_text(node.heading).strip()
        name = spoken(text) or text
        other_parent, other = first.setdefault(name, (parent, node))
        beside = parent is other_parent or _is_one_story(node, other, name)
        if name and other is not node and beside:
            yield Finding(
                "duplicate-heading",
                Severity.WARNING,
                node.position,
                f"the heading {text!r} is also in line {other.position.line}",
                "Rename or remove one.",
            )


def _headings(
    parts: Sequence[object], parent: Section | None = None
) -> Iterator[tuple[Section | None, Section | Item]]:
    """Each section and item, with the section that it stands in."""
    for part in parts:
        if isinstance(part, Section | Item):
            yield parent, part
        if isinstance(part, Section):
            yield from _headings(part.parts, part)


def _is_one_story(node: Section | Item, other: Section | Item, name: str) -> bool:
    """Whether headings of two sections tell of the same: `Cargo` may stand in each of them."""
    if node.url is None or other.url is None:
        return False
    return node.url == other.url or len(name) >= _WHOLE_TITLE


def summary_repeats_title(digest: Digest) -> Iterator[Finding]:
    """A summary says what the title does not: readers see both at once."""
    title = spoken(digest.title_text)
    for point in digest.summary:
        if title and spoken(plain_text(point)) == title:
            yield Finding(
                "summary-repeats-title",
                Severity.WARNING,
                point[0].position,
                "the summary says the title once more",
                "Say what is in the issue, or leave the point out.",
            )
