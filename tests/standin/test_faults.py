"""Each fault strikes when asked to, and the log knows what was accepted all the same."""

import json
import threading
import time
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ReadTimeoutError,
)
from mypy_boto3_sesv2 import SESV2Client

from tests.standin.account import STATUSES
from tests.standin.asking import READER, bulk, client_of, code, entry, raw, simple, statuses
from tests.standin.client import StandIn
from tests.waiting import PATIENCE_SECONDS, until

REFUSALS = {
    "too_many_requests": (429, "TooManyRequestsException", "Too many requests."),
    "rate_exceeded": (400, "Throttling", "Maximum sending rate exceeded."),
    "quota_exceeded": (400, "Throttling", "Daily message quota exceeded."),
    "limit_exceeded": (
        400,
        "LimitExceededException",
        "There are too many instances of the resource.",
    ),
    "sending_paused": (400, "SendingPausedException", "Sending paused for this account."),
    "account_suspended": (400, "AccountSuspendedException", "Account suspended."),
    "mail_from_not_verified": (
        400,
        "MailFromDomainNotVerifiedException",
        "Custom MAIL FROM domain is not verified.",
    ),
    "not_found": (404, "NotFoundException", "Configuration set does not exist."),
    "message_rejected": (400, "MessageRejected", "Email address is not verified."),
    "bad_request": (400, "BadRequestException", "Bad request."),
    "expired_token": (
        403,
        "ExpiredTokenException",
        "The security token included in the request is expired",
    ),
    "access_denied": (403, "AccessDeniedException", "User is not authorized to do this"),
    "error_before": (500, "InternalServiceErrorException", "Internal failure"),
}


def _accepted(standin: StandIn) -> int:
    return len(list(standin.accepted()))


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_accepts_nothing(standin: StandIn, ses: SESV2Client, name: str) -> None:
    """It strikes one call; the next one goes through."""
    before = _accepted(standin)
    standin.configure(**{name: 1})

    with pytest.raises(ClientError) as caught:
        ses.send_bulk_email(**bulk())
    refused = _accepted(standin)
    answer = ses.send_bulk_email(**bulk())

    error = caught.value.response
    status = error["ResponseMetadata"]["HTTPStatusCode"]
    assert (status, code(caught.value), error["Error"]["Message"]) == REFUSALS[name]
    assert refused == before
    assert statuses(answer) == ["SUCCESS"]
    assert standin.requests[-2]["fault"] == name


@pytest.mark.parametrize(
    ("name", "error", "accepted"),
    [
        ("drop_before", ConnectionClosedError, 0),
        ("drop_after", ConnectionClosedError, 1),
        ("reset_before", ConnectionClosedError, 0),
        ("reset_after", ConnectionClosedError, 1),
        ("hang_before", ReadTimeoutError, 0),
        ("hang_after", ReadTimeoutError, 1),
        ("error_after", ClientError, 1),
        ("bad_gateway_before", ClientError, 0),
        ("bad_gateway_after", ClientError, 1),
    ],
)
@pytest.mark.parametrize("operation", ["send_email", "send_bulk_email"])
def test_a_lost_answer_leaves_the_client_without_one(
    standin: StandIn, operation: str, name: str, error: type[Exception], accepted: int
) -> None:
    """Accepted or not: the log knows, the client cannot; there is one request, not three."""
    before, requests = _accepted(standin), len(standin.requests)
    ses = client_of(standin.url, 0.3 if name.startswith("hang") else PATIENCE_SECONDS)
    standin.configure(**{name: 1})

    with pytest.raises(error):
        getattr(ses, operation)(**(bulk() if operation == "send_bulk_email" else raw()))

    until(lambda: len(standin.requests) > requests)  # who waits for a moment only may be faster
    assert _accepted(standin) - before == accepted
    assert [line["fault"] for line in standin.requests[requests:]] == [name]


@pytest.mark.parametrize(
    "name", ["empty_body", "truncated_body", "html_body", "binary_body", "cut_off"]
)
def test_a_broken_answer_has_no_results(standin: StandIn, ses: SESV2Client, name: str) -> None:
    """boto3 may return it as a success without results, or raise whatever its parser raises."""
    before = _accepted(standin)
    standin.configure(**{name: 1})

    try:
        answer: dict[str, Any] = dict(ses.send_bulk_email(**bulk()))
    except Exception as error:  # noqa: BLE001 - no class is common to them
        answer = {"raised": error}

    assert "BulkEmailEntryResults" not in answer
    assert _accepted(standin) - before == 1


@pytest.mark.parametrize(("by", "count"), [(-1, 2), (1, 4)])
def test_results_can_be_too_few_or_too_many(
    standin: StandIn, ses: SESV2Client, by: int, count: int
) -> None:
    """All entries were accepted."""
    before = _accepted(standin)
    standin.configure(wrong_count={"next": 1, "by": by})

    answer = ses.send_bulk_email(**bulk([entry()] * 3))

    assert len(answer["BulkEmailEntryResults"]) == count
    assert _accepted(standin) - before == 3


