"""Each thing that can be wrong with SES and the way of its events is told apart."""

import datetime as dt
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from newsletter.config import SesSettings
from newsletter.doctor import CheckLine, CheckVerdict
from newsletter.doctor.base import Examination
from newsletter.doctor.ses import events
from newsletter.project import Project, utc_now
from newsletter.provision.ses import wanted
from newsletter.provision.ses.wanted import event_types
from tests.integration.aws import REGION, Aws
from tests.integration.conftest import forget_settings
from tests.integration.doctor import ses as world
from tests.integration.doctor.ses import SET, Channel, SesRoom
from tests.integration.doctor.site import DoctoredSite
from tests.integration.doctor.stage import DOMAIN, MAIL_FROM, Ailment, is_told_apart
from tests.nameserver import NameServer
from tests.smtp import MailServer
from tests.standin.client import StandIn, running

WARN, FAIL = CheckVerdict.WARN, CheckVerdict.FAIL
SETUP = "newsletter setup ses"
BreakSes = Callable[[SesRoom], object]
# There is no git here, and moto does not tell how a topic signs.
NOT_HERE = ("secrets-in-git", "topic-signature")


@pytest.fixture(scope="module")
def ses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with running(tmp_path_factory.mktemp("standin") / "log.jsonl") as started:
        yield started


@pytest.fixture(scope="module")
def channel(aws: Aws) -> Channel:
    return world.make_channel(aws)


def enter(
    well: Path,
    folder: Path,
    site: DoctoredSite,
    mail: MailServer,
    dns: NameServer,
    ses: StandIn,
    channel: Channel,
    patch: pytest.MonkeyPatch,
) -> SesRoom:
    forget_settings(patch)
    for name, value in channel_environment().items():
        patch.setenv(name, value)
    shutil.copytree(well, folder / "letter")
    dns.records.update(world.RECORDS)
    world.as_set_up(ses, channel)
    room = SesRoom(folder / "letter", site, mail, dns, patch, ses=ses, channel=channel)
    text = room.settings.read_text("utf-8")
    room.settings.write_text(world.toml(text, ses, channel), "utf-8")
    return room


def channel_environment() -> Mapping[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/nonexistent",
    }


@pytest.fixture
def room(
    well: Path,
    tmp_path: Path,
    site: DoctoredSite,
    mail: MailServer,
    dns: NameServer,
    ses: StandIn,
    channel: Channel,
    certificates: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> SesRoom:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "trusted.pem"))
    return enter(well, tmp_path, site, mail, dns, ses, channel, monkeypatch)


@pytest.fixture(scope="module")
def lines_when_well(
    well: Path,
    tmp_path_factory: pytest.TempPathFactory,
    site: DoctoredSite,
    mail: MailServer,
    dns: NameServer,
    ses: StandIn,
    channel: Channel,
    certificates: Path,
) -> Mapping[str, CheckLine]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(certificates / "trusted.pem"))
        folder = tmp_path_factory.mktemp("looked-at")
        return enter(well, folder, site, mail, dns, ses, channel, patch).look()


def test_all_is_well(lines_when_well: Mapping[str, CheckLine]) -> None:
    others = {
        name: one.diagnosis
        for name, one in lines_when_well.items()
        if one.verdict is not CheckVerdict.OK and name not in NOT_HERE
    }

    assert others == {}


def account(**changes: Any) -> BreakSes:
    return lambda room: room.account(**changes)


def described(**members: Any) -> BreakSes:
    return lambda room: room.account(described=members)


def identity(**changes: Any) -> BreakSes:
    return lambda room: room.identity(**changes)


def the_set(**changes: Any) -> BreakSes:
    return lambda room: room.set(**changes)


def destination(**changes: Any) -> BreakSes:
    return lambda room: room.set(destinations={"events": changes})


def bounces_at_one_that_is_off(room: SesRoom) -> None:
    others = [kind for kind in event_types(SesSettings()) if kind != "BOUNCE"]
    topic = {"TopicArn": room.channel.topic}
    off = {"Enabled": False, "MatchingEventTypes": ["BOUNCE"], "SnsDestination": topic}
    room.set(destinations={"events": {"MatchingEventTypes": others}, "old": off})


def setting(old: str, new: str) -> BreakSes:
    return lambda room: room.rewrite(old, new)


