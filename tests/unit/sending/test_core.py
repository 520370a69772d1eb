"""The one function that decides about duplicates, called alone: one batch, one answer, the ledger.

The ledger is in memory. What threads, leases and crashes do stands in tests/integration and
tests/crash.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy.engine import Connection

from newsletter.errors import (
    MachineFault,
    NewsletterError,
    OutcomeUnknown,
    QuotaReached,
    SendingStopped,
    StoreAway,
    Throttled,
    TransportDown,
)
from newsletter.model.email import Message
from newsletter.model.record import SendRecord
from newsletter.model.send import (
    Accepted,
    Counts,
    Outcome,
    Rejected,
    RetryLater,
    SendStatus,
    StoppedBy,
    Unknown,
    Wait,
)
from newsletter.sending import control, run, tenure
from newsletter.sending.core import Assignment, NotSent, SendPaused, Sent, send_batch
from newsletter.sending.pace import Pace
from newsletter.sending.plan import plan
from newsletter.store import Store
from newsletter.store.ledger import balance, limiter, ownership, recording, sends
from newsletter.store.ledger.claims import NothingToClaim
from newsletter.transports.memory import Deliver, Memory
from tests.integration.sending import FixedClock, fill_list, leave, order, worker

MINUTE, HOUR, DAY = dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(days=1)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def work(memory_store: Store, clock: FixedClock) -> Assignment:
    """This process's hold on a send to three readers; a test says what the transport answers."""
    fill_list(memory_store, 3)
    send_id = plan(memory_store, order(), clock())
    assignment = tenure.take(
        worker(memory_store, Memory(), clock=clock), run.read(memory_store, send_id)
    )
    assert assignment is not None
    return assignment


def answering(work: Assignment, answer: Deliver) -> Assignment:
    return replace(work, transport=Memory(answer))


