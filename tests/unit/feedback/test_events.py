"""What SES says, as an Event: every documented payload, and whatever else may come."""

import datetime as dt
import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.feedback.base import MAX_CHARACTERS
from newsletter.feedback.ses.events import parse
from newsletter.model.event import Event, EventType, NoEvent, Ref
from newsletter.model.send import Reported
from tests.share import examples
from tests.unit.feedback.payloads import FOLDER, MESSAGE_ID, changed, payload

REF = Ref("20260107-abcdef", 7, 1)

EVENTS = {
    "event-send.json": (EventType.SEND, None, ""),
    "event-delivery.json": (
        EventType.DELIVERY,
        Reported.DELIVERED,
        "250 2.6.0 Message received",
    ),
    "event-bounce-permanent.json": (
        EventType.BOUNCE,
        Reported.BOUNCED,
        "Permanent General 5.1.1",
    ),
    "event-bounce-transient.json": (
        EventType.BOUNCE,
        Reported.BOUNCED,
        "Transient MailboxFull 4.2.2",
    ),
    "event-bounce-suppression-list.json": (
        EventType.BOUNCE,
        Reported.BOUNCED,
        "Permanent OnAccountSuppressionList 5.1.1",
    ),
    "event-bounce-out-of-office.json": (
        EventType.BOUNCE,
        None,
        "Undetermined Undetermined",
    ),
    "event-complaint.json": (EventType.COMPLAINT, Reported.COMPLAINED, "abuse"),
    "event-complaint-not-spam.json": (EventType.COMPLAINT, None, "not-spam"),
    "event-complaint-suppression-list.json": (
        EventType.COMPLAINT,
        Reported.COMPLAINED,
        "OnAccountSuppressionList",
    ),
    "event-reject.json": (EventType.REJECT, Reported.REJECTED, "Bad content"),
    "event-open.json": (EventType.OPEN, None, ""),
    "event-click.json": (EventType.CLICK, None, ""),
    "event-rendering-failure.json": (
        EventType.RENDERING_FAILURE,
        Reported.RENDERING_FAILED,
        "Attribute 'f0' is not present in the rendering data.",
    ),
    "event-delivery-delay.json": (EventType.DELAY, Reported.DELAYED, "MailboxFull"),
    "event-subscription.json": (EventType.SUBSCRIPTION, None, ""),
    "notification-bounce-permanent.json": (
        EventType.BOUNCE,
        Reported.BOUNCED,
        "Permanent General 5.1.1",
    ),
    "notification-complaint.json": (EventType.COMPLAINT, Reported.COMPLAINED, "abuse"),
    "notification-delivery.json": (
        EventType.DELIVERY,
        Reported.DELIVERED,
        "250 2.6.0 Message received",
    ),
    "sns-event-bounce-permanent.json": (
        EventType.BOUNCE,
        Reported.BOUNCED,
        "Permanent General 5.1.1",
    ),
    "sns-event-delivery.json": (
        EventType.DELIVERY,
        Reported.DELIVERED,
        "250 2.6.0 Message received",
    ),
    "sns-notification-complaint.json": (EventType.COMPLAINT, Reported.COMPLAINED, "abuse"),
}
# The notification without headers names no delivery: it is in a test of its own.
HARMLESS = [
    "validated.txt",
    "sns-validated.json",
    "sns-subscription-confirmation.json",
    "sns-unsubscription-confirmation.json",
]


def event_of(text: str) -> Event:
    event = parse(text)
    assert isinstance(event, Event)
    return event


def fault_of(text: str) -> str:
    found = parse(text)
    assert isinstance(found, NoEvent)
    assert not found.harmless
    return found.reason


@pytest.mark.parametrize("name", EVENTS)
def test_each_documented_payload_is_read(name: str) -> None:
    """Both shapes, bare or in an envelope, end as the same event."""
    event = event_of(payload(name))

    kind, reported, detail = EVENTS[name]
    assert (event.type, event.reported, event.detail) == (kind, reported, detail)
    assert (event.message_id, event.ref) == (MESSAGE_ID, REF if "event-" in name else event.ref)
    assert event.ref is not None
    assert (event.ref.send_id, event.ref.number) == ("20260107-abcdef", 7)
    assert event.at.tzinfo is dt.UTC
    assert json.loads(event.payload)["mail"]["messageId"] == MESSAGE_ID


def test_every_payload_at_hand_is_in_a_test() -> None:
    known = {*EVENTS, *HARMLESS, "notification-bounce-without-headers.json"}

    assert {path.name for path in FOLDER.iterdir()} == known


