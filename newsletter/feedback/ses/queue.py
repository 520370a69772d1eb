"""The queue of events (SES -> SNS -> SQS): drained, applied, and only then deleted.

SQS gives a message again that was not deleted in time, so nothing is lost with a process; what
comes again is a duplicate in the event log.
"""

import datetime as dt
import re
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.config import Config
from botocore.exceptions import ClientError

from newsletter.aws.clients import asked, open_clients
from newsletter.aws.faults import Section, code_of
from newsletter.config import Settings
from newsletter.errors import ConfigurationError, NewsletterError, StoreError
from newsletter.feedback import chores
from newsletter.feedback.alarm import silence
from newsletter.feedback.apply import A_TRANSACTION, Applied, apply, apply_late
from newsletter.store import Store

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

T = TypeVar("T")

_CALL = 10  # messages in a call of SQS, at most
_CALLS = 8  # at once
_WAIT_SECONDS = 5  # for a first message: as long may stopping take
_EMPTY_SECONDS = 1  # any wait asks all servers of SQS: then nothing means that nothing is there
_INVISIBLE_SECONDS = 120  # to others, while these are applied: they take about a second

_REGION = re.compile(r"https://(?:sqs\.)?([a-z0-9-]+)\.(?:queue\.)?amazonaws\.com(?:\.cn)?/")
_SECTION = Section(
    "events.queue_url",
    "SQS",
    region="Set [events] queue_url as SQS shows it, or [transport.ses] region.",
    endpoint="Set [events] endpoint_url to a whole URL such as https://host, or none.",
    permissions=("sqs:ReceiveMessage", "sqs:DeleteMessage"),
)
# Error codes of SQS alone that trying again does not mend, with what does.
_FAULTS = {
    "NonExistentQueue": "Set [events] queue_url to the URL of a queue that exists.",
    "QueueDoesNotExist": "Set [events] queue_url to the URL of a queue that exists.",
    "InvalidAddress": "Set [events] queue_url as SQS shows it.",
}


class QueueUnreachable(NewsletterError):
    """SQS gives no answer, or none that says what to do: it may pass."""

    code = "queue-unreachable"


@dataclass(frozen=True, slots=True)
class Received:
    """A message of the queue; `receipt` is what deletes it."""

    id: str
    body: str
    receipt: str


class Queue:
    """The queue of `[events] queue_url`. Raises ConfigurationError where that cannot be."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.events.queue_url
        if not self._url:
            raise ConfigurationError(
                "no queue is named",
                where="events.queue_url",
                hint="Set [events] queue_url to the SQS queue that the topic of SES feeds.",
            )
        self._client = _client(settings)

    def receive(self, wait_seconds: int) -> list[Received]:
        """Some messages, ten at most; none where none came within this time."""
        reply = _asked(
            lambda: self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=_CALL,
                WaitTimeSeconds=wait_seconds,
                VisibilityTimeout=_INVISIBLE_SECONDS,
            )
        )
        return [
            Received(message["MessageId"], message["Body"], message["ReceiptHandle"])
            for message in reply.get("Messages", [])
        ]

    def delete(self, messages: Sequence[Received]) -> None:
        """Delete messages, ten at most. One that SQS fails to delete comes again: a duplicate."""
        entries: Any = [
            {"Id": str(place), "ReceiptHandle": message.receipt}
            for place, message in enumerate(messages)
        ]
        _asked(lambda: self._client.delete_message_batch(QueueUrl=self._url, Entries=entries))


@dataclass
class Drain:
    """Drains a queue into a store. `stop` asks it to finish the messages in hand and leave."""

    queue: Queue
    store: Store
    settings: Settings
    clock: Callable[[], dt.datetime]
    stop: threading.Event
    notify: Callable[[str], None]
    total: Applied
    again_seconds: float = 10  # after the queue or the store failed

    def run(self, *, once: bool, at_most: dt.timedelta | None = None) -> None:
        """Apply what comes, until stopped; `once`, until the queue is empty or, where more keeps
        coming, for `at_most` and a moment.

        Raises ConfigurationError for what a person has to mend, and, if `once`, QueueUnreachable
        and StoreError; else these are told, and it tries again: nothing was deleted.
        """
        began_at = chores_at = self.clock()
        with ThreadPoolExecutor(_CALLS, "queue") as pool:
            while not self.stop.is_set():
                try:
                    received = self._received(pool, _EMPTY_SECONDS if once else _WAIT_SECONDS)
                    self._apply(received, pool)
                except (QueueUnreachable, StoreError) as error:
                    if once:
                        raise
                    self.notify(f"{error.message}; trying again in {self.again_seconds:g} seconds")
                    self.stop.wait(self.again_seconds)
                    continue
                if not received:
                    apply_late(self.store, self.clock(), self.settings.policy)
                if chores_at <= self.clock():
                    self._do_chores(tell=not once)
                    chores_at = self.clock() + chores.EVERY
                is_over = at_most is not None and self.clock() - began_at >= at_most
                if once and (is_over or not received):
                    return

    def _received(self, pool: ThreadPoolExecutor, wait_seconds: int) -> list[Received]:
        """What makes up about one transaction; few messages are taken as they come."""
        received = self.queue.receive(wait_seconds)
        plenty = len(received) == _CALL
        while plenty and len(received) < A_TRANSACTION and not self.stop.is_set():
            calls = min(_CALLS, (A_TRANSACTION - len(received)) // _CALL)
            more = list(chain.from_iterable(pool.map(self.queue.receive, [0] * calls)))
            received += more
            plenty = len(more) > calls * _CALL // 2
        return received

    def _apply(self, received: Sequence[Received], pool: ThreadPoolExecutor) -> None:
        messages = [(f"message {message.id}", message.body) for message in received]
        events = self.settings.events
        now = self.clock()
        apply(
            self.store,
            messages,
            now,
            self.total,
            self.settings.policy,
            frozenset(events.topic_arns),
        )
        calls = [received[first : first + _CALL] for first in range(0, len(received), _CALL)]
        list(pool.map(self.queue.delete, calls))  # only now: the commit is on disk

    def _do_chores(self, *, tell: bool) -> None:
        now = self.clock()
        chores.do_chores(self.store, self.settings, now)
        if tell and (alarm := silence(self.store, self.settings, now)):
            self.notify(f"Alarm: {alarm}.")


def _asked(call: Callable[[], T]) -> T:
    """What a call to SQS returns; its errors as ours."""
    try:
        return asked(call, _SECTION, QueueUnreachable, "SQS cannot serve the queue now")
    except QueueUnreachable as error:
        cause = error.__cause__
        hint = _FAULTS.get(code_of(cause)) if isinstance(cause, ClientError) else None
        if hint is None:
            raise
        raise ConfigurationError(error.message, where=_SECTION.where, hint=hint) from cause


def _client(settings: Settings) -> "SQSClient":
    found = _REGION.match(settings.events.queue_url)
    config = Config(
        retries={"total_max_attempts": 3, "mode": "standard"},
        connect_timeout=10,
        read_timeout=_WAIT_SECONDS + 20,
        tcp_keepalive=True,
        max_pool_connections=_CALLS + 1,
    )
    [client] = open_clients(
        "sqs",
        _SECTION,
        region=found[1] if found else settings.transport.ses.region,
        endpoint=settings.events.endpoint_url,
        configs=[config],
    )
    sqs: SQSClient = client
    return sqs