def test_a_status_that_nobody_knows_was_an_acceptance(standin: StandIn, ses: SESV2Client) -> None:
    """The client must not take it for a refusal."""
    before = _accepted(standin)
    standin.configure(unknown_status={"next": 1, "status": "NEWER_THAN_YOU"})

    answer = ses.send_bulk_email(**bulk([entry()] * 2))

    assert statuses(answer) == ["NEWER_THAN_YOU"] * 2
    assert _accepted(standin) - before == 2


def test_a_huge_answer_is_still_one(standin: StandIn, ses: SESV2Client) -> None:
    """Its size is announced, so that a careful client can refuse it."""
    standin.configure(huge_body={"next": 1, "size_bytes": 5_000_000})

    answer = ses.send_bulk_email(**bulk())

    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert statuses(answer) == ["SUCCESS"]
    assert int(headers["content-length"]) > 5_000_000


def test_a_slow_answer_passes_every_read_timeout(standin: StandIn) -> None:
    """A little comes all the time, and it takes longer than one read may."""
    ses = client_of(standin.url, read_timeout_seconds=2)
    standin.configure(slow_body={"next": 1, "seconds": 2.5})
    started = time.monotonic()

    answer = ses.send_bulk_email(**bulk())

    assert time.monotonic() - started > 2
    assert statuses(answer) == ["SUCCESS"]


@pytest.mark.parametrize("status", STATUSES)
def test_each_status_can_befall_one_entry(standin: StandIn, ses: SESV2Client, status: str) -> None:
    """By address or index; SendEmail raises instead; neither is accepted."""
    before = _accepted(standin)
    standin.configure(statuses={"bad@example.com": status, "2": status})

    answer = ses.send_bulk_email(**bulk([entry(), entry("bad@example.com"), entry(), entry()]))
    with pytest.raises(ClientError) as caught:
        ses.send_email(**simple("bad@example.com"))

    assert statuses(answer) == ["SUCCESS", status, status, "SUCCESS"]
    assert "MessageId" not in answer["BulkEmailEntryResults"][1]
    assert code(caught.value) == STATUSES[status][1]
    assert _accepted(standin) - before == 2


def test_statuses_can_end(standin: StandIn, ses: SESV2Client) -> None:
    """An entry that failed once is accepted when it is tried again."""
    standin.configure(statuses={"entries": {READER: "TRANSIENT_FAILURE"}, "next": 1})

    first, second = (statuses(ses.send_bulk_email(**bulk())) for _ in range(2))

    assert (first, second) == (["TRANSIENT_FAILURE"], ["SUCCESS"])


def test_a_fault_can_wait_and_choose(standin: StandIn, ses: SESV2Client) -> None:
    """`skip` passes calls, `operation` and `to` select them."""
    standin.configure(
        access_denied={"operation": "GetAccount", "next": 1, "skip": 1},
        message_rejected={"to": "bad@example.com"},
    )

    seen = []
    for ask in (
        lambda: ses.send_bulk_email(**bulk()),
        lambda: ses.get_account(),
        lambda: ses.get_account(),
        lambda: ses.get_account(),
        lambda: ses.send_bulk_email(**bulk([entry(), entry("bad@example.com")])),
    ):
        try:
            ask()
            seen.append("")
        except ClientError as error:
            seen.append(code(error))

    assert seen == ["", "", "AccessDeniedException", "", "MessageRejected"]


def test_a_share_of_calls_is_struck(standin: StandIn, ses: SESV2Client) -> None:
    """By a seeded chance."""
    standin.configure(rate_exceeded=0.5)

    before = len(standin.requests)
    for _ in range(60):
        with suppress(ClientError):
            ses.send_bulk_email(**bulk())

    struck = sum(line["fault"] is not None for line in standin.requests[before:])
    assert 10 < struck < 50


def test_an_answer_can_be_late(standin: StandIn, ses: SESV2Client) -> None:
    """The request is in the log from its arrival on."""
    standin.configure(latency_ms=200)

    ses.send_bulk_email(**bulk())

    answered = time.monotonic()
    standin.configure(latency_ms=0)
    assert answered - standin.requests[-1]["monotonic"] >= 0.2


def test_an_answer_can_be_held_back(standin: StandIn) -> None:
    """What it answers to is in the log, and the client waits until the faults are cleared."""
    standin.configure(held=1)
    before, answers = _accepted(standin), list[Any]()

    def ask() -> None:
        answers.append(client_of(standin.url).send_bulk_email(**bulk()))

    asking = threading.Thread(target=ask)
    asking.start()
    until(lambda: _accepted(standin) > before)
    early = list(answers)
    standin.clear()
    asking.join()

    assert early == []
    assert [statuses(answer) for answer in answers] == [["SUCCESS"]]


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ({"drop_aftr": 1}, "unknown fault 'drop_aftr'"),
        ({"drop_after": {"nxt": 1}}, "unknown option 'nxt'"),
        ({"drop_after": "often"}, "'often' does not say when"),
        ({"outcomes": {"a@example.com": "Bounced"}}, "unknown outcome 'Bounced'"),
    ],
)
def test_a_fault_that_is_not_one_is_refused(
    standin: StandIn, wanted: dict[str, object], reason: str
) -> None:
    """A test that misspells its fault must not pass."""
    with pytest.raises(ValueError, match=reason):
        standin.configure(**json.loads(json.dumps(wanted)))
