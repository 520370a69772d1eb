"""The calls to SES: one bulk call for a batch, or one raw mail for each message.

A send is never repeated by the SDK: SES has no idempotency token, so a second try after a lost
answer would be a second mail.
"""

import datetime as dt
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from newsletter.config import SesSettings
from newsletter.errors import (
    ConfigurationError,
    OutcomeUnknown,
    QuotaReached,
    SendingStopped,
    Throttled,
    TransportDown,
    TransportError,
)
from newsletter.model.email import Message
from newsletter.model.send import Accepted, Allowance, Outcome, Rejected, RetryLater, Unknown
from newsletter.transports import mime
from newsletter.transports.ses import limits
from newsletter.transports.ses.account import allowance
from newsletter.transports.ses.outcomes import (
    Answer,
    Meaning,
    Refused,
    entries,
    single,
    translated,
)
from newsletter.transports.ses.template import Template, template_of

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

T = TypeVar("T")

# Calls at once: threads hide the latency, and a raw call carries one mail only.
_BULK_CALLS = 16
_RAW_CALLS = 40
_RAW_BATCH = 5
_CONNECT_SECONDS = 5
_READ_SECONDS = 20
_ENTRY_BYTES = 300  # of JSON around the data, headers and tags of one entry
_PER_RECIPIENT = ("List-Unsubscribe", "X-Newsletter-Ref")

# What botocore raises for a reply that it cannot read, beside its own errors.
_UNREADABLE = (
    ResponseParserError,
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    TypeError,
    ValueError,
)


