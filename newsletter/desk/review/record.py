"""A review as `--json` prints it."""

from typing import Any

from newsletter.desk.review.changes import Differing, MailChange, Review
from newsletter.desk.review.sides import Reference
from newsletter.lint.formats import as_json


def record(compared: Review) -> dict[str, Any]:
    """The whole review as one object."""
    return {
        "base": compared.base.commit,
        "revision": compared.base.revision,
        "issues": [_change(change) for change in compared.changes],
        "same": compared.same,
        "sent": compared.sent,
        "older": compared.older,
        "errors": compared.errors,
    }


def _change(change: MailChange) -> dict[str, Any]:
    return {
        "issue": change.stem,
        "status": change.status,
        "was": change.before.stem or None,
        "headers": [_differing(header) for header in change.headers],
        "html_bytes": {"before": change.before.html_bytes, "after": change.after.html_bytes},
        "links": [_differing(link) for link in change.links],
        "links_added": [_reference(link) for link in change.links_added],
        "links_removed": [_reference(link) for link in change.links_removed],
        "pictures_added": [_reference(picture) for picture in change.pictures_added],
        "pictures_removed": [_reference(picture) for picture in change.pictures_removed],
        "findings_added": [as_json(new) for new in change.findings_added],
        "findings_removed": [as_json(old) for old in change.findings_removed],
        "problem": change.after.problem or None,
    }


def _differing(thing: Differing) -> dict[str, Any]:
    return {"name": thing.name, "before": thing.before, "after": thing.after}


def _reference(reference: Reference) -> dict[str, Any]:
    return {"text": reference.text, "url": reference.url}
