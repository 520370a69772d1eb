"""What SES answers -> what it means for a send.

Two tables: the error of a whole call, and the status of one entry of a bulk call. What is in
neither is never taken for a success or for a refusal: it is unknown, and the send stops. The words:
https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendBulkEmail.html#API_SendBulkEmail_Errors
https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_BulkEmailEntryResult.html
"""

import re
import ssl
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, NamedTuple

from botocore import exceptions as boto
from urllib3.util.ssl_match_hostname import CertificateError

from newsletter.aws.faults import (
    are_expired,
    code_of,
    fault_of,
    is_before_the_call,
    line_of,
    status_of,
)
from newsletter.errors import (
    OutcomeUnknown,
    QuotaReached,
    SendingStopped,
    Throttled,
    TransportDown,
    TransportError,
)
from newsletter.transports.ses.clients import SENDING
from newsletter.transports.ses.replies import ReplyTooLarge


class Meaning(Enum):
    """What one answer says about a message."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"  # for good, this message only
    RETRY = "retry"  # not sent, a failure of this message that may pass
    THROTTLED = "throttled"  # not sent, no failure of the message
    QUOTA = "quota"  # not sent, nothing more today
    STOP = "stop"  # not sent, a person has to act
    UNKNOWN = "unknown"


STATUSES: Mapping[str, Meaning] = {
    "SUCCESS": Meaning.ACCEPTED,
    "MESSAGE_REJECTED": Meaning.REJECTED,
    "INVALID_PARAMETER": Meaning.REJECTED,
    "INVALID_PARAMETER_VALUE": Meaning.REJECTED,
    "TRANSIENT_FAILURE": Meaning.RETRY,
    "FAILED": Meaning.RETRY,
    "ACCOUNT_THROTTLED": Meaning.THROTTLED,
    "ACCOUNT_DAILY_QUOTA_EXCEEDED": Meaning.QUOTA,
    "ACCOUNT_SUSPENDED": Meaning.STOP,
    "ACCOUNT_SENDING_PAUSED": Meaning.STOP,
    "CONFIGURATION_SET_SENDING_PAUSED": Meaning.STOP,
    "CONFIGURATION_SET_NOT_FOUND": Meaning.STOP,
    "CONFIGURATION_SET_DOES_NOT_EXIST": Meaning.STOP,
    "TEMPLATE_NOT_FOUND": Meaning.STOP,
    "TEMPLATE_DOES_NOT_EXIST": Meaning.STOP,
    "MAIL_FROM_DOMAIN_NOT_VERIFIED": Meaning.STOP,
    "INVALID_SENDING_POOL_NAME": Meaning.STOP,
    "INVALID_SENDING_POOL": Meaning.STOP,
}

# Error codes of a whole call, without the ending `Exception` that only some of them have. Those
# about credentials, permissions and clocks are in newsletter.aws.faults: they stop a send.
_ERRORS: Mapping[str, Meaning] = {
    "TooManyRequests": Meaning.THROTTLED,
    "Throttling": Meaning.THROTTLED,
    "Throttled": Meaning.THROTTLED,
    "RequestThrottled": Meaning.THROTTLED,
    "LimitExceeded": Meaning.QUOTA,
    "MessageRejected": Meaning.REJECTED,
    "BadRequest": Meaning.REJECTED,
    "Validation": Meaning.REJECTED,
    "Serialization": Meaning.STOP,
    "UnknownOperation": Meaning.STOP,
    "SendingPaused": Meaning.STOP,
    "AccountSuspended": Meaning.STOP,
    "MailFromDomainNotVerified": Meaning.STOP,
    "NotFound": Meaning.STOP,
}

_MESSAGE_ID = re.compile(r"[!-~]{1,200}")

# How SES says that an identity is not verified; outside the sandbox that is the sender.
_NOT_VERIFIED = "not verified"

# Credentials, region, endpoint: what is raised before anything is sent.
_BEFORE_THE_CALL = (boto.BotoCoreError, FileNotFoundError, PermissionError)

# Members that go with every call: where SES names one, no recipient is at fault.
_OF_EVERY_CALL = {
    "ConfigurationOverrides": "This endpoint is older than the switch for tracking, without which "
    "what arrives may not be what was sealed. Use the region's own endpoint, or a newer stand-in.",
    "TenantName": "Check [transport.ses] tenant.",
}

# What ends a TLS handshake; any other TLS error may have come after the request.
_HANDSHAKE = re.compile(
    r"CERTIFICATE|HANDSHAKE|WRONG_VERSION|UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION|UNKNOWN_PROTOCOL"
)


class NotUnderstood(OutcomeUnknown):
    """An answer that is not known here: the next may be the same, so the send stops."""


class CallRefused(TransportError):
    """SES refused the whole call for what it holds; nothing of it was sent."""

    code = "refused-by-ses"


class EntryResult(NamedTuple):
    """One entry of a bulk answer, or the answer to a single mail."""

    meaning: Meaning
    message_id: str = ""
    reason: str = ""


def entries(reply: Mapping[str, Any], count: int) -> list[EntryResult]:
    """The answers to `count` entries, in their order.

    Raises OutcomeUnknown where their number is wrong or they are not answers at all: botocore takes
    a cut-off body for an empty success.
    """
    results = reply.get("BulkEmailEntryResults")
    if not isinstance(results, list) or len(results) != count:
        number = len(results) if isinstance(results, list) else "no"
        raise OutcomeUnknown(f"SES gave {number} answers to {count} messages")
    answers = [_entry(result) for result in results]
    if any(answer.meaning is Meaning.ACCEPTED for answer in answers):
        return answers
    return [_about_the_sender(answer) for answer in answers]


def _about_the_sender(answer: EntryResult) -> EntryResult:
    """Where nobody was accepted, the identity that is not verified is the sender's."""
    if answer.meaning is Meaning.REJECTED and _NOT_VERIFIED in answer.reason:
        return answer._replace(meaning=Meaning.STOP)
    return answer


