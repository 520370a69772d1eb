"""The slug of an issue: its identity in the ledger and in the archive."""

import re
import unicodedata

from newsletter.digest.report import Report
from newsletter.model.finding import Position, Severity
from newsletter.model.slug import slugified

_MOST_BYTES = 240  # it names a folder of the archive, and names have 255 in UTF-8


def slug_of(given: str | None, stem: str, report: Report, line: int) -> str:
    """Front matter's slug, else the file's stem, in lower case with hyphens."""
    given = given and unicodedata.normalize("NFC", given)
    subject = f"the file name {stem[:60]!r}" if given is None else f"the slug {given[:60]!r}"
    slug = slugified(stem) if given is None else given.lower()
    if given is not None and not re.fullmatch(r"[\w-]+", given):
        slug = slugified(given)
        _report(report, line, f"{subject} holds more than letters, digits, - and _", slug)
    elif not re.search(r"[^\W_]", slug):
        slug = "issue"
        _report(report, line, f"{subject} has no letter and no digit", slug)
    if len(octets := slug.encode(errors="replace")) > _MOST_BYTES:
        slug = octets[:_MOST_BYTES].decode(errors="ignore").strip("-")
        _report(report, line, f"{subject} is longer than {_MOST_BYTES} bytes", slug)
    return slug or "issue"


def _report(report: Report, line: int, message: str, slug: str) -> None:
    place = Position(report.file, line)
    report.add("slug-invalid", Severity.ERROR, place, message, f"Write slug: {slug or 'issue'}")
