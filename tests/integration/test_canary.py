"""A canary: a first share of a send goes out, and what is reported of it decides about the rest."""

import datetime as dt
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from newsletter.errors import OutcomeUnknown, QuotaReached
from newsletter.feedback.apply import Applied, apply
from newsletter.feedback.base import incoming
from newsletter.feedback.ses.events import parse
from newsletter.model.address import Address
from newsletter.model.email import Message
from newsletter.model.send import Accepted, Outcome, Send, SendStatus
from newsletter.model.subscriber import SuppressionReason
from newsletter.sending import control
from newsletter.sending.canary import CanaryLimits
from newsletter.sending.plan import plan
from newsletter.sending.reading import read
from newsletter.sending.run import run
from newsletter.sending.worker import Worker
from newsletter.store import Store
from newsletter.store.ledger import deliveries, sends
from newsletter.store.ledger.canary import reports
from newsletter.store.people import suppressing
from newsletter.transports.memory import Memory
from tests.integration.commandline import Call
from tests.integration.plans import explained
from tests.integration.sending import NOW, TickingClock, fill_list, order, resume, worker

Report = Callable[[Message], str | None]


def event(message: Message, kind: str, **facts: object) -> str:
    """What SES reports of a message."""
    tags = {name: [value] for name, value in message.tags}
    name = kind.lower()
    return json.dumps(
        {
            "eventType": kind,
            "mail": {
                "timestamp": NOW.isoformat(),
                "messageId": f"id-{message.ref}",
                "destination": [message.to.text],
                "tags": tags,
            },
            name: {"timestamp": NOW.isoformat(), **facts},
        }
    )


def delivered(message: Message) -> str:
    return event(message, "Delivery", recipients=[message.to.text])


def bounced(message: Message) -> str:
    return event(
        message,
        "Bounce",
        bounceType="Permanent",
        bounceSubType="General",
        bouncedRecipients=[{"emailAddress": message.to.text}],
        feedbackId=message.ref,
    )


def complained(message: Message) -> str:
    return event(
        message,
        "Complaint",
        complaintFeedbackType="abuse",
        complainedRecipients=[{"emailAddress": message.to.text}],
        feedbackId=message.ref,
    )


