"""A send from plan to balance, on both stores: nothing lost, nothing twice."""

import datetime as dt
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from newsletter.errors import (
    OutcomeUnknown,
    QuotaReached,
    Refused,
    SendingStopped,
    Throttled,
    TransportDown,
)
from newsletter.model.email import Message
from newsletter.model.send import (
    Accepted,
    Allowance,
    Counts,
    DeliveryStatus,
    Outcome,
    Rejected,
    RetryLater,
    SendStatus,
    Unknown,
)
from newsletter.sending import control, run
from newsletter.sending.control import Decision
from newsletter.sending.plan import Order, forecast, plan
from newsletter.sending.reading import read
from newsletter.store import Store, state
from newsletter.store.ledger import claims, recording, sends, tenures, transitions
from newsletter.store.ledger.claims import Claim, NothingToClaim
from newsletter.transports.memory import Memory
from tests.factories import make_list
from tests.integration.sending import (
    EMAIL,
    NOW,
    FixedClock,
    TickingClock,
    addresses,
    fill_list,
    leave,
    ledger,
    open_batches,
    order,
    resume,
    worker,
)
from tests.waiting import until

SLEEPER = "elsewhere/1/1/a"  # an owner on another machine


def accept(batch: Sequence[Message]) -> list[Outcome]:
    return [Accepted(message.ref) for message in batch]


def test_everybody_on_the_list_gets_it_once(store: Store) -> None:
    fill_list(store, 120)
    transport = Memory(concurrency=4)

    send_id = plan(store, order(), NOW)
    after = run.run(worker(store, transport), send_id)

    assert after.status is SendStatus.FINISHED
    assert after.counts == Counts(accepted=120)
    assert sorted(m.to.text for m in transport.delivered) == sorted(ledger(store, send_id))
    assert len({message.ref for message in transport.delivered}) == 120


def test_a_message_carries_its_reader_link_and_headers(store: Store) -> None:
    fill_list(store, 1)
    transport = Memory()

    send_id = plan(store, order(), NOW)
    run.run(worker(store, transport), send_id)

    [message] = transport.delivered
    headers = dict(message.headers)
    assert message.subject == "Hello Reader 1"
    assert headers["List-Unsubscribe"].startswith("<https://news.example.com/u/")
    assert headers["List-Unsubscribe"][1:-1] in message.html
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert headers["List-Id"] == "<readers.news.example.com>"
    assert headers["X-Newsletter-Ref"] == f"{send_id}-1.1"
    with store.read() as connection:
        store_id = state.store_id(connection)
    assert dict(message.tags) == {
        "send": send_id,
        "delivery": f"{send_id}-1",
        "attempt": "1",
        "store": store_id,
    }


def test_the_same_issue_is_refused_to_the_same_list(store: Store) -> None:
    fill_list(store, 2)
    run.run(worker(store, Memory()), plan(store, order(), NOW))

    with pytest.raises(Refused, match="already sent"):
        plan(store, order(), NOW)
    with pytest.raises(Refused, match="already sent"):
        forecast(store, order(), NOW)


def test_an_unfinished_send_is_refused_with_the_command_to_go_on(store: Store) -> None:
    fill_list(store, 2)
    send_id = plan(store, order(), NOW)

    with pytest.raises(Refused) as caught:
        plan(store, order(), NOW)

    assert caught.value.hint == f"Go on with it: newsletter resume {send_id}"


def test_again_with_a_reason_is_a_new_send(store: Store) -> None:
    fill_list(store, 2)
    run.run(worker(store, Memory()), plan(store, order(), NOW))

    second = run.run(
        worker(store, Memory()), plan(store, order(again="the links were broken"), NOW)
    )

    assert second.counts == Counts(accepted=2)
    assert second.again == "the links were broken"


def test_nobody_on_the_list_is_refused_and_leaves_nothing(store: Store) -> None:
    make_list(store, "readers")

    with pytest.raises(Refused, match="no confirmed subscriber"):
        plan(store, order(), NOW)

    with store.read() as connection:
        assert sends.newest(connection) is None


def test_who_has_it_through_another_list_is_skipped(store: Store) -> None:
    fill_list(store, 3, "first")
    fill_list(store, 4, "second", first=2)
    run.run(worker(store, Memory()), plan(store, order(list_name="first"), NOW))

    send_id = plan(store, order(list_name="second"), NOW)
    after = run.run(worker(store, Memory()), send_id)

    assert after.counts == Counts(accepted=2, skipped=2)
    skipped = addresses(store, send_id, DeliveryStatus.SKIPPED)
    assert skipped == {"r2@example.com", "r3@example.com"}
    assert ledger(store, send_id)["r2@example.com"].reason == "already_received"


