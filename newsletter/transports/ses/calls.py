"""The calls that one batch takes: a bulk call or halves of it, or a raw mail for each message.

Each message gets its own outcome. What stops the whole send but came with answers to some messages
is kept in `stop`.
"""

import datetime as dt
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from newsletter.aws.clients import ERRORS
from newsletter.config import SesSettings
from newsletter.errors import (
    OutcomeUnknown,
    QuotaReached,
    SendingStopped,
    Throttled,
    TransportDown,
    TransportError,
)
from newsletter.model.email import Message
from newsletter.model.send import Accepted, Outcome, Rejected, RetryLater, Unknown
from newsletter.transports import mime
from newsletter.transports.ses import limits
from newsletter.transports.ses.outcomes import (
    CallRefused,
    EntryResult,
    Meaning,
    NotUnderstood,
    entries,
    single,
    translated,
)
from newsletter.transports.ses.template import Template, template_of

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

T = TypeVar("T")
_Entry = tuple[Message, str]  # with its data for the template

_PER_RECIPIENT = ("List-Unsubscribe", "X-Newsletter-Ref")


class Calls:
    """The calls of one batch. None begins after `until` (monotonic): the rest is put off then."""

    def __init__(self, client: "SESV2Client", settings: SesSettings, until: float) -> None:
        self.stop: TransportError | None = None
        self._client = client
        self._common = _of_every_call(settings)
        self._until = until

    # --- bulk ---

    def bulk(self, batch: Sequence[Message]) -> list[Outcome]:
        template = template_of(batch[0].email)
        if template.size_bytes + limits.MAX_ENTRY_BYTES > limits.MAX_REQUEST_BYTES:
            raise SendingStopped(
                f"the email takes {template.size_bytes:,} bytes of a call; SES takes 1,000,000",
                hint='Shorten it, or set [transport.ses] mode = "raw".',
            )
        entries = [(message, template.data(message.values)) for message in batch]
        fit = [entry for entry in entries if _fits(entry)]
        sent = iter(self._call_bulk(fit, template) if fit else [])
        return [next(sent) if _fits(entry) else _TOO_MUCH_DATA for entry in entries]

    def _call_bulk(self, batch: Sequence[_Entry], template: Template) -> list[Outcome]:
        most = limits.MAX_REQUEST_BYTES - template.size_bytes
        if len(batch) > 1 and sum(limits.entry_bytes(data) for _, data in batch) > most:
            return self._halves(batch, template)
        request = self._bulk_request(batch, template)
        try:
            reply = self._ask(lambda: self._client.send_bulk_email(**request))
        except CallRefused as error:
            if len(batch) == 1:
                return [Rejected(error.message)]
            return self._halves(batch, template)
        return self._judged(self._readable(lambda: entries(reply, len(batch))))

    def _halves(self, batch: Sequence[_Entry], template: Template) -> list[Outcome]:
        """The two halves of a refused call, each on its own; nothing of them was sent yet."""
        middle = len(batch) // 2
        outcomes: list[Outcome] = []
        for half in (batch[:middle], batch[middle:]):
            try:
                outcomes += self._call_bulk(half, template)
            except OutcomeUnknown as error:
                outcomes += [Unknown(error.message)] * len(half)
            except TransportError as error:
                if not outcomes:
                    raise
                outcomes += self._put_off(error, len(half))
        return outcomes

    def _bulk_request(self, batch: Sequence[_Entry], template: Template) -> dict[str, Any]:
        first, data = batch[0]
        shared = [(name, value) for name, value in first.headers if name not in _PER_RECIPIENT]
        content = {"Subject": template.subject, "Html": template.html, "Text": template.text}
        request: dict[str, Any] = {
            "FromEmailAddress": _mailbox(first.sender),
            "DefaultContent": {
                "Template": {
                    "TemplateContent": content,
                    "TemplateData": data,
                    "Headers": _pairs(shared),
                }
            },
            "BulkEmailEntries": [_entry(message, data) for message, data in batch],
            **self._common,
        }
        if first.reply_to:
            request["ReplyToAddresses"] = [_mailbox(first.reply_to)]
        return request

    # --- raw ---

    def raw(self, batch: Sequence[Message]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for message in batch:
            try:
                outcomes.append(self._call_raw(message))
            except OutcomeUnknown as error:
                outcomes.append(Unknown(error.message))
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
            "EmailTags": _pairs(message.tags),
            "FromEmailAddress": _mailbox(message.sender),
            **self._common,
        }
        try:
            reply = self._ask(lambda: self._client.send_email(**request))
        except CallRefused as error:
            return Rejected(error.message)
        return _outcome(self._readable(lambda: single(reply)))

    # --- both ---

    def _ask(self, call: Callable[[], T]) -> T:
        """What a send call returns; its errors as what they mean."""
        if self.stop is not None:
            raise self.stop
        if time.monotonic() > self._until:
            raise TransportDown("SES is slow: the rest of the batch waits for the next")
        try:
            return call()
        except ERRORS as error:
            meaning = translated(error)
            if isinstance(meaning, NotUnderstood):
                self._stop_next(meaning.message)
            raise meaning from error

    def _readable(self, read: Callable[[], T]) -> T:
        """What a reply says; one that says nothing stops the send, since the next may say nothing
        either."""
        try:
            return read()
        except OutcomeUnknown as error:
            self._stop_next(error.message)
            raise

    def _stop_next(self, reason: str) -> None:
        self.stop = SendingStopped(
            reason,
            hint="Check the SES endpoint before you resume; what was in flight is unknown.",
        )

    def _judged(self, answers: Sequence[EntryResult]) -> list[Outcome]:
        """One outcome per answer; raises what concerns all of them."""
        stopping = next((a for a in answers if a.meaning in _STOPPING), None)
        if stopping is not None:
            error = _STOPPING[stopping.meaning](stopping.reason)
            if all(answer.meaning in _NOT_SENT for answer in answers):
                raise error
            self.stop = error
        elif all(answer.meaning is Meaning.THROTTLED for answer in answers):
            raise Throttled(answers[0].reason)
        return [_outcome(answer) for answer in answers]

    def _put_off(self, error: TransportError, count: int) -> list[Outcome]:
        """The outcomes of messages whose call never left, after others of their batch did."""
        if not isinstance(error, Throttled | TransportDown):
            self.stop = error
        return [RetryLater(error.message, is_failure=False)] * count


