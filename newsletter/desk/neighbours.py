"""What an issue lacks that most of its neighbours have: a habit of one newsletter is no rule for
another."""

import re
from collections.abc import Iterator
from pathlib import Path

from newsletter.lint.visible import link_targets, visible_text
from newsletter.model.digest import Digest
from newsletter.model.finding import Finding, Severity

_NEIGHBOURS = 9
_FEWEST = 3  # before there is a habit
_FRONT_MATTER = re.compile(
    rb"\A(?:\xef\xbb\xbf)?\s*(---|\+\+\+)[ \t]*\r?\n.*?^\1[ \t]*$", re.DOTALL | re.MULTILINE
)
# A link of Markdown, a definition, a bare address; those of HTML are mostly of a promo card.
_LINK = re.compile(
    rb"(?<!!)\[[^\[\]]*\](?:\(|:)[ \t]*<?https?://|(?:^|[\s<])https?://", re.MULTILINE
)
_MOST_BYTES = 1_048_576


def no_source_link(path: Path, digest: Digest) -> Iterator[Finding]:
    """A digest usually links to its sources."""
    if any(url.startswith("http") for url in link_targets(digest)):
        return
    if not visible_text(digest).strip():
        return
    linked = [_has_link(other) for other in _neighbours(path)]
    if len(linked) >= _FEWEST and sum(linked) * 2 > len(linked):
        yield Finding(
            "no-source-link",
            Severity.WARNING,
            digest.position,
            f"the issue has no link to any source; {sum(linked)} of {len(linked)} beside it have",
            "Make the headings of items links.",
        )


def _neighbours(path: Path) -> list[Path]:
    """The issues whose names stand nearest to this one's in its folder."""
    try:
        files = sorted(other for other in path.parent.glob("*.md") if other.is_file())
    except OSError:
        return []
    before = [other for other in files if other.name < path.name]
    after = [other for other in files if other.name > path.name]
    return [*before[-_NEIGHBOURS:], *after[: max(0, _NEIGHBOURS - len(before))]]


def _has_link(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES)
    except OSError:
        return False
    return _LINK.search(_FRONT_MATTER.sub(b"", text)) is not None
