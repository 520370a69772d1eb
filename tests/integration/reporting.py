"""What the tests of events share: events about deliveries of a send, and applying them."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from newsletter.config import PolicySettings
from newsletter.feedback.apply import Applied, apply
from newsletter.feedback.base import incoming
from newsletter.feedback.ses.events import parse
from newsletter.store import Store, schema
from tests.integration.sending import NOW
from tests.unit.feedback.payloads import changed

# The names of files for what may be reported, by what it is.
BOUNCE = "event-bounce-permanent.json"
SOFT = "event-bounce-transient.json"
LISTED = "event-bounce-suppression-list.json"
OUT_OF_OFFICE = "event-bounce-out-of-office.json"
COMPLAINT = "event-complaint.json"
NOT_SPAM = "event-complaint-not-spam.json"
DELIVERY = "event-delivery.json"


def event(send_id: str, number: int = 1, name: str = "event-send.json", **parts: Any) -> str:
    """A documented event, about a delivery of this send, under the message id `m<number>`."""
    delivery, attempt = f"{send_id}-{number}", str(parts.pop("attempt", 1))
    tags = {"send": [send_id], "delivery": [delivery], "attempt": [attempt]}
    headers = [{"name": "X-Newsletter-Ref", "value": f"{delivery}.{attempt}"}]
    mail = {"mail__tags": tags, "mail__headers": headers, "mail__messageId": f"m{number}"}
    return changed(name, **{**mail, **parts})


def told(send_id: str, number: int, name: str, at: dt.datetime, **parts: Any) -> str:
    """An event of some time, with a message id and a feedback id of its own."""
    part = name.split("-")[1].removesuffix(".json")
    message_id = f"m-{send_id}-{number}"
    facts = {f"{part}__timestamp": at.isoformat()}
    if part in ("bounce", "complaint"):
        facts[f"{part}__feedbackId"] = f"f-{send_id}-{number}-{at.timestamp()}"
    return event(send_id, number, name, **{"mail__messageId": message_id, **facts, **parts})


def replay(
    store: Store, *texts: str, now: dt.datetime = NOW, policy: PolicySettings | None = None
) -> Applied:
    """Apply events as `newsletter events replay` does."""
    total = Applied()
    placed = ((f"events.jsonl:{line}", text) for line, text in enumerate(texts, start=1))
    apply(store, incoming(parse, placed), now, total, policy or PolicySettings())
    return total


def counts(total: Applied) -> tuple[int, int, int, int]:
    """Applied, duplicate, ignored and set aside, which are all that was read."""
    assert total.read == total.applied + total.duplicate + total.ignored + total.set_aside
    return total.applied, total.duplicate, total.ignored, total.set_aside


def logged(store: Store) -> Sequence[Any]:
    """The rows of the event log."""
    with store.read() as connection:
        return connection.execute(sa.select(schema.events).order_by(schema.events.c.id)).all()