def _entry(result: object) -> EntryResult:
    if not isinstance(result, dict):
        return EntryResult(Meaning.UNKNOWN, reason="SES gave an answer without a status")
    status, message_id = str(result.get("Status")), str(result.get("MessageId") or "")
    meaning = STATUSES.get(status, Meaning.UNKNOWN)
    if meaning is not Meaning.ACCEPTED:
        return EntryResult(meaning, reason=line_of(f"{status} {result.get('Error') or ''}", 500))
    if not _MESSAGE_ID.fullmatch(message_id):
        return EntryResult(Meaning.UNKNOWN, reason="SES said SUCCESS without a message id")
    return EntryResult(meaning, message_id)


def single(reply: Mapping[str, Any]) -> EntryResult:
    """The answer to SendEmail; raises OutcomeUnknown where it names no message."""
    message_id = reply.get("MessageId")
    if not isinstance(message_id, str) or not _MESSAGE_ID.fullmatch(message_id):
        raise OutcomeUnknown("SES answered without a message id")
    return EntryResult(Meaning.ACCEPTED, message_id)


def translated(error: Exception) -> TransportError:
    """What an exception of a send call means: nothing was sent, or nobody knows."""
    match error:
        case _ if is_before_the_call(error):
            return _without_credentials(error)
        case boto.ClientError():
            return _of_an_answer(error)
        case boto.EndpointConnectionError() | boto.ConnectTimeoutError():
            return TransportDown(f"SES cannot be reached: {line_of(str(error))}")
        case boto.ProxyConnectionError():
            return TransportDown(f"the proxy cannot be reached: {line_of(str(error))}")
        case boto.SSLError():
            if any(_is_handshake(cause) for cause in _causes(error)):
                return TransportDown(
                    f"no secure connection to SES: {fault_of(error, SENDING).message}"
                )
            return OutcomeUnknown(f"the connection broke: {line_of(str(error))}")
        case ReplyTooLarge():
            return NotUnderstood(f"SES gave no answer: {line_of(str(error))}")
    fault = fault_of(error, SENDING)
    if isinstance(error, boto.HTTPClientError) and not fault.kind.is_configuration:
        return OutcomeUnknown(f"SES gave no answer: {line_of(str(error))}")
    if isinstance(error, _BEFORE_THE_CALL) or are_expired(error):
        return SendingStopped(fault.message, hint=fault.hint)
    return NotUnderstood(f"SES gave an answer that cannot be read: {type(error).__name__}")


