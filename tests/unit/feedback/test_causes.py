"""What each bounce and complaint of SES's documentation means for its address."""

from typing import Any

import pytest

from newsletter.feedback.causes import cause_of
from newsletter.feedback.events import parse
from newsletter.model.event import Cause, Event, EventType
from newsletter.model.send import Reported
from tests.unit.feedback.payloads import changed, payload

BOUNCES = [
    ("Permanent", "General", Cause.HARD),
    ("Permanent", "NoEmail", Cause.HARD),
    ("Permanent", "Suppressed", Cause.HARD),
    ("Permanent", "OnAccountSuppressionList", Cause.LISTED),
    ("Permanent", "UnsubscribedRecipient", Cause.LISTED),
    ("Permanent", "SomethingNew", Cause.HARD),
    ("Transient", "General", Cause.SOFT),
    ("Transient", "MailboxFull", Cause.SOFT),
    ("Transient", "MessageTooLarge", Cause.MESSAGE),
    ("Transient", "ContentRejected", Cause.MESSAGE),
    ("Transient", "AttachmentRejected", Cause.MESSAGE),
    ("Transient", "SomethingNew", Cause.SOFT),
    ("Undetermined", "Undetermined", Cause.SOFT),
    ("SomethingNew", "SomethingNew", Cause.SOFT),
]


def event(text: str) -> Event:
    found = parse(text)
    assert isinstance(found, Event)
    return found


@pytest.mark.parametrize(("kind", "sub_type", "cause"), BOUNCES)
def test_each_kind_of_bounce_has_its_cause(kind: str, sub_type: str, cause: Cause) -> None:
    found = event(changed(bounce__bounceType=kind, bounce__bounceSubType=sub_type))

    assert (found.cause, found.reported) == (cause, Reported.BOUNCED)


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


@pytest.mark.parametrize(
    "facts", [{}, {"bounceType": 5}, {"bounceType": None, "bounceSubType": []}]
)
def test_a_bounce_that_says_nothing_counts_as_one_that_may_pass(facts: dict[str, Any]) -> None:
    assert cause_of(EventType.BOUNCE, facts) is Cause.SOFT
