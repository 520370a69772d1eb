"""moto's server as SQS and SNS over HTTP, in a process of its own."""

import contextlib
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from tests.waiting import PATIENCE_SECONDS

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

REGION = "us-east-1"
KEYS = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
_PATIENT = Config(read_timeout=PATIENCE_SECONDS, retries={"total_max_attempts": 1})


@dataclass(frozen=True)
class Aws:
    """SQS and SNS of one account."""

    url: str

    @property
    def sqs(self) -> "SQSClient":
        return boto3.client("sqs", REGION, endpoint_url=self.url, config=_PATIENT, **self._keys())

    @property
    def sns(self) -> "SNSClient":
        return boto3.client("sns", REGION, endpoint_url=self.url, config=_PATIENT, **self._keys())

    def feed(self, *, raw: bool) -> "Feed":
        """A new topic with a new queue subscribed to it, with or without raw delivery."""
        name = f"events-{uuid.uuid4().hex[:8]}"
        topic = self.sns.create_topic(Name=name)["TopicArn"]
        queue = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        wanted = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        self.sns.subscribe(
            TopicArn=topic,
            Protocol="sqs",
            Endpoint=wanted["Attributes"]["QueueArn"],
            Attributes={"RawMessageDelivery": "true" if raw else "false"},
        )
        return Feed(self, topic, queue)

    def reset(self) -> None:
        """Everything is gone."""
        request = urllib.request.Request(f"{self.url}/moto-api/reset", method="POST")
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS):
            pass

    def _keys(self) -> Any:
        return KEYS


@dataclass(frozen=True)
class Feed:
    """A topic, and the queue behind it."""

    aws: Aws
    topic: str
    queue: str

    @property
    def environment(self) -> dict[str, str]:
        """What makes `newsletter events pull` drain the queue."""
        return {
            "NEWSLETTER_EVENTS__QUEUE_URL": self.queue,
            "NEWSLETTER_EVENTS__ENDPOINT_URL": self.aws.url,
            "NEWSLETTER_TRANSPORT__SES__REGION": REGION,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def publish(self, *texts: str) -> None:
        for text in texts:
            self.aws.sns.publish(TopicArn=self.topic, Message=text)

    @property
    def left(self) -> int:
        """Messages that were not deleted, hidden ones too."""
        names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.aws.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)
        return sum(int(value) for value in found["Attributes"].values())


# Prints the port that it was given: one that was free a moment before may be taken by another.
_SERVER = """
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
input()
"""


@contextlib.contextmanager
def running_aws() -> Iterator[Aws]:
    with subprocess.Popen(
        [sys.executable, "-c", _SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        assert port, "moto did not start"
        try:
            yield Aws(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