class Reporting(Memory):
    """Takes everything, and reports of each message what a test says."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self.report = report
        self.reports: list[tuple[str, str]] = []

    def deliver(self, send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        self.sent += len(batch)
        for message in batch:
            if text := self.report(message):
                self.reports.append((message.ref, text))
        return [Accepted(f"id-{message.ref}") for message in batch]

    sent: int = 0


def canaried(store: Store, report: Report, size: int = 100) -> tuple[Worker, Reporting, str]:
    """A send with a canary of a tenth that was planned; its worker brings in the reports."""
    fill_list(store, size)
    transport = Reporting(report)

    def poll() -> None:
        found, transport.reports = transport.reports, []
        apply(store, incoming(parse, found), NOW, Applied())

    ready = replace(
        worker(store, transport, clock=TickingClock()),
        poll_events=poll,
        canary_limits=CanaryLimits(patience=dt.timedelta(seconds=60), poll_seconds=0.001),
    )
    return ready, transport, plan(store, replace(order(), canary=0.1), NOW)


def test_a_canary_that_is_well_lets_the_rest_go(store: Store) -> None:
    ready, transport, send_id = canaried(store, delivered)

    send = run(ready, send_id)

    assert send.status is SendStatus.FINISHED
    assert send.counts.accepted == transport.sent == 100


@pytest.mark.parametrize(
    ("report", "said"), [(bounced, "10 hard bounces"), (complained, "10 complaints")]
)
def test_what_is_wrong_with_the_canary_stops_the_rest(
    store: Store, report: Report, said: str
) -> None:
    ready, transport, send_id = canaried(store, report)

    send = run(ready, send_id)

    assert send.status is SendStatus.PAUSED
    assert said in (send.pause_reason or "")
    assert (send.counts.accepted, send.counts.queued, transport.sent) == (10, 90, 10)


@pytest.mark.parametrize(("complaints", "passes"), [(1, True), (2, True), (3, False), (4, False)])
def test_one_or_two_complaints_prove_nothing(store: Store, complaints: int, passes: bool) -> None:
    """As for the breaker: a share that small has them by chance."""

    def report(message: Message) -> str:
        place = int(message.to.text.removeprefix("r").partition("@")[0])
        return complained(message) if place <= complaints else delivered(message)

    ready, _, send_id = canaried(store, report)

    send = run(ready, send_id)

    assert (send.status is SendStatus.FINISHED) == passes, send.pause_reason


def test_a_canary_of_which_nothing_is_heard_stops_the_rest(store: Store) -> None:
    ready, transport, send_id = canaried(store, lambda message: None)

    send = run(ready, send_id)

    assert send.status is SendStatus.PAUSED
    assert "only 0 of the canary's 10 were reported on" in (send.pause_reason or "")
    assert transport.sent == 10


@pytest.mark.parametrize("report", [lambda message: None, bounced, complained])
def test_a_person_who_resumes_decides_to_go_on(store: Store, report: Report) -> None:
    ready, transport, send_id = canaried(store, report)
    run(ready, send_id)
    transport.report = delivered

    assert resume(ready, send_id).counts.accepted == 100


def test_most_of_the_reports_are_enough_once_the_patience_is_over(store: Store) -> None:
    silent = iter([True] * 4 + [False] * 100)
    ready, _, send_id = canaried(
        store, lambda message: None if next(silent) else delivered(message)
    )

    assert run(ready, send_id).status is SendStatus.FINISHED


def test_a_send_that_is_paused_while_its_canary_is_out_stays_so(store: Store) -> None:
    def report(message: Message) -> None:
        control.pause(store, send_id, lambda: NOW)

    ready, transport, send_id = canaried(store, report)

    send = run(ready, send_id)

    assert (send.status, transport.sent) == (SendStatus.PAUSED, 10)


def test_a_canary_that_waits_is_taken_up_again(store: Store) -> None:
    """Its process was stopped while it waited; the share is not sent twice."""
    ready, transport, send_id = canaried(store, lambda message: None)
    stopping = replace(ready, poll_events=ready.stop.set)
    assert run(stopping, send_id).status is SendStatus.SENDING
    ready.stop.clear()
    transport.report = delivered

    send: Send = resume(ready, send_id)

    assert send.status is SendStatus.PAUSED  # nothing was reported of the ten
    assert transport.sent == 10
    assert read(store, send_id).counts.accepted == 10


def test_a_canary_that_was_not_out_is_waited_for_after_a_resume(store: Store) -> None:
    """Its last mails were claimed, but the quota was used up: nobody has seen how it went."""
    ready, transport, send_id = canaried(store, bounced)
    used_up = Memory(lambda *_: (_ for _ in ()).throw(QuotaReached("used up", resume_at=NOW)))
    assert run(replace(ready, transport=used_up), send_id).status is SendStatus.PAUSED

    send = resume(ready, send_id)

    assert (send.status, transport.sent) == (SendStatus.PAUSED, 10)
    assert "10 hard bounces" in (send.pause_reason or "")


def test_what_is_sent_again_does_not_go_ahead_of_the_canary(store: Store) -> None:
    """In a restored store also mails beyond it may have been tried before."""
    ready, transport, send_id = canaried(store, bounced)
    with store.write() as connection:
        number = sends.number_of(connection, send_id)
        deliveries.make_unknown(connection, number, "restored", NOW)
        sends.advance(connection, number, sends.record(connection, number).recipients)
    control.resolve(store, send_id, control.Decision.RESEND, lambda: NOW)

    send = resume(ready, send_id)
    assert (send.status, transport.sent) == (SendStatus.PAUSED, 10)

    transport.report = delivered
    assert resume(ready, send_id).counts.accepted == transport.sent == 100


def suppress(store: Store, numbers: range) -> None:
    with store.write() as connection:
        for number in numbers:
            key = Address(f"r{number}@example.com").key
            suppressing.add(connection, key, SuppressionReason.MANUAL, "test", NOW)


@pytest.mark.parametrize("when", ["before it is planned", "after"])
def test_who_is_skipped_makes_a_canary_no_smaller(store: Store, when: str) -> None:
    """The next people take the places; else a share of which nobody is mailed would pass."""
    ready, transport, send_id = canaried(store, bounced)
    if when == "before it is planned":
        control.cancel(store, send_id, lambda: NOW)
        suppress(store, range(1, 31))
        again = replace(order(again="most were suppressed"), canary=0.1)
        send_id = plan(store, again, NOW)
    else:
        suppress(store, range(1, 31))

    send = run(ready, send_id)

    assert (send.status, transport.sent) == (SendStatus.PAUSED, 10)
    assert "10 hard bounces among 10" in (send.pause_reason or "")
    assert (send.counts.skipped, send.counts.queued) == (30, 60)


def test_an_audience_that_ends_within_its_canary_has_no_rest_to_wait_with(store: Store) -> None:
    ready, transport, send_id = canaried(store, lambda message: None)
    suppress(store, range(5, 101))
    told: list[str] = []

    assert run(replace(ready, notify=told.append), send_id).status is SendStatus.FINISHED
    assert transport.sent == 4
    assert told == []  # no report was waited for


def test_a_canary_of_which_no_mail_is_known_to_be_out_stops_the_rest(store: Store) -> None:
    """Whether any of it was sent nobody can tell, and no event tells it either."""
    ready, transport, send_id = canaried(store, delivered)
    lost = Memory(lambda *_: (_ for _ in ()).throw(OutcomeUnknown("no answer")))

    send = run(replace(ready, transport=lost), send_id)

    assert send.status is SendStatus.PAUSED
    assert "no mail of the canary is known to be out" in (send.pause_reason or "")
    assert (send.counts.unknown, send.counts.queued) == (10, 90)
    assert resume(ready, send_id).counts.accepted == transport.sent == 90


def test_a_large_canary_is_counted_by_the_few_reports_that_have_a_cause(
    sqlite_store: Store,
) -> None:
    with sqlite_store.read() as connection, explained(connection) as steps:
        reports(connection, 1, 20_000)

    assert [step for step in steps if "events" in step] == [
        "SEARCH events USING INDEX ix_events_causes"
    ]


@pytest.mark.parametrize("share", ["0%", "100%", "2", "-1%", "x", ""])
def test_a_share_that_is_none_is_a_wrong_call(call: Call, project: Path, share: str) -> None:
    answer = call(
        "send", "2026-01-07-valley", "--list", "readers", "--yes", "--canary", share, "--json"
    )

    assert answer.code == 2
    assert "percentage" in answer.error["message"]


def test_a_wait_that_a_wrong_clock_began_takes_no_longer_than_another(store: Store) -> None:
    """The clock was two hours ahead when the first share was out, and is set right then."""
    clock = TickingClock()
    ready, _, send_id = canaried(store, delivered)
    set_right: list[dt.datetime] = []

    def set_clock_back() -> None:
        if not set_right:
            clock.forward(-2 * 3600)
            set_right.append(clock.now)

    send = run(replace(ready, clock=clock, poll_events=set_clock_back), send_id)

    assert send.status is SendStatus.PAUSED
    assert clock.now - set_right[0] < dt.timedelta(minutes=3)