def raising(work: Assignment, error: NewsletterError) -> Assignment:
    def fail(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        raise error

    return answering(work, fail)


def counts(work: Assignment) -> Counts:
    with work.store.read() as connection:
        return balance.count(connection, work.number)


def record(work: Assignment) -> SendRecord:
    with work.store.read() as connection:
        return sends.record(connection, work.number)


def open_batches(work: Assignment) -> int:
    with work.store.read() as connection:
        return len(recording.open_batches(connection, work.number))


def share_of_the_rate(work: Assignment) -> float:
    with work.store.read() as connection:
        return limiter.share(connection, work.clock())


def test_a_batch_is_on_record_before_the_call_and_its_outcomes_after_it(work: Assignment) -> None:
    meanwhile: list[tuple[int, int]] = []

    def answer(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        meanwhile.append((open_batches(work), len(work.in_hand)))
        return [Accepted("a"), Rejected("no such mailbox"), Unknown("no answer")]

    step = send_batch(answering(work, answer))

    assert meanwhile == [(1, 1)]
    assert step == Sent((Accepted("a"), Rejected("no such mailbox"), Unknown("no answer")), 0)
    assert counts(work) == Counts(accepted=1, rejected=1, unknown=1)
    assert (open_batches(work), work.in_hand) == (0, {})


def test_what_has_an_outcome_is_never_handed_over_again(work: Assignment) -> None:
    send_batch(raising(work, OutcomeUnknown("the connection was lost")))

    step = send_batch(work)

    assert step == NothingToClaim(SendStatus.SENDING, owned=True)
    assert counts(work) == Counts(unknown=3)
    assert isinstance(work.transport, Memory)
    assert work.transport.delivered == []


@pytest.mark.parametrize(
    ("error", "share"), [(Throttled("slower"), 0.5), (TransportDown("no route"), 1.0)]
)
def test_what_provably_never_left_is_queued_and_only_haste_slows_the_store(
    work: Assignment, error: Throttled | TransportDown, share: float
) -> None:
    step = send_batch(raising(work, error))

    assert step == NotSent(error.message, throttled=isinstance(error, Throttled))
    assert counts(work) == Counts(queued=3)
    assert (open_batches(work), work.in_hand) == (0, {})
    assert share_of_the_rate(work) == share
    assert isinstance(send_batch(work), Sent)
    assert counts(work) == Counts(accepted=3)


@pytest.mark.parametrize(("is_failure", "share"), [(False, 0.5), (True, 1.0)])
def test_who_is_put_off_for_haste_slows_the_store_and_who_is_at_fault_does_not(
    work: Assignment, clock: FixedClock, is_failure: bool, share: float
) -> None:
    later = RetryLater("later", is_failure=is_failure)

    send_batch(answering(work, lambda _, batch: [later] * len(batch)))

    assert share_of_the_rate(work) == share
    assert send_batch(work) == NothingToClaim(
        SendStatus.SENDING, owned=True, retry_at=clock() + dt.timedelta(seconds=5)
    )


def test_of_a_fault_of_this_machine_what_was_written_counts_and_the_rest_waits(
    work: Assignment,
) -> None:
    fault = MachineFault(
        "the disk is full", hint="Make room.", outcomes=[Accepted("a"), None, None]
    )

    step = send_batch(raising(work, fault))

    assert step == SendPaused("the disk is full. Make room.")
    assert counts(work) == Counts(accepted=1, queued=2)
    assert share_of_the_rate(work) == 1.0
    assert record(work).stopped_by is StoppedBy.TRANSPORT


def test_a_transport_that_must_stop_pauses_with_everybody_queued(work: Assignment) -> None:
    step = send_batch(raising(work, SendingStopped("the account is suspended")))

    assert step == SendPaused("the account is suspended")
    assert counts(work) == Counts(queued=3)
    assert (record(work).status, record(work).stopped_by) == (
        SendStatus.PAUSED,
        StoppedBy.TRANSPORT,
    )


@pytest.mark.parametrize("answers", [0, 2, 4])
def test_answers_that_fit_nobody_are_unknown_and_pause(work: Assignment, answers: int) -> None:
    transport = Memory()
    transport.deliver = lambda send_id, batch: [Accepted("a")] * answers  # type: ignore[method-assign]

    step = send_batch(replace(work, transport=transport))

    assert step == SendPaused(f"{answers} answers to 3 messages")
    assert counts(work) == Counts(unknown=3)
    assert record(work).status is SendStatus.PAUSED


def test_a_run_of_rejections_pauses(work: Assignment) -> None:
    work.tally.count([Rejected("bad address")] * 19)

    step = send_batch(answering(work, lambda _, batch: [Rejected("bad address")] * len(batch)))

    assert step == SendPaused("22 in a row were rejected: bad address")
    assert counts(work) == Counts(rejected=3)
    assert record(work).stopped_by is StoppedBy.TRANSPORT


def test_the_quota_frees_a_day_after_the_first_claim_of_the_day(
    work: Assignment, clock: FixedClock
) -> None:
    began = clock()
    later = RetryLater("later")
    send_batch(answering(work, lambda _, batch: [later] * len(batch)))
    clock.forward(2 * HOUR.total_seconds())

    step = send_batch(raising(work, QuotaReached("the quota is used up")))

    assert step == SendPaused("the quota is used up")
    assert counts(work) == Counts(queued=3)
    assert record(work).stopped_by is StoppedBy.QUOTA
    assert resumes_at(work) == began + DAY


def test_a_claim_of_yesterday_holds_no_quota(work: Assignment, clock: FixedClock) -> None:
    send_batch(answering(work, lambda _, batch: [RetryLater("later")] * len(batch)))
    clock.forward((DAY + HOUR).total_seconds())

    send_batch(raising(work, QuotaReached("the quota is used up")))

    assert resumes_at(work) == clock() + DAY


def test_a_pause_for_the_quota_is_no_shorter_than_a_minute(
    work: Assignment, clock: FixedClock
) -> None:
    send_batch(answering(work, lambda _, batch: [RetryLater("later")] * len(batch)))
    clock.forward((DAY - dt.timedelta(seconds=5)).total_seconds())

    send_batch(raising(work, QuotaReached("the quota is used up")))

    assert resumes_at(work) == clock() + MINUTE


def test_who_knows_when_the_quota_frees_is_believed(work: Assignment, clock: FixedClock) -> None:
    at = clock() + 3 * HOUR

    send_batch(raising(work, QuotaReached("the quota is used up", resume_at=at)))

    assert resumes_at(work) == at


def resumes_at(work: Assignment) -> dt.datetime | None:
    with work.store.read() as connection:
        send = sends.find(connection, work.context.send_id)
    assert send is not None
    return send.resume_at


@pytest.mark.parametrize("known", [None, HOUR])
def test_a_send_that_is_spread_waits_for_the_quota_and_claims_nothing(
    work: Assignment, clock: FixedClock, known: dt.timedelta | None
) -> None:
    until = clock() + (known or dt.timedelta(minutes=10))
    spread = replace(work, spread=True)
    error = QuotaReached("the quota is used up", resume_at=until if known else None)
    assert send_batch(raising(spread, error)) == Sent((), 0)
    spread.stop.set()  # so that it looks once

    held = send_batch(spread)
    spread.vitals.look(1, 0, 0.0)

    assert held == Sent((), 0)
    assert spread.pace.hold_until == until
    assert spread.vitals.waiting is not None
    assert (spread.vitals.waiting.what, spread.vitals.waiting.until) == (Wait.QUOTA, until)
    assert counts(work) == Counts(queued=3)
    assert record(work).status is SendStatus.SENDING
    spread.stop.clear()
    clock.now = until
    assert isinstance(send_batch(spread), Sent)
    assert counts(work) == Counts(accepted=3)


def test_a_pause_ends_the_wait_for_the_quota(work: Assignment, clock: FixedClock) -> None:
    work.pace.hold_until = clock() + HOUR
    work.stop.set()
    control.pause(work.store, work.context.send_id, clock)

    assert send_batch(work) == NothingToClaim(SendStatus.PAUSED, owned=True)


def test_who_is_asked_to_stop_claims_nothing(work: Assignment) -> None:
    work.stop.set()

    assert send_batch(work) == NotSent("asked to stop")
    assert counts(work) == Counts(queued=3)
    assert work.in_hand == {}


def test_a_slot_of_the_rate_is_taken_for_as_many_as_are_claimed(
    work: Assignment, clock: FixedClock
) -> None:
    """A tenth of a second's worth: of 20 a second two, and the next slot begins after them."""
    step = send_batch(replace(work, pace=Pace(asked=20)))

    assert isinstance(step, Sent)
    assert counts(work) == Counts(accepted=2, queued=1)
    with work.store.write() as connection:
        slot = limiter.reserve(connection, 1, 20, clock())
    assert slot.begins == clock() + dt.timedelta(seconds=0.1)


def test_who_left_since_the_send_was_planned_is_skipped(work: Assignment) -> None:
    for number in (1, 2, 3):
        leave(work.store, f"r{number}@example.com")

    assert send_batch(work) == Sent((), 3)
    assert counts(work) == Counts(skipped=3)
    assert work.in_hand == {}


def follow(connection: Connection, work: Assignment) -> None:
    later = work.clock() + HOUR
    ownership.take(connection, work.number, "elsewhere/1/1/a", work.clock(), later)


def test_who_was_followed_claims_nothing(work: Assignment) -> None:
    with work.store.write() as connection:
        follow(connection, work)

    assert send_batch(work) == NothingToClaim(SendStatus.SENDING, owned=False)
    assert counts(work) == Counts(queued=3)


@pytest.mark.parametrize(
    ("meanwhile", "status", "stopped_by"),
    [
        (control.cancel, SendStatus.CANCELLED, None),
        (control.pause, SendStatus.PAUSED, StoppedBy.PERSON),
    ],
)
def test_what_a_person_decided_during_the_call_stands(
    work: Assignment,
    clock: FixedClock,
    meanwhile: Callable[..., object],
    status: SendStatus,
    stopped_by: StoppedBy | None,
) -> None:
    def answer(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        meanwhile(work.store, send_id, clock)
        raise SendingStopped("the account is suspended")

    step = send_batch(answering(work, answer))

    assert step == SendPaused("the account is suspended")
    assert (record(work).status, record(work).stopped_by) == (status, stopped_by)


def test_who_was_followed_during_the_call_does_not_pause_the_send_of_another(
    work: Assignment,
) -> None:
    def answer(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        with work.store.write() as connection:
            follow(connection, work)
        raise SendingStopped("the account is suspended")

    send_batch(answering(work, answer))

    assert (record(work).status, record(work).owner.name) == (
        SendStatus.SENDING,
        "elsewhere/1/1/a",
    )


class CutOff(Store):
    """A store whose next commit arrives, but its answer does not."""

    cut = False

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[Connection]:
        with super().write(durable=durable) as connection:
            yield connection
        if self.cut:
            self.cut = False
            raise StoreAway("the connection was lost")


def test_a_claim_whose_commit_nobody_answered_is_put_back(work: Assignment) -> None:
    store = CutOff(work.store.engine)
    store.cut = True

    with pytest.raises(StoreAway):
        send_batch(replace(work, store=store))

    assert isinstance(work.transport, Memory)
    assert work.transport.delivered == []
    assert open_batches(work) == 0
    assert counts(work) == Counts(queued=3)


def test_outcomes_whose_commit_nobody_answered_are_recorded_again(work: Assignment) -> None:
    store = CutOff(work.store.engine)

    def answer(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        store.cut = True
        return [Accepted(message.ref) for message in batch]

    step = send_batch(replace(answering(work, answer), store=store))

    assert isinstance(step, Sent)
    assert not store.cut
    assert counts(work) == Counts(accepted=3)
