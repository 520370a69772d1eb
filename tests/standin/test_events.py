"""What SES would publish about each mail, in its documented form."""

from collections import Counter
from pathlib import Path

import pytest

from tests.standin.asking import bulk, client_of, entry, pairs
from tests.standin.client import StandIn, running
from tests.standin.directory import Directory
from tests.standin.events import Feed
from tests.standin.settings import Settings

ALIKE = {"DefaultEmailTags": pairs({"send": "a"}), "ConfigurationSetName": "newsletter"}
MANY = [entry(f"reader{number}@example.com") for number in range(50)]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log.jsonl"


def _send(standin: StandIn, *addresses: str) -> None:
    client_of(standin.url).send_bulk_email(**bulk([entry(to) for to in addresses], **ALIKE))


def _types(standin: StandIn) -> list[str]:
    return [event["eventType"] for event in standin.events()]


def test_an_event_has_the_form_of_event_publishing(log: Path) -> None:
    """Tags are lists, headers are pairs, the id is the one that the API answered."""
    with running(log) as standin:
        given = entry(
            ReplacementTags=pairs({"delivery": "7"}), ReplacementHeaders=pairs({"X-Ref": "7.1"})
        )
        answer = client_of(standin.url).send_bulk_email(**bulk([given], **ALIKE))

        sent, delivered = standin.events()

    mail = sent["mail"]
    assert (sent["eventType"], sent["send"]) == ("Send", {})
    assert mail["messageId"] == answer["BulkEmailEntryResults"][0]["MessageId"]
    assert mail["source"] == "Daily <daily@news.example.com>"
    assert mail["destination"] == ["reader@example.com"]
    assert mail["tags"]["send"] == ["a"]
    assert mail["tags"]["delivery"] == ["7"]
    assert mail["tags"]["ses:configuration-set"] == ["newsletter"]
    assert mail["tags"]["ses:from-domain"] == ["news.example.com"]
    assert {"name": "X-Ref", "value": "7.1"} in mail["headers"]
    assert mail["commonHeaders"]["subject"] == "Hello"
    assert mail["timestamp"].endswith("Z")
    assert delivered["eventType"] == "Delivery"
    assert delivered["delivery"]["recipients"] == ["reader@example.com"]
    assert delivered["mail"] == mail


@pytest.mark.parametrize(
    ("local", "types", "bounce"),
    [
        ("success", ["Send", "Delivery"], None),
        ("bounce", ["Send", "Bounce"], ("Permanent", "General")),
        ("bounce+label", ["Send", "Bounce"], ("Permanent", "General")),
        ("suppressionlist", ["Send", "Bounce"], ("Permanent", "Suppressed")),
        ("complaint", ["Send", "Delivery", "Complaint"], None),
    ],
)
def test_the_mailbox_simulator_answers(
    log: Path, local: str, types: list[str], bounce: tuple[str, str] | None
) -> None:
    """Its addresses do what they say."""
    with running(log) as standin:
        _send(standin, f"{local}@simulator.amazonses.com")

        events = standin.events()

    last = events[-1]
    assert [event["eventType"] for event in events] == types
    if bounce is not None:
        assert (last["bounce"]["bounceType"], last["bounce"]["bounceSubType"]) == bounce
        [bounced] = last["bounce"]["bouncedRecipients"]
        assert bounced["emailAddress"] == f"{local}@simulator.amazonses.com"


@pytest.mark.parametrize(
    ("outcome", "types", "detail"),
    [
        ("SoftBounce", ["Send", "Bounce"], "bounce"),
        ("Reject", ["Send", "Reject"], "reject"),
        ("DeliveryDelay", ["Send", "DeliveryDelay", "Delivery"], "delivery"),
        ("Complaint", ["Send", "Delivery", "Complaint"], "complaint"),
        ("Silence", ["Send"], "send"),
    ],
)
def test_any_address_can_have_any_outcome(
    log: Path, outcome: str, types: list[str], detail: str
) -> None:
    """As the test orders it."""
    with running(log) as standin:
        standin.configure(outcomes={"reader@example.com": outcome})
        _send(standin, "reader@example.com")

        events = standin.events()

    assert [event["eventType"] for event in events] == types
    assert detail in events[-1]


