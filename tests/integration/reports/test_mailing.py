"""The report on a send is mailed once, a day after its end, whatever stops on the way."""

import datetime as dt
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from email import message_from_bytes
from pathlib import Path

import pytest

from newsletter.config.settings import ReportSettings
from newsletter.errors import QuotaReached, Throttled, TransportDown
from newsletter.model.email import Message
from newsletter.model.send import Accepted, Allowance, Outcome, Rejected, RetryLater, Unknown
from newsletter.operations import attend
from newsletter.operations.reporting import ReportPost
from newsletter.project import Project
from newsletter.reports import counting
from newsletter.sending import control, restored
from newsletter.sending.plan import plan
from newsletter.sending.run import run
from newsletter.store import Store, state
from newsletter.transports import mime
from newsletter.transports.memory import Memory
from newsletter.workers.chores import chores_of
from tests.factories import on_sqlite
from tests.integration.reports.test_counting import SETTINGS
from tests.integration.sending import NOW, FixedClock, fill_list, order, worker

HOUR = dt.timedelta(hours=1)
DAY = 24 * HOUR
BOTH = ("editor@example.com", "boss@example.com")


@dataclass
class Office:
    """A worker's post in a store, with a send that ended at NOW."""

    store: Store
    send_id: str
    clock: FixedClock = field(default_factory=lambda: FixedClock(NOW + DAY))
    transport: Memory = field(default_factory=Memory)
    told: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    to: tuple[str, ...] = BOTH

    def mail(self) -> bool:
        settings = replace(SETTINGS, reports=ReportSettings(mail_to=self.to))
        sender = worker(self.store, self.transport)
        return ReportPost(
            Project(Path(), settings),
            *(self.store, self.transport, sender.links, self.clock, self.stop, self.told.append),
        ).mail_one()

    def notes_at(self, at: dt.datetime) -> Sequence[str]:
        """What the report says about being mailed, beside what it says of a send without events."""
        report = counting.count(self.store, SETTINGS, self.send_id, at)
        return [note for note in report.notes if "report was" in note]

    @property
    def mailed(self) -> list[str]:
        return [message.to.text for message in self.transport.delivered]


@pytest.fixture
def office(store: Store) -> Office:
    fill_list(store, 3)
    send_id = plan(store, order(), NOW)
    run(worker(store, Memory(), clock=FixedClock()), send_id)
    return Office(store, send_id)


def test_everybody_named_gets_it_once_a_day_after_the_end(office: Office) -> None:
    office.clock.now = NOW + DAY - HOUR
    assert not office.mail()
    office.clock.forward(3_600)

    assert office.mail()
    assert not office.mail()
    assert office.mailed == list(BOTH)
    assert office.told == [f"Mailed the report on {office.send_id} to 2 of 2."]


def test_it_is_a_whole_mail_of_its_own(office: Office) -> None:
    office.mail()

    message = office.transport.delivered[0]
    mail = message_from_bytes(mime.compose(message, NOW))
    assert mail.get_content_type() == "multipart/alternative"
    assert message.subject == "Report: Hello reader"
    assert "accepted" in message.text
    assert "<svg" not in message.html
    headers = dict(message.headers)
    assert headers["Auto-Submitted"] == "auto-generated"
    assert not any(name.startswith("List-Unsubscribe") for name in headers)
    assert message.ref.startswith(f"report-{office.send_id}-")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda office: setattr(office, "to", ()), "nobody is named"),
        (lambda office: office.clock.forward(2 * 86_400 + 1), "it is too late"),
        (lambda office: office.stop.set(), "the worker stops"),
    ],
)
def test_it_is_not_mailed(office: Office, change: Callable[[Office], None], why: str) -> None:
    change(office)

    assert not office.mail(), why
    assert office.mailed == []


def test_a_send_that_never_began_or_goes_on_has_none(store: Store) -> None:
    fill_list(store, 1)
    cancelled = plan(store, replace(order(), scheduled_at=NOW + HOUR), NOW)
    control.cancel(store, cancelled, FixedClock())
    office = Office(store, plan(store, order("two"), NOW))

    assert not office.mail()
    assert office.told == []


