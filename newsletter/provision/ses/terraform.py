"""A file for Terraform that makes the same as `newsletter setup ses`."""

from newsletter.config import Settings
from newsletter.provision.base import SetupWishes
from newsletter.provision.ses import wanted
from newsletter.provision.ses.hcl import HclBlock, HclExpression, written
from newsletter.provision.ses.naming import template_names
from newsletter.provision.ses.policies import policies
from newsletter.provision.ses.wanted import Names

_ACCOUNT = "${data.aws_caller_identity.current.account_id}"
_REGION = "${data.aws_region.current.id}"
_PARTITION = "${data.aws_partition.current.partition}"
_TOPIC = "aws_sns_topic.events.arn"
_QUEUE = "aws_sqs_queue.events"
_DEAD_LETTERS = "aws_sqs_queue.dead_letters"
_SET = "aws_sesv2_configuration_set.newsletter"
_IDENTITY = "aws_sesv2_email_identity.newsletter"

# The provider stays that of the folder into which the file is put.
_SURROUNDINGS = [
    HclBlock("data", (kind, "current"), {})
    for kind in ("aws_caller_identity", "aws_partition", "aws_region")
]


def template(settings: Settings, wishes: SetupWishes) -> str:
    """Raises UsageError and ConfigurationError."""
    names = template_names(settings, wishes)
    blocks = [
        *_SURROUNDINGS,
        *_events(names),
        *_sending(names, wanted.event_types(settings.transport.ses)),
        *_policies(names, sends_for_tenant=bool(settings.transport.ses.tenant)),
        *_outputs(names),
    ]
    return written(blocks)


def _events(names: Names) -> list[HclBlock]:
    topic, queue = _inside(_TOPIC), _inside(f"{_QUEUE}.arn")
    statement = wanted.topic_statement(topic, _ACCOUNT, _inside(f"{_SET}.arn"))
    days = {"message_retention_seconds": wanted.RETENTION_SECONDS}
    redrive = wanted.redrive_policy(_inside(f"{_DEAD_LETTERS}.arn"))
    return [
        _resource(
            "aws_sns_topic",
            "events",
            name=names.topic,
            signature_version=int(wanted.SIGNATURE_VERSION),
        ),
        _resource(
            "aws_sns_topic_policy",
            "events",
            arn=HclExpression(_TOPIC),
            policy=wanted.policy([statement]),
        ),
        _resource("aws_sqs_queue", "dead_letters", name=names.dead_letters, **days),
        _resource("aws_sqs_queue", "events", name=names.queue, **days, redrive_policy=redrive),
        _resource(
            "aws_sqs_queue_redrive_allow_policy",
            "dead_letters",
            queue_url=HclExpression(f"{_DEAD_LETTERS}.id"),
            redrive_allow_policy=wanted.redrive_allow_policy(queue),
        ),
        _resource(
            "aws_sqs_queue_policy",
            "events",
            queue_url=HclExpression(f"{_QUEUE}.id"),
            policy=wanted.policy([wanted.queue_statement(queue, topic)]),
        ),
        _resource(
            "aws_sns_topic_subscription",
            "events",
            topic_arn=HclExpression(_TOPIC),
            protocol="sqs",
            endpoint=HclExpression(f"{_QUEUE}.arn"),
        ),
    ]


def _sending(names: Names, event_types: tuple[str, ...]) -> list[HclBlock]:
    delivery = {
        "tls_policy": wanted.TLS_POLICY,
        "max_delivery_seconds": wanted.MAX_DELIVERY_SECONDS,
    }
    destination = {
        "enabled": True,
        "matching_event_types": event_types,
        "sns_destination": HclBlock("sns_destination", (), {"topic_arn": HclExpression(_TOPIC)}),
    }
    name = HclExpression(f"{_IDENTITY}.email_identity")
    signing = {"next_signing_key_length": wanted.DKIM_KEY_LENGTH}
    return [
        _resource(
            "aws_sesv2_configuration_set",
            "newsletter",
            configuration_set_name=names.configuration_set,
            delivery_options=HclBlock("delivery_options", (), delivery),
        ),
        _resource(
            "aws_sesv2_configuration_set_event_destination",
            "events",
            configuration_set_name=HclExpression(f"{_SET}.configuration_set_name"),
            event_destination_name=names.destination,
            event_destination=HclBlock("event_destination", (), destination),
            depends_on=HclExpression("[aws_sns_topic_policy.events]"),
        ),
        _resource(
            "aws_sesv2_email_identity",
            "newsletter",
            email_identity=names.domain,
            dkim_signing_attributes=HclBlock("dkim_signing_attributes", (), signing),
        ),
        _resource(
            "aws_sesv2_email_identity_mail_from_attributes",
            "newsletter",
            email_identity=name,
            mail_from_domain=names.mail_from,
            behavior_on_mx_failure=wanted.ON_MX_FAILURE,
        ),
        _resource(
            "aws_sesv2_email_identity_feedback_attributes",
            "newsletter",
            email_identity=name,
            email_forwarding_enabled=False,
        ),
        _resource(
            "aws_sesv2_account_suppression_attributes",
            "account",
            suppressed_reasons=wanted.SUPPRESSED_REASONS,
        ),
    ]


def _policies(names: Names, *, sends_for_tenant: bool) -> list[HclBlock]:
    """Those that the running system needs; who applies this file has others."""

    def arn_of(service: str, resource: str) -> str:
        return f"arn:{_PARTITION}:{service}:{_REGION}:{_ACCOUNT}:{resource}"

    documents = policies(names, arn_of, sends_for_tenant=sends_for_tenant)
    return [
        _resource("aws_iam_policy", role, name=f"{names.configuration_set}-{role}", policy=document)
        for role, document in documents.items()
        if role != "setup"
    ]


def _outputs(names: Names) -> list[HclBlock]:
    tokens = f"{_IDENTITY}.dkim_signing_attributes[0].tokens"
    dkim = (
        f'[for token in {tokens} : "${{token}}._domainkey.{names.domain} CNAME '
        f'${{token}}.dkim.amazonses.com"]'
    )
    others = [
        *wanted.mail_from_records(names.mail_from, _REGION),
        wanted.dmarc_record(names.domain),
    ]
    return [
        _output("dkim_records", HclExpression(dkim)),
        _output("other_records", [f"{one.name} {one.kind} {one.value}" for one in others]),
        _output("configuration_set", HclExpression(f"{_SET}.configuration_set_name")),
        _output("queue_url", HclExpression(f"{_QUEUE}.id")),
        _output("topic_arn", HclExpression(_TOPIC)),
    ]


def _output(name: str, value: object) -> HclBlock:
    return HclBlock("output", (name,), {"value": value})


def _resource(kind: str, label: str, /, **body: object) -> HclBlock:
    return HclBlock("resource", (kind, label), body)


def _inside(expression: str) -> str:
    """An expression as part of a text."""
    return f"${{{expression}}}"
