"""Taking part in a send and leaving it: whose batches are given up, and who settles it."""

import datetime as dt
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from newsletter.model.email import Message
from newsletter.model.record import SendRecord
from newsletter.model.send import (
    Accepted,
    Counts,
    Outcome,
    RetryLater,
    SendStatus,
    Tenure,
    Unknown,
)
from newsletter.sending import control, lost, processes, state, tenure
from newsletter.sending.control import Decision
from newsletter.sending.core import Assignment, send_batch
from newsletter.sending.lost import LeaseWatch
from newsletter.sending.plan import plan
from newsletter.sending.reading import read
from newsletter.sending.worker import Worker
from newsletter.store import Store
from newsletter.store.ledger import balance, claims, sends, tenures
from newsletter.transports.memory import Memory
from tests.integration.sending import NOW, FixedClock, fill_list, order, worker

HOUR, LEASE = dt.timedelta(hours=1), dt.timedelta(seconds=60)
ELSEWHERE = "elsewhere/1/1/a"
GONE = f"{socket.gethostname()}/1/another-boot:1/a"


@pytest.fixture
def sender(memory_store: Store) -> Worker:
    """A worker of this process, and a planned send to three readers."""
    fill_list(memory_store, 3)
    plan(memory_store, order(), NOW)
    return worker(memory_store, Memory(), clock=FixedClock())


@pytest.fixture
def other(sender: Worker) -> Worker:
    """A worker of another machine."""
    return replace(sender, name=ELSEWHERE)


def take(sender: Worker) -> Assignment:
    work = tenure.take(sender, read(sender.store, the_send(sender).id))
    assert work is not None
    return work


def the_send(sender: Worker) -> SendRecord:
    with sender.store.read() as connection:
        return sends.record(connection, 1)


def workers(sender: Worker) -> list[str]:
    with sender.store.read() as connection:
        return [tenure.worker for tenure in tenures.of(connection, [1])[1]]


def counts(sender: Worker) -> Counts:
    with sender.store.read() as connection:
        return balance.count(connection, 1)


def claim(work: Assignment, size: int = 1) -> claims.Claim:
    with work.store.write() as connection:
        claimed = claims.claim(
            connection,
            work.number,
            worker=work.worker,
            epoch=work.epoch,
            size=size,
            now=work.clock(),
        )
    assert isinstance(claimed, claims.Claim)
    return claimed


def give_up(work: Assignment) -> None:
    """As another worker does that finds the lease over."""
    with work.store.write() as connection:
        send = sends.record(connection, work.number, lock=True)
        assert not tenures.end(connection, send.number, [work.epoch], work.clock())[1]


def send_late(work: Assignment, outcome: Outcome, meanwhile: Callable[[], None]) -> None:
    """Send a batch whose outcomes come after the worker was given up, and the send was over."""

    def answer(_: str, batch: Sequence[Message]) -> list[Outcome]:
        give_up(work)
        meanwhile()
        with work.store.read() as connection:
            assert sends.record(connection, work.number).status is SendStatus.UNRESOLVED
        return [outcome] * len(batch)

    send_batch(replace(work, transport=Memory(answer)))


def look_for(sender: Worker, watch: LeaseWatch | None = None) -> int:
    return lost.look_for(sender.store, None, sender.clock, watch or LeaseWatch(sender.seconds))


def test_two_workers_share_a_send_and_claim_nobody_twice(sender: Worker, other: Worker) -> None:
    first, second = take(sender), take(other)

    mine, theirs = claim(first, 2), claim(second, 2)

    assert workers(sender) == [first.worker, second.worker]
    assert [row.number for row in (*mine.rows, *theirs.rows)] == [1, 2, 3]
    assert {row.attempt for row in (*mine.rows, *theirs.rows)} == {1}


def test_what_a_lost_worker_had_in_flight_is_unknown(sender: Worker) -> None:
    claim(take(replace(sender, name=GONE)))

    take(sender)

    assert counts(sender) == Counts(unknown=1, queued=2)


