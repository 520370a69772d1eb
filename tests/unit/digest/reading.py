"""Reading short issues in tests."""

from collections.abc import Sequence
from typing import TypeVar

from newsletter.digest import Parsed, parse
from newsletter.model.blocks import Paragraph
from newsletter.model.digest import Digest
from newsletter.model.finding import Finding, Severity
from newsletter.model.inline import Inline, Node, Text
from newsletter.model.walking import walk

N = TypeVar("N", bound=Node)

BASE = "https://news.example.com"


def read(
    source: bytes | str,
    *,
    stem: str = "issue",
    base_url: str = BASE,
    section_labels: Sequence[str] = ("影响", "Impact"),
) -> Parsed:
    return parse(
        source.encode() if isinstance(source, str) else source,
        file=f"issues/{stem}.md",
        stem=stem,
        base_url=base_url,
        section_labels=section_labels,
    )


def body(source: str) -> Digest:
    """The digest of a body that stands below front matter of two fields."""
    return read(f"---\ntitle: T\ndate: 2026-01-07\n---\n{source}").digest


def findings(parsed: Parsed, rule: str) -> list[Finding]:
    return [found for found in parsed.findings if found.rule == rule]


def finding(parsed: Parsed, rule: str) -> tuple[Severity, int]:
    """Severity and line of the one finding of a rule."""
    (found,) = findings(parsed, rule)
    assert found.position.file == "issues/issue.md"
    assert found.message
    return found.severity, found.position.line


def all_of(digest: Digest, kind: type[N]) -> list[N]:
    return [node for node in walk(digest) if isinstance(node, kind)]


def texts(digest: Digest) -> str:
    """All text of a digest, title and summary left out."""
    roots = (*digest.lead, *digest.sections, *digest.tail, *filter(None, [digest.promo]))
    return "".join(node.text for root in roots for node in walk(root) if isinstance(node, Text))


def inline(source: str) -> Inline:
    """The inline nodes of a paragraph."""
    (paragraph,) = body(source).lead
    assert isinstance(paragraph, Paragraph)
    return paragraph.inline