def test_every_type_that_ses_has_is_among_them() -> None:
    assert {kind for kind, _, _ in EVENTS.values()} == set(EventType) - {EventType.OTHER}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_sns_says_of_itself_is_no_fault(name: str) -> None:
    found = parse(payload(name))

    assert isinstance(found, NoEvent)
    assert found.harmless


# --- whose it is ----------------------------------------------------------------------------------


def test_the_header_names_the_delivery_where_tags_are_missing() -> None:
    event = event_of(changed(mail__tags=None))

    assert event.ref == REF


@pytest.mark.parametrize(
    "tags", [{}, [], "x", {"delivery": []}, {"delivery": "7"}, {"delivery": ["reader@example.com"]}]
)
def test_tags_that_name_no_delivery_leave_it_to_the_header(tags: object) -> None:
    assert event_of(changed(mail__tags=tags)).ref == REF


def test_without_tags_and_headers_the_message_id_is_left() -> None:
    event = event_of(payload("notification-bounce-without-headers.json"))

    assert (event.ref, event.message_id) == (None, MESSAGE_ID)


@pytest.mark.parametrize(
    "delivery",
    ["20260107-abcdef", "20260107-abcdef-7x", "20260107-abcdef--7", "test-abc-1", "7", "1" * 5000],
)
def test_a_delivery_of_another_form_is_none_of_ours(delivery: str) -> None:
    tags = {"delivery": [delivery], "attempt": ["1"]}

    assert event_of(changed(mail__tags=tags, mail__headers=None)).ref is None


# --- the same event -------------------------------------------------------------------------------


def test_both_shapes_of_one_bounce_are_one_event() -> None:
    """Who has switched on both gets every bounce twice."""
    keys = {
        event_of(payload(name)).key
        for name in (
            "event-bounce-permanent.json",
            "notification-bounce-permanent.json",
            "sns-event-bounce-permanent.json",
        )
    }

    assert len(keys) == 1


def test_two_bounces_of_one_mail_are_two_events() -> None:
    first = event_of(changed())
    second = event_of(changed(bounce__feedbackId="another"))

    assert first.key != second.key


def test_two_clicks_are_two_events() -> None:
    first = event_of(payload("event-click.json"))
    second = event_of(changed("event-click.json", click__timestamp="2026-01-07T10:00:06.000Z"))

    assert first.key != second.key


# --- what may come beside -------------------------------------------------------------------------


def test_a_type_that_is_not_known_is_kept_as_such() -> None:
    event = event_of(changed(eventType="Teleportation"))

    assert (event.type, event.ref, event.reported) == (EventType.OTHER, REF, None)
    assert "Teleportation" in event.key


def test_new_fields_are_no_trouble() -> None:
    assert event_of(changed(newField={"a": [1]}, mail__newField=1, bounce__newField=2))


FAULTS: dict[str, str] = {
    "": "no JSON object",
    "hello": "no JSON object",
    "{": "no JSON object",
    "[]": "no JSON object",
    "null": "no JSON object",
    "NaN": "no JSON object",
    '"text"': "no JSON object",
    "{}": "no event of SES",
    '{"eventType": "Send"}': "no event of SES",
    '{"eventType": 5, "mail": {}}': "no event of SES",
    '{"eventType": "Send", "mail": []}': "no event of SES",
    '{"eventType": "Send", "mail": {}}': "an event without a message id",
    '{"Type": "Notification", "Message": "hello"}': "an SNS envelope without an event",
    '{"Type": "Notification", "Message": "[1]"}': "an SNS envelope without an event",
    '{"Type": "Notification", "Message": "{}"}': "no event of SES",
    '{"Type": "Notification", "Message": {"eventType": "Send"}}': (
        "an SNS envelope whose message is not text"
    ),
}


@pytest.mark.parametrize(("text", "reason"), FAULTS.items())
def test_what_is_no_event_says_why(text: str, reason: str) -> None:
    assert fault_of(text) == reason


@pytest.mark.parametrize("topic", [None, "", "arn:other", ["arn:ours"], {"arn:ours": 1}, 5])
def test_an_envelope_of_a_topic_that_is_not_ours_is_none(topic: object) -> None:
    envelope = {"Type": "Notification", "Message": payload("event-send.json"), "TopicArn": topic}

    found = parse(json.dumps(envelope), frozenset({"arn:ours"}))

    assert isinstance(found, NoEvent)
    assert found.reason == "an SNS envelope of a topic that is not in topic_arns"