def test_two_lists_planned_before_either_is_sent_still_mail_a_person_once(store: Store) -> None:
    """The check at planning cannot see it; the one inside the claim does."""
    fill_list(store, 3, "first")
    fill_list(store, 3, "second")
    one = plan(store, order(list_name="first"), NOW)
    two = plan(store, order(list_name="second"), NOW)

    first = run.run(worker(store, Memory()), one)
    second = run.run(worker(store, Memory()), two)

    assert first.counts == Counts(accepted=3)
    assert second.counts == Counts(skipped=3)


def test_who_leaves_after_planning_is_skipped(store: Store) -> None:
    fill_list(store, 3)
    send_id = plan(store, order(), NOW)
    leave(store, "r2@example.com")

    after = run.run(worker(store, Memory()), send_id)

    assert after.counts == Counts(accepted=2, skipped=1)
    assert ledger(store, send_id)["r2@example.com"].reason == "unsubscribed"


def test_a_lost_answer_is_unknown_and_never_sent_again_by_itself(store: Store) -> None:
    fill_list(store, 60)
    calls = 0

    def answer(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise OutcomeUnknown("the connection was lost")
        return accept(batch)

    send_id = plan(store, order(), NOW)
    after = run.run(worker(store, Memory(answer)), send_id)
    again = run.run(worker(store, Memory()), send_id)

    assert after.status is SendStatus.UNRESOLVED
    assert after.counts == again.counts == Counts(accepted=10, unknown=50)


@pytest.mark.parametrize(
    ("decision", "status", "counts"),
    [
        (Decision.ACCEPT, SendStatus.FINISHED, Counts(accepted=2)),
        (Decision.REJECT, SendStatus.FINISHED, Counts(rejected=2)),
        (Decision.RESEND, SendStatus.PAUSED, Counts(queued=2)),
    ],
)
def test_the_operator_decides_about_unknown_rows(
    store: Store, decision: Decision, status: SendStatus, counts: Counts
) -> None:
    fill_list(store, 2)
    send_id = plan(store, order(), NOW)
    lost = Memory(lambda _, batch: [Unknown("no answer") for _ in batch])
    run.run(worker(store, lost), send_id)

    after = control.resolve(store, send_id, decision, lambda: NOW)

    assert (after.status, after.counts) == (status, counts)


def test_resent_rows_go_out_as_a_second_attempt(store: Store) -> None:
    fill_list(store, 1)
    send_id = plan(store, order(), NOW)
    lost = Memory(lambda _, batch: [Unknown("no answer") for _ in batch])
    run.run(worker(store, lost), send_id)
    control.resolve(store, send_id, Decision.RESEND, lambda: NOW)
    transport = Memory()

    after = resume(worker(store, transport), send_id)

    assert after.status is SendStatus.FINISHED
    assert [message.ref for message in transport.delivered] == [f"{send_id}-1.2"]


def test_one_bad_recipient_costs_nobody_else(store: Store) -> None:
    fill_list(store, 3)

    def answer(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        return [
            Rejected("no such mailbox") if m.to.text == "r2@example.com" else Accepted(m.ref)
            for m in batch
        ]

    send_id = plan(store, order(), NOW)
    after = run.run(worker(store, Memory(answer)), send_id)

    assert after.status is SendStatus.FINISHED
    assert after.counts == Counts(accepted=2, rejected=1)


def test_a_failure_that_may_pass_is_tried_three_times_more(store: Store) -> None:
    fill_list(store, 1)
    attempts: list[str] = []

    def answer(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        attempts.extend(message.ref for message in batch)
        return [RetryLater("try again") for _ in batch]

    send_id = plan(store, order(), NOW)
    after = run.run(worker(store, Memory(answer), clock=TickingClock()), send_id)

    assert after.counts == Counts(rejected=1)
    assert attempts == [f"{send_id}-1.{attempt}" for attempt in (1, 2, 3, 4)]


@pytest.mark.parametrize("error", [Throttled("slower"), TransportDown("no route")])
def test_what_never_left_is_sent_once_the_way_is_free(
    store: Store, error: Throttled | TransportDown
) -> None:
    fill_list(store, 3)
    calls = 0

    def answer(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        nonlocal calls
        calls += 1
        if calls <= 2:
            raise error
        return accept(batch)

    after = run.run(worker(store, Memory(answer)), plan(store, order(), NOW))

    assert after.counts == Counts(accepted=3)


def test_a_transport_that_stays_away_pauses_the_send(store: Store) -> None:
    fill_list(store, 3)

    def answer(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        raise TransportDown("no route")

    after = run.run(worker(store, Memory(answer)), plan(store, order(), NOW))

    assert after.status is SendStatus.PAUSED
    assert after.pause_reason == "no route"
    assert after.counts == Counts(queued=3)


@pytest.mark.parametrize(
    "error",
    [
        QuotaReached("the daily quota is used up", resume_at=NOW),
        SendingStopped("the account is suspended"),
    ],
)
def test_quota_and_stop_pause_with_everybody_still_queued(
    store: Store, error: QuotaReached | SendingStopped
) -> None:
    fill_list(store, 3)

    def answer(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        raise error

    after = run.run(worker(store, Memory(answer)), plan(store, order(), NOW))

    assert after.status is SendStatus.PAUSED
    assert after.pause_reason == error.message
    assert after.counts == Counts(queued=3)


def test_an_answer_for_another_number_of_messages_is_unknown_and_pauses(store: Store) -> None:
    fill_list(store, 60)
    short = Memory()
    short.deliver = lambda send_id, batch: [Accepted("1")]  # type: ignore[method-assign]

    after = run.run(worker(store, short), plan(store, order(), NOW))

    assert after.status is SendStatus.PAUSED
    assert after.counts == Counts(unknown=50, queued=10)


def test_a_pause_takes_effect_at_the_next_batch(store: Store) -> None:
    fill_list(store, 120)
    send_id = plan(store, order(), NOW)

    def answer(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        control.pause(store, send_id, lambda: NOW)
        return accept(batch)

    paused = run.run(worker(store, Memory(answer)), send_id)
    resumed = resume(worker(store, Memory()), send_id)

    assert (paused.status, paused.counts) == (SendStatus.PAUSED, Counts(accepted=50, queued=70))
    assert (resumed.status, resumed.counts) == (SendStatus.FINISHED, Counts(accepted=120))


def test_a_cancel_skips_what_is_queued_and_keeps_what_was_sent(store: Store) -> None:
    fill_list(store, 120)
    send_id = plan(store, order(), NOW)

    def answer(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        control.cancel(store, send_id, lambda: NOW)
        return accept(batch)

    after = run.run(worker(store, Memory(answer)), send_id)

    assert (after.status, after.counts) == (SendStatus.CANCELLED, Counts(accepted=50, skipped=70))
    assert ledger(store, send_id)["r120@example.com"].reason == "cancelled"


def test_what_comes_back_to_a_cancelled_send_is_skipped(store: Store) -> None:
    """Rows put back after the cancel must not stay queued for ever."""
    fill_list(store, 3)
    send_id = plan(store, order(), NOW)

    def answer(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        control.cancel(store, send_id, lambda: NOW)
        raise TransportDown("no route")

    after = run.run(worker(store, Memory(answer)), send_id)

    assert (after.status, after.counts) == (SendStatus.CANCELLED, Counts(skipped=3))


def test_an_error_of_our_own_leaves_the_batch_unknown(store: Store) -> None:
    """Whatever breaks after the call, nobody may claim that nothing was sent."""
    fill_list(store, 60)
    send_id = plan(store, order(), NOW)

    def answer(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run.run(worker(store, Memory(answer)), send_id)

    assert read(store, send_id).counts == Counts(unknown=50, queued=10)


def test_two_runs_share_a_send_and_both_see_it_end(store: Store) -> None:
    fill_list(store, 120)
    send_id = plan(store, order(), NOW)
    rest = Memory(concurrency=1)

    def answer(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        until(lambda: len(rest.delivered) == 120 - len(batch))
        return accept(batch)

    first = Memory(answer, concurrency=1)
    with ThreadPoolExecutor(1) as thread:
        held = thread.submit(run.run, worker(store, first), send_id)
        until(lambda: open_batches(store) == 1)
        shared = run.run(worker(store, rest), send_id)

    assert shared.status is held.result().status is SendStatus.FINISHED
    assert shared.counts == held.result().counts == Counts(accepted=120)
    assert {delivery.attempts for delivery in ledger(store, send_id).values()} == {1}


def test_asked_to_stop_a_run_finishes_its_batch_and_can_be_resumed(store: Store) -> None:
    fill_list(store, 120)
    send_id = plan(store, order(), NOW)
    stop = threading.Event()

    def answer(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        stop.set()
        return accept(batch)

    halted = run.run(replace(worker(store, Memory(answer)), stop=stop), send_id)
    resumed = run.run(worker(store, Memory()), send_id)

    assert halted.status is SendStatus.SENDING
    assert halted.counts.accepted + halted.counts.queued == 120
    assert halted.counts.queued > 0
    assert resumed.counts == Counts(accepted=120)


def asleep(store: Store, send_id: str) -> tuple[int, int, Claim, FixedClock]:
    """The number and epoch of a send of which a worker claimed one and fell asleep; when its lease
    has ended."""
    lease = NOW + dt.timedelta(seconds=60)
    with store.write() as connection:
        number = sends.number_of(connection, send_id)
        epoch = tenures.begin(connection, number, SLEEPER, NOW, lease)
        claimed = claims.claim(connection, number, worker=SLEEPER, epoch=epoch, size=1, now=NOW)
    assert isinstance(claimed, Claim)
    return number, epoch, claimed, FixedClock(lease + dt.timedelta(seconds=1))


def test_a_sleeper_claims_nothing_but_may_record_its_own_outcomes(store: Store) -> None:
    """Fencing: the epoch refuses its claims, the batch lets it settle what it asked for itself."""
    fill_list(store, 2)
    send_id = plan(store, order(), NOW)
    number, epoch, claimed, clock = asleep(store, send_id)

    after = run.run(worker(store, Memory(), clock=clock), send_id)
    with store.write() as connection:
        late = claims.claim(
            connection,
            number,
            worker=SLEEPER,
            epoch=epoch,
            size=1,
            now=clock(),
        )
        recording.record(
            connection, number, claimed.batch, [(claimed.rows[0], Accepted("m"))], clock(), clock()
        )
        transitions.settle(connection, sends.record(connection, number, lock=True), clock())

    assert (after.status, after.counts) == (
        SendStatus.UNRESOLVED,
        Counts(accepted=1, unknown=1),
    )
    assert isinstance(late, NothingToClaim)
    assert not late.is_active
    settled = read(store, send_id)
    assert (settled.status, settled.counts) == (SendStatus.FINISHED, Counts(accepted=2))


def test_a_sleeper_cannot_overwrite_what_was_claimed_again(store: Store) -> None:
    fill_list(store, 1)
    send_id = plan(store, order(), NOW)
    number, _, claimed, clock = asleep(store, send_id)
    run.run(worker(store, Memory(), clock=clock), send_id)
    control.resolve(store, send_id, Decision.RESEND, clock)

    with store.write() as connection:
        recording.record(
            connection, number, claimed.batch, [(claimed.rows[0], Rejected("late"))], NOW, NOW
        )

    assert read(store, send_id).counts == Counts(queued=1)


def test_a_scheduled_send_freezes_its_bytes_now_and_its_audience_later(store: Store) -> None:
    fill_list(store, 2)
    clock = FixedClock()
    later = NOW + dt.timedelta(hours=1)
    scheduled = Order(slug="news", email=EMAIL, list_name="readers", scheduled_at=later)

    send_id = plan(store, scheduled, NOW)
    fill_list(store, 1, first=3)
    with store.read() as connection:
        early, due = sends.due(connection, NOW), sends.due(connection, later)
    before = read(store, send_id)
    clock.now = later
    after = run.run(worker(store, Memory(), clock=clock), send_id)

    assert (early, due) == ([], [send_id])
    assert (before.status, before.counts.recipients) == (SendStatus.SCHEDULED, 0)
    assert before.content_hash == EMAIL.content_hash
    assert (after.status, after.counts) == (SendStatus.FINISHED, Counts(accepted=3))


class StoppedWaiting(threading.Event):
    """Asks to stop as soon as somebody waits for it."""

    def wait(self, timeout: float | None = None) -> bool:
        if timeout:
            self.set()
        return self.is_set()


def test_who_waits_for_the_rate_has_claimed_nothing(store: Store) -> None:
    """At one a second the second call waits; stopped meanwhile, its recipient is still queued."""
    fill_list(store, 2)
    working = worker(store, Memory(), clock=FixedClock(), max_rate=1)

    send_id = plan(store, order(), NOW)
    after = run.run(replace(working, stop=StoppedWaiting()), send_id)

    assert after.counts == Counts(accepted=1, queued=1)
    assert [d.attempts for d in ledger(store, send_id).values()] == [0, 1]


def test_simultaneous_plans_make_one_send(store: Store) -> None:
    fill_list(store, 3)
    barrier = threading.Barrier(4)
    made: list[str] = []

    def order_once() -> None:
        barrier.wait()
        try:
            made.append(plan(store, order(), NOW))
        except Refused:
            made.append("refused")

    threads = [threading.Thread(target=order_once) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(made)[1:] == ["refused"] * 3


def test_a_spread_send_that_begins_without_quota_calls_nobody(store: Store) -> None:
    fill_list(store, 2)
    send_id = plan(store, replace(order(), spread=True), NOW)
    transport = Memory(allowed=Allowance(rate=10, daily=100, remaining=0))
    one = worker(store, transport)
    running = threading.Thread(target=run.run, args=(one, send_id))

    running.start()
    until(lambda: one.vitals.waiting is not None or bool(transport.delivered))
    one.stop.set()
    running.join()

    assert transport.delivered == []
    assert read(store, send_id).counts == Counts(queued=2)
