"""The calls that one batch takes: a bulk call or halves of it, or a raw mail for each message.

Each message gets its own outcome. What stops the whole send but came with answers to some messages
is kept in `stop`.
"""

import datetime as dt
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from newsletter.aws.clients import ERRORS
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
from newsletter.transports.ses import limits, parameters
from newsletter.transports.ses.bulk import Bulk, BulkEntry, BulkForm, entry_of
from newsletter.transports.ses.outcomes import (
    CallRefused,
    EntryResult,
    Meaning,
    NotUnderstood,
    entries,
    single,
    translated,
)
from newsletter.transports.ses.template import template_of

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

T = TypeVar("T")


class Calls:
    """The calls of one batch. None begins after `until` (monotonic): the rest is put off then.

    `common` are the parameters that go with each.
    """

    def __init__(
        self, client: "SESV2Client", bulk: Bulk, common: Mapping[str, Any], until: float
    ) -> None:
        self.stop: TransportError | None = None
        self._client = client
        self._bulk = bulk
        self._common = common
        self._until = until

    # --- bulk ---

    def bulk(self, batch: Sequence[Message]) -> list[Outcome]:
        first = batch[0]
        template = template_of(first.email)
        if template.size_bytes + limits.MAX_ENTRY_BYTES > limits.MAX_REQUEST_BYTES:
            raise SendingStopped(
                f"the email takes {template.size_bytes:,} bytes of a call; SES takes 1,000,000",
                hint='Shorten it, or set [transport.ses] mode = "raw".',
            )
        filled = [(message, template.data(message.values)) for message in batch]
        entries = [entry_of(message, data) for message, data in filled if _fits(data)]
        if not entries:
            return [_TOO_MUCH_DATA] * len(batch)
        form = self._ask(lambda: self._bulk.form(first))
        sent = iter(self._call_bulk(entries, form))
        return [next(sent) if _fits(data) else _TOO_MUCH_DATA for _, data in filled]

    def _call_bulk(self, batch: Sequence[BulkEntry], form: BulkForm) -> list[Outcome]:
        if len(batch) > 1 and form.size_bytes(batch) > limits.MAX_REQUEST_BYTES:
            return self._halves(batch, form)
        try:
            reply = self._ask(lambda: self._bulk.post(form, batch))
        except CallRefused as error:
            if len(batch) == 1:
                return [Rejected(error.message)]
            return self._halves(batch, form)
        return self._judged(self._readable(lambda: entries(reply, len(batch))))

    def _halves(self, batch: Sequence[BulkEntry], form: BulkForm) -> list[Outcome]:
        """The two halves of a refused call, each on its own; nothing of them was sent yet."""
        middle = len(batch) // 2
        outcomes: list[Outcome] = []
        for half in (batch[:middle], batch[middle:]):
            try:
                outcomes += self._call_bulk(half, form)
            except OutcomeUnknown as error:
                outcomes += [Unknown(error.message)] * len(half)
            except TransportError as error:
                if not outcomes:
                    raise
                outcomes += self._put_off(error, len(half))
        return outcomes

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
            "EmailTags": parameters.pairs(message.tags),
            "FromEmailAddress": parameters.mailbox(message.sender),
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


def _fits(data: str) -> bool:
    return len(data) <= limits.MAX_DATA_CHARACTERS