@pytest.mark.parametrize(
    "message_id", [None, "", 5, [], "x" * 201, "a b", "a\0b", "a\nb", "\ud83d", float("nan")]
)
def test_a_message_id_is_a_word_of_ascii(message_id: object) -> None:
    """Anything else would be no key of ours, and some of it nothing that a database keeps."""
    assert fault_of(changed(mail__messageId=message_id)) == "an event without a message id"


@pytest.mark.parametrize(
    "at",
    ["", "yesterday", 5, None, "x" * 41, "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"],
)
def test_a_time_that_is_none_is_a_fault(at: object) -> None:
    """The calendar ends: a zone can move a time beyond it."""
    text = changed(bounce__timestamp=None, mail__timestamp=at)

    assert fault_of(text) == "an event without a time"


def test_the_time_of_the_mail_stands_in_for_one_of_its_own() -> None:
    event = event_of(payload("event-send.json"))

    assert event.at == dt.datetime(2026, 1, 7, 8, 30, 0, 123_000, dt.UTC)


def test_what_is_longer_than_a_queue_carries_is_not_read() -> None:
    assert fault_of(" " * (MAX_CHARACTERS + 1)).startswith("longer than")


@pytest.mark.parametrize("opening", ["[", '{"a":', '{"mail":[', '["'])
def test_deep_nesting_is_a_fault_and_no_crash(opening: str) -> None:
    assert fault_of(opening * 20_000) == "no JSON object"
    enveloped = json.dumps({"Type": "Notification", "Message": opening * 20_000})
    assert fault_of(enveloped) == "an SNS envelope without an event"


@pytest.mark.parametrize("text", ['"' + '\\"' * 130_000, "\\" * 200_000, '"' * 200_000])
def test_no_text_takes_long(text: str) -> None:
    """Time grows with the length, not with its square: these would take hours otherwise."""
    began = time.process_time()

    fault_of(text)

    assert time.process_time() - began < 5


def test_what_no_database_keeps_is_replaced() -> None:
    """NUL and halves of characters come through JSON's escapes."""
    event = event_of(
        changed(
            eventType="Bou\0nce\ud83d", bounce__feedbackId="a\0b\udc00", bounce__bounceType="x\0"
        )
    )

    for text in (event.key, event.detail, event.payload):
        assert "\0" not in text
        text.encode()


def test_a_payload_from_an_envelope_is_storable_too() -> None:
    inner = changed().replace("Permanent", "Perma\ud83dnent")

    event = event_of(json.dumps({"Type": "Notification", "Message": inner}))

    event.payload.encode()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@settings(max_examples=examples(150))
@given(st.sampled_from(sorted(EVENTS)), st.data())
def test_no_wrong_type_anywhere_is_an_exception(name: str, data: st.DataObject) -> None:
    """Any value in any place: an event, or a fault, and nothing else."""
    event: Any = json.loads(payload(name))
    path = data.draw(st.sampled_from(_paths(event)))
    inner = event
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = data.draw(JSON)

    found = parse(json.dumps(event))

    assert isinstance(found, Event | NoEvent)
    if isinstance(found, Event):
        (found.key + found.detail + found.payload + found.message_id).encode()
        assert "\0" not in found.key + found.detail + found.payload


@given(st.text(max_size=60))
def test_no_text_is_an_exception(text: str) -> None:
    assert isinstance(parse(text), NoEvent)


def _paths(value: Any) -> list[tuple[Any, ...]]:
    """The way to each value within a JSON value."""

    return [
        way
        for key, inner in _pairs(value)
        for way in ((key,), *((key, *rest) for rest in _paths(inner)))
    ]


def _pairs(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, dict):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list) else []


def _twice(text: str, key: str, value: str) -> str:
    """The JSON with a key once more in front of where it first stands."""
    place = text.index(f'"{key}"')
    return f'{text[:place]}"{key}": {value}, {text[place:]}'


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("eventType", '"Complaint"'),
        ("messageId", '"another"'),
        ("bounceType", '"Transient"'),
        ("tags", "{}"),
        ("emailAddress", '"b@example.com"'),
    ],
)
def test_a_key_that_stands_twice_is_refused_at_any_depth(key: str, value: str) -> None:
    """Whoever signs the first may mean another event than who reads the last."""
    bare = _twice(payload("event-bounce-permanent.json"), key, value)
    envelope = json.dumps({"Type": "Notification", "Message": bare})

    for text in (bare, envelope, _twice(envelope, "Message", '"{}"')):
        found = parse(text)
        assert isinstance(found, NoEvent)
        assert not found.harmless
        assert "twice" in found.reason
