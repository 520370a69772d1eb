"""What each answer of SES means; what is in no table is unknown."""

import datetime as dt
from typing import Any

import boto3
import pytest
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    ReadTimeoutError,
)

from newsletter.errors import (
    OutcomeUnknown,
    QuotaReached,
    SendingStopped,
    Throttled,
    TransportDown,
    TransportError,
)
from newsletter.transports.ses.outcomes import (
    STATUSES,
    CallRefused,
    Meaning,
    NotUnderstood,
    entries,
    single,
    translated,
)
from newsletter.transports.ses.replies import ReplyTooLarge

URL = "https://email.us-east-1.amazonaws.com"


def answered(code: str, status: int = 400, message: str = "because") -> TransportError:
    response: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return translated(ClientError(response, "SendBulkEmail"))


# --- whole calls ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "status", "message", "meaning"),
    [
        ("TooManyRequestsException", 429, "Too many requests.", Throttled),
        ("Throttling", 400, "Maximum sending rate exceeded.", Throttled),
        ("ThrottlingException", 400, "Maximum sending rate exceeded.", Throttled),
        ("Throttling", 400, "Daily message quota exceeded.", QuotaReached),
        ("ThrottlingException", 400, "Daily message quota exceeded.", QuotaReached),
        ("TooManyRequestsException", 429, "Daily message quota exceeded.", QuotaReached),
        ("LimitExceededException", 400, "too many instances", QuotaReached),
        ("SendingPausedException", 400, "Sending paused.", SendingStopped),
        ("AccountSuspendedException", 400, "Suspended.", SendingStopped),
        ("MailFromDomainNotVerifiedException", 400, "Not verified.", SendingStopped),
        ("NotFoundException", 404, "Configuration set does not exist.", SendingStopped),
        ("AccessDeniedException", 403, "Not authorized.", SendingStopped),
        ("ExpiredTokenException", 403, "Expired.", SendingStopped),
        ("ExpiredToken", 403, "Expired.", SendingStopped),
        ("UnrecognizedClientException", 403, "Invalid token.", SendingStopped),
        ("InvalidClientTokenId", 403, "Invalid token.", SendingStopped),
        ("SignatureDoesNotMatch", 403, "Wrong key.", SendingStopped),
        ("InvalidSignatureException", 403, "Clock skew.", SendingStopped),
        ("MessageRejected", 400, "Email address is not verified.", SendingStopped),
        ("MessageRejected", 400, "Contains a virus.", CallRefused),
        ("BadRequestException", 400, "Bad.", CallRefused),
        ("InternalServiceErrorException", 500, "Internal failure", OutcomeUnknown),
        ("ServiceUnavailable", 503, "Slow down", OutcomeUnknown),
        ("TooManyRequestsException", 503, "Too many", OutcomeUnknown),
        ("BadRequestException", 502, "From a proxy", OutcomeUnknown),
        ("SomethingNew", 400, "?", NotUnderstood),
        ("403", 403, "Sign in to the network", NotUnderstood),
        ("301", 301, "Moved", NotUnderstood),
        ("", 0, "", NotUnderstood),
    ],
)
def test_an_error_of_a_whole_call(
    code: str, status: int, message: str, meaning: type[TransportError]
) -> None:
    """Only an error that SES documents for a refusal proves one; a 5xx proves nothing."""
    assert type(answered(code, status, message)) is meaning


def test_every_error_of_the_two_calls_in_the_model_of_ses_is_known() -> None:
    """A new one would be unknown, safely, but should be looked at here."""
    model = boto3.client("sesv2", region_name="us-east-1").meta.service_model
    names = {
        shape.name
        for operation in ("SendEmail", "SendBulkEmail")
        for shape in model.operation_model(operation).error_shapes
    }

    found = {name for name in names if isinstance(answered(name), OutcomeUnknown)}

    assert len(names) >= 8
    assert found == set()


LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
EXPIRED = {
    "access_key": "key",
    "secret_key": "secret",
    "token": "token",
    "expiry_time": LONG_AGO.isoformat(),
}


@pytest.mark.parametrize("code", ["ExpiredTokenException", "AccessDeniedException"])
def test_what_a_person_can_mend_says_how(code: str) -> None:
    assert answered(code).hint


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (EndpointConnectionError(endpoint_url=URL, error="refused"), TransportDown),
        (ConnectTimeoutError(endpoint_url=URL, error="slow"), TransportDown),
        (ReadTimeoutError(endpoint_url=URL, error="slow"), OutcomeUnknown),
        (HTTPClientError(error="broken"), OutcomeUnknown),
        (ReplyTooLarge(limit=1), NotUnderstood),
        (NoCredentialsError(), SendingStopped),
        (RuntimeError("maximum recursion depth exceeded"), NotUnderstood),
    ],
)
def test_an_error_of_the_way(error: Exception, meaning: type[TransportError]) -> None:
    assert type(translated(error)) is meaning