def test_a_suppressed_address_bounces_after_success(log: Path) -> None:
    """SES accepts it, and tells later that it did not send."""
    with running(log) as standin:
        ses = client_of(standin.url)
        ses.put_suppressed_destination(EmailAddress="Reader@example.com", Reason="COMPLAINT")
        _send(standin, "reader@example.com")

        *_, bounce = standin.events()

    assert bounce["bounce"]["bounceSubType"] == "OnAccountSuppressionList"


def test_only_a_configuration_set_publishes(log: Path) -> None:
    """And only the types that its destinations want."""
    with running(log) as standin:
        ses = client_of(standin.url)
        ses.create_configuration_set(ConfigurationSetName="deaf")
        ses.create_configuration_set(ConfigurationSetName="bounces")
        ses.create_configuration_set_event_destination(
            ConfigurationSetName="bounces",
            EventDestinationName="topic",
            EventDestination={
                "Enabled": True,
                "MatchingEventTypes": ["BOUNCE"],
                "SnsDestination": {"TopicArn": "arn:aws:sns:us-east-1:123456789012:topic"},
            },
        )
        bouncing = [entry("bounce@simulator.amazonses.com")]
        ses.send_bulk_email(**bulk(bouncing))
        ses.send_bulk_email(**bulk(bouncing, ConfigurationSetName="deaf"))
        ses.send_bulk_email(**bulk(bouncing, ConfigurationSetName="bounces"))

        types = _types(standin)

    assert types == ["Bounce"]


def test_a_message_to_several_has_one_send_and_a_delivery_each(log: Path) -> None:
    """An event may speak of one recipient of many."""
    with running(log) as standin:
        both = {"Destination": {"ToAddresses": ["a@example.com", "b@example.com"]}}
        client_of(standin.url).send_bulk_email(**bulk([both], **ALIKE))

        events = standin.events()

    told = [(e["eventType"], e.get("delivery", {}).get("recipients")) for e in events]
    assert sorted(told, key=str) == [
        ("Delivery", ["a@example.com"]),
        ("Delivery", ["b@example.com"]),
        ("Send", None),
    ]


def test_events_are_lost_and_doubled_alike_in_each_run(tmp_path: Path) -> None:
    """By the seed and the recipient, not by chance."""
    seen = []
    for run in ("first", "second"):
        with running(tmp_path / run, seed=7, events_lost=0.2, events_duplicated=0.1) as standin:
            _send(standin, *(f"reader{number}@example.com" for number in range(50)))
            events = standin.events()
            seen.append(Counter((e["eventType"], e["mail"]["destination"][0]) for e in events))

    assert seen[0] == seen[1]
    assert 60 < len(seen[0]) < 98
    assert 1 < sum(count == 2 for count in seen[0].values()) < 25


def test_shuffled_events_are_all_there(log: Path) -> None:
    """In another order, and a second look does not change it."""
    with running(log, events_shuffled=True) as standin:
        _send(standin, *(f"reader{number}@example.com" for number in range(50)))

        types, again = _types(standin), _types(standin)

    assert types == again
    assert Counter(types) == {"Send": 50, "Delivery": 50}
    assert types != ["Send", "Delivery"] * 50


def test_late_events_come_after_a_while(log: Path) -> None:
    """Those that have come keep their places."""
    with running(log) as standin:
        _send(standin, *(f"reader{number}@example.com" for number in range(50)))
    settings = Settings(log, events_delay_seconds=60)
    sent_at = max(record["at"] for record in standin.accepted())
    now = sent_at
    feed = Feed(log, settings, Directory(settings), lambda: now)

    first = feed.since(0, 1000)
    now += 30
    second = feed.since(0, 1000)
    now += 30
    all_of_them = feed.since(0, 1000)

    assert len(first) < len(second) < len(all_of_them) == 100
    assert all_of_them[: len(second)] == second
    assert second[: len(first)] == first


def test_events_outlive_the_stand_in(log: Path) -> None:
    """One that starts on the same log tells of all mail in it."""
    with running(log) as standin:
        _send(standin, "reader@example.com")
    with running(log) as standin:
        _send(standin, "bounce@simulator.amazonses.com")

        types = _types(standin)

    assert types == ["Send", "Delivery", "Send", "Bounce"]