def environment(**variables: str) -> BreakSes:
    def change(room: SesRoom) -> None:
        for name, value in variables.items():
            room.patch.setenv(name, value)

    return change


def forged(room: SesRoom) -> None:
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": "*"}
    attributes = room.channel.sqs.get_queue_attributes(
        QueueUrl=room.channel.queue, AttributeNames=["Policy"]
    )
    policy = json.loads(attributes["Attributes"]["Policy"])
    policy["Statement"].append(everybody)
    room.channel.queue_is(Policy=json.dumps(policy))


def dead_letter(room: SesRoom) -> None:
    room.channel.sqs.send_message(QueueUrl=room.channel.dead, MessageBody="{}")


def a_silent_day(room: SesRoom) -> None:
    later = utc_now() + dt.timedelta(hours=2)
    room.around(clock=lambda: later)


def unknown_topic(room: SesRoom) -> None:
    arn = room.channel.topic + "x"
    room.rewrite(room.channel.topic, arn)
    destination(SnsDestination={"TopicArn": arn})(room)


def strict_dkim_above(room: SesRoom) -> None:
    """The domain above is verified and signs, where the records of DMARC want the very sender's."""
    above = "valley.example"
    room.ses.preset(identities={DOMAIN: None, above: world.IDENTITY})
    for token in world.TOKENS:
        room.records(f"{token}._domainkey.{above}", "CNAME", f"{token}.dkim.amazonses.com.")
    strict = "v=DMARC1; p=reject; adkim=s; rua=mailto:d@valley.example"
    room.records(f"_dmarc.{above}", "TXT", strict)


def links_without_tls(room: SesRoom) -> None:
    room.rewrite(*TRACKED)
    room.set(
        TrackingOptions={"CustomRedirectDomain": "c.valley.example", "HttpsPolicy": "OPTIONAL"}
    )


def no_way_back(room: SesRoom) -> None:
    room.rewrite(room.channel.queue, "")
    room.rewrite(f'["{room.channel.topic}"]', "[]")


ALL_SES = (
    *("production", "sending", "enforcement", "quota", "rate", "plan", "reputation"),
    *("recommendations", "account-suppression", "validation", "sender", "dkim-key", "mail-from"),
    *("feedback-forwarding", "configuration-set", "tls-policy", "delivery-time", "tracking"),
    *("engagement", "archiving", "set-validation", "smime"),
    *("event-destination", "event-types", "event-topic"),
    *("dns", "replies", "spf", "spf-lookups", "spf-all", "mail-exchange", "dkim", "dmarc"),
    *("dmarc-policy", "dmarc-tags", "dmarc-reports", "dkim-alignment", "spf-alignment", "bimi"),
)
NO_IDENTITY = ALL_SES[ALL_SES.index("dns") :]
NO_SET = (
    *("tls-policy", "delivery-time", "tracking", "engagement", "archiving", "set-validation"),
    *("smime", "event-destination", "event-types", "event-topic"),
)
NO_QUEUE = ("queue-policy", "queue-backlog", "dead-letters", "subscription")
NO_OWN_MAIL_FROM = ("spf", "spf-lookups", "spf-all", "mail-exchange", "spf-alignment")
THRESHOLD = {"ConditionThreshold": {"ConditionThresholdEnabled": "ENABLED"}}
ENTITY = {"ReputationEntityReference": "arn:aws:ses:us-east-1:1:tenant/x"}
TRACKED = ("max_rate = 0", "max_rate = 0\nclick_tracking = true")


def ailment(
    name: str, breaks: BreakSes, check: str, verdict: CheckVerdict, cure: str, *follow: str
) -> Ailment:
    return Ailment(name, breaks, check, verdict, cure, follow)  # type: ignore[arg-type]


