"""Taking a send and leaving it: whose batches are given up, and who may say that it is over."""

import datetime as dt
import os
import socket
from collections.abc import Callable
from dataclasses import replace

import pytest

from newsletter.errors import RunElsewhere
from newsletter.model.record import Owner, SendRecord
from newsletter.model.send import Accepted, Counts, SendStatus, Unknown
from newsletter.sending import control, owner, tenure
from newsletter.sending.control import Decision
from newsletter.sending.core import Assignment, send_batch
from newsletter.sending.plan import plan
from newsletter.sending.reading import read
from newsletter.sending.worker import Worker
from newsletter.store import Store
from newsletter.store.ledger import balance, claims, ownership, recording, sends
from newsletter.transports.memory import Memory
from tests.integration.sending import NOW, FixedClock, fill_list, order, worker

HOUR, LEASE = dt.timedelta(hours=1), dt.timedelta(seconds=60)
ELSEWHERE = "elsewhere/1/1/a"


@pytest.fixture
def sender(memory_store: Store) -> Worker:
    """A worker of this process, and a planned send to three readers."""
    fill_list(memory_store, 3)
    plan(memory_store, order(), NOW)
    return worker(memory_store, Memory(), clock=FixedClock())


def take(sender: Worker) -> Assignment:
    work = tenure.take(sender, read(sender.store, the_send(sender).id))
    assert work is not None
    return work


def the_send(sender: Worker) -> SendRecord:
    with sender.store.read() as connection:
        return sends.record(connection, 1)


def counts(sender: Worker) -> Counts:
    with sender.store.read() as connection:
        return balance.count(connection, 1)


def claim(work: Assignment, name: str, epoch: int, size: int = 1) -> claims.Claim:
    with work.store.write() as connection:
        claimed = claims.claim(
            connection,
            work.number,
            owner=name,
            epoch=epoch,
            size=size,
            now=work.clock(),
            lease_until=work.clock() + LEASE,
        )
    assert isinstance(claimed, claims.Claim)
    return claimed


def follow(work: Assignment) -> int:
    """Let a process of another machine take the send; returns its epoch."""
    with work.store.write() as connection:
        until = work.clock() + LEASE
        return ownership.take(connection, work.number, ELSEWHERE, work.clock(), until)


def test_what_a_lost_owner_had_in_flight_is_unknown(sender: Worker) -> None:
    work = take(sender)
    claim(work, work.owner, work.epoch)

    take(sender)

    assert counts(sender) == Counts(unknown=1, queued=2)


def test_who_leaves_gives_up_what_it_has_in_flight(sender: Worker) -> None:
    work = take(sender)
    claim(work, work.owner, work.epoch)

    tenure.leave(sender, work)

    assert counts(sender) == Counts(unknown=1, queued=2)
    assert the_send(sender).status is SendStatus.SENDING
    assert the_send(sender).owner.name is None


def test_who_was_followed_leaves_the_batch_and_the_send_of_another_alone(sender: Worker) -> None:
    work = take(sender)
    claim(work, ELSEWHERE, follow(work))

    tenure.leave(sender, work)

    assert counts(sender) == Counts(queued=3)
    with sender.store.read() as connection:
        assert len(recording.open_batches(connection, 1)) == 1
    assert the_send(sender).owner.name == ELSEWHERE


def test_who_was_followed_settles_a_send_that_is_over(sender: Worker) -> None:
    """Another ended it with this one's batch unknown; then this one learnt what became of that."""
    work = take(sender)
    claimed = claim(work, work.owner, work.epoch, size=3)
    follower = replace(sender, name=ELSEWHERE, clock=FixedClock(NOW + LEASE))
    tenure.leave(follower, take(follower))
    assert the_send(sender).status is SendStatus.UNRESOLVED
    answers = [(row, Accepted(f"m{row.number}")) for row in claimed.rows]
    with sender.store.write() as connection:
        recording.record(connection, 1, claimed.batch, answers, NOW, NOW)
    shown = read(sender.store, work.context.send_id).counts

    tenure.leave(sender, work)

    assert shown == counts(sender) == Counts(accepted=3)
    assert the_send(sender).status is SendStatus.FINISHED


def test_a_lease_is_renewed_by_its_owner_alone(sender: Worker) -> None:
    work = take(sender)
    follow(work)

    with sender.store.write() as connection:
        assert not ownership.renew(connection, 1, work.epoch, NOW + HOUR)
    assert the_send(sender).owner.lease_until == NOW + LEASE


def test_who_gives_back_what_somebody_else_holds_changes_nothing(sender: Worker) -> None:
    work = take(sender)
    follow(work)

    tenure.give_back(sender, read(sender.store, work.context.send_id))

    assert the_send(sender).owner.name == ELSEWHERE


@pytest.mark.parametrize(
    ("name", "lease_seconds", "is_free"),
    [
        (None, 60, True),
        (ELSEWHERE, 60, False),
        (ELSEWHERE, 0, True),
        (f"{socket.gethostname()}/1/another-boot:1/a", 60, True),
        (owner.this_process(), 60, False),
    ],
    ids=["nobody", "elsewhere", "elsewhere, lease over", "dead", "alive"],
)
def test_a_send_is_free_once_its_owner_is_gone_or_its_lease_is_over(
    name: str | None, lease_seconds: int, is_free: bool
) -> None:
    held_by = Owner(name, 1, NOW + dt.timedelta(seconds=lease_seconds))

    assert tenure.is_free(held_by, NOW) is is_free


def test_a_process_of_this_host_that_lives_keeps_its_send_whatever_the_clock_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held_by = Owner(owner.this_process(), 1, NOW - HOUR)
    monkeypatch.setattr(os, "getpid", lambda: 1)  # so that it is another process

    assert not tenure.is_free(held_by, NOW)


def test_who_lives_on_this_host_is_not_waited_for(
    sender: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(replace(sender, name=owner.this_process()))
    monkeypatch.setattr(os, "getpid", lambda: 1)
    sender.stop.set()  # it would end the waiting at once

    with pytest.raises(RunElsewhere):
        take(sender)


@pytest.mark.parametrize("decide", [control.pause, control.cancel])
def test_what_a_person_decided_since_it_was_read_is_not_taken(
    sender: Worker, decide: Callable[..., object]
) -> None:
    send = read(sender.store, the_send(sender).id)
    decide(sender.store, send.id, sender.clock)

    assert tenure.take(sender, send) is None


def test_a_decision_about_unknown_ones_touches_nothing_that_is_in_flight(sender: Worker) -> None:
    work = take(sender)
    claim(work, work.owner, work.epoch)

    control.resolve(sender.store, work.context.send_id, Decision.ACCEPT, sender.clock)

    assert counts(sender) == Counts(queued=3)


def test_a_send_ends_as_finished_only_if_nothing_of_it_is_unknown(sender: Worker) -> None:
    work = replace(take(sender), transport=Memory(lambda _, batch: [Unknown("lost")] * len(batch)))
    send_batch(work)

    tenure.leave(sender, work)

    assert the_send(sender).status is SendStatus.UNRESOLVED
