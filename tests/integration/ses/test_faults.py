"""The faults of SES and of the network on the way to it, one kind after the other.

Each send goes from plan to ledger; the ledger is then held against what the stand-in logged.
"""

import time
from dataclasses import replace
from typing import Any

import pytest

from newsletter.errors import StoreError
from newsletter.model.send import Allowance, DeliveryStatus, SendStatus
from newsletter.project import utc_now
from newsletter.sending import run
from newsletter.sending.patience import Patience
from newsletter.store import Store
from newsletter.transports.ses.transport import Ses
from tests.integration.ses.stage import Stage, settings_for
from tests.standin.client import StandIn
from tests.waiting import PATIENCE_SECONDS

MODES = pytest.mark.parametrize("mode", ["bulk", "raw"])


# --- nobody knows whether it was sent -------------------------------------------------------------


def unknown_after_one_fault(stage: Stage, mode: str, fault: str, value: object = 1) -> None:
    """One call goes wrong so that nobody can know: its rows are unknown, all others are sent.

    It was made once: a second would be a second mail to all of them.
    """
    # The other calls are not to be given up, though a busy machine answers late.
    transport = stage.ses(mode, read_seconds=3 if fault.startswith("hang") else PATIENCE_SECONDS)
    people = transport.batch_size * 2
    stage.standin.configure(**{fault: value})

    send = stage.send(people, transport)

    lost = 1 if mode == "raw" else transport.batch_size
    assert send.status is SendStatus.UNRESOLVED
    assert send.counts.unknown == lost
    assert stage.statuses(send.id) == {"unknown": lost, "accepted": people - lost}
    assert sum(call["entries"] for call in stage.calls) == people
    reasons = [row.reason for row in stage.rows(send.id).values() if row.status == "unknown"]
    assert all(reason and reason.startswith("SES ") for reason in reasons)


@MODES
@pytest.mark.parametrize("fault", ["reset_before", "reset_after", "drop_before", "drop_after"])
def test_a_connection_that_ends_after_the_request_is_unknown_and_asked_once(
    quick: Stage, mode: str, fault: str
) -> None:
    unknown_after_one_fault(quick, mode, fault)


@MODES
@pytest.mark.pressure
@pytest.mark.parametrize("fault", ["hang_before", "hang_after"])
def test_a_read_timeout_is_unknown_and_asked_once(quick: Stage, mode: str, fault: str) -> None:
    unknown_after_one_fault(quick, mode, fault)


@MODES
@pytest.mark.parametrize("fault", ["error_before", "error_after"])
def test_an_internal_error_is_unknown_whether_it_was_accepted_or_not(
    quick: Stage, mode: str, fault: str
) -> None:
    unknown_after_one_fault(quick, mode, fault)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("fault", ["bad_gateway_before", "bad_gateway_after"])
def test_a_proxy_that_answers_5xx_proves_nothing(quick: Stage, fault: str, status: int) -> None:
    unknown_after_one_fault(quick, "bulk", fault, {"next": 1, "status": status})


def test_three_silent_calls_in_a_row_pause_the_send(stage: Stage) -> None:
    """What goes on without answers would make thousands unknown."""
    stage.standin.configure(error_after=True)

    send = stage.send(500)

    assert send.status is SendStatus.PAUSED
    assert send.pause_reason == "no answer to 3 calls in a row"
    assert stage.statuses(send.id) == {"unknown": 150, "queued": 350}
    assert len(stage.calls) == 3


# --- too fast -------------------------------------------------------------------------------------


@MODES
@pytest.mark.parametrize("fault", ["too_many_requests", "rate_exceeded"])
def test_a_throttled_call_is_made_again_and_nobody_gets_it_twice(
    quick: Stage, mode: str, fault: str
) -> None:
    quick.standin.configure(**{fault: 3})

    send = quick.send(20, quick.ses(mode))

    assert send.status is SendStatus.FINISHED
    assert quick.statuses(send.id) == {"accepted": 20}
    assert sum(call["status"] != 200 for call in quick.calls) == 3


def test_throttled_for_ever_pauses_and_keeps_all(stage: Stage) -> None:
    stage.standin.configure(too_many_requests=True)

    send = stage.send(20)

    assert send.status is SendStatus.PAUSED
    assert "TooManyRequests" in (send.pause_reason or "")
    assert stage.statuses(send.id) == {"queued": 20}
    assert len(stage.calls) == 30


