"""Rate, quota, sandbox, pauses, identities and configuration sets keep mail back as in SES."""

from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.standin.asking import bulk, client_of, code, entry, simple, statuses
from tests.standin.client import running

FIVE = [entry(f"reader{number}@example.com") for number in range(5)]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log.jsonl"


def test_get_account_tells_quota_rate_and_what_was_sent(log: Path) -> None:
    """Recipients count, not calls."""
    with running(log, max_24_hour_send=1000.0, max_send_rate=14.0) as standin:
        ses = client_of(standin.url)
        ses.send_bulk_email(**bulk(FIVE))

        account = ses.get_account()

    assert account["SendQuota"] == {
        "Max24HourSend": 1000.0,
        "MaxSendRate": 14.0,
        "SentLast24Hours": 5.0,
    }
    assert account["ProductionAccessEnabled"] is True
    assert account["SendingEnabled"] is True
    assert account["EnforcementStatus"] == "HEALTHY"


def test_a_log_that_goes_on_counts_towards_the_quota(log: Path) -> None:
    """A stand-in started again on its log has not forgotten."""
    for sent in (0.0, 5.0):
        with running(log) as standin:
            ses = client_of(standin.url)

            account = ses.get_account()

            assert account["SendQuota"]["SentLast24Hours"] == sent
            ses.send_bulk_email(**bulk(FIVE))


def test_a_bulk_call_beyond_the_rate_is_throttled_entry_by_entry(log: Path) -> None:
    """The bucket holds one second's worth."""
    with running(log, max_send_rate=3.0) as standin:
        answer = client_of(standin.url).send_bulk_email(**bulk(FIVE))

    assert statuses(answer) == ["SUCCESS"] * 3 + ["ACCOUNT_THROTTLED"] * 2
    assert len(list(standin.accepted())) == 3


def test_a_bulk_call_beyond_the_rate_can_be_refused_whole(log: Path) -> None:
    """Then nothing of it is accepted, and its tokens stay."""
    with running(log, max_send_rate=3.0, bulk_shortage="call") as standin:
        ses = client_of(standin.url)

        with pytest.raises(ClientError, match=r"Maximum sending rate exceeded\.") as caught:
            ses.send_bulk_email(**bulk(FIVE))
        answer = ses.send_bulk_email(**bulk(FIVE[:3]))

    assert code(caught.value) == "TooManyRequestsException"
    assert statuses(answer) == ["SUCCESS"] * 3


@pytest.mark.parametrize(
    ("throttle_code", "status"), [("TooManyRequestsException", 429), ("Throttling", 400)]
)
def test_an_empty_bucket_refuses_the_whole_call(log: Path, throttle_code: str, status: int) -> None:
    """SES knows two ways to say so."""
    with running(log, max_send_rate=0.001, throttle_code=throttle_code) as standin:
        ses = client_of(standin.url)
        ses.send_email(**simple())

        with pytest.raises(ClientError, match=r"Maximum sending rate exceeded\.") as caught:
            ses.send_bulk_email(**bulk(FIVE))

    assert code(caught.value) == throttle_code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_the_quota_ends_within_a_call_and_then_refuses_the_next(log: Path) -> None:
    """And frees when the account says so."""
    with running(log, max_24_hour_send=100.0, sent_last_24_hours=97) as standin:
        ses = client_of(standin.url)

        answer = ses.send_bulk_email(**bulk(FIVE))
        with pytest.raises(ClientError, match=r"Daily message quota exceeded\.") as caught:
            ses.send_bulk_email(**bulk(FIVE))
        standin.account(sent_last_24_hours=0)
        later = ses.send_bulk_email(**bulk(FIVE))

    assert statuses(answer) == ["SUCCESS"] * 3 + ["ACCOUNT_DAILY_QUOTA_EXCEEDED"] * 2
    assert code(caught.value) == "Throttling"
    assert statuses(later) == ["SUCCESS"] * 5


def test_the_sandbox_knows_verified_addresses_and_the_simulator(log: Path) -> None:
    """200 a day, one a second."""
    with running(log, sandbox=True) as standin:
        ses = client_of(standin.url)

        quota = ses.get_account()["SendQuota"]
        answer = ses.send_bulk_email(
            **bulk([entry("a@elsewhere.org"), entry("success+1@simulator.amazonses.com")])
        )
        with pytest.raises(ClientError, match=r"not verified.*a@elsewhere\.org") as caught:
            ses.send_email(**simple("a@elsewhere.org"))

    assert (quota["Max24HourSend"], quota["MaxSendRate"]) == (200, 1)
    assert statuses(answer) == ["MESSAGE_REJECTED", "SUCCESS"]
    assert code(caught.value) == "MessageRejected"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"sending_enabled": False}, "SendingPausedException"),
        ({"enforcement_status": "SHUTDOWN"}, "AccountSuspendedException"),
        ({"max_24_hour_send": 0}, "Throttling"),
    ],
)
def test_an_account_can_stop_in_the_middle(
    log: Path, changes: dict[str, object], error: str
) -> None:
    """Nothing more is accepted from then on."""
    with running(log) as standin:
        ses = client_of(standin.url)
        ses.send_bulk_email(**bulk(FIVE))

        standin.account(**changes)
        with pytest.raises(ClientError) as caught:
            ses.send_bulk_email(**bulk(FIVE))

    assert code(caught.value) == error
    assert len(list(standin.accepted())) == 5


def test_a_sender_must_be_verified(log: Path) -> None:
    """Itself, its domain or a domain above."""
    with running(log, identities=("example.com", "one@example.org")) as standin:
        ses = client_of(standin.url)

        with pytest.raises(ClientError) as caught:
            ses.send_bulk_email(**bulk(FromEmailAddress="two@example.org"))
        for sender in ("one@example.org", "a@example.com", "a@b.example.com"):
            ses.send_bulk_email(**bulk(FromEmailAddress=sender))

    assert code(caught.value) == "MessageRejected"


def test_a_configuration_set_must_exist_and_send(log: Path) -> None:
    """Unknown: NotFoundException; switched off: SendingPausedException."""
    with running(log) as standin:
        ses = client_of(standin.url)
        ses.create_configuration_set(
            ConfigurationSetName="off", SendingOptions={"SendingEnabled": False}
        )

        with pytest.raises(ClientError) as unknown:
            ses.send_bulk_email(**bulk(ConfigurationSetName="nowhere"))
        with pytest.raises(ClientError) as off:
            ses.send_bulk_email(**bulk(ConfigurationSetName="off"))

    assert code(unknown.value) == "NotFoundException"
    assert code(off.value) == "SendingPausedException"


def test_a_bad_entry_can_spoil_itself_alone(log: Path) -> None:
    """Nobody knows which of the two SES does: an option chooses."""
    with running(log, entry_faults="entry") as standin:
        answer = client_of(standin.url).send_bulk_email(**bulk([entry("a"), entry()]))

    assert statuses(answer) == ["INVALID_PARAMETER", "SUCCESS"]
    assert "Missing final '@domain'" in answer["BulkEmailEntryResults"][0]["Error"]
