"""Suppressed addresses, configuration sets and identities answer as in SES."""

import datetime as dt
from typing import Any

import pytest
from botocore.exceptions import ClientError
from mypy_boto3_sesv2 import SESV2Client

from tests.standin.asking import code


def test_a_suppressed_address_is_put_got_and_deleted(ses: SESV2Client) -> None:
    """Whatever its special characters, in the spelling in which it was put; others are
    NotFoundException."""
    address = "First+a/b@example.com"

    ses.put_suppressed_destination(EmailAddress=address, Reason="BOUNCE")
    found = ses.get_suppressed_destination(EmailAddress=address)
    with pytest.raises(ClientError) as spelt:
        ses.delete_suppressed_destination(EmailAddress=address.lower())
    ses.delete_suppressed_destination(EmailAddress=address)
    with pytest.raises(ClientError) as gone:
        ses.get_suppressed_destination(EmailAddress=address)
    with pytest.raises(ClientError) as again:
        ses.delete_suppressed_destination(EmailAddress=address)

    assert found["SuppressedDestination"]["EmailAddress"] == address
    assert found["SuppressedDestination"]["Reason"] == "BOUNCE"
    age = dt.datetime.now(dt.UTC) - found["SuppressedDestination"]["LastUpdateTime"]
    assert dt.timedelta(0) <= age < dt.timedelta(minutes=1)
    assert code(gone.value) == code(again.value) == code(spelt.value) == "NotFoundException"


def test_a_tenant_has_a_list_and_a_reputation_of_its_own(ses: SESV2Client) -> None:
    ses.put_suppressed_destination(
        EmailAddress="t@example.com", Reason="BOUNCE", TenantName="brand"
    )
    theirs = ses.list_suppressed_destinations(TenantName="brand")
    tenant = ses.get_tenant(TenantName="brand")["Tenant"]
    entity = ses.get_reputation_entity(
        ReputationEntityType="RESOURCE", ReputationEntityReference=tenant["TenantArn"]
    )
    with pytest.raises(ClientError) as elsewhere:
        ses.get_suppressed_destination(EmailAddress="t@example.com")
    with pytest.raises(ClientError) as nobody:
        ses.get_tenant(TenantName="nobody")

    assert [e["EmailAddress"] for e in theirs["SuppressedDestinationSummaries"]] == [
        "t@example.com"
    ]
    assert entity["ReputationEntity"]["SendingStatusAggregate"] == "ENABLED"
    assert code(elsewhere.value) == code(nobody.value) == "NotFoundException"


def test_the_suppression_list_comes_in_pages(ses: SESV2Client) -> None:
    """Each address once; reasons and dates select."""
    for number in range(7):
        reason = "COMPLAINT" if number == 3 else "BOUNCE"
        ses.put_suppressed_destination(EmailAddress=f"page{number}@example.com", Reason=reason)  # type: ignore[arg-type]
    tomorrow = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)

    pages: list[list[str]] = []
    token: str | None = ""
    while token is not None and len(pages) < 5:
        extra: dict[str, Any] = {"NextToken": token} if token else {}
        page = ses.list_suppressed_destinations(PageSize=3, **extra)
        pages.append([found["EmailAddress"] for found in page["SuppressedDestinationSummaries"]])
        token = page.get("NextToken")
    complaints = ses.list_suppressed_destinations(Reasons=["COMPLAINT"])
    future = ses.list_suppressed_destinations(StartDate=tomorrow)

    assert [len(page) for page in pages] == [3, 3, 1]
    assert [address for page in pages for address in page] == [
        f"page{number}@example.com" for number in range(7)
    ]
    [complaint] = complaints["SuppressedDestinationSummaries"]
    assert complaint["EmailAddress"] == "page3@example.com"
    assert future["SuppressedDestinationSummaries"] == []


def test_a_token_of_nowhere_is_refused(ses: SESV2Client) -> None:
    """InvalidNextTokenException, as in the model of the API."""
    with pytest.raises(ClientError) as caught:
        ses.list_suppressed_destinations(NextToken="\u00ff")

    assert code(caught.value) == "InvalidNextTokenException"


def test_a_configuration_set_and_its_destination_are_made_once(ses: SESV2Client) -> None:
    """A second one of the name is AlreadyExistsException."""
    topic = {"TopicArn": "arn:aws:sns:us-east-1:123456789012:topic"}
    destination = {
        "Enabled": True,
        "MatchingEventTypes": ["SEND", "BOUNCE"],
        "SnsDestination": topic,
    }
    arguments = {
        "ConfigurationSetName": "made",
        "EventDestinationName": "topic",
        "EventDestination": destination,
    }

    ses.create_configuration_set(ConfigurationSetName="made")
    ses.create_configuration_set_event_destination(**arguments)  # type: ignore[arg-type]
    with pytest.raises(ClientError) as set_again:
        ses.create_configuration_set(ConfigurationSetName="made")
    with pytest.raises(ClientError) as destination_again:
        ses.create_configuration_set_event_destination(**arguments)  # type: ignore[arg-type]
    found = ses.get_configuration_set(ConfigurationSetName="made")
    destinations = ses.get_configuration_set_event_destinations(ConfigurationSetName="made")

    assert found["ConfigurationSetName"] == "made"
    assert destinations["EventDestinations"] == [{"Name": "topic", **destination}]
    assert code(set_again.value) == code(destination_again.value) == "AlreadyExistsException"


@pytest.mark.parametrize(
    "destination",
    [
        {"Enabled": True, "MatchingEventTypes": ["SEND"]},
        {"Enabled": True, "MatchingEventTypes": ["SENT"], "SnsDestination": {"TopicArn": "a"}},
        {"Enabled": True, "MatchingEventTypes": [], "SnsDestination": {"TopicArn": "a"}},
    ],
)
def test_a_destination_needs_known_types_and_a_place(
    ses: SESV2Client, destination: dict[str, object]
) -> None:
    """SES makes no destination that could publish nothing."""
    with pytest.raises(ClientError) as caught:
        ses.create_configuration_set_event_destination(
            ConfigurationSetName="newsletter",
            EventDestinationName="bad",
            EventDestination=destination,  # type: ignore[arg-type]
        )

    assert code(caught.value) == "BadRequestException"


def test_unknown_sets_and_identities_are_not_found(ses: SESV2Client) -> None:
    """404, for which boto3 has one exception."""
    with pytest.raises(ses.exceptions.NotFoundException):
        ses.get_configuration_set(ConfigurationSetName="nowhere")
    with pytest.raises(ses.exceptions.NotFoundException):
        ses.get_configuration_set_event_destinations(ConfigurationSetName="nowhere")
    with pytest.raises(ses.exceptions.NotFoundException):
        ses.get_email_identity(EmailIdentity="elsewhere.org")


def test_a_verified_identity_says_so(ses: SESV2Client) -> None:
    """Sending, DKIM and MAIL FROM are ready."""
    identity = ses.get_email_identity(EmailIdentity="news.example.com")

    assert identity["VerifiedForSendingStatus"] is True
    assert identity["IdentityType"] == "DOMAIN"
    assert identity["DkimAttributes"]["Status"] == "SUCCESS"
    assert identity["MailFromAttributes"]["MailFromDomainStatus"] == "SUCCESS"