def test_the_rate_of_the_account_is_never_exceeded(stage: Stage) -> None:
    """Four threads share one limiter: SES throttles none of their calls."""
    stage.standin.account(max_send_rate=300.0)
    sender = stage.worker(stage.ses(concurrency=4))
    paced = replace(sender, clock=utc_now, seconds=time.monotonic)

    send_id = stage.plan(300)
    started = time.monotonic()
    send = run.run(paced, send_id)

    assert send.status is SendStatus.FINISHED
    assert {call["status"] for call in stage.calls} == {200}
    assert stage.statuses(send.id) == {"accepted": 300}
    # 300 at 95 % of 300 a second, the last batch left out.
    assert stage.calls[-1]["monotonic"] - started > 0.8


# --- the quota ------------------------------------------------------------------------------------


def test_the_quota_within_a_call_keeps_the_rest_and_pauses(stage: Stage) -> None:
    """Ten of the second call are accepted and stay so; the others wait for tomorrow."""
    stage.standin.account(max_24_hour_send=60.0, sent_last_24_hours=0)

    send = stage.send(75)

    assert send.status is SendStatus.PAUSED
    assert "quota" in (send.pause_reason or "")
    assert send.resume_at is not None
    assert stage.statuses(send.id) == {"accepted": 60, "queued": 15}

    stage.standin.account(max_24_hour_send=1_000.0)
    again = stage.resume(send.id)

    assert again.status is SendStatus.FINISHED
    assert again.resume_at is None
    assert stage.statuses(send.id) == {"accepted": 75}


@MODES
@pytest.mark.parametrize("fault", ["quota_exceeded", "limit_exceeded"])
def test_the_quota_of_a_whole_call_pauses_before_anything_is_sent(
    quick: Stage, mode: str, fault: str
) -> None:
    quick.standin.configure(**{fault: True})

    send = quick.send(20, quick.ses(mode))

    assert send.status is SendStatus.PAUSED
    assert "quota" in (send.pause_reason or "")
    assert send.resume_at is not None
    assert quick.statuses(send.id) == {"queued": 20}
    assert len(quick.calls) == 1


def test_the_quota_in_the_middle_of_raw_mails_keeps_the_rest(stage: Stage) -> None:
    stage.standin.account(max_24_hour_send=7.0, sent_last_24_hours=0)

    send = stage.send(12, stage.ses("raw"))

    assert send.status is SendStatus.PAUSED
    assert stage.statuses(send.id) == {"accepted": 7, "queued": 5}


def test_a_spread_send_waits_for_the_next_day_and_goes_on(stage: Stage) -> None:
    """It asks each minute what the account allows, and holds no rows meanwhile."""

    class NextDay(Ses):
        """SES whose quota is free again when it is asked a second time."""

        asked = 0

        def allowance(self) -> Allowance:
            self.asked += 1
            if self.asked == 2:
                stage.standin.account(max_24_hour_send=-1.0)
            return super().allowance()

    stage.standin.account(max_24_hour_send=60.0, sent_last_24_hours=0)
    transport = NextDay(settings_for(stage.standin.url), concurrency=1)

    send = run.run(stage.worker(transport), stage.plan(75, spread=True))

    assert send.status is SendStatus.FINISHED
    assert stage.statuses(send.id) == {"accepted": 75}


# --- a person has to act --------------------------------------------------------------------------

STOPPED = {
    "sending_paused": "Sending is paused in the SES console",
    "account_suspended": "AWS has suspended the account",
    "mail_from_not_verified": "Verify the domain",
    "not_found": "configuration_set",
    "access_denied": "Allow ses:SendEmail",
    "expired_token": "Renew the AWS credentials",
    "message_rejected": "Verify the domain",
}


@MODES
@pytest.mark.parametrize("fault", STOPPED)
def test_what_a_person_has_to_mend_stops_at_once_and_rejects_nobody(
    quick: Stage, mode: str, fault: str
) -> None:
    """Paused, suspended, unverified, not allowed, expired: and it goes on once that is mended."""
    quick.standin.configure(**{fault: {"skip": 1, "next": None}})

    send = quick.send(60, quick.ses(mode))

    first = 50 if mode == "bulk" else 1
    assert send.status is SendStatus.PAUSED
    assert STOPPED[fault] in (send.pause_reason or "")
    assert quick.statuses(send.id) == {"accepted": first, "queued": 60 - first}
    assert len(quick.calls) == 2

    quick.standin.clear()
    assert quick.resume(send.id).status is SendStatus.FINISHED
    assert quick.statuses(send.id) == {"accepted": 60}