def test_who_leaves_gives_up_what_it_has_in_flight(sender: Worker) -> None:
    work = take(sender)
    claim(work)

    tenure.leave(sender, work)

    assert counts(sender) == Counts(unknown=1, queued=2)
    assert the_send(sender).status is SendStatus.SENDING
    assert workers(sender) == []


def test_a_send_goes_on_while_another_holds_some_of_it(sender: Worker, other: Worker) -> None:
    first, second = take(sender), take(other)
    claim(second)
    send_batch(first)

    tenure.leave(sender, first)

    assert counts(sender) == Counts(accepted=2, queued=1)
    assert the_send(sender).status is SendStatus.SENDING
    assert workers(sender) == [ELSEWHERE]


def test_who_leaves_when_all_is_done_settles_the_send(sender: Worker, other: Worker) -> None:
    first, second = take(sender), take(other)
    send_batch(first)

    tenure.leave(sender, first)
    status = the_send(sender).status
    tenure.leave(other, second)

    assert status is the_send(sender).status is SendStatus.FINISHED
    assert read(sender.store, the_send(sender).id).rests_since == NOW


def test_who_was_given_up_leaves_the_batches_of_others_alone(sender: Worker, other: Worker) -> None:
    first, second = take(sender), take(other)
    claim(second)
    give_up(first)

    tenure.leave(sender, first)

    assert counts(sender) == Counts(queued=3)
    assert workers(sender) == [ELSEWHERE]


def test_who_was_given_up_settles_a_send_that_is_over(sender: Worker, other: Worker) -> None:
    """The others ended it with this one's batch unknown; then this one records what it learnt."""
    first, second = take(sender), take(other)

    send_late(first, Accepted("m"), lambda: tenure.leave(other, second))

    assert read(sender.store, first.context.send_id).counts == Counts(accepted=3)
    assert the_send(sender).status is SendStatus.FINISHED


def test_what_is_put_back_late_opens_a_send_that_is_over(sender: Worker, other: Worker) -> None:
    first, second = take(sender), take(other)
    too_fast = RetryLater("too fast", is_failure=False)

    send_late(first, too_fast, lambda: tenure.leave(other, second))

    assert the_send(sender).status is SendStatus.PAUSED
    assert counts(sender) == Counts(queued=3)


def test_a_lease_is_renewed_by_its_worker_alone(sender: Worker, other: Worker) -> None:
    first, _ = take(sender), take(other)
    give_up(first)

    with sender.store.write() as connection:
        assert not tenures.renew(connection, 1, first.epoch, NOW + HOUR)
    with sender.store.read() as connection:
        assert [tenure.lease_until for tenure in tenures.of(connection, [1])[1]] == [NOW + LEASE]


def test_who_gives_back_its_part_leaves_the_others_theirs(sender: Worker, other: Worker) -> None:
    take(other)
    control.reopen(sender.store, the_send(sender).id, sender.clock, worker=sender.name)
    assert workers(sender) == [ELSEWHERE, sender.name]

    tenure.give_back(sender, read(sender.store, the_send(sender).id))

    assert workers(sender) == [ELSEWHERE]


def test_what_was_reserved_is_one_part_of_the_worker_that_takes_it(sender: Worker) -> None:
    control.reopen(sender.store, the_send(sender).id, sender.clock, worker=sender.name)

    take(sender)

    assert workers(sender) == [sender.name]


@pytest.mark.parametrize(
    ("name", "lease_seconds", "is_lost"),
    [
        (ELSEWHERE, 60, False),
        (ELSEWHERE, 0, True),
        (GONE, 60, True),
        (processes.this_process(), 60, False),
        (processes.this_process(), 0, True),
    ],
    ids=["elsewhere", "elsewhere, lease over", "dead", "this", "this, lease over"],
)
def test_a_worker_is_lost_once_its_process_is_gone_or_elsewhere_its_lease_is_over(
    name: str, lease_seconds: int, is_lost: bool
) -> None:
    held_by = Tenure(name, 1, NOW, NOW + dt.timedelta(seconds=lease_seconds))

    assert state.is_lost(held_by, NOW) is is_lost


