"""What tests of setting up do with an account of AWS, and what they know of it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from newsletter.project import Project
from newsletter.provision.base import Component, SetupWishes
from newsletter.provision.planning import actions_of, plan
from newsletter.provision.ses.calls import Aws as Calls
from newsletter.provision.ses.calls import JsonAnswer
from newsletter.provision.ses.setup import SesSetup
from tests.integration.aws import REGION, Aws
from tests.standin.client import StandIn

ACCOUNT = "123456789012"
NAME = "newsletter"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:{NAME}-events"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{NAME}-events"
READS = ("Get", "List")


class RecordingCalls(Calls):
    """Calls of AWS that remember which there were."""

    def __init__(self, clients: Any) -> None:
        super().__init__(clients)
        self.clients = clients
        self.asked: list[str] = []

    def ask(self, permission: str, *members: str, **arguments: Any) -> JsonAnswer:
        self.asked.append(permission)
        return super().ask(permission, *members, **arguments)

    @property
    def changes(self) -> list[str]:
        return [one for one in self.asked if not one.partition(":")[2].startswith(READS)]


_OPENED: dict[str, RecordingCalls] = {}  # by the address of SES: to open clients takes long


@dataclass
class Account:
    """SES, SNS and SQS of one account, and a newsletter that they are set up for."""

    ses: StandIn
    aws: Aws
    folder: Path
    calls: list[RecordingCalls] = field(default_factory=list)

    def plan(self, **wishes: str) -> list[Component]:
        """What has to be done now."""
        project = Project.open(self.folder)
        if self.ses.url not in _OPENED:
            _OPENED[self.ses.url] = RecordingCalls.open(project.settings, "")
        calls = RecordingCalls(_OPENED[self.ses.url].clients)
        self.calls.append(calls)
        setup = SesSetup.of(project.settings, SetupWishes(**wishes), calls)
        return plan(setup, self.folder / "newsletter.toml", project.settings)

    def set_up(self, **wishes: str) -> list[Component]:
        """The plan, carried out."""
        components = self.plan(**wishes)
        for action in actions_of(components):
            action.apply()
        return components

    def topic(self) -> Any:
        return self.aws.sns.get_topic_attributes(TopicArn=TOPIC)["Attributes"]

    def queue(self, name: str = f"{NAME}-events") -> Any:
        url = self.aws.sqs.get_queue_url(QueueName=name)["QueueUrl"]
        found = self.aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        return found["Attributes"]


def texts(components: list[Component]) -> list[str]:
    return [action.text for action in actions_of(components)]


def left_alone(components: list[Component]) -> list[str]:
    return [reason for component in components for reason in component.left_alone]
