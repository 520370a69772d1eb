"""The slug of an issue: its identity in the ledger and in the archive."""

import re

from newsletter.digest.report import Report
from newsletter.model.finding import Position, Severity


def slug_of(named: str | None, stem: str, report: Report, line: int) -> str:
    """Front matter's slug, else the file's stem, in lower case with hyphens."""
    if named is None:
        return _slugified(stem)
    if not re.fullmatch(r"[\w-]+", named):
        report.add(
            "slug-invalid",
            Severity.ERROR,
            Position(report.file, line),
            f"the slug {named!r} holds more than letters, digits, - and _",
            f"Write slug: {_slugified(named)}",
        )
        return _slugified(named)
    return named.lower()


def _slugified(text: str) -> str:
    return re.sub(r"[\W_]+", "-", text.lower()).strip("-") or "issue"
