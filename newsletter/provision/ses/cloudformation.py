"""A CloudFormation template that makes the same as `newsletter setup ses`."""

import json
from typing import Any

from newsletter.config import Settings
from newsletter.provision.base import DnsRecord, SetupWishes
from newsletter.provision.ses import wanted
from newsletter.provision.ses.naming import template_names
from newsletter.provision.ses.policies import policies
from newsletter.provision.ses.wanted import Document, Names

_ACCOUNT = {"Ref": "AWS::AccountId"}
_TOPIC = {"Ref": "Topic"}


def template(settings: Settings, wishes: SetupWishes) -> str:
    """Raises UsageError and ConfigurationError."""
    names = template_names(settings, wishes)
    document = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": (
            f"What {names.domain} needs to send its newsletter. CloudFormation cannot "
            "switch on the account's suppression list: newsletter setup ses does."
        ),
        "Resources": {
            **_events(names),
            **_sending(names, wanted.event_types(settings.transport.ses)),
            **_policies(names, sends_for_tenant=bool(settings.transport.ses.tenant)),
        },
        "Outputs": _outputs(names),
    }
    return json.dumps(document, indent=2) + "\n"


def _arn_of(service: str, resource: str) -> Document:
    arn = f"arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{resource}"
    return {"Fn::Sub": arn}


def _attribute(resource: str, name: str = "Arn") -> Document:
    return {"Fn::GetAtt": [resource, name]}


def _events(names: Names) -> Document:
    queue, dead_letters = _attribute("Queue"), _attribute("DeadLetters")
    configuration_set = _arn_of("ses", f"configuration-set/{names.configuration_set}")
    topic_statement = wanted.topic_statement(_TOPIC, _ACCOUNT, configuration_set)
    return {
        "Topic": _resource(
            "SNS::Topic", TopicName=names.topic, SignatureVersion=wanted.SIGNATURE_VERSION
        ),
        "TopicPolicy": _resource(
            "SNS::TopicPolicy",
            Topics=[_TOPIC],
            PolicyDocument=wanted.policy([topic_statement]),
        ),
        "DeadLetters": _resource(
            "SQS::Queue",
            QueueName=names.dead_letters,
            MessageRetentionPeriod=wanted.RETENTION_SECONDS,
            RedriveAllowPolicy=wanted.redrive_allow_policy(_arn_of("sqs", names.queue)),
        ),
        "Queue": _resource(
            "SQS::Queue",
            QueueName=names.queue,
            MessageRetentionPeriod=wanted.RETENTION_SECONDS,
            RedrivePolicy=wanted.redrive_policy(dead_letters),
        ),
        "QueuePolicy": _resource(
            "SQS::QueuePolicy",
            Queues=[{"Ref": "Queue"}],
            PolicyDocument=wanted.policy([wanted.queue_statement(queue, _TOPIC)]),
        ),
        "Subscription": _resource(
            "SNS::Subscription", TopicArn=_TOPIC, Protocol="sqs", Endpoint=queue
        ),
    }


def _sending(names: Names, event_types: tuple[str, ...]) -> Document:
    destination = {
        "Name": names.destination,
        "Enabled": True,
        "MatchingEventTypes": [_camel_case(kind) for kind in event_types],
        "SnsDestination": {"TopicARN": _TOPIC},
    }
    return {
        "ConfigurationSet": _resource(
            "SES::ConfigurationSet",
            Name=names.configuration_set,
            DeliveryOptions={
                "TlsPolicy": wanted.TLS_POLICY,
                "MaxDeliverySeconds": wanted.MAX_DELIVERY_SECONDS,
            },
        ),
        "EventDestination": {
            **_resource(
                "SES::ConfigurationSetEventDestination",
                ConfigurationSetName={"Ref": "ConfigurationSet"},
                EventDestination=destination,
            ),
            "DependsOn": "TopicPolicy",
        },
        "Identity": _resource(
            "SES::EmailIdentity",
            EmailIdentity=names.domain,
            DkimSigningAttributes={"NextSigningKeyLength": wanted.DKIM_KEY_LENGTH},
            MailFromAttributes={
                "MailFromDomain": names.mail_from,
                "BehaviorOnMxFailure": wanted.ON_MX_FAILURE,
            },
            FeedbackAttributes={"EmailForwardingEnabled": False},
        ),
    }


def _policies(names: Names, *, sends_for_tenant: bool) -> Document:
    """Those that the running system needs; who applies this template has others."""
    documents = policies(names, _arn_of, sends_for_tenant=sends_for_tenant)
    return {
        f"{role.capitalize()}Policy": _resource("IAM::ManagedPolicy", PolicyDocument=document)
        for role, document in documents.items()
        if role != "setup"
    }


def _outputs(names: Names) -> Document:
    dkim = {
        f"Dkim{number}": _output(
            {
                "Fn::Sub": f"${{Identity.DkimDNSTokenName{number}}} CNAME "
                f"${{Identity.DkimDNSTokenValue{number}}}"
            }
        )
        for number in (1, 2, 3)
    }
    mx, spf = map(_line, wanted.mail_from_records(names.mail_from, "${AWS::Region}"))
    others = {
        "MailFromMx": _output({"Fn::Sub": mx}),
        "MailFromSpf": _output(spf),
        "Dmarc": _output(_line(wanted.dmarc_record(names.domain))),
    }
    settings = {
        "TransportSesConfigurationSet": _output({"Ref": "ConfigurationSet"}),
        "EventsQueueUrl": _output({"Ref": "Queue"}),
        "EventsTopicArns": _output(_TOPIC),
    }
    return {**dkim, **others, **settings}


def _line(record: DnsRecord) -> str:
    return f"{record.name} {record.kind} {record.value}"


def _output(value: Any) -> Document:
    return {"Value": value}


def _resource(kind: str, **properties: Any) -> Document:
    return {"Type": f"AWS::{kind}", "Properties": properties}


def _camel_case(event_type: str) -> str:
    """CloudFormation spells the types of events in another way than the API."""
    first, *others = event_type.lower().split("_")
    return first + "".join(word.capitalize() for word in others)
