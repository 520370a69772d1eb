"""A newsletter that sends through SES, and all is well: SES itself, its topic and its queue."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from newsletter.provision.ses import wanted
from tests.integration.aws import REGION, Aws
from tests.integration.doctor.stage import DOMAIN, MAIL_FROM, Sickroom
from tests.standin.client import StandIn

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

SET = "valley"
TOKENS = ("aaaa", "bbbb", "cccc")
HEALTHY = {
    "sandbox": False,
    "sending_enabled": True,
    "enforcement_status": "HEALTHY",
    "max_24_hour_send": 50_000,
    "sent_last_24_hours": 100,
    "max_send_rate": 50,
    "suppressed_reasons": ["BOUNCE", "COMPLAINT"],
    "recommendations": [],
    "reputation_entities": [],
    "described": {"PricingAttributes": {"CurrentPlan": "NONE"}},
}
IDENTITY: dict[str, Any] = {
    "FeedbackForwardingStatus": False,
    "VerifiedForSendingStatus": True,
    "VerificationStatus": "SUCCESS",
    "DkimAttributes": {
        "SigningEnabled": True,
        "Status": "SUCCESS",
        "Tokens": list(TOKENS),
        "CurrentSigningKeyLength": "RSA_2048_BIT",
    },
    "MailFromAttributes": {
        "MailFromDomain": MAIL_FROM,
        "MailFromDomainStatus": "SUCCESS",
        "BehaviorOnMxFailure": "REJECT_MESSAGE",
    },
}
RECORDS = {
    (MAIL_FROM, "MX"): (f"10 feedback-smtp.{REGION}.amazonses.com.",),
    (MAIL_FROM, "TXT"): ('"v=spf1 include:amazonses.com ~all"',),
    ("amazonses.com", "TXT"): ('"v=spf1 ip4:199.255.192.0/22 -all"',),
    **{
        (f"{token}._domainkey.{DOMAIN}", "CNAME"): (f"{token}.dkim.amazonses.com.",)
        for token in TOKENS
    },
}


@dataclass
class Channel:
    """A topic, its queue, and the queue of dead letters."""

    aws: Aws
    topic: str
    queue: str
    dead: str
    sqs: "SQSClient"
    sns: "SNSClient"

    @property
    def queue_arn(self) -> str:
        return f"arn:aws:sqs:{REGION}:123456789012:{self.queue.rpartition('/')[2]}"

    def as_set_up(self) -> None:
        """All attributes as they should be."""
        self.queue_is()
        self.feeds(self.queue_arn)
        statement = wanted.topic_statement(self.topic, "123456789012", "arn:set")
        self.topic_is(SignatureVersion="2", Policy=json.dumps(wanted.policy([statement])))
        for message in self.sqs.receive_message(QueueUrl=self.dead).get("Messages", []):
            self.sqs.delete_message(QueueUrl=self.dead, ReceiptHandle=message["ReceiptHandle"])

    def feeds(self, queue_arn: str, **attributes: str) -> None:
        """The topic's one subscription."""
        for known in self.sns.list_subscriptions_by_topic(TopicArn=self.topic)["Subscriptions"]:
            self.sns.unsubscribe(SubscriptionArn=known["SubscriptionArn"])
        self.sns.subscribe(
            TopicArn=self.topic, Protocol="sqs", Endpoint=queue_arn, Attributes=attributes
        )

    def queue_is(self, **attributes: str) -> None:
        """All attributes are set, since moto forgets those that are left out."""
        policy = wanted.policy([wanted.queue_statement(self.queue_arn, self.topic)])
        dead_arn = f"{self.queue_arn}{wanted.DEAD_LETTERS}"
        all_of_them: Any = {
            **wanted.QUEUE_ATTRIBUTES,
            "Policy": json.dumps(policy),
            "RedrivePolicy": json.dumps(wanted.redrive_policy(dead_arn)),
            **attributes,
        }
        self.sqs.set_queue_attributes(QueueUrl=self.queue, Attributes=all_of_them)

    def topic_is(self, **attributes: str) -> None:
        for name, value in attributes.items():
            self.sns.set_topic_attributes(
                TopicArn=self.topic, AttributeName=name, AttributeValue=value
            )


def make_channel(aws: Aws, name: str = "valley") -> Channel:
    sqs, sns = aws.sqs, aws.sns
    topic = sns.create_topic(Name=name)["TopicArn"]
    dead = sqs.create_queue(QueueName=f"{name}{wanted.DEAD_LETTERS}")["QueueUrl"]
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    return Channel(aws, topic, url, dead, sqs, sns)


@dataclass(kw_only=True)
class SesRoom(Sickroom):
    """As a Sickroom, through SES."""

    ses: StandIn
    channel: Channel

    def account(self, **changes: object) -> None:
        self.ses.account(**changes)

    def identity(self, **changes: Any) -> None:
        self.ses.preset(identities={DOMAIN: changes})

    def set(self, **changes: Any) -> None:
        self.ses.preset(configuration_sets={SET: changes})


def toml(room_toml: str, ses: StandIn, channel: Channel) -> str:
    head, _, tail = room_toml.partition("[transport]")
    dns = tail.partition("[dns]")[2]
    return f"""\
{head}[transport]
kind = "ses"

[transport.ses]
region = "{REGION}"
configuration_set = "{SET}"
endpoint_url = "{ses.url}"
max_rate = 0

[events]
queue_url = "{channel.queue}"
endpoint_url = "{channel.aws.url}"
topic_arns = ["{channel.topic}"]

[dns]{dns}"""


def as_set_up(ses: StandIn, channel: Channel) -> None:
    ses.clear()
    ses.account(**HEALTHY)
    ses.as_configured()
    ses.preset(
        identities={DOMAIN: None},
        configuration_sets={SET: None},
    )
    ses.preset(
        identities={DOMAIN: IDENTITY},
        configuration_sets={
            SET: {
                "DeliveryOptions": {"TlsPolicy": "REQUIRE", "MaxDeliverySeconds": 43_200},
                "SendingOptions": {"SendingEnabled": True},
                "destinations": {
                    "events": {
                        "Enabled": True,
                        "MatchingEventTypes": [
                            *("SEND", "DELIVERY", "BOUNCE", "COMPLAINT", "REJECT"),
                            *("RENDERING_FAILURE", "DELIVERY_DELAY"),
                        ],
                        "SnsDestination": {"TopicArn": channel.topic},
                    }
                },
            }
        },
    )
    channel.as_set_up()