class Ses:
    """Sends through SES v2; `mode` is `bulk` (one call for a batch) or `raw` (one for each mail).

    What stops the whole send but came with answers to some messages is kept, and raised by the
    next call before it sends anything.
    """

    kind = "ses"

    def __init__(self, settings: SesSettings, *, concurrency: int | None = None) -> None:
        bulk = settings.mode == "bulk"
        self.concurrency = concurrency or (_BULK_CALLS if bulk else _RAW_CALLS)
        self.batch_size = limits.MAX_ENTRIES if bulk else _RAW_BATCH
        self._settings = settings
        self._client, self._control = _clients(settings, self.concurrency)
        self._deliver = self._bulk if bulk else self._raw
        self._pending: TransportError | None = None

    def allowance(self) -> Allowance:
        """What the account allows now. Raises SendingStopped where SES does not tell."""
        try:
            return allowance(self._control.get_account())
        except (ClientError, BotoCoreError) as error:
            raise SendingStopped(
                f"SES does not tell what the account allows: {error}",
                where="transport.ses",
                hint="Check the credentials, the region and the permission ses:GetAccount.",
            ) from error

    def deliver(self, send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        pending, self._pending = self._pending, None
        if pending is not None:
            raise pending
        faults = [limits.fault(message) for message in batch]
        fit = [message for message, fault in zip(batch, faults, strict=True) if not fault]
        sent = iter(self._deliver(fit) if fit else [])
        return [Rejected(fault) if fault else next(sent) for fault in faults]

    # --- bulk ---

    def _bulk(self, batch: Sequence[Message]) -> list[Outcome]:
        template = template_of(batch[0].email)
        if template.size_bytes + _ENTRY_BYTES > limits.MAX_REQUEST_BYTES:
            raise SendingStopped(
                f"the email has {template.size_bytes:,} bytes; a bulk call of SES takes 1,000,000",
                hint='Shorten it, or set [transport.ses] mode = "raw".',
            )
        outcomes = self._call_bulk(batch, template)
        if len(batch) > 1 and all(isinstance(outcome, Rejected) for outcome in outcomes):
            # One bad address may cost a call; a call in which all are bad is not about addresses.
            assert isinstance(outcomes[0], Rejected)
            raise SendingStopped(f"SES refused all of a batch: {outcomes[0].reason}")
        return outcomes

    def _call_bulk(self, batch: Sequence[Message], template: Template) -> list[Outcome]:
        data = [template.data(message.values) for message in batch]
        size = template.size_bytes + sum(_ENTRY_BYTES + len(part.encode()) for part in data)
        if len(batch) > 1 and size > limits.MAX_REQUEST_BYTES:
            return self._halves(batch, template)
        request = self._bulk_request(batch, template, data)
        try:
            reply = self._asked(lambda: self._client.send_bulk_email(**request))
        except Refused as error:
            if len(batch) == 1:
                return [Rejected(error.message)]
            return self._halves(batch, template)
        return self._judged(self._readable(lambda: entries(reply, len(batch))))

    def _halves(self, batch: Sequence[Message], template: Template) -> list[Outcome]:
        """The two halves of a refused call, each on its own; nothing of them was sent yet."""
        middle = len(batch) // 2
        outcomes: list[Outcome] = []
        for half in (batch[:middle], batch[middle:]):
            try:
                outcomes += self._call_bulk(half, template)
            except TransportError as error:
                if not outcomes:
                    raise
                outcomes += self._put_off(error, len(half))
        return outcomes

    def _bulk_request(
        self, batch: Sequence[Message], template: Template, data: Sequence[str]
    ) -> dict[str, Any]:
        first = batch[0]
        shared = [(name, value) for name, value in first.headers if name not in _PER_RECIPIENT]
        request: dict[str, Any] = {
            "FromEmailAddress": mime.mailbox(*mime.split_mailbox(first.sender)),
            "DefaultContent": {
                "Template": {
                    "TemplateContent": {
                        "Subject": template.subject,
                        "Html": template.html,
                        "Text": template.text,
                    },
                    "TemplateData": data[0],
                    "Headers": _named(shared),
                }
            },
            "BulkEmailEntries": [
                {
                    "Destination": {"ToAddresses": [message.to.text]},
                    "ReplacementTags": _named(message.tags),
                    "ReplacementHeaders": _named(
                        (name, value) for name, value in message.headers if name in _PER_RECIPIENT
                    ),
                    "ReplacementEmailContent": {
                        "ReplacementTemplate": {"ReplacementTemplateData": replacement}
                    },
                }
                for message, replacement in zip(batch, data, strict=True)
            ],
        }
        return request | self._common(first)

    # --- raw ---

    def _raw(self, batch: Sequence[Message]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for message in batch:
            try:
                outcomes.append(self._call_raw(message))
            except OutcomeUnknown as error:
                outcomes.append(Unknown(error.message))
                if self._pending is not None:
                    return outcomes + self._put_off(self._pending, len(batch) - len(outcomes))
            except TransportError as error:
                if not outcomes:
                    raise
                return outcomes + self._put_off(error, len(batch) - len(outcomes))
        return outcomes

    def _call_raw(self, message: Message) -> Outcome:
        try:
            content = mime.compose(message, dt.datetime.now(dt.UTC))
        except mime.UnsafeHeader as error:
            return Rejected(error.message)
        if len(content) > limits.MAX_RAW_BYTES:
            return Rejected(f"the mail has {len(content):,} bytes; SES takes 40,000,000")
        request: dict[str, Any] = {
            "Content": {"Raw": {"Data": content}},
            "Destination": {"ToAddresses": [message.to.text]},
            "EmailTags": _named(message.tags),
            "FromEmailAddress": mime.mailbox(*mime.split_mailbox(message.sender)),
        }
        if self._settings.configuration_set:
            request["ConfigurationSetName"] = self._settings.configuration_set
        try:
            reply = self._asked(lambda: self._client.send_email(**request))
        except Refused as error:
            return Rejected(error.message)
        [outcome] = self._judged([self._readable(lambda: single(reply))])
        return outcome

    # --- both ---

    def _common(self, message: Message) -> dict[str, Any]:
        common: dict[str, Any] = {}
        if message.reply_to:
            reply_to = mime.mailbox(*mime.split_mailbox(message.reply_to))
            common["ReplyToAddresses"] = [reply_to]
        if self._settings.configuration_set:
            common["ConfigurationSetName"] = self._settings.configuration_set
        return common

    def _asked(self, call: Callable[[], T]) -> T:
        """What a send call returns; its errors as what they mean."""
        try:
            return call()
        except (ClientError, BotoCoreError, *_UNREADABLE) as error:
            meant = translated(error)
            if not isinstance(error, ClientError | BotoCoreError):
                self._stop_next(meant.message)
            raise meant from error

    def _readable(self, read: Callable[[], T]) -> T:
        """What a reply says; one that says nothing stops the send, for the next may be alike."""
        try:
            return read()
        except OutcomeUnknown as error:
            self._stop_next(error.message)
            raise

    def _stop_next(self, reason: str) -> None:
        self._pending = SendingStopped(
            reason,
            hint="Look at the SES endpoint before you resume; what was in flight is unknown.",
        )

    def _judged(self, answers: Sequence[Answer]) -> list[Outcome]:
        """One outcome per answer; raises what concerns all of them."""
        stopping = next((a for a in answers if a.meaning in _STOPPING), None)
        if stopping is not None:
            error = _STOPPING[stopping.meaning](stopping.reason)
            if all(answer.meaning in _NOT_SENT for answer in answers):
                raise error
            self._pending = error
        elif all(answer.meaning is Meaning.THROTTLED for answer in answers):
            raise Throttled(answers[0].reason)
        return [_outcome(answer) for answer in answers]

    def _put_off(self, error: TransportError, count: int) -> list[Outcome]:
        """The outcomes of messages whose call failed after others of their batch were sent."""
        match error:
            case OutcomeUnknown():
                return [Unknown(error.message)] * count
            case Throttled() | TransportDown():
                return [RetryLater(error.message, is_failure=False)] * count
            case _:
                self._pending = error
                return [RetryLater(error.message, is_failure=False)] * count


_STOPPING: dict[Meaning, Callable[[str], TransportError]] = {
    Meaning.QUOTA: lambda reason: QuotaReached(f"the daily quota is used up ({reason})"),
    Meaning.STOP: SendingStopped,
    Meaning.UNKNOWN: lambda reason: SendingStopped(
        f"SES gave an answer that is not known here: {reason}",
        hint="What it was about is unknown; look at it before you resume.",
    ),
}
_NOT_SENT = (Meaning.QUOTA, Meaning.STOP, Meaning.THROTTLED, Meaning.RETRY)


def _outcome(answer: Answer) -> Outcome:
    match answer.meaning:
        case Meaning.ACCEPTED:
            return Accepted(answer.message_id)
        case Meaning.REJECTED:
            return Rejected(answer.reason)
        case Meaning.RETRY:
            return RetryLater(answer.reason)
        case Meaning.THROTTLED | Meaning.QUOTA | Meaning.STOP:
            return RetryLater(answer.reason, is_failure=False)
        case Meaning.UNKNOWN:
            return Unknown(answer.reason)


def _named(pairs: Any) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in pairs]


def _clients(settings: SesSettings, concurrency: int) -> "tuple[SESV2Client, SESV2Client]":
    """A client that sends once and no more, and one for questions, which may be repeated."""
    # boto3 reads AWS_DEFAULT_REGION by itself; the other tools of AWS read AWS_REGION.
    region = settings.region or os.environ.get("AWS_REGION")
    session = boto3.session.Session(region_name=region or None)
    common: dict[str, Any] = {
        "connect_timeout": _CONNECT_SECONDS,
        "read_timeout": _READ_SECONDS,
        "tcp_keepalive": True,
    }
    sending = Config(
        retries={"total_max_attempts": 1, "mode": "standard"},
        max_pool_connections=concurrency,
        parameter_validation=False,  # limits.fault checks more, and faster
        **common,
    )
    asking = Config(retries={"total_max_attempts": 3, "mode": "standard"}, **common)
    endpoint = settings.endpoint_url or None
    try:
        return (
            session.client("sesv2", endpoint_url=endpoint, config=sending),
            session.client("sesv2", endpoint_url=endpoint, config=asking),
        )
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(
            f"AWS: {error}",
            where="transport.ses",
            hint="Set [transport.ses] region, or AWS_REGION.",
        ) from error
