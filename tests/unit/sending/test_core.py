"""The one function that decides about duplicates, called alone: one batch, one answer, the ledger.

The ledger is in memory. What threads, leases and crashes do stands in tests/integration and
tests/crash.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

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
from newsletter.model.address import Address
from newsletter.model.email import Message
from newsletter.model.record import SendRecord
from newsletter.model.send import (
    Accepted,
    Counts,
    DeliveryStatus,
    Outcome,
    Rejected,
    RetryLater,
    SendStatus,
    SkipReason,
    StoppedBy,
    Unknown,
    Wait,
)
from newsletter.model.subscriber import SuppressionReason
from newsletter.sending import control, tenure
from newsletter.sending.core import Assignment, NotSent, SendPaused, Sent, send_batch
from newsletter.sending.pace import Pace
from newsletter.sending.plan import plan
from newsletter.sending.reading import read
from newsletter.store import Store
from newsletter.store.ledger import (
    balance,
    claims,
    deliveries,
    limiter,
    sends,
    tenures,
)
from newsletter.store.ledger.claims import NothingToClaim
from newsletter.store.people import erasure, people, suppressing
from newsletter.transports.memory import Deliver, Memory
from tests.integration.sending import (
    NOW,
    FixedClock,
    end_all,
    fill_list,
    leave,
    open_batches,
    order,
    worker,
)

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
        worker(memory_store, Memory(), clock=clock), read(memory_store, send_id)
    )
    assert assignment is not None
    return assignment


def answering(work: Assignment, answer: Deliver) -> Assignment:
    return replace(work, transport=Memory(answer))


def raising(work: Assignment, error: NewsletterError) -> Assignment:
    def fail(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        raise error

    return answering(work, fail)


def put_off(work: Assignment, *, is_failure: bool) -> Assignment:
    later = RetryLater("later", is_failure=is_failure)
    return answering(work, lambda _, batch: [later] * len(batch))


def counts(work: Assignment) -> Counts:
    """As the deliveries have them; the sums say the same at any time."""
    with work.store.read() as connection:
        held = balance.count(connection, work.number)
        assert balance.current(connection, [work.number]) == {work.number: held}
        return held


def record(work: Assignment) -> SendRecord:
    with work.store.read() as connection:
        return sends.record(connection, work.number)


def share_of_the_rate(work: Assignment) -> float:
    with work.store.read() as connection:
        return limiter.share(connection, work.clock())


def test_a_batch_is_on_record_before_the_call_and_its_outcomes_after_it(work: Assignment) -> None:
    meanwhile: list[tuple[int, int]] = []

    def answer(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        meanwhile.append((open_batches(work.store), len(work.in_hand)))
        return [Accepted("a"), Rejected("no such mailbox"), Unknown("no answer")]

    step = send_batch(answering(work, answer))

    assert meanwhile == [(1, 1)]
    assert step == Sent((Accepted("a"), Rejected("no such mailbox"), Unknown("no answer")), 0)
    assert counts(work) == Counts(accepted=1, rejected=1, unknown=1)
    assert (open_batches(work.store), work.in_hand) == (0, {})


def test_each_try_has_a_number_of_its_own(work: Assignment, clock: FixedClock) -> None:
    for _ in range(2):
        send_batch(put_off(work, is_failure=True))
        clock.forward(5)

    send_batch(work)

    assert isinstance(work.transport, Memory)
    assert [message.ref.rpartition(".")[2] for message in work.transport.delivered] == ["3"] * 3


def test_what_has_an_outcome_is_never_handed_over_again(work: Assignment) -> None:
    send_batch(raising(work, OutcomeUnknown("the connection was lost")))

    step = send_batch(work)

    assert step == NothingToClaim(SendStatus.SENDING, is_active=True)
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
    assert (open_batches(work.store), work.in_hand) == (0, {})
    assert share_of_the_rate(work) == share
    assert isinstance(send_batch(work), Sent)
    assert counts(work) == Counts(accepted=3)


@pytest.mark.parametrize(("is_failure", "share"), [(False, 0.5), (True, 1.0)])
def test_who_is_put_off_for_haste_slows_the_store_and_who_is_at_fault_does_not(
    work: Assignment, clock: FixedClock, is_failure: bool, share: float
) -> None:
    send_batch(put_off(work, is_failure=is_failure))

    assert share_of_the_rate(work) == share
    assert send_batch(work) == NothingToClaim(
        SendStatus.SENDING, is_active=True, retry_at=clock() + dt.timedelta(seconds=5)
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
    assert (open_batches(work.store), work.in_hand) == (0, {})
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
    send_batch(put_off(work, is_failure=True))
    clock.forward(2 * HOUR.total_seconds())

    step = send_batch(raising(work, QuotaReached("the quota is used up")))

    assert step == SendPaused("the quota is used up")
    assert counts(work) == Counts(queued=3)
    assert (open_batches(work.store), work.in_hand) == (0, {})
    assert record(work).stopped_by is StoppedBy.QUOTA
    assert record(work).resume_at == began + DAY


def test_a_claim_of_yesterday_holds_no_quota(work: Assignment, clock: FixedClock) -> None:
    send_batch(put_off(work, is_failure=True))
    clock.forward((DAY + HOUR).total_seconds())

    send_batch(raising(work, QuotaReached("the quota is used up")))

    assert record(work).resume_at == clock() + DAY


def test_a_pause_for_the_quota_is_no_shorter_than_a_minute(
    work: Assignment, clock: FixedClock
) -> None:
    send_batch(put_off(work, is_failure=True))
    clock.forward((DAY - dt.timedelta(seconds=5)).total_seconds())

    send_batch(raising(work, QuotaReached("the quota is used up")))

    assert record(work).resume_at == clock() + MINUTE


def test_who_knows_when_the_quota_frees_is_believed(work: Assignment, clock: FixedClock) -> None:
    at = clock() + 3 * HOUR

    send_batch(raising(work, QuotaReached("the quota is used up", resume_at=at)))

    assert record(work).resume_at == at


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

    assert send_batch(work) == NothingToClaim(SendStatus.PAUSED, is_active=True)


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
        slot = limiter.reserve(connection, 1, 20, clock)
    assert slot.begins == clock() + dt.timedelta(seconds=0.1)


def test_who_left_since_the_send_was_planned_is_skipped(work: Assignment) -> None:
    for number in (1, 2, 3):
        leave(work.store, f"r{number}@example.com")

    assert send_batch(work) == Sent((), 3)
    assert counts(work) == Counts(skipped=3)
    assert work.in_hand == {}


@dataclass(frozen=True)
class Change:
    """What happens to the first reader between the plan and the claim, and why they are skipped."""

    apply: Callable[[Connection, int], object]
    reason: SkipReason


@pytest.mark.parametrize(
    "change",
    [
        Change(
            lambda connection, who: suppressing.add(
                connection, "r1@example.com", SuppressionReason.COMPLAINT, "test", NOW
            ),
            SkipReason.SUPPRESSED,
        ),
        Change(
            lambda connection, who: people.pause(connection, who, NOW + HOUR),
            SkipReason.PAUSED,
        ),
        Change(lambda connection, who: erasure.blank(connection, who, NOW), SkipReason.ERASED),
    ],
    ids=["suppressed", "paused", "erased"],
)
def test_what_happened_since_the_send_was_planned_is_obeyed(
    work: Assignment, change: Change
) -> None:
    with work.store.write() as connection:
        person = people.find(connection, Address("r1@example.com"))
        assert person is not None
        change.apply(connection, person.id)

    step = send_batch(work)

    assert isinstance(step, Sent)
    assert (len(step.outcomes), step.skipped) == (2, 1)
    with work.store.read() as connection:
        assert deliveries.skipped(connection, work.number) == {change.reason: 1}


def test_who_had_the_issue_through_another_list_is_skipped_at_the_claim(
    work: Assignment, clock: FixedClock
) -> None:
    """Both sends were planned before either began."""
    fill_list(work.store, 3, "others")
    send_id = plan(work.store, order(list_name="others"), clock())
    other = tenure.take(worker(work.store, Memory(), clock=clock), read(work.store, send_id))
    assert other is not None
    send_batch(work)

    assert send_batch(other) == Sent((), 3)
    with work.store.read() as connection:
        skipped = deliveries.skipped(connection, other.number)
    assert skipped == {SkipReason.ALREADY_RECEIVED: 3}


def test_a_retry_is_claimed_once_it_is_due(work: Assignment, clock: FixedClock) -> None:
    send_batch(put_off(work, is_failure=True))

    early = send_batch(work)
    clock.forward(5)
    due = send_batch(work)

    assert isinstance(early, NothingToClaim)
    assert isinstance(due, Sent)
    assert counts(work) == Counts(accepted=3)


def test_a_retry_that_a_clock_put_off_which_was_ahead_is_due(
    work: Assignment, clock: FixedClock
) -> None:
    clock.forward(DAY.total_seconds())
    send_batch(put_off(work, is_failure=True))
    clock.forward(-DAY.total_seconds())

    assert isinstance(send_batch(work), Sent)


@pytest.mark.parametrize(
    ("is_failure", "after"), [(True, Counts(rejected=3)), (False, Counts(queued=3))]
)
def test_only_failures_of_the_message_itself_count_and_the_fourth_rejects_it(
    work: Assignment, clock: FixedClock, is_failure: bool, after: Counts
) -> None:
    for _ in range(3):
        send_batch(put_off(work, is_failure=is_failure))
        clock.forward(5)
    assert counts(work) == Counts(queued=3)

    send_batch(put_off(work, is_failure=is_failure))

    assert counts(work) == after


def test_who_was_put_off_for_haste_still_has_all_of_their_tries(
    work: Assignment, clock: FixedClock
) -> None:
    for is_failure in (False, False, False, True):
        send_batch(put_off(work, is_failure=is_failure))
        clock.forward(5)

    assert counts(work) == Counts(queued=3)


def test_who_was_given_up_claims_nothing(work: Assignment) -> None:
    with work.store.write() as connection:
        end_all(connection, work.number)

    assert send_batch(work) == NothingToClaim(SendStatus.SENDING, is_active=False)
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


def test_who_was_given_up_during_the_call_does_not_pause_the_send_of_another(
    work: Assignment,
) -> None:
    def answer(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        with work.store.write() as connection:
            end_all(connection, work.number)
        raise SendingStopped("the account is suspended")

    send_batch(answering(work, answer))

    assert record(work).status is SendStatus.SENDING


def test_who_was_given_up_cannot_record_what_was_claimed_again_since(
    work: Assignment, clock: FixedClock
) -> None:
    """Its own batch is unknown by then; the same readers are in flight once more."""

    def answer(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        with work.store.write() as connection:
            end_all(connection, work.number)
            deliveries.resolve_unknown(
                connection, work.number, DeliveryStatus.QUEUED, "to be sent again", clock()
            )
            other, until = "elsewhere/1/1/a", clock() + HOUR
            epoch = tenures.begin(connection, work.number, other, clock(), until)
            again = claims.claim(
                connection, work.number, worker=other, epoch=epoch, size=50, now=clock()
            )
            assert isinstance(again, claims.Claim)
        return [Rejected("late")] * len(batch)

    send_batch(answering(work, answer))

    assert counts(work) == Counts(queued=3)
    assert open_batches(work.store) == 1


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
    assert open_batches(work.store) == 0
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
