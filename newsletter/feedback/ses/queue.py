"""The queue of events (SES -> SNS -> SQS)."""

import json
import re
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from newsletter.aws.clients import answer_of, open_clients
from newsletter.aws.faults import SettingsSection, code_of
from newsletter.config import Settings
from newsletter.errors import ConfigurationError
from newsletter.feedback.base import (
    A_CALL,
    CALLS,
    WAIT_SECONDS,
    QueueUnreachable,
    Received,
    understood,
)
from newsletter.feedback.ses.events import parse
from newsletter.model.event import Event, NoEvent

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

T = TypeVar("T")

_REPLY_SECONDS = 15  # beyond the wait for a message
_INVISIBLE_SECONDS = 120  # to others, while these are applied, which takes about a second

_REGION = re.compile(r"https://(?:sqs\.)?([a-z0-9-]+)\.(?:queue\.)?amazonaws\.com(?:\.cn)?/")
_SECTION = SettingsSection(
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


class SqsQueue:
    """The queue of `[events] queue_url`. Raises ConfigurationError where that cannot be."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.events.queue_url
        if not self._url:
            raise ConfigurationError(
                "no queue is named",
                where="events.queue_url",
                hint="Set [events] queue_url to the SQS queue that the topic of SES feeds.",
            )
        self._topics = frozenset(settings.events.topic_arns)
        self._client = _client(settings)

    def receive(self, wait_seconds: int) -> list[Received]:
        """Some messages, ten at most; none where none came within this time.

        Any wait asks all servers of SQS, so that no message means that there is none.
        """
        reply = _answer_of(
            lambda: self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=A_CALL,
                WaitTimeSeconds=wait_seconds,
                VisibilityTimeout=_INVISIBLE_SECONDS,
            )
        )
        return [
            Received(
                place=f"message {message['MessageId']}",
                text=message["Body"],
                report=understood(self._parse, message["Body"]),
                receipt=message["ReceiptHandle"],
            )
            for message in reply.get("Messages", [])
        ]

    def _parse(self, text: str) -> Event | NoEvent:
        return parse(text, self._topics)

    def delete(self, messages: Sequence[Received]) -> None:
        """Delete messages, ten at most. One that SQS fails to delete comes again: a duplicate."""
        entries: Any = [
            {"Id": str(place), "ReceiptHandle": message.receipt}
            for place, message in enumerate(messages)
        ]
        _answer_of(lambda: self._client.delete_message_batch(QueueUrl=self._url, Entries=entries))


def _answer_of(call: Callable[[], T]) -> T:
    """The answer of a call to SQS, with its errors as ours."""
    try:
        return answer_of(call, _SECTION, QueueUnreachable, "SQS cannot serve the queue now")
    except QueueUnreachable as error:
        cause = error.__cause__
        hint = _FAULTS.get(code_of(cause)) if isinstance(cause, ClientError) else None
        if hint is None:
            raise
        raise ConfigurationError(error.message, where=_SECTION.where, hint=hint) from cause


def region_of(settings: Settings) -> str:
    """Where the queue is, by its URL; else where SES is."""
    region = _REGION.match(settings.events.queue_url)
    return region[1] if region else settings.transport.ses.region


def _client(settings: Settings) -> "SQSClient":
    config = Config(
        retries={"total_max_attempts": 2, "mode": "standard"},
        connect_timeout=10,
        read_timeout=WAIT_SECONDS + _REPLY_SECONDS,
        tcp_keepalive=True,
        max_pool_connections=CALLS + 1,
    )
    [client] = open_clients(
        "sqs",
        _SECTION,
        region=region_of(settings),
        endpoint=settings.events.endpoint_url,
        configs=[config],
    )
    sqs: SQSClient = client
    sqs.meta.events.register("before-parse.sqs.ReceiveMessage", _refuse_what_is_not_whole)
    return sqs


def _refuse_what_is_not_whole(response_dict: dict[str, Any], **_: object) -> None:
    """The SDK takes a page, and an answer that was cut, for that of an empty queue."""
    if response_dict["status_code"] != HTTPStatus.OK:
        return
    try:
        json.loads(response_dict["body"])
    except ValueError as error:
        raise ResponseParserError("the answer is no JSON") from error
