"""What each bounce and complaint of SES's documentation means for its address."""

from typing import Any

import pytest

from newsletter.feedback.ses.causes import cause_of
from newsletter.feedback.ses.events import parse
from newsletter.model.event import Cause, Event, EventType
from newsletter.model.send import Reported
from tests.unit.feedback.payloads import changed, payload

BOUNCES = [
    ("Permanent", "General", Cause.HARD),
    ("Permanent", "NoEmail", Cause.HARD),
    ("Permanent", "Suppressed", Cause.HARD),
    ("Permanent", "OnAccountSuppressionList", Cause.LISTED),
    ("Permanent", "UnsubscribedRecipient", Cause.LISTED),
    ("Permanent", "OnTenantSuppressionList", Cause.LISTED),
    ("Permanent", "EmailValidationSuppressed", Cause.DOUBTED),
    ("Transient", "General", Cause.SOFT),
    ("Transient", "MailboxFull", Cause.SOFT),
    ("Transient", "MessageTooLarge", Cause.MESSAGE),
    ("Transient", "ContentRejected", Cause.MESSAGE),
    ("Transient", "AttachmentRejected", Cause.MESSAGE),
    ("Transient", "CustomTimeoutExceeded", Cause.TIMEOUT),
    ("Undetermined", "Undetermined", Cause.SOFT),
]
UNKNOWN = [
    ("Permanent", "SomethingNew"),
    ("Permanent", "general"),
    ("Permanent", ""),
    ("Permanent", None),
    ("Permanent", ["General"]),
    ("Permanent", "General "),
    ("Transient", "SomethingNew"),
    ("Transient", "Suppressed"),
    ("Undetermined", "General"),
    ("SomethingNew", "General"),
    ("SomethingNew", "SomethingNew"),
    (None, None),
    (5, "General"),
]


def event(text: str) -> Event:
    found = parse(text)
    assert isinstance(found, Event)
    return found


@pytest.mark.parametrize(("kind", "sub_type", "cause"), BOUNCES)
def test_each_kind_of_bounce_has_its_cause(kind: str, sub_type: str, cause: Cause) -> None:
    found = event(changed(bounce__bounceType=kind, bounce__bounceSubType=sub_type))

    assert (found.cause, found.reported) == (cause, Reported.BOUNCED)


@pytest.mark.parametrize(("kind", "sub_type"), UNKNOWN)
def test_a_bounce_in_unknown_words_is_no_known_one(kind: object, sub_type: object) -> None:
    """Each of the two words must be one of the table: nothing is guessed from half of them."""
    found = event(
        changed(
            bounce={"bounceType": kind, "bounceSubType": sub_type, "timestamp": "2026-01-07T12:00Z"}
        )
    )

    assert (found.cause, found.reported) == (Cause.UNKNOWN, Reported.BOUNCED)


@pytest.mark.parametrize(
    ("sub_type", "feedback", "cause"),
    [
        (None, "abuse", Cause.COMPLAINT),
        (None, "fraud", Cause.COMPLAINT),
        ("", None, Cause.COMPLAINT),
        (None, None, Cause.COMPLAINT),
        ("OnTenantSuppressionList", None, Cause.LISTED),
        ("OnAccountSuppressionList", "abuse", Cause.LISTED),
        (None, "not-spam", None),
        ("SomethingNew", "abuse", Cause.UNKNOWN),
        ("SomethingNew", "not-spam", Cause.UNKNOWN),
        (None, "opted-in-again", Cause.UNKNOWN),
        (None, ["abuse"], Cause.UNKNOWN),
        ({}, "abuse", Cause.UNKNOWN),
    ],
)
def test_a_complaint_counts_in_known_words_alone(
    sub_type: object, feedback: object, cause: Cause | None
) -> None:
    facts = {"complaintSubType": sub_type, "complaintFeedbackType": feedback}

    assert cause_of(EventType.COMPLAINT, facts) is cause


@pytest.mark.parametrize("kind", ["Forward", "bounce", "other", "Delivery ", "Archived"])
def test_an_event_of_an_unknown_type_says_so(kind: str) -> None:
    found = event(changed("event-delivery.json", eventType=kind))

    assert (found.type, found.cause, found.reported) == (EventType.OTHER, Cause.UNKNOWN, None)
    assert found.word == kind.replace(" ", "?")


@pytest.mark.parametrize(
    ("name", "parts", "word"),
    [
        ("event-bounce-permanent.json", {}, "Bounce/Permanent/General"),
        ("event-bounce-permanent.json", {"bounce__bounceSubType": None}, "Bounce/Permanent"),
        ("event-bounce-permanent.json", {"bounce__bounceSubType": 7}, "Bounce/Permanent/(int)"),
        (
            "event-bounce-permanent.json",
            {"bounce__bounceSubType": "N\u202eew\n\x1b[2J" + "x" * 99},
            "Bounce/Permanent/N?ew?[2J" + "x" * 52,
        ),
        ("event-complaint-suppression-list.json", {}, "Complaint/OnAccountSuppressionList"),
        ("event-delivery.json", {}, ""),
        ("event-open.json", {}, ""),
    ],
)
def test_a_word_is_what_ses_calls_it_on_one_line(
    name: str, parts: dict[str, Any], word: str
) -> None:
    assert event(changed(name, **parts)).word == word


@pytest.mark.parametrize(
    ("kind", "sub_type"), [("Transient", "General"), ("Undetermined", "Undetermined")]
)
def test_a_reply_of_somebody_out_of_office_is_no_bounce(kind: str, sub_type: str) -> None:
    """SES names nobody who bounced then; the mail has arrived."""
    found = event(
        changed(
            bounce__bounceType=kind, bounce__bounceSubType=sub_type, bounce__bouncedRecipients=[]
        )
    )

    assert (found.type, found.cause, found.reported) == (EventType.BOUNCE, None, None)


def test_a_permanent_bounce_is_one_whoever_it_names() -> None:
    assert event(changed(bounce__bouncedRecipients=[])).cause is Cause.HARD


@pytest.mark.parametrize(
    ("name", "cause", "reported"),
    [
        ("event-complaint.json", Cause.COMPLAINT, Reported.COMPLAINED),
        ("notification-complaint.json", Cause.COMPLAINT, Reported.COMPLAINED),
        ("event-complaint-suppression-list.json", Cause.LISTED, Reported.COMPLAINED),
        ("event-complaint-not-spam.json", None, None),
        ("event-delivery.json", None, Reported.DELIVERED),
        ("event-open.json", None, None),
    ],
)
def test_other_events_have_a_cause_only_if_they_complain(
    name: str, cause: Cause | None, reported: Reported | None
) -> None:
    found = event(payload(name))

    assert (found.cause, found.reported) == (cause, reported)
