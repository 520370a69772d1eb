"""Commands against SES: exit codes, and what the operator is told to do."""

from pathlib import Path

import pytest

from tests.integration.commandline import Answer, Call
from tests.standin.client import StandIn

ISSUE = "2026-01-07-valley"


@pytest.fixture(autouse=True)
def configured(project: Path, standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project that sends through the stand-in, told by the environment."""
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("NEWSLETTER_TRANSPORT__KIND", "ses")
    monkeypatch.setenv("NEWSLETTER_TRANSPORT__SES__ENDPOINT_URL", standin.url)
    monkeypatch.setenv("NEWSLETTER_TRANSPORT__SES__CONFIGURATION_SET", "newsletter")


@pytest.fixture
def send(call: Call, readers: str) -> Call:
    """`newsletter send` of the issue to three readers, with these options."""

    def newsletter(*options: str) -> Answer:
        return call("send", ISSUE, "--list", readers, "--yes", "--json", *options)

    return newsletter


def sent(standin: StandIn, answer: Answer) -> list[str]:
    """The recipients of a send that SES accepted."""
    send_id = answer.json["send_id"]
    return sorted(r["to"] for r in standin.accepted() if r["tags"].get("send") == send_id)


def planned(call: Call) -> list[object]:
    return call("sends", "--json").lines


@pytest.mark.parametrize("mode", ["bulk", "raw"])
def test_a_send_that_goes_well_is_done(
    send: Call, standin: StandIn, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setenv("NEWSLETTER_TRANSPORT__SES__MODE", mode)

    answer = send()

    assert answer.code == 0
    assert (answer.json["status"], answer.json["accepted"]) == ("finished", 3)
    assert len(sent(standin, answer)) == 3


def test_the_sandbox_is_refused_before_anything_is_planned(
    send: Call, call: Call, standin: StandIn
) -> None:
    standin.account(sandbox=True)

    answer = send()

    assert (answer.code, answer.error["code"]) == (5, "refused")
    assert "sandbox" in answer.error["message"]
    assert "production access" in answer.error["hint"]
    assert planned(call) == []


@pytest.mark.parametrize(
    ("account", "message"),
    [
        ({"sending_enabled": False}, "switched off"),
        ({"enforcement_status": "SHUTDOWN"}, "shut down"),
        ({"max_24_hour_send": 0.0}, "quota is 0"),
    ],
)
def test_an_account_that_may_not_send_is_refused(
    send: Call, call: Call, standin: StandIn, account: dict[str, object], message: str
) -> None:
    standin.account(**account)

    for options in ((), ("--spread",)):
        answer = send(*options)

        assert answer.code == 5
        assert message in answer.error["message"]
    assert planned(call) == []


def test_an_audience_over_the_quota_is_refused_with_the_way_out(
    send: Call, call: Call, standin: StandIn
) -> None:
    standin.account(max_24_hour_send=200.0, sent_last_24_hours=198)

    answer = send()

    assert answer.code == 5
    assert "3 recipients" in answer.error["message"]
    assert "2 more" in answer.error["message"]
    assert "--spread" in answer.error["hint"]
    assert planned(call) == []


def test_the_quota_reached_while_sending_pauses_with_the_time(
    send: Call, call: Call, standin: StandIn
) -> None:
    """Somebody else has used it up since it was asked."""
    standin.configure(statuses={"*": "ACCOUNT_DAILY_QUOTA_EXCEEDED"})

    answer = send()

    assert answer.code == 4
    assert (answer.json["status"], answer.json["queued"]) == ("paused", 3)
    assert answer.json["resume_at"]
    assert "quota" in answer.json["pause_reason"]
    standin.clear()
    assert call("resume", answer.json["send_id"], "--json").code == 0


@pytest.mark.parametrize(
    ("fault", "hint"), [("access_denied", "ses:GetAccount"), ("expired_token", "Renew")]
)
def test_an_account_that_does_not_tell_is_an_error_that_names_the_permission(
    send: Call, call: Call, standin: StandIn, fault: str, hint: str
) -> None:
    standin.configure(**{fault: {"operation": "GetAccount", "next": None}})

    answer = send()

    assert (answer.code, answer.error["code"]) == (2, "configuration")
    assert hint in answer.error["hint"]
    assert planned(call) == []


def test_a_test_that_comes_too_fast_is_handed_over_again(
    call: Call, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As beside a large send of the same account."""
    monkeypatch.setattr("newsletter.notices.testing._PAUSES", (0.0, 0.0, 0.0, 0.0))
    standin.configure(too_many_requests={"operation": "SendBulkEmail", "next": 4})
    few = call("test", ISSUE, "--to", "ada@example.com")
    standin.configure(too_many_requests={"operation": "SendBulkEmail", "next": 5})
    many = call("test", ISSUE, "--to", "ada@example.com")

    assert (few.code, many.code) == (0, 1)
    assert "Nothing of it was sent" in many.err


@pytest.mark.parametrize("fault", ["html_body", "empty_body", "truncated_body", "binary_body"])
def test_an_account_that_answers_nonsense_is_an_error(
    send: Call, call: Call, standin: StandIn, fault: str
) -> None:
    """It is not taken for an account that is switched off, or one without limits."""
    standin.configure(**{fault: {"operation": "GetAccount", "next": None}})

    answer = send()

    assert answer.code == 1
    assert "does not tell what the account allows" in answer.error["message"]
    assert planned(call) == []


def test_expired_credentials_stop_and_renewed_ones_go_on(
    send: Call, call: Call, standin: StandIn
) -> None:
    standin.configure(expired_token=True)

    answer = send()

    assert (answer.code, answer.json["status"], answer.json["queued"]) == (4, "paused", 3)
    assert "Renew the AWS credentials" in answer.json["pause_reason"]
    standin.clear()
    again = call("resume", answer.json["send_id"], "--json")
    assert (again.code, again.json["accepted"]) == (0, 3)


def test_missing_credentials_send_nothing(
    send: Call, call: Call, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(project / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(project / "none"))

    answer = send()

    assert answer.code == 2
    assert "credentials" in answer.error["message"].lower()
    assert planned(call) == []


def test_a_lost_answer_is_unresolved_and_is_never_sent_again_by_itself(
    send: Call, call: Call, standin: StandIn
) -> None:
    """Exit 4, and what to do: the events of SES, or a decision."""
    standin.configure(error_after=1)

    answer = send()
    again = call("resume", answer.json["send_id"], "--json")

    assert (answer.code, answer.json["status"], answer.json["unknown"]) == (4, "unresolved", 3)
    assert (again.code, again.json["unknown"]) == (4, 3)
    assert len(sent(standin, answer)) == 3


def test_sending_that_was_paused_says_where(send: Call, standin: StandIn) -> None:
    standin.configure(sending_paused=True)

    answer = send()

    assert answer.code == 4
    assert answer.json["pause_reason"].endswith("Sending is paused in the SES console.")
    assert (answer.json["queued"], answer.json["rejected"]) == (3, 0)


def test_a_region_that_is_missing_is_a_fault_of_the_configuration(
    send: Call, call: Call, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(project / "none"))

    answer = send()

    assert (answer.code, answer.error["where"]) == (2, "transport.ses")
    assert "region" in answer.error["hint"]
    assert planned(call) == []
