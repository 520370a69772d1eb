"""The topic that SES publishes to."""

import json

from newsletter.provision.base import Action, Component, Difference
from newsletter.provision.ses import wanted
from newsletter.provision.ses.calls import JsonAnswer
from newsletter.provision.ses.target import SesTarget


def topic(target: SesTarget) -> Component:
    name = f"topic {target.names.topic}"
    found = target.aws.find("sns:GetTopicAttributes", "Attributes", TopicArn=target.topic_arn)
    if found is None:
        return Component(name, (_creation(target),))
    attributes: JsonAnswer = found["Attributes"]
    held, statement = attributes.get("Policy", ""), _statement(target)
    is_open = wanted.has_statement(held, statement)
    version = attributes.get("SignatureVersion")
    actions = []
    # Some tell no version: then the policy, which is changed after it, proves that it was set.
    if version != wanted.SIGNATURE_VERSION and (version is not None or not is_open):
        actions.append(_signing(target, version or "1"))
    if not is_open:
        actions.append(_opening(target, held, statement))
    return Component(name, tuple(actions), _encryption(attributes))


def _encryption(attributes: JsonAnswer) -> tuple[str, ...]:
    if not (key := attributes.get("KmsMasterKeyId")):
        return ()
    advice = f"it is encrypted with the key {key}: let the policy of that key allow "
    return (f"{advice}kms:GenerateDataKey* and kms:Decrypt to ses.amazonaws.com",)


def _statement(target: SesTarget) -> wanted.Document:
    return wanted.topic_statement(
        target.topic_arn, target.place.account, target.configuration_set_arn
    )


def _creation(target: SesTarget) -> Action:
    attributes = {
        "SignatureVersion": wanted.SIGNATURE_VERSION,
        "Policy": json.dumps(wanted.policy([_statement(target)])),
    }
    return Action(
        f"make the topic {target.names.topic}: signed with SHA-256, and open to the configuration "
        f"set {target.names.configuration_set} alone",
        lambda: target.aws.make("sns:CreateTopic", Name=target.names.topic, Attributes=attributes),
    )


def _signing(target: SesTarget, version: str) -> Action:
    return Action(
        f"sign the messages of the topic {target.names.topic} with SHA-256",
        lambda: _set(target, "SignatureVersion", wanted.SIGNATURE_VERSION),
        (Difference("SignatureVersion", version, wanted.SIGNATURE_VERSION),),
    )


def _opening(target: SesTarget, held: str, statement: wanted.Document) -> Action:
    count = len(wanted.statements_of(held))
    return Action(
        f"let SES publish to the topic {target.names.topic} for {target.names.configuration_set}",
        lambda: _set(target, "Policy", json.dumps(wanted.with_statement(held, statement))),
        (Difference("Policy", f"{count} statements", "the same, and ses.amazonaws.com"),),
    )


def _set(target: SesTarget, name: str, value: str) -> None:
    target.aws.ask(
        "sns:SetTopicAttributes",
        TopicArn=target.topic_arn,
        AttributeName=name,
        AttributeValue=value,
    )