_TOO_MUCH_DATA = Rejected(
    f"its merge fields have more than {limits.MAX_DATA_CHARACTERS:,} characters"
)
_STOPPING: Mapping[Meaning, Callable[[str], TransportError]] = {
    Meaning.QUOTA: lambda reason: QuotaReached(f"the daily quota is used up ({reason})"),
    Meaning.STOP: SendingStopped,
    Meaning.UNKNOWN: lambda reason: SendingStopped(
        f"SES gave an answer that is not known here: {reason}",
        hint="What it was about is unknown; check it before you resume.",
    ),
}
_NOT_SENT = (Meaning.QUOTA, Meaning.STOP, Meaning.THROTTLED, Meaning.RETRY)


def _of_every_call(settings: SesSettings) -> dict[str, Any]:
    """What goes with each call that sends, even that of a single test mail.

    Tracking is always named: else the account or an event destination may switch it on, and SES
    rewrites the links and adds a picture: what arrives is not what was sealed.
    """
    tracking = {
        "OpenTrackingEnabled": _switch(settings.open_tracking),
        "ClickTrackingEnabled": _switch(settings.click_tracking),
    }
    names = {"ConfigurationSetName": settings.configuration_set, "TenantName": settings.tenant}
    return {
        "ConfigurationOverrides": {"Tracking": tracking},
        **{member: name for member, name in names.items() if name},
    }


def _switch(on: bool) -> str:
    return "ENABLED" if on else "DISABLED"


def _outcome(answer: EntryResult) -> Outcome:
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


def _fits(entry: _Entry) -> bool:
    return len(entry[1]) <= limits.MAX_DATA_CHARACTERS


def _entry(message: Message, data: str) -> dict[str, Any]:
    headers = [(name, value) for name, value in message.headers if name in _PER_RECIPIENT]
    return {
        "Destination": {"ToAddresses": [message.to.text]},
        "ReplacementTags": _pairs(message.tags),
        "ReplacementHeaders": _pairs(headers),
        "ReplacementEmailContent": {"ReplacementTemplate": {"ReplacementTemplateData": data}},
    }


def _mailbox(value: str) -> str:
    """A sender as SES takes it; one that cannot stand in a header is no recipient's fault."""
    try:
        return mime.mailbox(*mime.split_mailbox(value))
    except mime.UnsafeHeader as error:
        raise SendingStopped(error.message, hint="Mend [newsletter] from or reply_to.") from error


def _pairs(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in pairs]
