"""Whether there is something to send at all."""

import re
from collections.abc import Iterator

from newsletter.lint.visible import body_nodes, is_chinese, visible_text
from newsletter.model.blocks import (
    Embed,
    Heading,
    Item,
    Rule,
    Section,
)
from newsletter.model.digest import Digest
from newsletter.model.finding import Finding, Position, Severity
from newsletter.model.inline import Image, Inline, Node
from newsletter.model.walking import plain_text, walk

_SHORT = 200
_PLACEHOLDERS = {
    "report title",
    "报告标题",
    "详细report内容",
    "detailed report content",
    "system diagnostic report",
    "system status: nominal.",
    "lorem ipsum",
    "this is the detailed report content describing the findings and analysis.",
    "all components are functioning within normal parameters.",
}


def empty_body(digest: Digest) -> Iterator[Finding]:
    """An issue says something below its title."""
    shows = any(isinstance(node, Image | Embed) for node in body_nodes(digest))
    if not shows and not visible_text(digest).strip():
        yield Finding(
            "empty-body",
            Severity.ERROR,
            digest.position,
            "the issue has no content",
            "Write something below the front matter.",
        )


def placeholder_issue(digest: Digest) -> Iterator[Finding]:
    """A generated issue must not go out with its placeholder text."""
    for text, place in _what_may_be_one(digest):
        squeezed = _squeezed(text)
        if squeezed in _SQUEEZED or squeezed.startswith(_LOREM):
            yield Finding(
                "placeholder-issue",
                Severity.ERROR,
                place,
                f"{text.strip()[:80]!r} is a placeholder, not content",
                "Write the issue, or delete the file.",
            )
            return


def _what_may_be_one(digest: Digest) -> Iterator[tuple[str, Position]]:
    """Title, summary and body, each with its place."""
    for inline in (digest.title, *digest.summary):
        if inline:
            yield plain_text(inline), inline[0].position
    if digest.summary and digest.summary[0]:
        whole = " ".join(plain_text(point) for point in digest.summary)
        yield whole, digest.summary[0][0].position
    if (first := next(iter(body_nodes(digest)), None)) is not None:
        yield visible_text(digest), first.position


def _squeezed(text: str) -> str:
    return "".join(text.lower().split()).rstrip(".。")


_SQUEEZED = {_squeezed(text) for text in _PLACEHOLDERS}
_LOREM = _squeezed("lorem ipsum dolor")


def truncated_issue(digest: Digest) -> Iterator[Finding]:
    """A heading cut off in the middle of its link, with nothing after it, is half an issue."""
    nodes = body_nodes(digest)
    last = next((i for i in reversed(range(len(nodes))) if _heading_of(nodes[i])), None)
    if last is None:
        return
    heading = _heading_of(nodes[last])
    end = last + 1 + sum(1 for part in heading for _ in walk(part))
    nothing_after = all(isinstance(node, Rule) for node in nodes[end:])
    text = plain_text(heading)
    cut = text.count("[") > text.count("]") or re.search(r"\]\([^)]*$", text)
    if nothing_after and cut:
        yield Finding(
            "truncated-issue",
            Severity.ERROR,
            nodes[last].position,
            "the last heading breaks off in the middle of a link",
            "The file is cut off: write the rest, or remove the heading.",
        )


def _heading_of(node: Node) -> Inline:
    match node:
        case Section() | Item():
            return node.heading
        case Heading():
            return node.inline
        case _:
            return ()


def short_issue(digest: Digest) -> Iterator[Finding]:
    """Most issues are longer: a very short one may be an accident."""
    length = len("".join(visible_text(digest).split()))
    if 0 < length < _SHORT:
        yield Finding(
            "short-issue",
            Severity.WARNING,
            digest.position,
            f"the issue has only {length} visible characters",
            "Check that nothing is missing.",
        )


def script_mismatch(digest: Digest) -> Iterator[Finding]:
    """A Chinese title over a text without Chinese is a generation gone wrong."""
    text = visible_text(digest)
    if len(text) > _SHORT and is_chinese(digest.title_text) and not is_chinese(text):
        yield Finding(
            "script-mismatch",
            Severity.WARNING,
            digest.position,
            "the title is Chinese, the text is not",
            "Check that this is the right text.",
        )


def draft_issue(digest: Digest) -> Iterator[Finding]:
    """A draft is not sent."""
    if digest.meta.draft:
        yield Finding(
            "draft-issue",
            Severity.ERROR,
            digest.position,
            "the issue is marked as a draft",
            "Remove `draft: true` when it is ready.",
        )