@pytest.mark.parametrize(
    "status",
    [
        "ACCOUNT_SENDING_PAUSED",
        "ACCOUNT_SUSPENDED",
        "CONFIGURATION_SET_SENDING_PAUSED",
        "CONFIGURATION_SET_NOT_FOUND",
        "TEMPLATE_NOT_FOUND",
        "MAIL_FROM_DOMAIN_NOT_VERIFIED",
        "INVALID_SENDING_POOL_NAME",
    ],
)
@pytest.mark.parametrize("who", ["*", "r7@example.com"])
def test_a_status_that_stops_does_so_from_one_entry_too(
    quick: Stage, status: str, who: str
) -> None:
    """The accepted ones of that very call stay accepted; nobody is rejected."""
    quick.standin.configure(statuses={who: status})

    send = quick.send(70)

    sent = 0 if who == "*" else 49
    assert send.status is SendStatus.PAUSED
    assert status in (send.pause_reason or "")
    expected = {"accepted": sent, "queued": 70 - sent}
    assert quick.statuses(send.id) == {name: count for name, count in expected.items() if count}
    assert len(quick.calls) == 1


# --- entry by entry -------------------------------------------------------------------------------


def test_each_entry_of_a_mixed_answer_goes_its_own_way(stage: Stage) -> None:
    """The answers are matched by their order: nobody gets the status of a neighbour."""
    stage.standin.configure(
        statuses={
            "entries": {
                "r2@example.com": "MESSAGE_REJECTED",
                "r3@example.com": "INVALID_PARAMETER",
                "r5@example.com": "TRANSIENT_FAILURE",
                "r8@example.com": "FAILED",
                "r9@example.com": "ACCOUNT_THROTTLED",
            },
            "next": 1,
        }
    )

    send = stage.send(10)

    rows = stage.rows(send.id)
    assert send.status is SendStatus.FINISHED
    assert stage.with_status(send.id, DeliveryStatus.REJECTED) == {
        "r2@example.com",
        "r3@example.com",
    }
    assert rows["r3@example.com"].reason == "INVALID_PARAMETER Invalid parameter."
    attempts = {address: row.attempts for address, row in rows.items() if row.attempts > 1}
    assert attempts == {"r5@example.com": 2, "r8@example.com": 2, "r9@example.com": 2}


@pytest.mark.parametrize("by", [-1, 1, -50])
def test_a_wrong_number_of_answers_makes_the_batch_unknown_and_stops(quick: Stage, by: int) -> None:
    """Which answer belongs to whom, nobody can say."""
    quick.standin.configure(wrong_count={"next": 1, "by": by})

    send = quick.send(60)

    assert send.status is SendStatus.PAUSED
    assert f"{max(0, 50 + by)} answers to 50 messages" in (send.pause_reason or "")
    assert quick.statuses(send.id) == {"unknown": 50, "queued": 10}
    assert len(quick.calls) == 1


def test_an_unknown_status_is_neither_success_nor_refusal(stage: Stage) -> None:
    stage.standin.configure(statuses={"r4@example.com": "SOMETHING_NEW"})

    send = stage.send(70)

    assert send.status is SendStatus.PAUSED
    assert "SOMETHING_NEW" in (send.pause_reason or "")
    assert stage.statuses(send.id) == {"accepted": 49, "unknown": 1, "queued": 20}


@MODES
@pytest.mark.parametrize("fault", ["bad_request"])
def test_one_bad_address_never_costs_the_others(quick: Stage, mode: str, fault: str) -> None:
    """SES refuses the whole call for it: halves find it, and nothing of them was sent before."""
    quick.standin.configure(**{fault: {"to": "r17@example.com", "next": None}})

    send = quick.send(50, quick.ses(mode))

    rows = quick.rows(send.id)
    assert send.status is SendStatus.FINISHED
    assert quick.statuses(send.id) == {"accepted": 49, "rejected": 1}
    assert rows["r17@example.com"].reason == "BadRequestException: Bad request."
    assert len(quick.calls) <= 50


@MODES
def test_a_send_in_which_all_are_refused_stops_and_rejects_nobody(quick: Stage, mode: str) -> None:
    """That is about the mail, not about them: mended, it can still reach everybody."""
    quick.standin.configure(bad_request=True)

    send = quick.send(100, quick.ses(mode))

    assert send.status is SendStatus.PAUSED
    assert "refused all of a batch: BadRequest" in (send.pause_reason or "")
    assert quick.statuses(send.id) == {"queued": 100}


