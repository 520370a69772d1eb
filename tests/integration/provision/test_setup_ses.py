"""Setting up SES, SNS and SQS: from nothing, from any part of it, and beside what others made."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from newsletter.config import SesSettings
from newsletter.errors import ConfigurationError
from newsletter.project import Project
from newsletter.provision.planning import actions_of
from newsletter.provision.ses import wanted
from newsletter.provision.ses.policies import policies
from newsletter.provision.ses.wanted import AwsPlace, Names
from tests.integration.aws import REGION
from tests.integration.provision.account import (
    ACCOUNT,
    NAME,
    QUEUE,
    TOPIC,
    Account,
    left_alone,
    texts,
)
from tests.standin.asking import client_of

PLACE = AwsPlace(ACCOUNT, REGION)
NAMES = Names(
    domain="example.com",
    mail_from="bounce.example.com",
    configuration_set=NAME,
    topic=f"{NAME}-events",
    queue=f"{NAME}-events",
    destination=f"{NAME}-events",
)
SET = PLACE.arn("ses", f"configuration-set/{NAME}")
DOMAIN = "example.com"
MAIL_FROM = {"MailFromDomain": f"bounce.{DOMAIN}"}
VERIFIED = {
    "VerifiedForSendingStatus": True,
    "VerificationStatus": "SUCCESS",
    "DkimAttributes": {"Status": "SUCCESS"},
    "FeedbackForwardingStatus": False,
}
STRICT = {**MAIL_FROM, "MailFromDomainStatus": "SUCCESS", "BehaviorOnMxFailure": "REJECT_MESSAGE"}
TYPES = wanted.event_types(SesSettings())
DESTINATION = {
    "Enabled": True,
    "MatchingEventTypes": list(TYPES),
    "SnsDestination": {"TopicArn": TOPIC},
}


def test_an_empty_account_gets_all_that_mail_needs(account: Account) -> None:
    account.set_up()

    ses = client_of(account.ses.url)
    made = ses.get_configuration_set(ConfigurationSetName=NAME)
    [destination] = ses.get_configuration_set_event_destinations(ConfigurationSetName=NAME)[
        "EventDestinations"
    ]
    identity = ses.get_email_identity(EmailIdentity=DOMAIN)
    topic, queue, dead = account.topic(), account.queue(), account.queue(f"{NAME}-events-dead")
    assert made["DeliveryOptions"] == {"TlsPolicy": "REQUIRE", "MaxDeliverySeconds": 43_200}
    assert destination == {"Name": f"{NAME}-events", **DESTINATION}
    assert identity["DkimAttributes"]["CurrentSigningKeyLength"] == "RSA_2048_BIT"
    assert identity["MailFromAttributes"]["MailFromDomain"] == f"bounce.{DOMAIN}"
    assert identity["MailFromAttributes"]["BehaviorOnMxFailure"] == "REJECT_MESSAGE"
    assert identity["FeedbackForwardingStatus"] is False
    assert ses.get_account()["SuppressionAttributes"]["SuppressedReasons"] == [
        "BOUNCE",
        "COMPLAINT",
    ]
    assert json.loads(topic["Policy"])["Statement"] == [wanted.topic_statement(TOPIC, ACCOUNT, SET)]
    assert json.loads(queue["Policy"])["Statement"] == [wanted.queue_statement(QUEUE, TOPIC)]
    assert json.loads(queue["RedrivePolicy"])["deadLetterTargetArn"] == f"{QUEUE}-dead"
    assert queue["MessageRetentionPeriod"] == dead["MessageRetentionPeriod"] == "1209600"
    settings = Project.open(account.folder).settings
    assert settings.transport.kind == "ses"
    assert settings.transport.ses.region == REGION
    assert settings.transport.ses.configuration_set == NAME
    assert (
        settings.events.queue_url
        == account.aws.sqs.get_queue_url(QueueName=f"{NAME}-events")["QueueUrl"]
    )
    assert settings.events.topic_arns == (TOPIC,)


def test_what_is_published_to_the_topic_arrives_in_the_queue(account: Account) -> None:
    account.set_up()

    account.aws.sns.publish(TopicArn=TOPIC, Message="hello")

    url = Project.open(account.folder).settings.events.queue_url
    [message] = account.aws.sqs.receive_message(QueueUrl=url)["Messages"]
    assert json.loads(message["Body"])["Message"] == "hello"
    assert json.loads(message["Body"])["TopicArn"] == TOPIC


def test_a_second_run_only_reads(account: Account) -> None:
    before = account.set_up()
    written = (account.folder / "newsletter.toml").read_bytes()

    again = account.set_up()

    first, second = account.calls
    assert len(first.changes) == len(actions_of(before)) - 1  # the last one is newsletter.toml
    allowed = policies(NAMES, PLACE.arn)["setup"]["Statement"]
    assert {*first.asked, *second.asked} - {"sts:GetCallerIdentity"} <= {
        action for statement in allowed for action in statement["Action"]
    }
    assert actions_of(again) == []
    assert second.changes == []
    assert (account.folder / "newsletter.toml").read_bytes() == written


def test_a_plan_is_made_by_reading_alone(account: Account) -> None:
    account.plan()

    [calls] = account.calls
    assert calls.changes == []
    assert account.aws.sns.list_topics()["Topics"] == []


def test_a_run_that_ends_after_any_change_is_completed_by_the_next(account: Account) -> None:
    """Each change leaves exactly those that came after it, and the settings come last."""
    whole = texts(account.plan())
    settings = Project.open(account.folder).settings

    for done in range(len(whole)):
        left = account.plan()
        assert texts(left) == whole[done:]
        assert Project.open(account.folder).settings == settings
        actions_of(left)[0].apply()

    assert actions_of(account.plan()) == []
    assert Project.open(account.folder).settings.transport.kind == "ses"


def test_each_action_can_be_repeated(account: Account) -> None:
    """As when its answer was lost, or two people run it at once."""
    one, other = account.plan(), account.plan()
    for action, same in zip(actions_of(one), actions_of(other), strict=True):
        action.apply()
        same.apply()

    assert actions_of(account.plan()) == []


def _preset_set(account: Account, **changes: Any) -> None:
    account.ses.preset(configuration_sets={NAME: changes})


def _preset_identity(account: Account, **changes: Any) -> None:
    account.ses.preset(identities={DOMAIN: changes})


def _queue_attributes(account: Account, **attributes: str) -> None:
    url = account.aws.sqs.get_queue_url(QueueName=f"{NAME}-events")["QueueUrl"]
    values: Any = {"Policy": account.queue()["Policy"], **attributes}
    account.aws.sqs.set_queue_attributes(QueueUrl=url, Attributes=values)


def _unsubscribe(account: Account) -> None:
    [known] = account.aws.sns.list_subscriptions_by_topic(TopicArn=TOPIC)["Subscriptions"]
    account.aws.sns.unsubscribe(SubscriptionArn=known["SubscriptionArn"])


REPAIRED: Mapping[str, tuple[Callable[[Account], object], str, list[str]]] = {
    "TLS is optional": (
        lambda account: _preset_set(account, DeliveryOptions={"TlsPolicy": "OPTIONAL"}),
        "change the configuration set newsletter",
        ["TlsPolicy: OPTIONAL -> REQUIRE"],
    ),
    "no end of delivery": (
        lambda account: _preset_set(account, DeliveryOptions={"MaxDeliverySeconds": None}),
        "change the configuration set newsletter",
        ["MaxDeliverySeconds: not set -> 43200"],
    ),
    "its own suppression lacks complaints": (
        lambda account: _preset_set(account, SuppressionOptions={"SuppressedReasons": ["BOUNCE"]}),
        "change the configuration set newsletter",
        ["SuppressedReasons: BOUNCE -> BOUNCE, COMPLAINT"],
    ),
    "the destination is switched off": (
        lambda account: _preset_set(
            account, destinations={"newsletter-events": {"Enabled": False}}
        ),
        "complete the event destination newsletter-events",
        ["Enabled: false -> true"],
    ),
    "the destination lacks types": (
        lambda account: _preset_set(
            account,
            destinations={"newsletter-events": {"MatchingEventTypes": ["SEND", "OPEN"]}},
        ),
        "complete the event destination newsletter-events",
        [f"MatchingEventTypes: SEND, OPEN -> and {', '.join(TYPES[1:])}"],
    ),
    "the destination is gone": (
        lambda account: _preset_set(account, destinations={"newsletter-events": None}),
        "publish 7 types of events to the topic newsletter-events",
        [f"MatchingEventTypes: none -> {', '.join(TYPES)}"],
    ),
    "a short key": (
        lambda account: _preset_identity(
            account, DkimAttributes={"NextSigningKeyLength": "RSA_1024_BIT"}
        ),
        "let SES sign the mails of example.com with a key of 2048 bits",
        ["NextSigningKeyLength: RSA_2048_BIT -> RSA_2048_BIT"],
    ),
    "no DKIM": (
        lambda account: _preset_identity(account, DkimAttributes={"SigningEnabled": False}),
        "sign the mails of example.com with DKIM",
        ["SigningEnabled: false -> true"],
    ),
    "no MAIL FROM domain": (
        lambda account: _preset_identity(
            account,
            MailFromAttributes={"MailFromDomain": None, "BehaviorOnMxFailure": "USE_DEFAULT_VALUE"},
        ),
        "use bounce.example.com as the MAIL FROM domain of example.com",
        [
            "MailFromDomain: none -> bounce.example.com",
            "BehaviorOnMxFailure: USE_DEFAULT_VALUE -> REJECT_MESSAGE",
        ],
    ),
    "feedback is forwarded": (
        lambda account: _preset_identity(account, FeedbackForwardingStatus=True),
        "switch off the forwarding of feedback about example.com by mail",
        ["FeedbackForwardingStatus: true -> false"],
    ),
    "its MX is found": (
        lambda account: _preset_identity(
            account,
            **VERIFIED,
            MailFromAttributes={**STRICT, "BehaviorOnMxFailure": "USE_DEFAULT_VALUE"},
        ),
        "use bounce.example.com as the MAIL FROM domain of example.com",
        ["BehaviorOnMxFailure: USE_DEFAULT_VALUE -> REJECT_MESSAGE"],
    ),
    "the account suppresses nobody who complains": (
        lambda account: account.ses.account(suppressed_reasons=["BOUNCE"]),
        "let SES suppress addresses that bounce or complain",
        ["SuppressedReasons: BOUNCE -> BOUNCE, COMPLAINT"],
    ),
    "the queue forgets early": (
        lambda account: _queue_attributes(account, MessageRetentionPeriod="60"),
        "change the queue newsletter-events",
        ["MessageRetentionPeriod: 0.000694 days -> 14 days"],
    ),
    "the queue is open to nobody": (
        lambda account: _queue_attributes(account, Policy=""),
        "change the queue newsletter-events",
        ["Policy: 0 statements -> the same, and sns.amazonaws.com for the topic"],
    ),
    "there is no subscription": (
        _unsubscribe,
        "let the topic newsletter-events put its messages into newsletter-events",
        [],
    ),
}


def test_a_topic_that_ses_may_not_publish_to_is_opened(account: Account) -> None:
    """And signs anew: moto tells no version, so that only the policy proves that it was set."""
    account.set_up()
    account.aws.sns.set_topic_attributes(
        TopicArn=TOPIC, AttributeName="Policy", AttributeValue='{"Statement": []}'
    )

    repaired = account.set_up()

    assert texts(repaired) == [
        "sign the messages of the topic newsletter-events with SHA-256",
        "let SES publish to the topic newsletter-events for newsletter",
    ]
    assert actions_of(account.plan()) == []


ROUNDS = (  # of faults that one run meets together
    (
        "TLS is optional",
        "the destination is switched off",
        "a short key",
        "the account suppresses nobody who complains",
        "the queue forgets early",
        "there is no subscription",
    ),
    (
        "no end of delivery",
        "the destination lacks types",
        "no MAIL FROM domain",
        "feedback is forwarded",
        "the queue is open to nobody",
    ),
    (
        "its own suppression lacks complaints",
        "the destination is gone",
        "no DKIM",
        "its MX is found",
    ),
)


def test_whatever_is_amiss_is_repaired_alone(account: Account) -> None:
    """Each fault by one change that says what differs, and nothing else is touched then."""
    account.set_up()

    for faults in ROUNDS:
        for fault in faults:
            REPAIRED[fault][0](account)
        repaired = actions_of(account.set_up())
        told = [
            (
                action.text,
                [f"{one.attribute}: {one.old} -> {one.new}" for one in action.differences],
            )
            for action in repaired
        ]
        assert sorted(told) == sorted(REPAIRED[fault][1:] for fault in faults)

    assert actions_of(account.plan()) == []
    assert sorted(fault for faults in ROUNDS for fault in faults) == sorted(REPAIRED)


def test_what_others_made_stays_and_is_only_added_to(account: Account) -> None:
    """Policies keep their statements, the set its other destinations and its pool of addresses."""
    theirs = {"Sid": "Theirs", "Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}
    policy = json.dumps(wanted.policy([theirs]))
    account.aws.sns.create_topic(Name=f"{NAME}-events")
    account.aws.sns.set_topic_attributes(
        TopicArn=TOPIC, AttributeName="Policy", AttributeValue=policy
    )
    account.aws.sqs.create_queue(QueueName="graveyard")
    grave = QUEUE.replace("newsletter-events", "graveyard")
    redrive = json.dumps({"deadLetterTargetArn": grave, "maxReceiveCount": 3})
    account.aws.sqs.create_queue(
        QueueName=f"{NAME}-events", Attributes={"Policy": policy, "RedrivePolicy": redrive}
    )
    other = {**DESTINATION, "SnsDestination": {"TopicArn": TOPIC.replace(NAME, "other")}}
    account.ses.preset(
        configuration_sets={
            NAME: {
                "DeliveryOptions": {"SendingPoolName": "pool"},
                "destinations": {"newsletter-events": other},
            }
        }
    )

    account.set_up()

    ses = client_of(account.ses.url)
    destinations = ses.get_configuration_set_event_destinations(ConfigurationSetName=NAME)
    assert [one["Name"] for one in destinations["EventDestinations"]] == [
        "newsletter-events",
        "newsletter-events-2",
    ]
    assert destinations["EventDestinations"][0]["SnsDestination"] == other["SnsDestination"]
    options = ses.get_configuration_set(ConfigurationSetName=NAME)["DeliveryOptions"]
    assert options["SendingPoolName"] == "pool"
    for held in (account.topic(), account.queue()):
        assert [one["Sid"] for one in json.loads(held["Policy"])["Statement"]] == [
            "Theirs",
            "NewsletterEvents",
        ]
    assert json.loads(account.queue()["RedrivePolicy"])["deadLetterTargetArn"] == grave
    assert not any("dead" in url for url in account.aws.sqs.list_queues()["QueueUrls"])
    assert actions_of(account.plan()) == []


LEFT_ALONE: Mapping[str, tuple[dict[str, Any], str]] = {
    "a key of their own": (
        {"DkimAttributes": {"SigningAttributesOrigin": "EXTERNAL"}},
        "it signs with a key of your own (BYODKIM)",
    ),
    "the key of another region": (
        {"DkimAttributes": {"SigningAttributesOrigin": "AWS_SES_EU_WEST_1"}},
        "it signs with the key of the same identity in another region",
    ),
    "records that SES gave up on": (
        {"DkimAttributes": {"Status": "FAILED"}},
        "SES no longer looks for its DKIM records",
    ),
    "feedback that others may read": (
        {**VERIFIED, "MailFromAttributes": STRICT, "FeedbackForwardingStatus": True},
        "bounces and complaints are also forwarded by mail",
    ),
    "mails that go out now": (
        {
            **VERIFIED,
            "MailFromAttributes": {
                **STRICT,
                "BehaviorOnMxFailure": "USE_DEFAULT_VALUE",
                "MailFromDomainStatus": "FAILED",
            },
        },
        "its mails leave from amazonses.com while the MX record",
    ),
}


def test_what_could_harm_others_is_told_and_left_alone(account: Account) -> None:
    account.set_up()

    for fault, (changes, reason) in LEFT_ALONE.items():
        account.ses.preset(identities={DOMAIN: None})
        clean = {"FeedbackForwardingStatus": False, "MailFromAttributes": STRICT}
        account.ses.preset(identities={DOMAIN: {**clean, **changes}})
        planned = account.plan()
        assert texts(planned) == [], fault
        [told] = left_alone(planned)
        assert told.startswith(reason), fault
    account.ses.preset(identities={DOMAIN: {**VERIFIED, "MailFromAttributes": STRICT}})
    _preset_set(account, SendingOptions={"SendingEnabled": False})
    planned = account.plan(mail_from="mail.example.com")
    switched_off, other_mail_from = left_alone(planned)
    assert texts(planned) == []
    assert switched_off.startswith("sending is switched off for it")
    assert other_mail_from.startswith("its MAIL FROM domain is bounce.example.com, not mail")


def test_mails_that_go_out_now_are_not_stopped(account: Account) -> None:
    """A verified domain gets its MAIL FROM domain, but is strict only once its MX is found."""
    account.ses.preset(identities={DOMAIN: VERIFIED})

    first = account.set_up()
    account.ses.preset(
        identities={DOMAIN: {"MailFromAttributes": {"MailFromDomainStatus": "SUCCESS"}}}
    )
    second = account.set_up()

    assert any("bounce.example.com" in text for text in texts(first))
    assert any("amazonses.com while the MX record" in told for told in left_alone(first))
    assert texts(second) == ["use bounce.example.com as the MAIL FROM domain of example.com"]
    assert left_alone(second) == []


def test_another_mail_from_domain_can_be_named_until_mails_go_out(account: Account) -> None:
    account.set_up()

    other = account.set_up(mail_from="mail.example.com")

    assert texts(other) == ["use mail.example.com as the MAIL FROM domain of example.com"]
    assert texts(account.plan()) == []


def test_a_domain_above_that_ses_knows_is_used(account: Account) -> None:
    """An identity below it, not verified yet, would take its place and stop what is sent."""
    text = (account.folder / "newsletter.toml").read_text()
    (account.folder / "newsletter.toml").write_text(text.replace("@example", "@a.b.example"))
    account.ses.preset(identities={"b.example.com": VERIFIED})

    planned = account.plan()
    named = account.plan(domain="a.b.example.com")

    assert any("bounce.b.example.com" in line for line in texts(planned))
    assert any("make the identity a.b.example.com" in line for line in texts(named))


def test_what_the_settings_name_is_set_up_under_that_name(account: Account) -> None:
    """And --name makes new things, which then stand in the settings."""
    file = account.folder / "newsletter.toml"
    other = "arn:aws:sns:eu-west-1:210987654321:theirs"
    file.write_text(
        file.read_text()
        + '\n[transport.ses]\nconfiguration_set = "mine"\n\n[events]\n'
        + f'queue_url = "https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/inbox"\n'
        + f'topic_arns = ["{other}", "{TOPIC.replace("newsletter-events", "news")}"]\n'
    )

    account.set_up()
    held = Project.open(account.folder).settings
    again = account.plan(name="letters")

    assert account.queue("inbox")["QueueArn"].endswith(":inbox")
    assert held.events.queue_url == f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/inbox"
    assert held.events.topic_arns[0] == other
    assert held.transport.ses.configuration_set == "mine"
    assert texts(again)[0].startswith("make the topic letters-events")


def test_another_newsletters_queue_is_told_before_anything_is_shared(account: Account) -> None:
    """It may be of an earlier run, which is why it is a note and no refusal."""
    account.aws.sqs.create_queue(QueueName=f"{NAME}-events")

    before = [note for component in account.plan() for note in component.notes]
    own = [note for component in account.plan(name="own") for note in component.notes]
    account.set_up()
    after = [note for component in account.plan() for note in component.notes]

    assert "take each other's events" in before[0]
    assert own == after == []


@pytest.mark.parametrize(
    "url",
    [
        "https://sqs.us-east-1.amazonaws.com/999999999999/q",
        f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/q",
        "nonsense",
        f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/q.fifo",
    ],
)
def test_a_queue_of_another_account_is_refused(account: Account, url: str) -> None:
    file = account.folder / "newsletter.toml"
    file.write_text(f'{file.read_text()}\n[events]\nqueue_url = "{url}"\n')

    with pytest.raises(ConfigurationError, match="no ordinary queue of account 123456789012"):
        account.plan()
