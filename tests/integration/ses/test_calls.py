"""One batch handed to SES: what becomes of each message, and how many calls that takes."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
import sqlalchemy as sa

from newsletter.config import SesSettings
from newsletter.errors import OutcomeUnknown, QuotaReached, SendingStopped, Throttled
from newsletter.links import Links
from newsletter.model.address import Address
from newsletter.model.email import Email, MergeField, Message, Place
from newsletter.model.send import (
    Allowance,
    DeliveryStatus,
    Outcome,
    Rejected,
    RetryLater,
    Send,
    SendStatus,
)
from newsletter.model.subscriber import Subscriber
from newsletter.sending import run
from newsletter.sending.compose import SendContext, compose
from newsletter.store import schema
from newsletter.transports.ses.transport import Ses
from tests.integration.sending import EMAIL
from tests.integration.ses.stage import Stage, kinds, ses_at, settings_for
from tests.standin.client import StandIn
from tests.standin.log import Record
from tests.waiting import PATIENCE_SECONDS, until

SEND = "20260107-abcdef"
LINKS = Links("https://news.example.com", ("a key for the tests alone",))
CONTEXT = SendContext(SEND, "issue", 1, "readers", LINKS)
MODES = pytest.mark.parametrize("mode", ["bulk", "raw"])


def batch(size: int, email: Email = EMAIL, **attributes: str) -> list[Message]:
    """Messages to r1@example.com …, all with these attributes."""
    return [
        compose(
            email,
            Subscriber(number, Address(f"r{number}@example.com"), "Ada", attributes),
            CONTEXT,
            number,
            1,
        )
        for number in range(1, size + 1)
    ]


_numbers = count(1)


class Counted:
    """The transport, a send of its own, and the calls that it made."""

    def __init__(self, standin: StandIn, mode: str = "bulk", **options: Any) -> None:
        self.ses = ses_at(standin.url, mode, **{"concurrency": 1, **options})
        self.send_id = f"20260107-{next(_numbers):06}"
        self._standin = standin
        self._before = len(standin.requests)

    def outcomes(self, messages: list[Message]) -> list[Outcome]:
        return self.ses.deliver(self.send_id, messages)

    def deliver(self, messages: list[Message]) -> list[str]:
        """The names of the outcomes."""
        return kinds(self.outcomes(messages))

    @property
    def calls(self) -> list[Record]:
        return self._standin.requests[self._before :]


# --- entries --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("MESSAGE_REJECTED", "Rejected"),
        ("INVALID_PARAMETER", "Rejected"),
        ("TRANSIENT_FAILURE", "RetryLater"),
        ("FAILED", "RetryLater"),
        ("ACCOUNT_THROTTLED", "RetryLater"),
        ("ACCOUNT_DAILY_QUOTA_EXCEEDED", "RetryLater"),
        ("ACCOUNT_SUSPENDED", "RetryLater"),
        ("ACCOUNT_SENDING_PAUSED", "RetryLater"),
        ("CONFIGURATION_SET_SENDING_PAUSED", "RetryLater"),
        ("CONFIGURATION_SET_NOT_FOUND", "RetryLater"),
        ("TEMPLATE_NOT_FOUND", "RetryLater"),
        ("MAIL_FROM_DOMAIN_NOT_VERIFIED", "RetryLater"),
        ("INVALID_SENDING_POOL_NAME", "RetryLater"),
        ("SOMETHING_NEW", "Unknown"),
    ],
)
def test_the_status_of_an_entry_is_that_of_its_message_alone(
    standin: StandIn, status: str, outcome: str
) -> None:
    """Only two of those that may be tried again count as a failure of the message itself."""
    standin.configure(statuses={"r2@example.com": status})

    outcomes = Counted(standin).outcomes(batch(3))

    assert kinds(outcomes) == ["Accepted", outcome, "Accepted"]
    if isinstance(outcomes[1], RetryLater):
        assert outcomes[1].is_failure == (status in ("TRANSIENT_FAILURE", "FAILED"))


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("ACCOUNT_THROTTLED", Throttled),
        ("ACCOUNT_DAILY_QUOTA_EXCEEDED", QuotaReached),
        ("ACCOUNT_SUSPENDED", SendingStopped),
        ("INVALID_SENDING_POOL_NAME", SendingStopped),
    ],
)
def test_what_all_entries_say_is_about_the_whole_call(
    standin: StandIn, status: str, error: type[Exception]
) -> None:
    standin.configure(statuses={"*": status})

    with pytest.raises(error):
        Counted(standin).deliver(batch(3))


def test_what_stops_a_send_is_kept_for_that_send_alone(standin: StandIn) -> None:
    """A worker has one transport for many sends."""
    counted = Counted(standin)
    standin.configure(statuses={"entries": {"r2@example.com": "ACCOUNT_SUSPENDED"}, "next": 1})
    counted.deliver(batch(3))

    assert Counted(standin).deliver(batch(3)) == ["Accepted"] * 3
    with pytest.raises(SendingStopped, match="ACCOUNT_SUSPENDED"):
        counted.deliver(batch(3))
    assert counted.deliver(batch(3)) == ["Accepted"] * 3
    assert len(counted.calls) == 3


def test_a_failure_is_tried_three_times_more_and_then_rejected(stage: Stage) -> None:
    stage.standin.configure(statuses={"r2@example.com": "FAILED"})

    send = stage.send(3)

    row = stage.rows(send.id)["r2@example.com"]
    assert send.status is SendStatus.FINISHED
    assert (row.status, row.attempts) == (DeliveryStatus.REJECTED, 4)
    assert row.reason == "FAILED Failed."


def share_of_the_rate(stage: Stage) -> float:
    """How much of its rate the limiter used when it was last slowed."""
    with stage.store.read() as connection:
        share: float = connection.execute(sa.select(schema.limiter.c.share)).scalar_one()
    return share


def test_one_throttled_entry_slows_all_down(stage: Stage) -> None:
    """The others of its call were accepted, and still it was too fast."""
    entries = {"r2@example.com": "ACCOUNT_THROTTLED"}
    stage.standin.configure(statuses={"entries": entries, "next": 1})

    send = stage.send(3)

    assert send.status is SendStatus.FINISHED
    assert share_of_the_rate(stage) == 0.5


class Throttling(Ses):
    """SES that throttles a part of each call, nine times."""

    left = 9
    standin: StandIn

    def deliver(self, send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        self.standin.clear()
        if self.left:
            self.left -= 1
            self.standin.configure(statuses={"r2@example.com": "ACCOUNT_THROTTLED"})
        return super().deliver(send_id, batch)


def test_being_throttled_is_nobodys_failure_and_slows_all_down(stage: Stage) -> None:
    """Nine times put off, and still sent; the limiter of the store has heard of it."""
    transport = Throttling(settings_for(stage.standin.url), concurrency=1)
    transport.standin = stage.standin

    send = stage.send(3, transport)

    assert send.status is SendStatus.FINISHED
    assert stage.rows(send.id)["r2@example.com"].attempts == 10
    assert share_of_the_rate(stage) < 0.6


# --- halves ---------------------------------------------------------------------------------------


def test_halves_find_one_bad_address_in_few_calls(standin: StandIn) -> None:
    standin.configure(bad_request={"to": "r50@example.com", "next": None})
    counted = Counted(standin)

    outcomes = counted.deliver(batch(50))

    assert outcomes == ["Accepted"] * 49 + ["Rejected"]
    assert len(counted.calls) <= 13  # twice the logarithm of 50, and the first


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("drop_after", "Unknown"),
        ("too_many_requests", "RetryLater"),
        ("quota_exceeded", "RetryLater"),
        ("access_denied", "RetryLater"),
    ],
)
def test_what_befalls_one_half_is_not_said_of_the_other(
    standin: StandIn, fault: str, outcome: str
) -> None:
    """The first half was accepted; only the second is unknown, or waits."""
    standin.configure(
        bad_request={"next": 1}, **{fault: {"to": "r4@example.com", "next": 1, "skip": 0}}
    )

    outcomes = Counted(standin).deliver(batch(4))

    assert outcomes == ["Accepted"] * 2 + [outcome] * 2


def test_after_a_stop_in_one_half_the_other_is_not_called(standin: StandIn) -> None:
    standin.configure(bad_request=2, statuses={"0": "ACCOUNT_SUSPENDED"})
    counted = Counted(standin)

    outcomes = counted.deliver(batch(8))

    assert outcomes == ["RetryLater", "Accepted"] + ["RetryLater"] * 6
    assert len(counted.calls) == 3


@MODES
def test_a_batch_makes_no_more_calls_when_its_time_is_up(standin: StandIn, mode: str) -> None:
    """Its lease would end while it goes on; the rest waits for the next batch, untouched."""
    standin.configure(bad_request=1)
    counted = Counted(standin, mode, batch_seconds=-1)

    with pytest.raises(Exception, match="SES is slow"):
        counted.deliver(batch(4))

    assert counted.calls == []


# --- limits ---------------------------------------------------------------------------------------


@MODES
@pytest.mark.parametrize(
    "change",
    [
        {"headers": (("X-Many", "1"),) * 16},
        {"headers": (("X-Long", "x" * 996),)},
        {"tags": (("delivery", "r2@example.com"),)},
        {"tags": (("a.b", "c"),)},
    ],
)
def test_what_ses_would_refuse_costs_no_call(
    standin: StandIn, mode: str, change: dict[str, Any]
) -> None:
    counted = Counted(standin, mode)
    first, bad, last = batch(3)

    outcomes = counted.deliver([first, bad._replace(**change), last])

    assert outcomes == ["Accepted", "Rejected", "Accepted"]
    assert {call["error"] for call in counted.calls} == {None}


def test_too_much_data_for_one_reader_rejects_that_reader(standin: StandIn) -> None:
    """262,144 characters are what SES takes of each."""
    city = MergeField("subscriber.city", Place.TEXT)
    email = replace(EMAIL, text=(city,))
    counted = Counted(standin)
    [far] = batch(1, email, city="x" * 262_144)
    near = batch(3, email, city="x")[1:]

    outcomes = counted.outcomes([far, *near])

    assert kinds(outcomes) == ["Rejected", "Accepted", "Accepted"]
    assert isinstance(outcomes[0], Rejected)
    assert "262,144 characters" in outcomes[0].reason
    assert [call["entries"] for call in counted.calls] == [2]


@pytest.mark.parametrize("city", ["x" * 40_000, "中" * 9_000, '"' * 25_000])
def test_a_call_is_cut_so_that_it_stays_below_a_megabyte(standin: StandIn, city: str) -> None:
    """By its bytes on the wire, where JSON escapes Chinese, and quotes twice."""
    email = replace(EMAIL, text=(MergeField("subscriber.city", Place.TEXT),))
    counted = Counted(standin)

    outcomes = counted.deliver(batch(50, email, city=city))

    assert outcomes == ["Accepted"] * 50
    assert 1 < len(counted.calls) < 10
    assert max(call["size_bytes"] for call in counted.calls) <= 1_000_000
    assert {call["error"] for call in counted.calls} == {None}


@pytest.mark.parametrize("html", ["x" * 940_000, "中" * 160_000])
def test_an_email_just_below_a_megabyte_still_goes(standin: StandIn, html: str) -> None:
    counted = Counted(standin)

    outcomes = counted.deliver(batch(50, replace(EMAIL, html=(html,))))

    assert outcomes == ["Accepted"] * 50
    assert {call["error"] for call in counted.calls} == {None}


@pytest.mark.parametrize("html", ["x" * 1_000_000, "中" * 170_000])
def test_an_email_above_a_megabyte_stops_with_the_way_out(standin: StandIn, html: str) -> None:
    """Nobody is rejected for it: as raw mails it can go."""
    counted = Counted(standin)
    messages = batch(3, replace(EMAIL, html=(html,)))

    with pytest.raises(SendingStopped) as caught:
        counted.deliver(messages)

    assert 'mode = "raw"' in caught.value.hint
    assert counted.calls == []
    assert Counted(standin, "raw").deliver(messages) == ["Accepted"] * 3


def test_a_sender_that_no_header_holds_stops(standin: StandIn) -> None:
    """It is no recipient's fault."""
    counted = Counted(standin)

    with pytest.raises(SendingStopped, match="sender"):
        counted.deliver(batch(3, replace(EMAIL, sender="A\0B <daily@news.example.com>")))

    assert counted.calls == []


