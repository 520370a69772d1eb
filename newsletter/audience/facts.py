"""What happened to an address, each as one fact."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, assert_never

from sqlalchemy.engine import Connection, Row

from newsletter.audience.joining import mailbox
from newsletter.audience.known import Known
from newsletter.model.address import Address
from newsletter.model.event import Cause, EventType
from newsletter.model.send import Delivery, DeliveryStatus
from newsletter.model.subscriber import (
    ConsentFact,
    ConsentKind,
    RequestKind,
    RequestState,
    SuppressionAction,
    SuppressionReason,
)
from newsletter.store.people import history, people, suppressions
from newsletter.store.people.history import Mailing

_SAID = {
    ConsentKind.REQUESTED: "asked to join",
    ConsentKind.CONFIRMED: "said yes to",
    ConsentKind.UNSUBSCRIBED: "left",
    ConsentKind.PAUSED: "paused all mail",
    ConsentKind.CONTINUED: "ended the pause",
    ConsentKind.RENAMED: "changed the name",
    ConsentKind.MOVED: "changed the address",
    ConsentKind.ERASED: "was erased",
}
_DONE = {
    SuppressionAction.ADDED: "never mailed from here on",
    SuppressionAction.REMOVED: "may be mailed again",
}
# What is said about a report beside its own words, by its cause.
_CAUSES = {
    Cause.LISTED: "on a list of {reporter}, which did not try; it counts in no rate",
    Cause.DOUBTED: "a guess of {reporter}, which did not try; nothing follows",
    Cause.TIMEOUT: "our own limit of time ran out; nothing follows",
    Cause.UNKNOWN: "a word that is not known here; nothing follows",
}


class FactKind(StrEnum):
    """What a fact is about."""

    CONSENT = "consent"
    FORMER_ADDRESS = "former_address"
    SUPPRESSION = "suppression"
    REQUEST = "request"
    TEST = "test"
    DELIVERY = "delivery"
    EVENT = "event"


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that happened.

    `details` are what programs want of it, by kind: see docs/commands.md.
    """

    at: dt.datetime
    kind: FactKind
    text: str
    details: Mapping[str, str | None] = field(default_factory=dict)


def facts_of(connection: Connection, known: Known) -> Iterator[Fact]:
    subscriber_id = known.person.subscriber.id if known.person else None
    yield from map(_consent, known.yes_and_no)
    for each in known.before:
        if each.address is not None:
            text = f"moved away from {each.address.text}"
            yield Fact(each.at, FactKind.FORMER_ADDRESS, text, {"address": each.address.text})
            if people.find(connection, each.address) is None:
                yield from _of_address(connection, each.address, None)
    yield from _of_address(connection, known.address, subscriber_id)
    yield from map(_delivery, known.mailings)
    if subscriber_id is not None:
        for row in history.events_of(connection, subscriber_id):
            yield _event(row, known.note_of)


def _of_address(
    connection: Connection, address: Address, subscriber_id: int | None
) -> Iterator[Fact]:
    """Suppressions, requests and tests of an address, and the requests of its subscriber."""
    key = address.key
    for change in suppressions.history(connection, key):
        text = f"{_DONE[change.action]}: {why(change.reason, change.source)}"
        yield Fact(
            change.at,
            FactKind.SUPPRESSION,
            text,
            {
                "action": change.action.value,
                "reason": change.reason,
                "source": change.source,
            },
        )
    for request in history.requests_of(connection, key, mailbox(address), subscriber_id):
        yield _request(request)
    for at, slug in history.tests_of(connection, key):
        yield Fact(at, FactKind.TEST, f"a test mail of {slug}", {"slug": slug})


def _consent(fact: ConsentFact) -> Fact:
    consent = fact.consent
    action = " ".join(part for part in (_SAID[fact.kind], fact.list) if part)
    text = f"{action} ({', '.join(part for part in (consent.how, consent.source) if part)})"
    if fact.issue:
        text += f", by the link of {fact.issue} (send {fact.send_id})"
    if fact.detail:
        text += f": {fact.detail}"
    details = {
        "said": fact.kind.value,
        "list": fact.list,
        "how": consent.how,
        "source": consent.source,
        "wording": consent.wording,
        "ip": consent.ip,
        "detail": fact.detail,
        "issue": fact.issue or None,
        "send_id": fact.send_id or None,
    }
    return Fact(consent.at, FactKind.CONSENT, text, details)


def _request(row: Row[Any]) -> Fact:
    reason = row.reason
    if row.welcome:
        due = "due" if row.welcome == RequestState.WAITING else row.welcome
        reason = f"welcome {due}" + (f": {reason}" if reason else "")
    text = f"{_asked(row)} ({row.state}{', ' if reason else ''}{reason})"
    details = {"list": row.list_name, "state": row.state, "reason": reason, "ip": row.ip}
    return Fact(row.at, FactKind.REQUEST, text, details)


def _asked(row: Row[Any]) -> str:
    kind = RequestKind(row.kind)
    match kind:
        case RequestKind.JOIN:
            return f"somebody asked on a page to join {row.list_name}"
        case RequestKind.ALLOW_MOVE:
            return f"somebody asked on a page to move to {row.target}"
        case RequestKind.MOVE:
            return f"somebody asked on a page to move to {row.address}"
        case RequestKind.UNDO_MOVE:
            return f"a move to {row.target} could be taken back"
        case RequestKind.DATA:
            return "somebody asked on a page for their data"
        case RequestKind.ERASE:
            return "somebody asked on a page to be erased"
        case _:
            assert_never(kind)


def _delivery(mailing: Mailing) -> Fact:
    delivery, send = mailing
    text = f"{send.slug} to {send.list_name}: {became(delivery)}"
    details = {
        "slug": send.slug,
        "list": send.list_name,
        "send_id": delivery.send_id,
        "delivery": delivery.id,
        "status": delivery.status.value,
        "reason": delivery.reason,
        "message_id": delivery.message_id,
        "reported": delivery.reported.value if delivery.reported else None,
    }
    return Fact(delivery.at or send.created_at, FactKind.DELIVERY, text, details)


def _event(row: Row[Any], note_of: Callable[[str], str | None]) -> Fact:
    kind = row.word if row.type == EventType.OTHER else row.type
    text = f"{row.reporter} reported {kind}" + (f": {row.detail}" if row.detail else "")
    note = note_of(row.word) if row.word else None
    if note := note or _CAUSES.get(row.cause, "").format(reporter=row.reporter):
        text += f" ({note})"
    details = {
        "type": row.type,
        "detail": row.detail,
        "cause": row.cause,
        "word": row.word or None,
        "delivery": f"{row.send_id}-{row.number}",
    }
    return Fact(row.at, FactKind.EVENT, text, details)


def became(delivery: Delivery) -> str:
    """What became of a delivery, in a few words."""
    reason = f": {delivery.reason}" if delivery.reason else ""
    match delivery.status:
        case DeliveryStatus.ACCEPTED:
            later = f", then reported as {delivery.reported}" if delivery.reported else ""
            name = f" as {delivery.message_id}" if delivery.message_id else ""
            return f"accepted{name}{later}"
        case DeliveryStatus.UNKNOWN:
            return f"unknown, it may have been sent{reason}"
        case DeliveryStatus.QUEUED | DeliveryStatus.SENDING:
            return f"{delivery.status}, not sent yet"
        case DeliveryStatus.REJECTED | DeliveryStatus.SKIPPED:
            return f"{delivery.status}{reason}"
        case _:
            assert_never(delivery.status)


def why(reason: SuppressionReason, source: str) -> str:
    return f"{reason}, by {source}" if source else str(reason)