def test_credentials_that_expire_amid_a_send_leave_nobody_unknown() -> None:
    """They are asked for before each call."""
    credentials = RefreshableCredentials(
        "key", "secret", "token", LONG_AGO, lambda: EXPIRED, method="custom-process"
    )

    with pytest.raises(RuntimeError) as caught:
        credentials.get_frozen_credentials()

    assert type(translated(caught.value)) is SendingStopped


def test_any_other_error_of_reading_is_unknown_without_its_text() -> None:
    found = translated(AttributeError("'list' object has no attribute 'reader@example.com'"))

    assert type(found) is NotUnderstood
    assert "reader@" not in found.message


# --- entries --------------------------------------------------------------------------------------


def test_every_status_in_the_model_of_ses_is_known() -> None:
    model = boto3.client("sesv2", region_name="us-east-1").meta.service_model
    status: Any = model.shape_for("BulkEmailStatus")

    assert len(status.enum) == 14
    assert set(status.enum) <= set(STATUSES)


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        ("SUCCESS", Meaning.ACCEPTED),
        ("MESSAGE_REJECTED", Meaning.REJECTED),
        ("INVALID_PARAMETER", Meaning.REJECTED),
        ("TRANSIENT_FAILURE", Meaning.RETRY),
        ("FAILED", Meaning.RETRY),
        ("ACCOUNT_THROTTLED", Meaning.THROTTLED),
        ("ACCOUNT_DAILY_QUOTA_EXCEEDED", Meaning.QUOTA),
        ("ACCOUNT_SUSPENDED", Meaning.STOP),
        ("ACCOUNT_SENDING_PAUSED", Meaning.STOP),
        ("CONFIGURATION_SET_SENDING_PAUSED", Meaning.STOP),
        ("CONFIGURATION_SET_NOT_FOUND", Meaning.STOP),
        ("TEMPLATE_NOT_FOUND", Meaning.STOP),
        ("MAIL_FROM_DOMAIN_NOT_VERIFIED", Meaning.STOP),
        ("INVALID_SENDING_POOL_NAME", Meaning.STOP),
        ("SOMETHING_NEW", Meaning.UNKNOWN),
        ("success", Meaning.UNKNOWN),
        ("", Meaning.UNKNOWN),
        (None, Meaning.UNKNOWN),
        (7, Meaning.UNKNOWN),
    ],
)
def test_the_status_of_an_entry(status: object, meaning: Meaning) -> None:
    reply = {"BulkEmailEntryResults": [{"Status": status, "MessageId": "m1", "Error": "why"}]}

    [answer] = entries(reply, 1)

    assert answer.meaning is meaning
    assert (answer.message_id == "m1") or meaning is not Meaning.ACCEPTED


@pytest.mark.parametrize(
    "result",
    [
        None,
        "SUCCESS",
        [],
        {},
        {"Status": "SUCCESS"},
        *({"Status": "SUCCESS", "MessageId": i} for i in ["a\0b", "\ud800", "a b", "m" * 201, {}]),
    ],
)
def test_an_entry_that_says_nothing_is_unknown(result: object) -> None:
    """Also a success that names no message."""
    [answer] = entries({"BulkEmailEntryResults": [result]}, 1)

    assert answer.meaning is Meaning.UNKNOWN


def test_a_reason_is_one_line_that_any_database_and_terminal_takes() -> None:
    said = "too\r\nlong\0 \x1b[2J\ud800 \u202e因为" + "x" * 1000
    result = {"Status": "MESSAGE_REJECTED", "Error": said}

    [answer] = entries({"BulkEmailEntryResults": [result]}, 1)
    whole = answered("MessageRejected", 400, said)

    assert answer.reason.startswith("MESSAGE_REJECTED too long [2J 因为xxx")
    assert whole.message.startswith("MessageRejected: too long [2J 因为xxx")
    assert len(answer.reason) == len(whole.message) == 500


@pytest.mark.parametrize(
    "reply",
    [
        {},
        {"BulkEmailEntryResults": None},
        {"BulkEmailEntryResults": "SUCCESS"},
        {"BulkEmailEntryResults": []},
        {"BulkEmailEntryResults": [{"Status": "SUCCESS", "MessageId": "m"}] * 3},
    ],
)
def test_answers_that_are_not_as_many_are_no_answers(reply: dict[str, Any]) -> None:
    with pytest.raises(OutcomeUnknown):
        entries(reply, 2)


def test_one_recipient_that_is_not_verified_is_refused_alone() -> None:
    """Others were accepted, so the sender is verified."""
    refused = {"Status": "MESSAGE_REJECTED", "Error": "Email address is not verified."}
    reply = {"BulkEmailEntryResults": [refused, {"Status": "SUCCESS", "MessageId": "m"}]}

    assert [answer.meaning for answer in entries(reply, 2)] == [Meaning.REJECTED, Meaning.ACCEPTED]
    assert entries({"BulkEmailEntryResults": [refused]}, 1)[0].meaning is Meaning.STOP


@pytest.mark.parametrize("reply", [{}, *({"MessageId": i} for i in (None, "", 5, "a\0b"))])
def test_a_single_answer_without_a_message_id_is_unknown(reply: dict[str, Any]) -> None:
    with pytest.raises(OutcomeUnknown):
        single(reply)