def test_another_process_of_this_host_that_lives_keeps_its_part_whatever_the_clock_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held_by = Tenure(processes.this_process(), 1, NOW, NOW - HOUR)
    monkeypatch.setattr(os, "getpid", lambda: 1)  # so that it is another process

    assert not state.is_lost(held_by, NOW)


def test_who_watches_does_not_give_itself_up(sender: Worker) -> None:
    work = take(sender)
    seconds = [0.0]
    watch = LeaseWatch(lambda: seconds[0], work.epoch)
    look_for(sender, watch)
    seconds[0] = 120.0

    look_for(sender, watch)

    assert workers(sender) == [sender.name]


def test_who_lives_on_this_host_and_renews_no_lease_is_lost_after_one(
    sender: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a process that sleeps; its clock proves nothing, but that it is silent does."""
    claim(take(replace(sender, name=processes.this_process())))
    monkeypatch.setattr(os, "getpid", lambda: 1)  # so that it is another process
    seconds = [0.0]
    watch = LeaseWatch(lambda: seconds[0])
    first = look_for(sender, watch)
    seconds[0] = 60
    second = look_for(sender, watch)
    seconds[0] = 61

    third = look_for(sender, watch)

    assert [first, second, third] == [0, 0, 1]
    assert workers(sender) == []


def test_who_renews_a_lease_that_is_far_ahead_is_not_lost(sender: Worker, other: Worker) -> None:
    work = take(other)
    seconds = [0.0]
    watch = LeaseWatch(lambda: seconds[0])
    for minutes in range(5):
        seconds[0] = 61.0 * minutes
        with sender.store.write() as connection:
            assert tenures.renew(connection, 1, work.epoch, NOW + (minutes + 24) * HOUR)
        look_for(sender, watch)

    assert workers(sender) == [ELSEWHERE]


def test_who_has_left_is_watched_no_longer(sender: Worker, other: Worker) -> None:
    watch = LeaseWatch(sender.seconds)
    work = take(other)
    look_for(sender, watch)
    watched = len(watch._renewed)
    tenure.leave(other, work)

    look_for(sender, watch)

    assert (watched, len(watch._renewed)) == (1, 0)


def test_a_send_whose_last_worker_is_lost_is_settled_by_who_notices(sender: Worker) -> None:
    claim(take(replace(sender, name=GONE)), size=3)

    unknown = look_for(sender)

    assert unknown == 3
    assert the_send(sender).status is SendStatus.UNRESOLVED


@pytest.mark.parametrize("decide", [control.pause, control.cancel])
def test_what_a_person_decided_since_it_was_read_is_not_taken(
    sender: Worker, decide: Callable[..., object]
) -> None:
    send = read(sender.store, the_send(sender).id)
    decide(sender.store, send.id, sender.clock)

    assert tenure.take(sender, send) is None


def test_a_decision_about_unknown_ones_touches_nothing_that_is_in_flight(sender: Worker) -> None:
    work = take(sender)
    claim(work)

    control.resolve(sender.store, work.context.send_id, Decision.ACCEPT, sender.clock)

    assert counts(sender) == Counts(queued=3)


def test_a_send_ends_as_finished_only_if_nothing_of_it_is_unknown(sender: Worker) -> None:
    work = replace(take(sender), transport=Memory(lambda _, batch: [Unknown("lost")] * len(batch)))
    send_batch(work)

    tenure.leave(sender, work)

    assert the_send(sender).status is SendStatus.UNRESOLVED


def test_what_a_run_left_is_cleared_when_nobody_takes_part_any_more(
    sender: Worker, other: Worker
) -> None:
    """Never while another writes: it would lose what it has begun."""
    cleared: list[str] = []
    send = the_send(sender).id
    sender, other = (replace(each, clear=cleared.append) for each in (sender, other))

    first = take(sender)
    second = take(other)
    assert cleared == [send]
    tenure.leave(other, second)
    assert cleared == [send]
    tenure.leave(sender, first)

    assert cleared == [send, send]
