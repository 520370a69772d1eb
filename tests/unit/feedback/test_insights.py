"""Answers of Message Insights that no healthy SES gives, or that say what is not to count."""

import datetime as dt
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from newsletter.feedback.base import RecordsUnreachable, Unsettled
from newsletter.feedback.ses import insights
from newsletter.model.event import Event, EventType

NOW = dt.datetime(2026, 1, 7, 8, 30, tzinfo=dt.UTC)
DELIVERY = "20260107-abcdef-7"
UNSETTLED = [Unsettled(DELIVERY, "ada@example.com", NOW, NOW)]
TAGS = [{"Name": "delivery", "Value": DELIVERY}, {"Name": "attempt", "Value": "1"}]


class Client:
    """SES, as it answers to a job and about a message."""

    meta = SimpleNamespace(endpoint_url="https://email.us-east-1.amazonaws.com")

    def __init__(self, *jobs: Mapping[str, Any], message: Mapping[str, Any] | None = None) -> None:
        self._jobs = iter(jobs)
        self._message = message or {}

    def create_export_job(self, **request: Any) -> Mapping[str, Any]:
        return {"JobId": "job"}

    def get_export_job(self, JobId: str) -> Mapping[str, Any]:
        return next(self._jobs)

    def get_message_insights(self, MessageId: str) -> Mapping[str, Any]:
        return {"MessageId": MessageId, **self._message}


def found(client: Client) -> Sequence[Event]:
    asked: Any = insights.MessageInsights(client, sleep=lambda seconds: None)  # type: ignore[arg-type]
    return [message.report for message in asked.find(UNSETTLED)]


@pytest.mark.parametrize(
    ("job", "said"),
    [
        ({"JobStatus": "FAILED", "FailureInfo": {"ErrorMessage": "VDM is off"}}, "VDM is off"),
        ({"JobStatus": "CANCELLED"}, "has cancelled"),
        ({"JobStatus": "COMPLETED"}, "has no address"),
        (
            {"JobStatus": "COMPLETED", "ExportDestination": {"S3Url": "file:///etc/passwd"}},
            "has no address",
        ),
        ({"nothing": ""}, "cannot be read"),
    ],
)
def test_an_export_that_is_not_to_be_had_is_told(job: Mapping[str, Any], said: str) -> None:
    with pytest.raises(RecordsUnreachable) as caught:
        found(Client(job))

    assert said in f"{caught.value.message} {caught.value.hint}"


def test_an_export_that_takes_for_ever_is_given_up() -> None:
    with pytest.raises(RecordsUnreachable, match="longer than 600 seconds"):
        found(Client(*[{"JobStatus": "PROCESSING"}] * 1_000))


@pytest.mark.parametrize(
    ("table", "ids"),
    [
        ("", []),
        ("MessageId,Destination\r\nm1,a\r\nm1,b\r\nm2,c\r\n", ["m1", "m2"]),
        ('"Destination","Message ID"\n"a","m1"\n"b"\n', ["m1"]),
    ],
)
def test_ids_are_found_by_the_head_of_their_column(table: str, ids: Sequence[str]) -> None:
    assert list(insights._ids_in(table)) == ids


def test_a_table_without_ids_is_no_answer() -> None:
    with pytest.raises(RecordsUnreachable, match="no column of message ids"):
        insights._ids_in("Destination\na\n")


@pytest.mark.parametrize(
    ("event", "kinds"),
    [
        ({"Type": "SEND"}, [EventType.SEND]),
        ({"Type": "REJECT"}, [EventType.REJECT]),
        ({"Type": "RENDERING_FAILURE"}, [EventType.RENDERING_FAILURE]),
        ({"Type": "COMPLAINT", "Details": {"Complaint": {}}}, [EventType.COMPLAINT]),
        ({"Type": "BOUNCE", "Details": {"Bounce": {"BounceType": "TRANSIENT"}}}, []),
        ({"Type": "OPEN"}, []),
        ({"Type": "NEW_WORD"}, []),
    ],
)
def test_what_settles_a_delivery_or_binds_its_reader_counts(
    event: dict[str, Any], kinds: Sequence[EventType], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A delay or a soft bounce would count twice where its event comes after all."""
    monkeypatch.setattr(insights.MessageInsights, "_mails_to", lambda self, unsettled: ["m1"])
    told = {"Destination": "ada@example.com", "Events": [{"Timestamp": NOW, **event}]}

    events = found(Client(message={"EmailTags": TAGS, "Insights": [told]}))

    assert [each.type for each in events] == kinds
    assert all(each.ref is not None and each.ref.number == 7 for each in events)


def test_a_mail_that_is_not_among_them_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as one of another send to the same reader."""
    monkeypatch.setattr(insights.MessageInsights, "_mails_to", lambda self, unsettled: ["m1"])
    tags = [{"Name": "delivery", "Value": "20260106-abcdef-7"}]
    told = {"Events": [{"Timestamp": NOW, "Type": "SEND"}]}

    assert found(Client(message={"EmailTags": tags, "Insights": [told]})) == []
