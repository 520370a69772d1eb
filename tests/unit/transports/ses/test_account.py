"""What GetAccount says, as an Allowance."""

from typing import Any

import pytest

from newsletter.model.send import Allowance
from newsletter.transports.ses.account import allowance


def reply(**changes: Any) -> dict[str, Any]:
    quota = {"Max24HourSend": 50_000.0, "MaxSendRate": 14.0, "SentLast24Hours": 1_200.0}
    quota |= changes.pop("quota", {})
    return {
        "SendQuota": quota,
        "ProductionAccessEnabled": True,
        "SendingEnabled": True,
        "EnforcementStatus": "HEALTHY",
        **changes,
    }


def test_an_account_in_production() -> None:
    """95 % of the rate: SES counts by the second, and others may send too."""
    assert allowance(reply()) == Allowance(
        rate=14 * 0.95, remaining=48_800, daily=50_000, sent=1_200
    )


def test_an_account_without_a_daily_limit() -> None:
    found = allowance(reply(quota={"Max24HourSend": -1}))

    assert (found.remaining, found.daily) == (None, None)


def test_more_sent_than_allowed_leaves_nothing() -> None:
    """As after a quota was lowered."""
    assert allowance(reply(quota={"SentLast24Hours": 60_000})).remaining == 0


def test_the_sandbox() -> None:
    assert allowance(reply(ProductionAccessEnabled=False)).sandbox


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"SendingEnabled": False}, "switched off"),
        ({"EnforcementStatus": "SHUTDOWN"}, "shut down"),
        ({"quota": {"Max24HourSend": 0}}, "quota is 0"),
        ({"quota": {"MaxSendRate": 0}}, "quota is 0"),
    ],
)
def test_an_account_that_may_not_send_at_all(changes: dict[str, Any], problem: str) -> None:
    """A rate of 0 is none, not one without a limit."""
    assert problem in allowance(reply(**changes)).problem


def test_probation_may_send() -> None:
    assert allowance(reply(EnforcementStatus="PROBATION")).problem == ""


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"SendQuota": None},
        {**reply(), "SendQuota": {}},
        reply(quota={"MaxSendRate": "fast"}),
        reply(quota={"MaxSendRate": float("nan")}),
        reply(quota={"Max24HourSend": None}),
    ],
)
def test_what_is_no_answer_of_get_account_raises(answer: dict[str, Any]) -> None:
    """botocore takes an empty or cut-off body for an answer without members."""
    with pytest.raises((LookupError, TypeError, ValueError)):
        allowance(answer)
