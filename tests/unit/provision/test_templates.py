"""What is written for other tools is what the command makes, and what those tools take."""

import io
import json
from dataclasses import replace
from typing import Any

import hcl2
import pytest
from cfnlint.api import lint

from newsletter.config import Settings
from newsletter.config.tables import read_table
from newsletter.errors import ConfigurationError
from newsletter.provision import provision_kind
from newsletter.provision.base import SetupWishes
from newsletter.provision.ses import wanted

KIND = provision_kind("ses")
WISHES = SetupWishes()
SETTINGS = read_table(
    Settings,
    {
        "newsletter": {
            "name": "The Quiet Machine",
            "from": "letters@news.example.com",
            "base_url": "https://news.example.com",
            "postal_address": "1 Example Street",
        },
        "transport": {"ses": {"click_tracking": True}},
    },
)


def cloudformation(settings: Settings = SETTINGS) -> Any:
    return json.loads(KIND.templates["cloudformation"](settings, WISHES))


def terraform() -> dict[str, dict[str, Any]]:
    """The resources, by their addresses; quotes as hcl2 keeps them are taken away."""
    document = hcl2.load(io.StringIO(KIND.templates["terraform"](SETTINGS, WISHES)))
    return {
        f"{plain(kind)}.{plain(label)}": body
        for resource in document["resource"]
        for kind, labels in resource.items()
        for label, body in labels.items()
    }


def plain(text: object) -> str:
    return str(text).strip('"')


def test_cloudformation_takes_the_template() -> None:
    """By the rules of cfn-lint, which knows each property of each resource."""
    text = KIND.templates["cloudformation"](SETTINGS, WISHES)

    assert [str(match) for match in lint(text)] == []


def test_the_template_of_cloudformation_says_what_is_right() -> None:
    resources = cloudformation()["Resources"]
    destination = resources["EventDestination"]["Properties"]["EventDestination"]

    assert resources["Identity"]["Properties"]["MailFromAttributes"] == {
        "MailFromDomain": "bounce.news.example.com",
        "BehaviorOnMxFailure": "REJECT_MESSAGE",
    }
    assert destination["MatchingEventTypes"] == [
        "send",
        "delivery",
        "bounce",
        "complaint",
        "reject",
        "renderingFailure",
        "deliveryDelay",
        "click",
    ]
    assert resources["Topic"]["Properties"]["SignatureVersion"] == "2"
    assert resources["ConfigurationSet"]["Properties"]["DeliveryOptions"] == {
        "TlsPolicy": wanted.TLS_POLICY,
        "MaxDeliverySeconds": wanted.MAX_DELIVERY_SECONDS,
    }


def test_the_file_for_terraform_says_what_is_right() -> None:
    resources = terraform()
    [destination] = resources["aws_sesv2_configuration_set_event_destination.events"][
        "event_destination"
    ]

    assert [plain(kind) for kind in destination["matching_event_types"]] == [
        *wanted.event_types(SETTINGS.transport.ses)
    ]
    assert resources["aws_sns_topic.events"]["signature_version"] == 2
    mail_from = resources["aws_sesv2_email_identity_mail_from_attributes.newsletter"]
    assert plain(mail_from["behavior_on_mx_failure"]) == wanted.ON_MX_FAILURE
    queue = resources["aws_sqs_queue.events"]
    assert queue["message_retention_seconds"] == wanted.RETENTION_SECONDS
    assert "aws_sqs_queue.dead_letters.arn" in queue["redrive_policy"]
    reasons = resources["aws_sesv2_account_suppression_attributes.account"]["suppressed_reasons"]
    assert [plain(reason) for reason in reasons] == [*wanted.SUPPRESSED_REASONS]


def test_both_make_the_same_things() -> None:
    """But for what CloudFormation cannot: the suppression list of the account."""
    kinds = {one["Type"].split("::")[1] for one in cloudformation()["Resources"].values()}
    names = {name.split(".")[0] for name in terraform()}

    assert kinds == {"SNS", "SQS", "SES", "IAM"}
    assert {
        "aws_sns_topic",
        "aws_sns_topic_policy",
        "aws_sns_topic_subscription",
        "aws_sqs_queue",
        "aws_sqs_queue_policy",
        "aws_sesv2_configuration_set",
        "aws_sesv2_email_identity",
        "aws_iam_policy",
    } < names


def test_a_name_that_would_be_code_is_refused() -> None:
    """It stands in a file that another tool runs."""
    ses = replace(SETTINGS.transport.ses, configuration_set='x${file("/etc/passwd")}')
    settings = replace(SETTINGS, transport=replace(SETTINGS.transport, ses=ses))

    with pytest.raises(ConfigurationError, match="cannot be the name of a configuration set"):
        KIND.templates["terraform"](settings, WISHES)
