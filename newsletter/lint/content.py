"""Whether there is something to send at all."""

import re
from collections.abc import Iterator

from newsletter.lint.visible import is_chinese, link_targets, visible_text
from newsletter.model.digest import Digest, Heading, Item, Section, plain_text, walk
from newsletter.model.finding import Finding, Severity

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
    if not visible_text(digest).strip():
        yield Finding(
            "empty-body",
            Severity.ERROR,
            digest.position,
            "the issue has no content",
            "Write something below the front matter.",
        )


def placeholder_issue(digest: Digest) -> Iterator[Finding]:
    """A generated issue must not go out with its placeholder text."""
    summary = " ".join(plain_text(point) for point in digest.summary)
    for text in (digest.title_text, summary, visible_text(digest)):
        if _squeezed(text) in _SQUEEZED:
            yield Finding(
                "placeholder-issue",
                Severity.ERROR,
                digest.position,
                f"{text.strip()!r} is a placeholder, not content",
                "Write the issue, or delete the file.",
            )
            return


def _squeezed(text: str) -> str:
    return "".join(text.lower().split()).rstrip(".。")


_SQUEEZED = {_squeezed(text) for text in _PLACEHOLDERS}


def truncated_issue(digest: Digest) -> Iterator[Finding]:
    """A heading cut off in the middle of its link, with nothing after it, is half an issue."""
    headings = [node for node in walk(digest) if isinstance(node, Section | Item | Heading)]
    if not headings:
        return
    last = headings[-1]
    inline = last.inline if isinstance(last, Heading) else last.heading
    empty = not (last.parts if isinstance(last, Section) else getattr(last, "blocks", ()))
    text = plain_text(inline)
    cut = text.count("[") > text.count("]") or re.search(r"\]\([^)]*$", text)
    if empty and cut:
        yield Finding(
            "truncated-issue",
            Severity.ERROR,
            last.position,
            "the last heading breaks off in the middle of a link",
            "The file is cut off: write the rest, or remove the heading.",
        )


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


def no_source_link(digest: Digest) -> Iterator[Finding]:
    """A digest usually links to its sources."""
    if visible_text(digest).strip() and not any(True for _ in link_targets(digest)):
        yield Finding(
            "no-source-link",
            Severity.WARNING,
            digest.position,
            "the issue has no link to any source",
            "Make the headings of items links.",
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
