"""Rules on the final email."""

import re
from collections.abc import Iterator

from newsletter.lint.visible import inbox_texts, texts
from newsletter.model.digest import Digest
from newsletter.model.email import SEND_FIELDS, URL_FIELDS, Email, MergeField, MergeText, fill
from newsletter.model.finding import Finding, Position, Severity

_HEADER_BYTES = 998


def subject_empty(digest: Digest, email: Email) -> Iterator[Finding]:
    """A mail has a subject."""
    if not fill(email.subject, {}).strip():
        yield Finding(
            "subject-empty",
            Severity.ERROR,
            digest.position,
            "the subject is empty",
            "Add title: or subject: to the front matter.",
        )


def subject_too_long(digest: Digest, email: Email) -> Iterator[Finding]:
    """A header has at most 998 bytes in a line (RFC 5322), and no inbox shows so many."""
    size = len(f"Subject: {fill(email.subject, {})}".encode())
    if size > _HEADER_BYTES:
        yield Finding(
            "subject-too-long",
            Severity.ERROR,
            digest.subject_place,
            f"the subject is {size:,} bytes long; {_HEADER_BYTES} are allowed",
            "Shorten the title, or write a shorter subject: in the front matter.",
        )


def unsubscribe_missing(digest: Digest, email: Email) -> Iterator[Finding]:
    """Both parts let a reader leave."""
    for name, part in (("HTML", email.html), ("text", email.text)):
        if "unsubscribe_url" not in {field.name for field in _fields(part)}:
            yield Finding(
                "unsubscribe-missing",
                Severity.ERROR,
                digest.position,
                f"the {name} part has no unsubscribe link",
                "Put merge('unsubscribe_url') into the theme.",
            )


def merge_field_without_default(digest: Digest, email: Email) -> Iterator[Finding]:
    """A reader without that attribute sees a gap."""
    fields = {
        field
        for part in (email.subject, email.preheader, email.html, email.text)
        for field in _fields(part)
    }
    without = {field.name for field in fields if not field.default}
    for name in sorted(without - URL_FIELDS - SEND_FIELDS):
        yield Finding(
            "merge-field-without-default",
            Severity.WARNING,
            _place_of(name, digest),
            f"{{{{ {name} }}}} is empty for readers without one",
            f'Write {{{{ {name} | default("reader") }}}}.',
        )


def _place_of(field: str, digest: Digest) -> Position:
    """Where a field stands."""
    pattern = re.compile(rf"\{{\{{\s*{re.escape(field)}(?![\w-])")
    places = (
        place for text, place in (*inbox_texts(digest), *texts(digest)) if pattern.search(text)
    )
    return next(places, digest.position)


def _fields(text: MergeText) -> Iterator[MergeField]:
    return (piece for piece in text if isinstance(piece, MergeField))