# --- raw ------------------------------------------------------------------------------------------


def test_a_raw_mail_without_an_answer_is_unknown_alone(standin: StandIn) -> None:
    standin.configure(drop_after={"to": "r2@example.com", "next": None})

    outcomes = Counted(standin, "raw").deliver(batch(4))

    assert outcomes == ["Accepted", "Unknown", "Accepted", "Accepted"]


def test_raw_mails_behind_one_that_was_put_off_are_put_off(standin: StandIn) -> None:
    standin.configure(too_many_requests={"to": "r3@example.com", "next": None})
    counted = Counted(standin, "raw")

    outcomes = counted.outcomes(batch(5))

    assert kinds(outcomes) == ["Accepted"] * 2 + ["RetryLater"] * 3
    assert not any(o.is_failure for o in outcomes if isinstance(o, RetryLater))
    assert len(counted.calls) == 3


def test_an_answer_to_a_bulk_call_that_never_comes_is_asked_once(standin: StandIn) -> None:
    """The SDK would try three times, and each would be a mail."""
    standin.configure(hang_after=1)
    counted = Counted(standin, read_seconds=0.3)

    with pytest.raises(OutcomeUnknown):
        counted.deliver(batch(3))

    until(lambda: bool(counted.calls))
    assert [call["accepted"] for call in counted.calls] == [3]


