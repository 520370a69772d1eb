"""What is shown of sends is true, and cheap: states, sums and times."""

import datetime as dt
import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from newsletter.errors import QuotaReached, Refused, StoreError
from newsletter.model.email import Message
from newsletter.model.send import (
    Accepted,
    Counts,
    Outcome,
    RetryLater,
    Send,
    SendStatus,
    State,
    Unknown,
    Wait,
)
from newsletter.project import utc_now
from newsletter.sending import control, run
from newsletter.sending.control import Decision
from newsletter.sending.plan import plan
from newsletter.sending.reading import read
from newsletter.sending.state import activity_of
from newsletter.store import Store, maintenance, schema
from newsletter.store.ledger import balance, deliveries, sends
from newsletter.transports.memory import Memory
from tests.integration.commandline import Call, plan_send, write_issue
from tests.integration.plans import explained
from tests.integration.reporting import BOUNCE, COMPLAINT, DELIVERY, SOFT, replay, told
from tests.integration.sending import (
    NOW,
    FixedClock,
    end_all,
    fill_list,
    order,
    resume,
    worker,
)
from tests.integration.statements import statements
from tests.waiting import until

ISSUE = "2026-01-07-valley"


def unknown(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
    return [Unknown("no answer") for _ in batch]


def half_unknown(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
    return [
        Unknown("no answer") if number % 2 else Accepted(f"m-{send_id}-{message.to.text}")
        for number, message in enumerate(batch)
    ]


def sums_are_those_of_the_ledger(store: Store) -> bool:
    """What `db verify` finds, and what is shown against what is counted."""
    with store.read() as connection:
        for send in sends.newest_first(connection):
            number = sends.number_of(connection, send.id)
            assert send.counts == balance.count(connection, number)
    return maintenance.verify(store) == []


# --- sums -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_the_sums_on_a_send_are_those_of_its_deliveries_whatever_happens(
    store: Store, seed: int
) -> None:
    """Events in any order and repetition, about sends that run, are over, and are taken up again,
    and what people decide between them."""
    chance = random.Random(seed)
    fill_list(store, 8)
    first = plan(store, order(), NOW)
    run.run(worker(store, Memory(half_unknown)), first)
    second = plan(store, order(slug="more"), NOW)
    texts = [
        told(send_id, number, name, NOW + dt.timedelta(seconds=second_of))
        for send_id in (first, second)
        for number in range(1, 9)
        for second_of, name in enumerate((DELIVERY, SOFT, BOUNCE, COMPLAINT, "event-reject.json"))
    ]
    chance.shuffle(texts)
    decisions: list[Callable[[], object]] = [
        lambda: control.resolve(store, first, chance.choice(list(Decision)), lambda: NOW),
        lambda: resume(worker(store, Memory(half_unknown)), first),
        lambda: run.run(worker(store, Memory(half_unknown)), second),
        lambda: control.cancel(store, second, lambda: NOW),
        lambda: control.resolve(store, second, Decision.REJECT, lambda: NOW),
    ]

    for decide in decisions:
        if chance.random() < 0.7:
            with suppress(Refused):  # as to cancel what is finished
                decide()
        replay(store, *chance.sample(texts, k=20))
        assert sums_are_those_of_the_ledger(store)


def test_a_later_report_takes_the_place_of_an_earlier_one(store: Store) -> None:
    fill_list(store, 2)
    send_id = plan(store, order(), NOW)
    run.run(worker(store, Memory()), send_id)

    replay(store, told(send_id, 1, DELIVERY, NOW), told(send_id, 2, DELIVERY, NOW))
    both = read(store, send_id).reports
    replay(store, told(send_id, 1, BOUNCE, NOW))
    after = read(store, send_id).reports

    assert (both.delivered, both.bounced) == (2, 0)
    assert (after.delivered, after.bounced) == (1, 1)


def test_a_late_answer_moves_the_sum_of_a_send_that_was_counted(store: Store) -> None:
    """A worker slept while another ended the send, and wakes."""
    fill_list(store, 2)
    send_id, ended = plan(store, order(), NOW), []

    def asleep(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        with store.write() as connection:
            number = sends.number_of(connection, send_id)
            end_all(connection, number)
        ended.append(run.run(worker(store, Memory()), send_id))
        ended.append(control.resolve(store, send_id, Decision.REJECT, lambda: NOW))
        replay(store, told(send_id, 1, "event-reject.json", NOW))
        return [Accepted(message.ref) for message in batch]

    run.run(worker(store, Memory(asleep, concurrency=1)), send_id)

    assert [send.status for send in ended] == [SendStatus.UNRESOLVED, SendStatus.FINISHED]
    assert sums_are_those_of_the_ledger(store)


@pytest.mark.parametrize("column", ["accepted", "delivered", "complained"])
def test_a_wrong_sum_is_found_by_verify(store: Store, column: str) -> None:
    fill_list(store, 2)
    send_id = plan(store, order(), NOW)
    run.run(worker(store, Memory()), send_id)
    with store.write() as connection:
        connection.execute(sa.update(schema.sends).values({column: 7}))

    [fault] = maintenance.verify(store)

    assert fault.startswith(f"send {send_id} says 7 {column}, the ledger holds ")


def test_sends_are_shown_without_counting_what_is_over_or_reading_a_mail(store: Store) -> None:
    fill_list(store, 2)
    for issue in range(5):
        run.run(worker(store, Memory()), plan(store, order(slug=f"news-{issue}"), NOW))

    with statements(store) as asked, store.read() as connection:
        found = sends.newest_first(connection)
        few = sends.newest_first(connection, limit=2)

    asked = [statement for statement in asked if "SELECT" in statement]
    assert [send.counts for send in found] == [Counts(accepted=2)] * 5
    assert [send.slug for send in few] == ["news-4", "news-3"]
    assert len(asked) == 4  # for each: the sends, and who left by their links
    assert not any("deliveries" in statement or "email" in statement for statement in asked)


def test_sends_that_run_are_counted_by_their_sums_in_one_query(store: Store) -> None:
    """No delivery is read: there may be a million, and whoever watches asks again and again."""
    fill_list(store, 2)
    for issue in range(3):
        plan(store, order(slug=f"news-{issue}"), NOW)

    with statements(store) as asked, store.read() as connection:
        found = sends.newest_first(connection)

    assert [send.counts for send in found] == [Counts(queued=2)] * 3
    assert sum("batches" in statement for statement in asked) == 1
    assert not any("deliveries" in statement for statement in asked)


def test_the_first_claim_of_a_day_is_found_by_an_index(sqlite_store: Store) -> None:
    with sqlite_store.read() as connection, explained(connection) as steps:
        deliveries.first_claimed(connection, NOW)

    assert steps == ["SEARCH batches USING COVERING INDEX ix_batches_claimed_at"]


@pytest.mark.postgresql
def test_the_first_claim_of_a_day_is_found_by_an_index_on_postgresql(
    postgresql_store: Store,
) -> None:
    with postgresql_store.write() as connection:
        connection.execute(sa.text("SET LOCAL enable_seqscan = off"))
        query = "EXPLAIN SELECT min(claimed_at) FROM batches WHERE claimed_at >= 5"
        steps = "\n".join(connection.execute(sa.text(query)).scalars())

    assert "ix_batches_claimed_at" in steps


# --- states ---------------------------------------------------------------------------------------


def test_a_send_says_who_runs_it_how_fast_and_what_it_waits_for(store: Store) -> None:
    """A slot that another send took long ahead is waited for, until when is told."""
    fill_list(store, 30)
    send_id = plan(store, order(), NOW)
    seen: list[Send] = []
    sender = worker(store, Memory(), max_rate=10)
    with store.write() as connection:
        connection.execute(
            sa.insert(schema.limiter).values(
                name="send", next_at=utc_now() + dt.timedelta(seconds=200)
            )
        )

    def look() -> None:
        while not sender.stop.wait(0.05):
            send = read(store, send_id)
            if send.tenures and send.tenures[0].waiting_for is not None:
                seen.append(send)
                sender.stop.set()

    watcher = threading.Thread(target=look)
    watcher.start()
    after = run.run(sender, send_id)
    watcher.join()

    found = activity_of(seen[0], utc_now())
    assert (found.state, found.waiting_for) == (State.WAITING, Wait.SLOT)
    assert found.until is not None
    assert found.until > utc_now() + dt.timedelta(seconds=100)
    assert activity_of(after, utc_now()).state is State.INTERRUPTED


def test_a_send_that_runs_tells_its_rate(store: Store) -> None:
    """It is stopped once it did: at ten a second it takes a minute to its end."""
    fill_list(store, 600)
    send_id, seen = plan(store, order(), NOW), []
    sender = worker(store, Memory(concurrency=1), max_rate=10)

    def look() -> None:
        while not sender.stop.wait(0.05):
            send = read(store, send_id)
            if send.tenures and send.tenures[0].speed:
                seen.append(send)
                sender.stop.set()

    watcher = threading.Thread(target=look)
    watcher.start()
    run.run(sender, send_id)
    sender.stop.set()
    watcher.join()

    found = activity_of(seen[0], utc_now())
    assert found.state is State.RUNNING
    assert found.rate is not None
    assert 0 < found.rate <= 15
    assert found.time_left is not None
    assert found.since is not None


def test_a_quota_that_is_used_up_is_waited_for_and_told(store: Store) -> None:
    def used_up(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        raise QuotaReached("the quota is used up")

    fill_list(store, 3)
    clock = FixedClock()
    after = run.run(worker(store, Memory(used_up), clock=clock), plan(store, order(), NOW))

    found = activity_of(after, NOW)
    assert (after.status, after.stopped_by) == (SendStatus.PAUSED, "quota")
    assert (found.state, found.waiting_for) == (State.WAITING, Wait.QUOTA)
    assert found.until == NOW + dt.timedelta(days=1)


def test_a_clock_that_was_ahead_holds_up_no_send(store: Store) -> None:
    """Its slots, and what it put off, lie an hour ahead: both are told or tried now."""
    fill_list(store, 60)
    clock, lines = FixedClock(NOW + dt.timedelta(hours=1)), list[str]()
    later: list[Outcome] = [RetryLater("busy")] * 60
    put_off = Memory(lambda send_id, batch: later[: len(batch)])
    send_id = plan(store, order(), NOW)
    sender = worker(store, put_off, clock=clock, max_rate=1000)

    def stop(settled: int) -> None:
        sender.stop.set()

    run.run(sender, send_id, stop)
    clock.now = NOW
    again = replace(
        worker(store, Memory(), clock=clock, max_rate=1000),
        notify=lines.append,
        seconds=time.monotonic,  # a slot is waited for
    )
    after = run.run(again, send_id)

    assert after.counts == Counts(accepted=60)
    assert any("by a clock that was ahead" in line for line in lines)


def test_a_store_that_fails_for_a_moment_costs_no_lease(store: Store) -> None:
    """Renewing it fails once; the run goes on, watched, and ends as any other."""
    fill_list(store, 12)
    failed: list[str] = []

    def answer(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        if "r6@example.com" in [message.to.text for message in batch]:
            until(lambda: bool(failed))
        return [Accepted(message.ref) for message in batch]

    sender = worker(store, Memory(answer, concurrency=1), max_rate=10)

    def fail(
        connection: object, cursor: object, statement: str, parameters: object, *rest: object
    ) -> None:
        if statement.startswith("UPDATE tenures SET lease_until") and not failed:
            failed.append(statement)
            raise sa.exc.OperationalError(statement, None, OSError("gone for a moment"))

    event.listen(store.engine, "before_cursor_execute", fail)
    after = run.run(sender, plan(store, order(), NOW))
    event.remove(store.engine, "before_cursor_execute", fail)

    assert failed
    assert after.counts == Counts(accepted=12)


def test_a_run_that_cannot_renew_its_lease_ends_with_it(store: Store) -> None:
    """It never goes on unwatched: another may take the send over by then."""
    fill_list(store, 60)
    clock = FixedClock()

    def is_stopped() -> bool:
        clock.forward(0.1)
        return sender.stop.is_set()

    def answer(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        clock.forward(0.1)
        if "r30@example.com" in [message.to.text for message in batch]:
            until(is_stopped)
        return [Accepted(message.ref) for message in batch]

    sender = worker(store, Memory(answer, concurrency=1), clock=clock, max_rate=10)
    send_id = plan(store, order(), NOW)

    def fail(
        connection: object, cursor: object, statement: str, parameters: object, *rest: object
    ) -> None:
        if statement.startswith("UPDATE tenures SET lease_until"):
            clock.forward(40)
            raise sa.exc.OperationalError(statement, None, OSError("gone for good"))

    event.listen(store.engine, "before_cursor_execute", fail)
    with pytest.raises(StoreError, match="gone for good"):
        run.run(sender, send_id)
    event.remove(store.engine, "before_cursor_execute", fail)

    assert sender.stop.is_set()


# --- what people see ------------------------------------------------------------------------------


@pytest.fixture
def berlin(project: Path) -> None:
    file = project / "newsletter.toml"
    text = file.read_text("utf-8")
    file.write_text(text.replace('timezone = "UTC"', 'timezone = "Europe/Berlin"'), "utf-8")
    assert "Europe/Berlin" in file.read_text("utf-8")


@pytest.mark.usefixtures("berlin")
def test_the_time_of_a_schedule_is_shown_wherever_the_send_is(
    call: Call, project: Path, readers: str
) -> None:
    at = dt.datetime(2097, 3, 28, 6, 30, tzinfo=dt.UTC)
    shown = "2097-03-28 07:30 Europe/Berlin (06:30 UTC)"
    dry = call("send", ISSUE, "--list", readers, "--at", "2097-03-28 07:30", "--dry-run")

    send_id = plan_send(project, ISSUE, readers, at=at)

    assert shown in dry.err
    assert shown in call("status", send_id).out
    assert shown in call("sends").out
    assert call("status", "--json").json["until"] == at.isoformat()


def test_a_day_without_a_time_is_no_schedule(call: Call, readers: str) -> None:
    answer = call("send", ISSUE, "--list", readers, "--at", "2097-03-28", "--yes")

    assert answer.code == 2
    assert '"2097-03-28 08:00"' in answer.err


def test_advice_fits_the_state_of_a_send(call: Call, project: Path, readers: str) -> None:
    send_id = plan_send(project, ISSUE, readers)

    lost = call("status", send_id).out
    call("pause", send_id)
    paused = call("status", send_id).out

    assert "waiting: nobody has begun it yet" in lost
    assert f"newsletter worker goes on with it, or: newsletter resume {send_id}" in lost
    assert "paused (by the operator)" in paused
    assert f"Go on with: newsletter resume {send_id}" in paused


def test_only_so_many_sends_are_shown(call: Call, project: Path, readers: str) -> None:
    plan_send(project, ISSUE, readers)
    write_issue(project, "2026-01-08-hills.md")
    newest = plan_send(project, "2026-01-08-hills", readers)

    assert [send["send_id"] for send in call("sends", "--limit", "1", "--json").lines] == [newest]
    assert call("sends", "--limit", "0").code == 2


def test_deliveries_are_found_by_their_report_and_printed_as_csv(
    call: Call, project: Path, readers: str
) -> None:
    send_id = call("send", ISSUE, "--list", readers, "--yes", "--json").json["send_id"]
    events = project / "events.jsonl"
    events.write_text(told(send_id, 2, BOUNCE, NOW).replace("\n", " ") + "\n", "utf-8")
    call("events", "replay", str(events))

    found = call("deliveries", send_id, "--reported", "bounced", "--json").lines
    table = call("deliveries", send_id, "--reported", "bounced", "--csv").out.splitlines()

    assert [line["delivery"] for line in found] == [f"{send_id}-2"]
    assert table[0] == '"delivery","address","status","reported","reason","attempts","at"'
    assert table[1].startswith(f'"{send_id}-2","')
    assert len(table) == 2
    assert call("deliveries", send_id, "--csv", "--json").code == 2