def _without_credentials(error: Exception) -> TransportError:
    """The SDK got no credentials, by whichever service gives them: the call was not made."""
    fault = fault_of(error, SENDING)
    if fault.kind.is_configuration:
        return SendingStopped(fault.message, hint=fault.hint)
    if isinstance(error, boto.ClientError) and _ERRORS.get(code_of(error)) is Meaning.THROTTLED:
        return Throttled(fault.message)
    return TransportDown(fault.message, hint=fault.hint)


def _of_an_answer(error: boto.ClientError) -> TransportError:
    """What an answer with an error means, from SES or from something on the way that speaks
    HTTP."""
    details = error.response.get("Error", {})
    message, status = str(details.get("Message", "")), status_of(error)
    code = code_of(error)
    answer = f"{line_of(str(details.get('Code', '')))}: {line_of(message, 500)}"[:500]
    if status >= 500:
        return OutcomeUnknown(f"SES answered {status}: {answer}")
    if status < 400:
        return NotUnderstood(f"SES answered {status}: {answer}")
    fault = fault_of(error, SENDING)
    if fault.kind.is_configuration:
        return SendingStopped(fault.message, hint=fault.hint)
    meaning = _ERRORS.get(code)
    if meaning is Meaning.THROTTLED and "daily" in message.lower():
        meaning = Meaning.QUOTA
    if meaning is Meaning.REJECTED and _NOT_VERIFIED in message:
        meaning = Meaning.STOP
    named = next((member for member in _OF_EVERY_CALL if member in message), "")
    if meaning in (Meaning.REJECTED, Meaning.STOP) and named:
        return SendingStopped(f"SES refuses {named}: {answer}", hint=_OF_EVERY_CALL[named])
    match meaning:
        case Meaning.THROTTLED:
            return Throttled(answer)
        case Meaning.QUOTA:
            return QuotaReached(f"the daily quota is used up ({answer})")
        case Meaning.REJECTED:
            return CallRefused(answer)
        case Meaning.STOP:
            return SendingStopped(answer, hint=_HINTS.get(code, ""))
        case _:
            return NotUnderstood(f"SES answered {status}: {answer}")


_HINTS = {
    "SendingPaused": "Sending is paused in the SES console.",
    "AccountSuspended": "AWS has suspended the account.",
    "MailFromDomainNotVerified": "Verify the domain of `from` in SES.",
    "MessageRejected": "Verify the domain of `from` in SES, in the region of [transport.ses].",
    "NotFound": "Check [transport.ses] configuration_set, tenant and region.",
}


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    visited: set[int] = set()
    while error is not None and id(error) not in visited:
        visited.add(id(error))
        yield error
        inner = getattr(error, "kwargs", {}).get("error") if hasattr(error, "kwargs") else None
        reason = getattr(error, "reason", None)
        first = error.args[0] if error.args and isinstance(error.args[0], BaseException) else None
        inner_errors = (inner, reason if isinstance(reason, BaseException) else None, first)
        error = next(
            (cause for cause in inner_errors if cause), error.__cause__ or error.__context__
        )


def _is_handshake(error: BaseException) -> bool:
    if isinstance(error, CertificateError):
        return True
    return isinstance(error, ssl.SSLError) and bool(_HANDSHAKE.search(str(error.reason or error)))
