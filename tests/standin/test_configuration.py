"""Identities and configuration sets are made, changed and described as in SES."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from mypy_boto3_sesv2 import SESV2Client

from tests.standin.asking import code, simple
from tests.standin.client import StandIn

NEW = "letters.example.org"
SET = "newsletter"


@pytest.fixture(autouse=True)
def as_configured(standin: StandIn) -> Iterator[None]:
    yield
    standin.as_configured()
    standin.account(suppressed_reasons=["BOUNCE", "COMPLAINT"])


def test_a_new_identity_waits_for_its_records(ses: SESV2Client) -> None:
    """It has three tokens and the key that was asked for, no MAIL FROM domain, and forwards
    feedback."""
    made = ses.create_email_identity(
        EmailIdentity=NEW, DkimSigningAttributes={"NextSigningKeyLength": "RSA_2048_BIT"}
    )
    described = ses.get_email_identity(EmailIdentity=NEW)
    with pytest.raises(ClientError) as again:
        ses.create_email_identity(EmailIdentity=NEW)

    assert made["DkimAttributes"]["Tokens"] == described["DkimAttributes"]["Tokens"]
    assert len(set(made["DkimAttributes"]["Tokens"])) == 3
    assert described["VerifiedForSendingStatus"] is False
    assert described["DkimAttributes"]["CurrentSigningKeyLength"] == "RSA_2048_BIT"
    assert described["MailFromAttributes"] == {"BehaviorOnMxFailure": "USE_DEFAULT_VALUE"}
    assert described["FeedbackForwardingStatus"] is True
    assert code(again.value) == "AlreadyExistsException"


def test_a_mail_from_domain_lies_below_its_identity_and_waits(ses: SESV2Client) -> None:
    name = "news.example.com"
    with pytest.raises(ClientError) as elsewhere:
        ses.put_email_identity_mail_from_attributes(
            EmailIdentity=name, MailFromDomain="bounce.example.org"
        )

    ses.put_email_identity_mail_from_attributes(
        EmailIdentity=name,
        MailFromDomain=f"mail.{name}",
        BehaviorOnMxFailure="REJECT_MESSAGE",
    )

    assert code(elsewhere.value) == "BadRequestException"
    assert ses.get_email_identity(EmailIdentity=name)["MailFromAttributes"] == {
        "MailFromDomain": f"mail.{name}",
        "MailFromDomainStatus": "PENDING",
        "BehaviorOnMxFailure": "REJECT_MESSAGE",
    }


def test_mail_is_refused_while_its_mail_from_domain_is_wanted_and_not_verified(
    standin: StandIn, ses: SESV2Client
) -> None:
    """As the documentation of BehaviorOnMxFailure says, of the most specific identity."""
    wanted = {"BehaviorOnMxFailure": "REJECT_MESSAGE", "MailFromDomainStatus": "FAILED"}
    standin.preset(identities={"example.com": {"MailFromAttributes": wanted}})
    ses.send_email(**simple())
    standin.preset(identities={"news.example.com": {"MailFromAttributes": wanted}})

    with pytest.raises(ClientError) as refused:
        ses.send_email(**simple())

    assert code(refused.value) == "MailFromDomainNotVerifiedException"


def test_a_longer_key_comes_later_and_a_foreign_key_is_replaced_at_once(
    standin: StandIn, ses: SESV2Client
) -> None:
    short = {"CurrentSigningKeyLength": "RSA_1024_BIT", "NextSigningKeyLength": "RSA_1024_BIT"}
    standin.preset(identities={"example.com": {"DkimAttributes": short}})

    ses.put_email_identity_dkim_signing_attributes(
        EmailIdentity="example.com",
        SigningAttributesOrigin="AWS_SES",
        SigningAttributes={"NextSigningKeyLength": "RSA_2048_BIT"},
    )
    ses.put_email_identity_dkim_attributes(EmailIdentity="example.com", SigningEnabled=False)
    ses.put_email_identity_feedback_attributes(
        EmailIdentity="example.com", EmailForwardingEnabled=False
    )

    identity = ses.get_email_identity(EmailIdentity="example.com")
    assert identity["DkimAttributes"]["CurrentSigningKeyLength"] == "RSA_1024_BIT"
    assert identity["DkimAttributes"]["NextSigningKeyLength"] == "RSA_2048_BIT"
    assert identity["DkimAttributes"]["SigningEnabled"] is False
    assert identity["FeedbackForwardingStatus"] is False


def test_options_are_put_as_a_whole(ses: SESV2Client) -> None:
    """What is not named is unset, as the pool of addresses here."""
    ses.put_configuration_set_delivery_options(
        ConfigurationSetName=SET, TlsPolicy="OPTIONAL", SendingPoolName="pool"
    )
    ses.put_configuration_set_delivery_options(
        ConfigurationSetName=SET, TlsPolicy="REQUIRE", MaxDeliverySeconds=300
    )
    ses.put_configuration_set_suppression_options(
        ConfigurationSetName=SET, SuppressedReasons=["BOUNCE"]
    )
    ses.put_configuration_set_sending_options(ConfigurationSetName=SET, SendingEnabled=True)

    described = ses.get_configuration_set(ConfigurationSetName=SET)
    assert described["DeliveryOptions"] == {"TlsPolicy": "REQUIRE", "MaxDeliverySeconds": 300}
    assert described["SuppressionOptions"]["SuppressedReasons"] == ["BOUNCE"]
    assert described["SendingOptions"] == {"SendingEnabled": True}


def test_an_event_destination_is_updated_as_a_whole(ses: SESV2Client) -> None:
    """One that is not there is NotFoundException."""
    arguments: dict[str, Any] = {
        "ConfigurationSetName": SET,
        "EventDestinationName": "events",
        "EventDestination": {
            "Enabled": True,
            "MatchingEventTypes": ["BOUNCE"],
            "SnsDestination": {"TopicArn": "arn:aws:sns:us-east-1:123456789012:other"},
        },
    }

    ses.update_configuration_set_event_destination(**arguments)
    with pytest.raises(ClientError) as absent:
        ses.update_configuration_set_event_destination(
            **arguments | {"EventDestinationName": "nowhere"}
        )

    [destination] = ses.get_configuration_set_event_destinations(ConfigurationSetName=SET)[
        "EventDestinations"
    ]
    assert destination["MatchingEventTypes"] == ["BOUNCE"]
    assert destination["SnsDestination"]["TopicArn"].endswith(":other")
    assert code(absent.value) == "NotFoundException"


def test_the_account_suppresses_for_the_reasons_that_it_is_told(ses: SESV2Client) -> None:
    ses.put_account_suppression_attributes(SuppressedReasons=["BOUNCE"])

    assert ses.get_account()["SuppressionAttributes"]["SuppressedReasons"] == ["BOUNCE"]


@pytest.mark.parametrize(
    "call",
    [
        lambda ses: ses.put_configuration_set_delivery_options(
            ConfigurationSetName=SET, MaxDeliverySeconds=60
        ),
        lambda ses: ses.put_configuration_set_delivery_options(
            ConfigurationSetName=SET, TlsPolicy="SOMETIMES"
        ),
        lambda ses: ses.put_account_suppression_attributes(SuppressedReasons=["BOREDOM"]),
        lambda ses: ses.create_email_identity(
            EmailIdentity=NEW, DkimSigningAttributes={"NextSigningKeyLength": "RSA_512_BIT"}
        ),
        lambda ses: ses.put_email_identity_mail_from_attributes(
            EmailIdentity="example.com", BehaviorOnMxFailure="HOPE"
        ),
    ],
    ids=["too short a time", "no policy", "no reason", "no key length", "no behaviour"],
)
def test_values_that_the_api_does_not_know_are_refused(
    ses: SESV2Client, call: Callable[[SESV2Client], object]
) -> None:
    with pytest.raises(ClientError) as refused:
        call(ses)

    assert code(refused.value) == "BadRequestException"


def test_a_test_can_put_things_into_any_state(standin: StandIn, ses: SESV2Client) -> None:
    """Also such as the API allows nobody to make; null takes something away."""
    standin.preset(
        identities={"example.com": None, "sub.example.org": {"VerificationStatus": "FAILED"}},
        configuration_sets={SET: {"destinations": {"events": {"Enabled": False}}}, "other": {}},
    )

    [destination] = ses.get_configuration_set_event_destinations(ConfigurationSetName=SET)[
        "EventDestinations"
    ]
    failed = ses.get_email_identity(EmailIdentity="sub.example.org")
    with pytest.raises(ClientError):
        ses.get_email_identity(EmailIdentity="example.com")
    with pytest.raises(ValueError, match="unknown: sets"):
        standin.preset(sets={})

    assert destination["Enabled"] is False
    assert "SEND" in destination["MatchingEventTypes"]
    assert failed["VerificationStatus"] == "FAILED"
    assert ses.get_configuration_set(ConfigurationSetName="other") is not None