AILMENTS = (
    # --- the account
    ailment(
        "no region",
        setting('region = "us-east-1"', 'region = ""'),
        "access",
        FAIL,
        "[transport.ses] region",
        *ALL_SES,
        "topic",
        "queue",
        *NO_QUEUE,
    ),
    ailment(
        "no credentials",
        environment(AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY=""),
        "access",
        FAIL,
        "AWS_PROFILE",
        *ALL_SES,
        "topic",
        "queue",
        *NO_QUEUE,
    ),
    ailment(
        "SES is not reached",
        lambda room: room.rewrite(room.ses.url, "http://127.0.0.1:1"),
        "access",
        FAIL,
        "endpoint_url",
        *ALL_SES,
    ),
    ailment("the sandbox", account(sandbox=True), "production", FAIL, "production-access", "quota"),
    ailment("sending is off", account(sending_enabled=False), "sending", FAIL, "--sending-enabled"),
    ailment(
        "probation", account(enforcement_status="PROBATION"), "enforcement", WARN, "reputation"
    ),
    ailment(
        "shut down",
        account(enforcement_status="SHUTDOWN"),
        "enforcement",
        FAIL,
        "Answer the case",
    ),
    ailment(
        "the quota is used up", account(sent_last_24_hours=50_000), "quota", FAIL, "Ask for more"
    ),
    ailment(
        "the quota is nearly used up",
        account(sent_last_24_hours=48_000),
        "quota",
        WARN,
        "Ask for more",
    ),
    ailment(
        "a quota below the list",
        account(max_24_hour_send=2, sent_last_24_hours=0),
        "quota",
        WARN,
        "--spread",
    ),
    ailment(
        "a rate above the account's",
        setting("max_rate = 0", "max_rate = 500"),
        "rate",
        WARN,
        "max_rate = 50",
    ),
    ailment("no rate", account(max_send_rate=0), "rate", FAIL, "Ask for more"),
    ailment(
        "a plan that changes",
        described(PricingAttributes={"CurrentPlan": "NONE", "NextPlan": "PRO"}),
        "plan",
        WARN,
        "console.aws",
    ),
    ailment(
        "a bad reputation",
        account(reputation_entities=[{**ENTITY, "ReputationImpact": "HIGH"}]),
        "reputation",
        WARN,
        "See which",
    ),
    ailment(
        "a stopped reputation",
        account(reputation_entities=[{**ENTITY, "SendingStatusAggregate": "DISABLED"}]),
        "reputation",
        FAIL,
        "See why",
    ),
    ailment(
        "an unknown tenant",
        setting("max_rate = 0", 'tenant = "nobody"'),
        "reputation",
        FAIL,
        "[transport.ses] tenant",
    ),
    ailment(
        "a recommendation",
        account(recommendations=[{"Type": "DKIM", "Description": "No 2048", "Status": "OPEN"}]),
        "recommendations",
        WARN,
        "See what it takes",
    ),
    ailment(
        "no second list", account(suppressed_reasons=["BOUNCE"]), "account-suppression", WARN, SETUP
    ),
    ailment(
        "validation",
        described(
            SuppressionAttributes={
                "SuppressedReasons": ["BOUNCE", "COMPLAINT"],
                "ValidationAttributes": THRESHOLD,
            },
            PricingAttributes={"CurrentPlan": "NONE"},
        ),
        "validation",
        WARN,
        "Auto Validation",
    ),
    # --- the sender
    ailment(
        "an unknown sender",
        lambda room: room.ses.preset(identities={DOMAIN: None}),
        "sender",
        FAIL,
        SETUP,
        "dkim-key",
        "mail-from",
        "feedback-forwarding",
        *NO_IDENTITY,
    ),
    ailment(
        "a sender that waits",
        identity(VerifiedForSendingStatus=False, VerificationStatus="PENDING"),
        "sender",
        FAIL,
        "--check-dns",
    ),
    ailment(
        "no signature", identity(DkimAttributes={"SigningEnabled": False}), "dkim-key", FAIL, SETUP
    ),
    ailment(
        "keys that were not found",
        identity(DkimAttributes={"Status": "FAILED"}),
        "dkim-key",
        FAIL,
        "--check-dns",
    ),
    ailment(
        "a short key",
        identity(DkimAttributes={"CurrentSigningKeyLength": "RSA_1024_BIT"}),
        "dkim-key",
        WARN,
        SETUP,
    ),
    ailment(
        "no MAIL FROM",
        identity(MailFromAttributes={"MailFromDomain": None, "MailFromDomainStatus": None}),
        "mail-from",
        FAIL,
        SETUP,
        *NO_OWN_MAIL_FROM,
    ),
    ailment(
        "a MAIL FROM that failed",
        identity(MailFromAttributes={"MailFromDomainStatus": "FAILED"}),
        "mail-from",
        FAIL,
        "--check-dns",
    ),
    ailment(
        "a MAIL FROM that gives way",
        identity(MailFromAttributes={"BehaviorOnMxFailure": "USE_DEFAULT_VALUE"}),
        "mail-from",
        WARN,
        SETUP,
    ),
    ailment(
        "bounces by mail",
        identity(FeedbackForwardingStatus=True),
        "feedback-forwarding",
        WARN,
        SETUP,
    ),
    # --- the domain, as SES wants it
    ailment(
        "another MX",
        lambda room: room.records(MAIL_FROM, "MX", "10 mail.valley.example."),
        "mail-exchange",
        FAIL,
        "feedback-smtp.us-east-1",
    ),
    ailment(
        "SPF without SES",
        lambda room: room.records(MAIL_FROM, "TXT", "v=spf1 mx ~all"),
        "spf",
        FAIL,
        "include:amazonses.com",
    ),
    ailment(
        "a DKIM name that is gone",
        lambda room: room.forget(f"aaaa._domainkey.{DOMAIN}", "CNAME"),
        "dkim",
        FAIL,
        f"aaaa._domainkey.{DOMAIN}. CNAME aaaa.dkim.amazonses.com.",
    ),
    ailment(
        "a DKIM name that leads elsewhere",
        lambda room: room.records(f"bbbb._domainkey.{DOMAIN}", "CNAME", "x.example."),
        "dkim",
        FAIL,
        "bbbb.dkim.amazonses.com.",
    ),
    ailment(
        "strict DKIM of the domain above",
        strict_dkim_above,
        "dkim-alignment",
        FAIL,
        "adkim=r",
    ),
    # --- the configuration set
    ailment(
        "no configuration set",
        setting(f'configuration_set = "{SET}"', 'configuration_set = ""'),
        "configuration-set",
        FAIL,
        SETUP,
        *NO_SET,
        "feedback-forwarding",
    ),
    ailment(
        "an unknown configuration set",
        setting(f'configuration_set = "{SET}"', 'configuration_set = "hill"'),
        "configuration-set",
        FAIL,
        SETUP,
        *NO_SET,
    ),
    ailment(
        "a configuration set that is off",
        the_set(SendingOptions={"SendingEnabled": False}),
        "configuration-set",
        FAIL,
        "--sending-enabled",
    ),
    ailment(
        "mail without TLS",
        the_set(DeliveryOptions={"TlsPolicy": "OPTIONAL"}),
        "tls-policy",
        WARN,
        SETUP,
    ),
    ailment(
        "no end of delivery",
        the_set(DeliveryOptions={"MaxDeliverySeconds": None}),
        "delivery-time",
        WARN,
        SETUP,
    ),
    ailment(
        "links through a domain of AWS",
        setting(*TRACKED),
        "tracking",
        WARN,
        "--custom-redirect-domain",
        "event-types",
    ),
    ailment(
        "links without TLS",
        links_without_tls,
        "tracking",
        WARN,
        "--https-policy REQUIRE",
        "event-types",
    ),
    ailment(
        "engagement metrics",
        the_set(VdmOptions={"DashboardOptions": {"EngagementMetrics": "ENABLED"}}),
        "engagement",
        WARN,
        "EngagementMetrics=DISABLED",
    ),
    ailment(
        "an archive",
        the_set(ArchivingOptions={"ArchiveArn": "arn:x"}),
        "archiving",
        WARN,
        "put-configuration-set-archiving-options",
    ),
    ailment(
        "validation by the set",
        the_set(SuppressionOptions={"ValidationOptions": THRESHOLD}),
        "set-validation",
        WARN,
        SETUP,
    ),
    ailment(
        "S/MIME",
        the_set(
            MessageSecurityOptions={
                "SigningScheme": {"SmimeScheme": {"SignatureFormat": "DETACHED"}}
            }
        ),
        "smime",
        WARN,
        "SES console",
    ),
    # --- the way of events
    ailment(
        "no event destination",
        lambda room: room.set(destinations={"events": None}),
        "event-destination",
        FAIL,
        SETUP,
        "event-types",
        "event-topic",
    ),
    ailment(
        "a destination that is off",
        destination(Enabled=False),
        "event-destination",
        FAIL,
        SETUP,
        "event-types",
        "event-topic",
    ),
    ailment(
        "events without bounces",
        destination(MatchingEventTypes=["SEND", "DELIVERY"]),
        "event-types",
        FAIL,
        SETUP,
    ),
    ailment(
        "bounces at a destination that is off",
        bounces_at_one_that_is_off,
        "event-types",
        FAIL,
        SETUP,
    ),
    ailment(
        "another topic",
        destination(SnsDestination={"TopicArn": "arn:aws:sns:us-east-1:1:other"}),
        "event-topic",
        FAIL,
        "arn:aws:sns:us-east-1:1:other",
    ),
    ailment(
        "no topic is named",
        lambda room: room.rewrite(f'["{room.channel.topic}"]', "[]"),
        "event-topic",
        FAIL,
        "topic_arns = [",
        "topic",
        "subscription",
    ),
    ailment(
        "a topic that is gone", unknown_topic, "topic", FAIL, SETUP, "subscription", "queue-policy"
    ),
    ailment(
        "SES may not publish",
        lambda room: room.channel.topic_is(Policy='{"Version": "2012-10-17", "Statement": []}'),
        "topic",
        FAIL,
        SETUP,
    ),
    ailment(
        "an unknown queue",
        lambda room: room.rewrite(room.channel.queue, room.channel.queue + "x"),
        "queue",
        FAIL,
        SETUP,
        *NO_QUEUE,
    ),
    ailment(
        "SQS is not reached",
        lambda room: room.rewrite(
            f'endpoint_url = "{room.channel.aws.url}"', 'endpoint_url = "http://127.0.0.1:1"'
        ),
        "queue",
        FAIL,
        "endpoint_url",
        *NO_QUEUE,
        "topic",
    ),
    ailment(
        "neither queue nor hook",
        no_way_back,
        "queue",
        FAIL,
        SETUP,
        *NO_QUEUE,
        "event-topic",
        "topic",
    ),
    ailment(
        "a hook that nobody feeds",
        lambda room: room.rewrite(room.channel.queue, ""),
        "subscription",
        FAIL,
        SETUP,
        "queue",
        *NO_QUEUE,
    ),
    ailment(
        "a topic that feeds another queue, whose name begins alike",
        lambda room: room.channel.feeds(f"{room.channel.queue_arn}{wanted.DEAD_LETTERS}"),
        "subscription",
        FAIL,
        SETUP,
    ),
    ailment(
        "a filter before the queue",
        lambda room: room.channel.feeds(
            room.channel.queue_arn, FilterPolicy='{"eventType": ["Bounce"]}'
        ),
        "subscription",
        WARN,
        "set-subscription-attributes",
    ),
    ailment(
        "a queue that forgets",
        lambda room: room.channel.queue_is(MessageRetentionPeriod="3600"),
        "queue",
        WARN,
        SETUP,
    ),
    ailment("a queue for everybody", forged, "queue-policy", FAIL, SETUP),
    ailment(
        "a queue closed to the topic",
        lambda room: room.channel.queue_is(Policy=""),
        "queue-policy",
        FAIL,
        SETUP,
    ),
    ailment(
        "no dead letters",
        lambda room: room.channel.queue_is(RedrivePolicy=""),
        "dead-letters",
        WARN,
        SETUP,
    ),
    ailment("a dead letter", dead_letter, "dead-letters", WARN, "start-message-move-task"),
    ailment("silence", a_silent_day, "events-arrive", FAIL, "newsletter events pull"),
)


@pytest.mark.parametrize("ailment", AILMENTS, ids=str)
def test_each_ailment_is_told_apart_with_its_cure(
    room: SesRoom, lines_when_well: Mapping[str, CheckLine], ailment: Ailment
) -> None:
    is_told_apart(room, ailment, lines_when_well)


@pytest.mark.parametrize(
    ("version", "verdict"), [("2", CheckVerdict.OK), ("1", WARN), (None, WARN)]
)
def test_a_topic_that_signs_with_sha_1_is_told(
    room: SesRoom, version: str | None, verdict: CheckVerdict
) -> None:
    """moto tells this attribute of no topic, so the answer is given here."""
    exam = Examination(Project.open(room.folder), room.surroundings)
    attributes = {} if version is None else {"SignatureVersion": version}
    arn = room.channel.topic
    name = f"sns:GetTopicAttributes {REGION} {[('TopicArn', arn)]}"
    exam.fact(name, lambda: {"Attributes": attributes})

    [diagnosis] = events.signature(exam)

    assert diagnosis.verdict is verdict
