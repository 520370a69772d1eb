"""The queue behind the topic, the queue of its dead letters, and the subscription."""

import json
from collections.abc import Mapping
from typing import Any

from newsletter.provision.base import Action, Component, Difference
from newsletter.provision.ses import wanted
from newsletter.provision.ses.target import SesTarget

_RETENTION = "MessageRetentionPeriod"
_OTHERS = (
    "it is there already, by an earlier run or for another newsletter; two that fetch from one "
    "queue take each other's events: if it is another's, name your own things with --name"
)
_SECONDS_A_DAY = 24 * 60 * 60


def url_of(target: SesTarget, name: str) -> str | None:
    """The URL of a queue; None where there is none of that name."""
    found = target.aws.find("sqs:GetQueueUrl", "QueueUrl", QueueName=name)
    return None if found is None else str(found["QueueUrl"])


def dead_letters(target: SesTarget) -> Component:
    """Only where the queue has no other place for its dead letters."""
    name = target.names.dead_letters
    component = f"queue {name}"
    if _other_dead_letters(target):
        return Component(component)
    url = url_of(target, name)
    if url is None:
        allowed = json.dumps(wanted.redrive_allow_policy(target.queue_arn))
        attributes = {**wanted.QUEUE_ATTRIBUTES, "RedriveAllowPolicy": allowed}
        made = Action(
            f"make the queue {name} for messages that cannot be handled",
            lambda: _create(target, name, attributes),
        )
        return Component(component, (made,))
    held = _attributes(target, url)
    return Component(component, _changes(target, name, url, held, _longer(held)))


def queue(target: SesTarget) -> Component:
    name = target.names.queue
    component = f"queue {name}"
    url = url_of(target, name)
    statement = wanted.queue_statement(target.queue_arn, target.topic_arn)
    redrive = json.dumps(wanted.redrive_policy(target.dead_letters_arn))
    if url is None:
        attributes = {
            **wanted.QUEUE_ATTRIBUTES,
            "RedrivePolicy": redrive,
            "Policy": json.dumps(wanted.policy([statement])),
        }
        made = Action(
            f"make the queue {name}: open to the topic {target.names.topic} alone, "
            "events are kept for 14 days",
            lambda: _create(target, name, attributes),
        )
        return Component(component, (made,))
    held = _attributes(target, url)
    wishes = _longer(held)
    if not held.get("RedrivePolicy"):
        wishes["RedrivePolicy"] = redrive
    if not wanted.has_statement(held.get("Policy", ""), statement):
        wishes["Policy"] = json.dumps(wanted.with_statement(held.get("Policy", ""), statement))
    notes = () if target.is_queue_known else (_OTHERS,)
    changes = _changes(target, name, url, held, wishes)
    return Component(component, changes, _encryption(held), notes)


def subscription(target: SesTarget) -> Component:
    """What the topic gets is put into the queue, in the envelope that names the topic."""
    found = _subscription_arn(target)
    component = f"subscription of {target.names.queue}"
    if found is None:
        made = Action(
            f"let the topic {target.names.topic} put its messages into {target.names.queue}",
            lambda: target.aws.make(
                "sns:Subscribe",
                TopicArn=target.topic_arn,
                Protocol="sqs",
                Endpoint=target.queue_arn,
            ),
        )
        return Component(component, (made,))
    attributes = target.aws.ask(
        "sns:GetSubscriptionAttributes", "Attributes", SubscriptionArn=found
    )["Attributes"]
    left_alone = (
        ("a filter keeps some events from the queue: remove its FilterPolicy in the SNS console",)
        if attributes.get("FilterPolicy")
        else ()
    )
    return Component(component, (), left_alone)


def _subscription_arn(target: SesTarget) -> str | None:
    """The subscription of the queue, among all of the topic."""
    arguments: dict[str, str] = {"TopicArn": target.topic_arn}
    while True:
        page = target.aws.find("sns:ListSubscriptionsByTopic", "Subscriptions", **arguments)
        for known in page["Subscriptions"] if page else ():
            if (known["Protocol"], known["Endpoint"]) == ("sqs", target.queue_arn):
                arn = str(known["SubscriptionArn"])
                return arn if arn.startswith("arn:") else None  # it waits for a confirmation
        if not page or not page.get("NextToken"):
            return None
        arguments["NextToken"] = page["NextToken"]


def _other_dead_letters(target: SesTarget) -> bool:
    url = url_of(target, target.names.queue)
    held = _attributes(target, url) if url else {}
    place = json.loads(held.get("RedrivePolicy") or "{}").get("deadLetterTargetArn")
    return place not in (None, target.dead_letters_arn)


def _attributes(target: SesTarget, url: str) -> Mapping[str, str]:
    """None of them where the queue has gone meanwhile."""
    reply = target.aws.find("sqs:GetQueueAttributes", QueueUrl=url, AttributeNames=["All"])
    attributes: Mapping[str, str] = (reply or {}).get("Attributes", {})
    return attributes


def _longer(held: Mapping[str, str]) -> dict[str, str]:
    """Messages are kept as long as can be, so that a long absence loses no event."""
    is_short = int(held.get(_RETENTION, 0)) < wanted.RETENTION_SECONDS
    return {_RETENTION: str(wanted.RETENTION_SECONDS)} if is_short else {}


def _changes(
    target: SesTarget, name: str, url: str, held: Mapping[str, str], wishes: Mapping[str, str]
) -> tuple[Action, ...]:
    if not wishes:
        return ()

    def change() -> None:
        # The policy goes along: stand-ins of SQS drop it otherwise.
        policy = {"Policy": held["Policy"]} if held.get("Policy") else {}
        target.aws.ask("sqs:SetQueueAttributes", QueueUrl=url, Attributes={**policy, **wishes})

    differences = tuple(
        Difference(attribute, *_shown(attribute, held.get(attribute, ""), value))
        for attribute, value in wishes.items()
    )
    return (Action(f"change the queue {name}", change, differences),)


def _shown(attribute: str, old: str, new: str) -> tuple[str, str]:
    match attribute:
        case "Policy":
            count = len(wanted.statements_of(old))
            return f"{count} statements", "the same, and sns.amazonaws.com for the topic"
        case "RedrivePolicy":
            held = json.loads(new)
            place = held["deadLetterTargetArn"].rpartition(":")[2]
            return old or "none", f"{place} after {held['maxReceiveCount']} times"
        case _:
            return _days(old), _days(new)


def _days(seconds: str) -> str:
    return f"{int(seconds or 0) / _SECONDS_A_DAY:.3g} days"


def _create(target: SesTarget, name: str, attributes: Mapping[str, Any]) -> None:
    target.aws.ask("sqs:CreateQueue", "QueueUrl", QueueName=name, Attributes=attributes)


def _encryption(held: Mapping[str, str]) -> tuple[str, ...]:
    if not (key := held.get("KmsMasterKeyId")):
        return ()
    advice = f"it is encrypted with the key {key}: let the policy of that key allow "
    return (f"{advice}kms:GenerateDataKey and kms:Decrypt to sns.amazonaws.com",)
