"""What is right at SES, SNS and SQS, as constants and pure functions."""

import json
from dataclasses import replace

import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest

from newsletter.config import SesSettings
from newsletter.provision.ses import wanted
from newsletter.provision.ses.wanted import AwsPlace

PLACE = AwsPlace("123456789012", "eu-west-1")
TOPIC = PLACE.arn("sns", "letters-events")
QUEUE = PLACE.arn("sqs", "letters-events")
SET = PLACE.arn("ses", "configuration-set/letters")
STATEMENT = wanted.topic_statement(TOPIC, PLACE.account, SET)


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("The Quiet Machine", "the-quiet-machine"),
        ("  Ümläut & Co. ", "ml-ut-co"),
        ("技术周刊", "newsletter"),
        ("x" * 70, "x" * 40),
        ("a" * 39 + " b", "a" * 39),
    ],
)
def test_a_title_gives_a_name_that_every_service_takes(title: str, name: str) -> None:
    assert wanted.name_of(title) == name


def test_opens_and_clicks_are_events_only_where_they_are_tracked() -> None:
    """All others are: the ledger needs each of them."""
    plain = wanted.event_types(SesSettings())
    both = wanted.event_types(replace(SesSettings(), open_tracking=True, click_tracking=True))

    assert set(both) - set(plain) == {"OPEN", "CLICK"}
    assert {"SEND", "DELIVERY", "BOUNCE", "COMPLAINT", "REJECT", "RENDERING_FAILURE"} < set(plain)


def test_a_policy_is_added_to_and_loses_nothing() -> None:
    foreign = {"Sid": "NewsletterEvents", "Effect": "Deny", "Principal": "*", "Action": "sns:*"}
    before = json.dumps({"Version": "2008-10-17", "Id": "theirs", "Statement": foreign})

    after = wanted.with_statement(before, STATEMENT)

    assert after["Id"] == "theirs"
    assert after["Version"] == "2008-10-17"
    assert after["Statement"] == [foreign, STATEMENT | {"Sid": "NewsletterEvents2"}]
    assert not wanted.has_statement(before, STATEMENT)
    assert wanted.has_statement(json.dumps(after), STATEMENT)


def test_a_statement_is_known_in_other_words() -> None:
    """AWS rewrites single values as lists; the case of condition keys does not count."""
    condition = {"StringEquals": {"aws:SourceArn": [SET], "aws:sourceaccount": PLACE.account}}
    same = STATEMENT | {
        "Sid": "Other",
        "Action": ["SNS:Publish"],
        "Resource": [TOPIC],
        "Principal": {"Service": ["ses.amazonaws.com"]},
        "Condition": condition,
    }

    assert wanted.has_statement(json.dumps({"Statement": [same]}), STATEMENT)


@pytest.mark.parametrize(
    "change",
    [
        {"Effect": "Deny"},
        {"Principal": "*"},
        {"Principal": {"AWS": "ses.amazonaws.com"}},
        {"Action": "sns:Subscribe"},
        {"Resource": PLACE.arn("sns", "other")},
        {"Condition": {}},
        {"Condition": {"StringEquals": {"AWS:SourceAccount": PLACE.account}}},
        {"Condition": {"StringLike": STATEMENT["Condition"]["StringEquals"]}},
    ],
)
def test_a_statement_that_says_anything_else_is_another(change: wanted.Document) -> None:
    held = json.dumps(wanted.policy([STATEMENT | change]))

    assert not wanted.has_statement(held, STATEMENT)


def test_the_policies_let_in_one_sender_alone() -> None:
    """SES for one configuration set of one account; SNS for one topic."""
    queue = wanted.queue_statement(QUEUE, TOPIC)

    assert STATEMENT["Condition"]["StringEquals"] == {
        "AWS:SourceAccount": "123456789012",
        "AWS:SourceArn": "arn:aws:ses:eu-west-1:123456789012:configuration-set/letters",
    }
    assert queue["Condition"] == {"ArnEquals": {"aws:SourceArn": TOPIC}}
    assert (queue["Action"], queue["Resource"]) == ("sqs:SendMessage", QUEUE)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "v=spf1 include:amazonses.com ~all"),
        ("v=spf1 -all", "v=spf1 include:amazonses.com -all"),
        ("v=spf1 mx ?all", "v=spf1 mx include:amazonses.com ?all"),
        (
            "v=spf1 redirect=_spf.example.com",
            "v=spf1 include:amazonses.com redirect=_spf.example.com",
        ),
        ("v=spf1 ip4:192.0.2.1", "v=spf1 ip4:192.0.2.1 include:amazonses.com"),
        ("v=spf1  include:AmazonSES.com  -all", "v=spf1 include:AmazonSES.com -all"),
        ("v=spf1 +include:amazonses.com -all", "v=spf1 +include:amazonses.com -all"),
        (
            "v=spf1 -include:amazonses.com ~all",
            "v=spf1 -include:amazonses.com include:amazonses.com ~all",
        ),
    ],
)
def test_ses_joins_the_spf_record_that_is_there(before: str, after: str) -> None:
    """A name may have but one."""
    assert wanted.merged_spf(before) == after
    assert wanted.merged_spf(after) == after


def test_each_record_is_one_that_a_zone_can_hold() -> None:
    records = [
        *wanted.dkim_records("news.example.com", ["a1", "b2", "c3"]),
        *wanted.mail_from_records("bounce.news.example.com", "eu-west-1"),
        wanted.dmarc_record("news.example.com"),
    ]

    for record in records:
        value = f'"{record.value}"' if record.kind == "TXT" else f"{record.value}."
        kind = dns.rdatatype.from_text(record.kind)
        assert dns.rdata.from_text(dns.rdataclass.IN, kind, value).rdtype == kind
    assert [record.name for record in records] == [
        "a1._domainkey.news.example.com",
        "b2._domainkey.news.example.com",
        "c3._domainkey.news.example.com",
        "bounce.news.example.com",
        "bounce.news.example.com",
        "_dmarc.news.example.com",
    ]
    assert records[0].value == "a1.dkim.amazonses.com"
    assert records[3].value == "10 feedback-smtp.eu-west-1.amazonses.com"


def test_keys_lie_in_the_zone_that_ses_names() -> None:
    [record] = wanted.dkim_records("example.com", ["a1"], "dkim.eu-south-2.amazonses.com")

    assert record.value == "a1.dkim.eu-south-2.amazonses.com"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("v=DMARC1; p=none", True),
        ("v = DMARC1 ;p=reject", True),
        ("v=DMARC1", True),
        ("v=dmarc1; p=none", False),
        ("v=DMARC12; p=none", False),
        ("p=none; v=DMARC1", False),
        ("v=spf1 -all", False),
    ],
)
def test_a_dmarc_record_begins_with_its_version(text: str, *, expected: bool) -> None:
    assert wanted.is_dmarc(text) is expected
