"""Subscribers, their lists, and who must not be mailed."""

from typing import TYPE_CHECKING

from newsletter.model.subscriber import Subscription, Suppression
from newsletter.operations.records.base import JsonObject, time

if TYPE_CHECKING:
    from newsletter.audience.explaining import Explanation
    from newsletter.audience.segments import Members
    from newsletter.audience.tally import Sample
    from newsletter.model.segment import Segment
    from newsletter.store.people.imports import Import
    from newsletter.store.people.lists import ListCounts
    from newsletter.store.people.people import Person


def person(profile: "Person") -> JsonObject:
    subscriber = profile.subscriber
    return {
        "id": subscriber.id,
        "address": subscriber.address.text,
        "name": subscriber.name,
        "attributes": dict(subscriber.attributes),
        "created_at": time(profile.created_at),
        "subscriptions": [subscription(joined) for joined in profile.subscriptions],
    }


def subscription(joined: Subscription) -> JsonObject:
    consent = joined.consent
    return {
        "list": joined.list,
        "status": joined.status,
        "consent": {"at": time(consent.at), "how": consent.how, "source": consent.source},
        "updated_at": time(joined.updated_at),
    }


def suppression(suppressed: Suppression) -> JsonObject:
    return {
        "address": suppressed.address,
        "reason": suppressed.reason,
        "source": suppressed.source,
        "created_at": time(suppressed.created_at),
    }


def mailing_list(counts: "ListCounts") -> JsonObject:
    return {
        "name": counts.name,
        "confirmed": counts.confirmed,
        "pending": counts.pending,
        "unsubscribed": counts.unsubscribed,
        "sends": counts.sends,
        "created_at": time(counts.created_at),
        "title": counts.title,
        "description": counts.description,
    }


def segment(saved: "Segment") -> JsonObject:
    return {
        "name": saved.name,
        "rule": saved.rule,
        "created_at": time(saved.created_at),
        "updated_at": time(saved.updated_at),
    }


def members(chosen: "Members", list_name: str | None) -> JsonObject:
    """Who would get a send to a segment of a list, or of any where none is named."""
    return {
        "list": list_name,
        "count": chosen.count,
        "sample": list(chosen.sample),
        "warnings": list(chosen.warnings),
    }


def sample(row: "Sample") -> JsonObject:
    """A row of a file as an import would take it."""
    return {
        "file": row.file,
        "line": row.line,
        "address": row.address,
        "name": row.name,
        "standing": row.standing,
        "attributes": dict(row.attributes),
        "consent_at": time(row.consent_at),
    }


def import_(past: "Import") -> JsonObject:
    return {
        "import_id": past.id,
        "at": time(past.at),
        "file": past.file,
        "system": past.system,
        "counts": dict(past.counts),
        "undone_at": time(past.undone_at),
    }


def explanation(story: "Explanation") -> JsonObject:
    facts = [
        {"at": time(fact.at), "kind": fact.kind, "text": fact.text, **fact.details}
        for fact in story.facts
    ]
    return {
        "address": story.address,
        "summary": story.summary,
        "subscriptions": [subscription(joined) for joined in story.subscriptions],
        "suppression": None if story.suppression is None else suppression(story.suppression),
        "facts": facts,
    }