def test_too_many_refused_at_the_start_stops(stage: Stage) -> None:
    refused = {f"r{number}@example.com": "MESSAGE_REJECTED" for number in range(1, 100, 2)}
    refused |= {f"r{number}@example.com": "MESSAGE_REJECTED" for number in range(2, 10, 2)}
    stage.standin.configure(statuses=refused)

    send = stage.send(300)

    assert send.status is SendStatus.PAUSED
    assert "of the first 50 were rejected: MESSAGE_REJECTED" in (send.pause_reason or "")
    assert stage.statuses(send.id)["queued"] == 250


# --- answers that say nothing ---------------------------------------------------------------------


@MODES
@pytest.mark.parametrize(
    "fault", ["empty_body", "truncated_body", "html_body", "binary_body", "cut_off", "huge_body"]
)
def test_an_answer_that_says_nothing_is_unknown_and_stops(
    quick: Stage, mode: str, fault: str
) -> None:
    """botocore takes some of them for an empty success."""
    options = {"next": 1, "size_bytes": 3_000_000} if fault == "huge_body" else 1
    quick.standin.configure(**{fault: options})

    send = quick.send(60, quick.ses(mode, read_seconds=PATIENCE_SECONDS))

    lost = 50 if mode == "bulk" else 1
    assert send.status is SendStatus.PAUSED
    assert send.pause_reason
    assert quick.statuses(send.id) == {"unknown": lost, "queued": 60 - lost}
    assert len(quick.calls) == 1


def test_an_answer_that_trickles_ends(stage: Stage) -> None:
    """Each piece comes in time, the whole does not."""
    stage.standin.configure(slow_body={"next": 1, "seconds": 6.0})

    send = stage.send(20, stage.ses(read_seconds=2))

    assert send.status is SendStatus.UNRESOLVED
    assert stage.statuses(send.id) == {"unknown": 20}
    assert {row.reason for row in stage.rows(send.id).values()} == {
        "SES gave no answer: the reply took more than 2 seconds"
    }


# --- half a network -------------------------------------------------------------------------------


class Unplugged(Store):
    """A store that takes some writes and is out of reach after that."""

    def __init__(self, store: Store, writes: int) -> None:
        super().__init__(store.engine)
        self.writes = writes

    def write(self, **options: Any) -> Any:
        self.writes -= 1
        if self.writes < 0:
            raise StoreError("the database is out of reach")
        return super().write(**options)


def test_no_mail_leaves_without_a_claim_that_is_on_disk(stage: Stage) -> None:
    """Taking the send is the first write, its rate slot the second, the claim the third."""
    send_id, store = stage.plan(20), stage.store
    for writes in (0, 1, 2):
        stage.store = Unplugged(store, writes)

        with pytest.raises(StoreError):
            run.run(stage.worker(), send_id)
        stage.clock.forward(120)  # the lease of a run that could not give it back

    stage.store = store
    assert stage.calls == []
    assert stage.resume(send_id).status is SendStatus.FINISHED
    assert stage.statuses(send_id) == {"accepted": 20}


def test_what_was_sent_while_the_store_was_away_is_unknown_never_sent_again(
    sqlite_store: Store, standin: StandIn
) -> None:
    """The store is asked for a while, and then given up."""
    stage = Stage(sqlite_store, standin)
    send_id, store = stage.plan(20), stage.store
    stage.store = Unplugged(store, 4)
    hasty = replace(stage.worker(), patience=Patience(seconds=0.5))

    with pytest.raises(StoreError):
        run.run(hasty, send_id)
    stage.store = store
    stage.clock.forward(120)
    again = stage.resume(send_id)

    assert again.status is SendStatus.UNRESOLVED
    assert stage.statuses(send_id) == {"unknown": 20}
    assert len(stage.mailed(send_id)) == 20
    assert len(stage.calls) == 1


@MODES
def test_a_slow_network_makes_the_same_ledger(quick: Stage, mode: str) -> None:
    """Answers that take long, some of them in small pieces, within the time that is allowed."""
    quick.standin.configure(latency_ms=100, slow_body={"share": 0.2, "seconds": 0.4})

    send = quick.send(60, quick.ses(mode, concurrency=8, read_seconds=PATIENCE_SECONDS))

    assert send.status is SendStatus.FINISHED
    assert quick.statuses(send.id) == {"accepted": 60}
