"""The JSON of SES -> Event: both shapes it has, bare or in an SNS envelope.

SES event publishing says `eventType`, the older notifications say `notificationType`; the fields
are those of https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html.
Nothing here trusts the input: anything but an event comes back as NoEvent, never as an exception.
"""

import datetime as dt
import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from newsletter.feedback.base import MAX_CHARACTERS, ref_of, storable
from newsletter.feedback.ses import causes
from newsletter.model.event import Agent, Event, EventType, NoEvent, Ref

_MESSAGE_ID = re.compile(r"[!-~]{1,200}")
NAME = "SES"
_HEADER = "x-newsletter-ref"
# The names of types; any other name is an event of an unknown type.
_TYPES = {
    "Send": EventType.SEND,
    "Delivery": EventType.DELIVERY,
    "Bounce": EventType.BOUNCE,
    "Complaint": EventType.COMPLAINT,
    "Reject": EventType.REJECT,
    "Rendering Failure": EventType.RENDERING_FAILURE,
    "DeliveryDelay": EventType.DELAY,
    "Open": EventType.OPEN,
    "Click": EventType.CLICK,
    "Subscription": EventType.SUBSCRIPTION,
}
# The message of SNS after an event destination was made, and SNS's own messages.
_HARMLESS = "Successfully validated SNS topic"
_AGENTS = {"Likely": Agent.MACHINE, "Unlikely": Agent.HUMAN}
_OBJECTS = {  # where each type keeps its own facts
    EventType.SEND: "send",
    EventType.DELIVERY: "delivery",
    EventType.BOUNCE: "bounce",
    EventType.COMPLAINT: "complaint",
    EventType.REJECT: "reject",
    EventType.RENDERING_FAILURE: "failure",
    EventType.DELAY: "deliveryDelay",
    EventType.OPEN: "open",
    EventType.CLICK: "click",
    EventType.SUBSCRIPTION: "subscription",
}


def parse(text: str, topics: Collection[str] = ()) -> Event | NoEvent:
    """The event in a message of the queue, or in a line of a file.

    Where `topics` are given, an envelope of SNS must come from one of them.
    """
    if len(text) > MAX_CHARACTERS:
        return NoEvent(f"longer than {MAX_CHARACTERS:,} characters", harmless=False)
    try:
        return _parsed(text, topics)
    except _Twice as error:
        return NoEvent(f"JSON with the key {str(error)[:40]!r} twice", harmless=False)


def _parsed(text: str, topics: Collection[str]) -> Event | NoEvent:
    message = _loaded(text)
    if not isinstance(message, dict):
        harmless = text.startswith(_HARMLESS)
        return NoEvent("no JSON object", harmless=harmless)
    if "Type" in message and "Message" in message:
        if topics and str(message.get("TopicArn")) not in topics:
            return NoEvent("an SNS envelope of a topic that is not in topic_arns", harmless=False)
        if message["Type"] != "Notification":
            return NoEvent(f"an SNS {str(message['Type'])[:40]}", harmless=True)
        inner = message["Message"]
        if not isinstance(inner, str):
            return NoEvent("an SNS envelope whose message is not text", harmless=False)
        text = inner
        if text.startswith(_HARMLESS):
            return NoEvent("SNS has validated its topic", harmless=True)
        message = _loaded(text)
        if not isinstance(message, dict):
            return NoEvent("an SNS envelope without an event", harmless=False)
    return _event(message, text)


class _Twice(Exception):
    """An object has a key twice: what it says depends on who reads it."""


def _loaded(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_unambiguous)
    except (ValueError, RecursionError):
        return None


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        names = [name for name, _ in pairs]
        raise _Twice(next(name for name in names if names.count(name) > 1))
    return fields


