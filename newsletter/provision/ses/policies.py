"""Who may do what at AWS: the least that each role needs, as policies of IAM."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from newsletter.provision.ses.wanted import Document, Names, policy

ArnOf = Callable[[str, str], Any]
"""Service and resource -> ARN, or a placeholder of a template."""

_SEND = ("SendEmail", "SendBulkEmail")
_CHECK = ("GetConfigurationSet", "GetEmailIdentity")
_ACCOUNT = (
    "GetAccount",
    "ListSuppressedDestinations",
    "PutSuppressedDestination",
    "DeleteSuppressedDestination",
)
_INSIGHTS = ("CreateExportJob", "GetExportJob", "GetMessageInsights")
_TENANT = ("GetTenant", "GetReputationEntity")
_READ_SES = (
    "GetAccount",
    "GetConfigurationSet",
    "GetConfigurationSetEventDestinations",
    "GetEmailIdentity",
    "GetReputationEntity",
    "GetTenant",
    "ListRecommendations",
    "ListReputationEntities",
)
_READ_TOPIC = ("GetTopicAttributes", "ListSubscriptionsByTopic")
_READ_QUEUE = ("GetQueueAttributes", "GetQueueUrl")
_FETCH = ("ReceiveMessage", "DeleteMessage")
_SET_UP_SES = (
    "CreateEmailIdentity",
    "PutEmailIdentityDkimAttributes",
    "PutEmailIdentityDkimSigningAttributes",
    "PutEmailIdentityMailFromAttributes",
    "PutEmailIdentityFeedbackAttributes",
    "CreateConfigurationSet",
    "PutConfigurationSetDeliveryOptions",
    "PutConfigurationSetSuppressionOptions",
    "CreateConfigurationSetEventDestination",
    "UpdateConfigurationSetEventDestination",
    "PutAccountSuppressionAttributes",
)
_SET_UP_TOPIC = ("CreateTopic", "SetTopicAttributes", "Subscribe")
_SET_UP_QUEUE = ("CreateQueue", "SetQueueAttributes")
_EVERYTHING = "*"  # for actions that know no resources


def policies(
    names: Names, arn_of: ArnOf, *, sends_for_tenant: bool = False
) -> Mapping[str, Document]:
    """For who sends, who fetches events, who examines, and who sets up."""
    topic, queues = arn_of("sns", names.topic), _queues(names, arn_of)
    tenant = _TENANT if sends_for_tenant else ()
    return {
        "sender": policy(
            [
                _allow("ses", _SEND, _sending(names, arn_of)),
                _allow("ses", [*_ACCOUNT, *_CHECK, *_INSIGHTS, *tenant], _EVERYTHING),
            ]
        ),
        "events": policy([_allow("sqs", _FETCH, queues[0])]),
        "doctor": policy(_reading(topic, queues)),
        "setup": policy(
            [
                *_reading(topic, queues),
                _allow("ses", _SET_UP_SES, _EVERYTHING),
                _allow("sns", _SET_UP_TOPIC, topic),
                _allow("sqs", _SET_UP_QUEUE, queues),
            ]
        ),
    }


def _reading(topic: Any, queues: Sequence[Any]) -> list[Document]:
    return [
        _allow("ses", _READ_SES, _EVERYTHING),
        _allow("sns", _READ_TOPIC, topic),
        _allow("sns", ["GetSubscriptionAttributes"], _EVERYTHING),
        _allow("sqs", _READ_QUEUE, queues),
    ]


def _sending(names: Names, arn_of: ArnOf) -> list[Any]:
    return [
        arn_of("ses", f"identity/{names.domain}"),
        arn_of("ses", f"configuration-set/{names.configuration_set}"),
    ]


def _queues(names: Names, arn_of: ArnOf) -> list[Any]:
    return [arn_of("sqs", names.queue), arn_of("sqs", names.dead_letters)]


def _allow(service: str, operations: Sequence[str], resource: Any) -> Document:
    return {
        "Effect": "Allow",
        "Action": [f"{service}:{operation}" for operation in operations],
        "Resource": resource,
    }