def test_two_workers_at_once_mail_it_once(office: Office) -> None:
    """Both have found it due, before either takes it."""
    both = threading.Barrier(2, timeout=60)

    class Together(Memory):
        def allowance(self) -> Allowance:
            both.wait()
            return Allowance()

    office.transport = Together()
    with ThreadPoolExecutor() as pool:
        assert [each.result() for each in [pool.submit(office.mail) for _ in range(2)]] == [
            True
        ] * 2

    assert sorted(office.mailed) == sorted(BOTH)


def test_a_worker_that_dies_over_it_has_mailed_it_as_far_as_anybody_knows(office: Office) -> None:
    def die(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        raise SystemExit

    office.transport = Memory(die)
    with pytest.raises(SystemExit):
        office.mail()
    office.transport = Memory()

    assert not office.mail()
    assert office.mailed == []
    [note] = office.notes_at(NOW + DAY + HOUR)
    assert note.startswith("Nobody knows whether this report was mailed")
    assert "2026-01-08 08:00" in note


def test_nothing_is_said_of_a_report_that_is_being_mailed_or_was(office: Office) -> None:
    amid: list[Sequence[str]] = []

    def look(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        amid.append(office.notes_at(office.clock()))
        return [Accepted("1")]

    office.transport = Memory(look)
    office.mail()

    assert amid == [[], []]
    assert office.notes_at(NOW + 2 * DAY) == []


@pytest.mark.parametrize(
    "fault",
    [
        TransportDown("no route"),
        Throttled("too fast"),
        QuotaReached("used up"),
        RetryLater("the disk is full"),
    ],
)
def test_what_provably_did_not_leave_is_mailed_later(
    office: Office, fault: Exception | RetryLater
) -> None:
    def refuse(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        if isinstance(fault, RetryLater):
            return [fault]
        raise fault

    office.transport = Memory(refuse)
    assert not office.mail()
    office.transport = Memory()

    assert office.mail()
    assert office.mailed == list(BOTH)


@pytest.mark.parametrize(
    ("outcome", "why"),
    [
        (Rejected("550 <boss@example.com> is unknown"), "550 <b…@e…> is unknown"),
        (Unknown("no answer"), "no answer"),
    ],
)
def test_what_may_have_left_is_not_mailed_again(office: Office, outcome: Outcome, why: str) -> None:
    answers = iter([outcome, Accepted("1")])
    office.transport = Memory(lambda send_id, batch: [next(answers)])

    assert office.mail()
    assert office.told == [
        f"Mailed the report on {office.send_id} to 1 of 2; the first of the others: {why}."
    ]
    assert not office.mail()
    assert office.notes_at(NOW + 2 * DAY) == [
        "This report was not mailed to 1 of those who should get it, as far as anybody knows."
    ]


def test_a_barred_account_or_a_restored_store_mails_none(office: Office) -> None:
    office.transport = Memory(allowed=Allowance(problem="the account is paused"))
    assert not office.mail()
    office.transport = Memory()
    with office.store.write() as connection:
        state.note_time(connection, state.FORGOT_AT, NOW)
    assert not office.mail()

    assert office.mailed == []
    assert ["the account is paused" in office.told[0], "was restored" in office.told[1]] == [
        True
    ] * 2


def test_a_restored_store_mails_nothing_that_was_mailed_before(
    office: Office, tmp_path: Path
) -> None:
    restored.adopt(office.store, tmp_path / "generation", NOW)

    assert not office.mail()
    assert (office.mailed, office.told) == ([], [])


@on_sqlite
@pytest.mark.parametrize("kind", ["once", "alone", "cluster"])
def test_each_kind_of_worker_mails_what_is_due(office: Office, kind: str) -> None:
    """In one round, on one machine for good, and on many."""
    due = [True, True, False]

    def mail_report() -> bool:
        if len(due) == 1:
            sender.stop.set()
        return due.pop(0)

    sender = replace(worker(office.store, Memory()), mail_report=mail_report)
    if kind == "cluster":
        chores = chores_of(sender)
        next(chore for chore in chores if chore.name == "mail-reports").work()
    else:
        attend.attend(sender, once=kind == "once", settled=lambda send: True)

    assert due == []