def _event(message: Mapping[str, Any], text: str) -> Event | NoEvent:
    type_name, mail = (
        message.get("eventType") or message.get("notificationType"),
        message.get("mail"),
    )
    if not isinstance(type_name, str) or not isinstance(mail, dict):
        return NoEvent("no event of SES", harmless=False)
    message_id = mail.get("messageId")
    if not isinstance(message_id, str) or not _MESSAGE_ID.fullmatch(message_id):
        return NoEvent("an event without a message id", harmless=False)
    kind = _TYPES.get(type_name, EventType.OTHER)
    facts = message.get(_OBJECTS.get(kind, ""), {})
    facts = facts if isinstance(facts, dict) else {}
    sent_at = _time(mail.get("timestamp"))
    at = _time(facts.get("timestamp")) or sent_at
    if at is None:
        return NoEvent("an event without a time", harmless=False)
    mark = str(facts.get("feedbackId") or at.isoformat())[:200]
    return Event(
        key=storable(f"{message_id} {type_name[:40]} {mark}"),
        type=kind,
        at=at,
        message_id=message_id,
        ref=next(_refs(mail), None),
        detail=storable(_detail(kind, facts)),
        payload=storable(text),
        cause=causes.cause_of(kind, facts),
        sent_at=sent_at,
        word=causes.word_of(kind, type_name, facts),
        store=_store(mail),
        reporter=NAME,
        agent=_agent(facts) if kind in (EventType.OPEN, EventType.CLICK) else None,
        link=storable(str(facts.get("link") or "")) if kind is EventType.CLICK else None,
    )


def _agent(facts: Mapping[str, Any]) -> Agent:
    """By `isBotEvent`, which is `Likely`, `Unlikely` or missing."""
    return _AGENTS.get(str(facts.get("isBotEvent")), Agent.UNKNOWN)


def _refs(mail: Mapping[str, Any]) -> Iterator[Ref]:
    """The delivery that an event names: by its tags, else by our header."""
    tags = mail.get("tags")
    if isinstance(tags, dict) and (ref := _tagged(tags)):
        yield ref
    headers = mail.get("headers")
    for header in headers if isinstance(headers, list) else ():
        is_ours = isinstance(header, dict) and str(header.get("name")).lower() == _HEADER
        if is_ours and (ref := ref_of(str(header.get("value")))):
            yield ref


def _tagged(tags: Mapping[str, Any]) -> Ref | None:
    return ref_of(f"{_first(tags, 'delivery')}.{_first(tags, 'attempt')}")


def _store(mail: Mapping[str, Any]) -> str:
    tags = mail.get("tags")
    return _first(tags, "store")[:40] if isinstance(tags, dict) else ""


def _first(tags: Mapping[str, Any], name: str) -> str:
    values = tags.get(name)
    return str(values[0]) if isinstance(values, list) and values else ""


def _time(value: object) -> dt.datetime | None:
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        time = dt.datetime.fromisoformat(value)
        return time.replace(tzinfo=time.tzinfo or dt.UTC).astimezone(dt.UTC)
    except (ValueError, OverflowError):  # at the edges of the calendar
        return None


def _detail(kind: EventType, facts: Mapping[str, Any]) -> str:
    """The details of the cause, in a line."""
    match kind:
        case EventType.BOUNCE:
            parts = [facts.get("bounceType"), facts.get("bounceSubType"), _diagnostic(facts)]
        case EventType.COMPLAINT:
            parts = [facts.get("complaintFeedbackType"), facts.get("complaintSubType")]
        case EventType.REJECT:
            parts = [facts.get("reason")]
        case EventType.RENDERING_FAILURE:
            parts = [facts.get("errorMessage")]
        case EventType.DELAY:
            parts = [facts.get("delayType")]
        case EventType.DELIVERY:
            parts = [facts.get("smtpResponse")]
        case _:
            parts = []
    return " ".join(str(part) for part in parts if isinstance(part, str) and part)[:300]


def _diagnostic(facts: Mapping[str, Any]) -> str:
    recipients = facts.get("bouncedRecipients")
    first = recipients[0] if isinstance(recipients, list) and recipients else {}
    return str(first.get("status") or "") if isinstance(first, dict) else ""