# --- the account, while it runs -------------------------------------------------------------------


class Changing(Ses):
    """SES whose account is another when it is asked a second time, a minute later.

    Its sixth call waits until that is known.
    """

    asked = calls = 0
    then: Allowance
    known: threading.Event

    def allowance(self) -> Allowance:
        self.asked += 1
        return super().allowance() if self.asked == 1 else self.then

    def deliver(self, send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        self.calls += 1
        if self.calls == 6:
            assert self.known.wait(PATIENCE_SECONDS)
        return super().deliver(send_id, batch)


def sent_while_changing(stage: Stage, people: int, then: Allowance) -> Send:
    """A send that is run while the account changes."""
    transport = Changing(settings_for(stage.standin.url), concurrency=1)
    transport.then, transport.known = then, threading.Event()
    worker = replace(stage.worker(transport), check_events=transport.known.set)
    return run.run(worker, stage.plan(people))


def test_a_rate_that_is_lowered_while_it_runs_is_followed(stage: Stage) -> None:
    """Calls get smaller with it: a tenth of a second's worth each."""
    send = sent_while_changing(stage, 500, Allowance(rate=380.0))

    sizes = [call["entries"] for call in stage.calls]
    assert send.status is SendStatus.FINISHED
    assert (sizes[0], sizes[-2]) == (50, 38)
    assert stage.statuses(send.id) == {"accepted": 500}


def test_an_account_that_is_closed_while_it_runs_pauses_the_send(stage: Stage) -> None:
    send = sent_while_changing(stage, 1_000, Allowance(problem="sending is switched off"))

    assert send.status is SendStatus.PAUSED
    assert send.pause_reason == "sending is switched off"
    assert stage.statuses(send.id).keys() == {"accepted", "queued"}


# --- what goes with every call --------------------------------------------------------------------


def _settings(standin: StandIn, **changes: Any) -> SesSettings:
    return replace(settings_for(standin.url), **changes)


@MODES
@pytest.mark.parametrize(
    ("open_tracking", "click_tracking", "told"),
    [
        (False, False, ("DISABLED", "DISABLED")),
        (True, False, ("ENABLED", "DISABLED")),
        (False, True, ("DISABLED", "ENABLED")),
    ],
)
def test_every_call_says_whether_ses_may_change_the_mail(
    standin: StandIn, mode: str, open_tracking: bool, click_tracking: bool, told: tuple[str, str]
) -> None:
    """Without a word of it, the account decides, and may rewrite what was sealed."""
    ses = Ses(
        _settings(standin, mode=mode, open_tracking=open_tracking, click_tracking=click_tracking)
    )
    before = len(list(standin.accepted()))

    ses.deliver("20260107-tracks", batch(2))

    records = list(standin.accepted())[before:]
    assert [(record["open_tracking"], record["click_tracking"]) for record in records] == [told] * 2


@MODES
def test_a_tenant_goes_with_every_call(standin: StandIn, mode: str) -> None:
    ses = Ses(_settings(standin, mode=mode, tenant="brand"))
    before = len(list(standin.accepted()))

    ses.deliver("20260107-tenant", batch(2))

    assert [record["tenant"] for record in list(standin.accepted())[before:]] == ["brand"] * 2


@MODES
@pytest.mark.parametrize("size", [1, 3, 7])
@pytest.mark.parametrize(
    "code", ["BadRequestException", "ValidationException", "SerializationException"]
)
def test_an_endpoint_too_old_for_the_switch_costs_nobody_their_mail(
    standin: StandIn, mode: str, size: int, code: str
) -> None:
    """The refusal is about no recipient: all stay queued, and a person is told what to do."""
    message = "request has an unknown member ConfigurationOverrides"
    standin.configure(bad_request={"code": code, "message": message})
    counted = Counted(standin, mode)

    with pytest.raises(SendingStopped, match="ConfigurationOverrides") as caught:
        counted.deliver(batch(size))

    assert "tracking" in caught.value.hint
    assert len(counted.calls) == 1


def test_a_tenant_that_does_not_exist_is_no_recipients_fault(standin: StandIn) -> None:
    ses = Ses(_settings(standin, tenant="nobody"))

    with pytest.raises(SendingStopped, match="nobody") as caught:
        ses.deliver("20260107-nobody", batch(2))

    assert "tenant" in caught.value.hint
