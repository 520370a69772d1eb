"""Who goes on with a send that was stopped: a worker by itself, or a person."""

import datetime as dt
import itertools
import json
import signal
import subprocess
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from newsletter.cli.frame import Session
from newsletter.cli.running import open_worker
from newsletter.cli.worker import attend
from newsletter.errors import QuotaReached, Refused
from newsletter.model.email import Message
from newsletter.model.send import (
    Accepted,
    Counts,
    DeliveryStatus,
    Outcome,
    SendStatus,
    StoppedBy,
    Wait,
)
from newsletter.sending import control, run, taking_up
from newsletter.sending.plan import plan
from newsletter.sending.state import activity_of
from newsletter.store import Store
from newsletter.store.ledger import claims, sends, tenures, transitions, workers
from newsletter.transports.memory import Memory
from tests.integration.commandline import (
    Answer,
    Call,
    command,
    fork,
    plan_send,
    slow_down,
    speed_up,
    write_issue,
)
from tests.integration.sending import (
    NOW,
    FixedClock,
    addresses,
    alter,
    fill_list,
    ledger,
    order,
    worker,
)
from tests.integration.test_cli_processes import at_terminal, outbox
from tests.waiting import PATIENCE_SECONDS, until
from tests.warm import close

ISSUE = "2026-01-07-valley"
DAY = dt.timedelta(days=1)


def used_up(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
    raise QuotaReached("the quota is used up")


# --- by the command line, from process to process -------------------------------------------------


def sending(list_name: str) -> tuple[str, ...]:
    return ("send", ISSUE, "--list", list_name, "--yes", "--rate", "2")


def test_a_worker_finishes_what_was_killed_and_sends_nothing_twice(
    call: Call, project: Path, readers: str
) -> None:
    slow_down(project)
    with at_terminal(project, *sending(readers)) as terminal:
        terminal.wait_for("1/3")
        running = call("status", "--json").json
        terminal.process.kill()
        terminal.process.join()
    lost = call("status", "--json").json
    speed_up(project)

    after = call("worker", "--once", "--json").json

    assert running["state"] in ("running", "waiting")
    assert f"process {terminal.process.pid} on " in running["owner"]
    assert (lost["status"], lost["state"], lost["stopped_by"]) == ("sending", "interrupted", None)
    assert after["send_id"] == running["send_id"]
    assert after["accepted"] + after["unknown"] == 3
    lines = call("deliveries", after["send_id"], "--json").lines
    assert {line["attempts"] for line in lines} == {1}
    assert outbox(project) - after["accepted"] in range(after["unknown"] + 1)


def test_a_worker_that_is_stopped_leaves_its_send_to_the_next(
    call: Call, project: Path, readers: str
) -> None:
    send_id = plan_send(project, ISSUE, readers, at=dt.datetime.now(dt.UTC), rate=2)
    slow_down(project)
    with at_terminal(project, "worker", "--json") as terminal:
        terminal.comes_to_mail(call, send_id)
        terminal.process.send_signal(signal.SIGTERM)
        code, _ = terminal.leave()
    left = call("status", send_id, "--json").json
    speed_up(project)

    after = call("worker", "--once", "--json").json

    assert code == 130
    assert (left["state"], left["stopped_by"]) == ("interrupted", None)
    assert (after["status"], after["accepted"], after["unknown"]) == ("finished", 3, 0)


def test_what_a_person_stopped_by_ctrl_c_is_left_to_a_person(
    call: Call, project: Path, readers: str
) -> None:
    slow_down(project)
    with at_terminal(project, *sending(readers)) as terminal:
        terminal.wait_for("1/3")
        terminal.process.send_signal(signal.SIGINT)
        code, _ = terminal.leave()
    stopped = call("status", "--json").json
    speed_up(project)

    worker = call("worker", "--once", "--json")
    resumed = call("resume", "--all", "--rate", "0", "--json")

    assert code == 130
    assert (stopped["state"], stopped["stopped_by"]) == ("interrupted", "person")
    assert worker.out == ""
    assert (resumed.code, resumed.json["accepted"]) == (0, 3)
    assert resumed.json["rate_asked"] is None


@pytest.mark.parametrize("first", ["SIGHUP", "SIGINT"])
def test_a_signal_that_is_ignored_at_the_start_stays_ignored(
    call: Call, project: Path, readers: str, first: str
) -> None:
    """As SIGHUP is under nohup, and SIGINT for `cmd &` in a script."""
    ignored = f'trap "" {first.removeprefix("SIG")}; exec "$@"'
    with subprocess.Popen(
        ["sh", "-c", ignored, "sh", *command("worker", "--json")],
        cwd=project,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        plan_send(project, ISSUE, readers)
        before = json.loads(process.stdout.readline())
        process.send_signal(signal.Signals[first])
        again = call("send", ISSUE, "--list", readers, "--again", "more", "--dry-run", "--json")
        send_id = plan_again(project, readers)
        after = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_SECONDS)

    assert before["status"] == "finished"
    assert again.json["had_it"] == 3
    assert (after["send_id"], after["status"]) == (send_id, "finished")
    assert process.returncode == 0


def plan_again(project: Path, readers: str) -> str:
    write_issue(project, "2026-01-08-hills.md")
    return plan_send(project, "2026-01-08-hills", readers)


@pytest.mark.parametrize(
    "arguments",
    [
        ("send", ISSUE, "--list", "readers"),
        ("subscribers", "forget", "ada@example.com"),
    ],
)
@pytest.mark.usefixtures("readers")
def test_without_standard_input_somebody_must_have_said_yes(
    project: Path, arguments: tuple[str, ...]
) -> None:
    answer = fork(project, *arguments, first=partial(close, 0))

    assert answer.code == 5
    assert "--yes" in answer.err
    assert outbox(project) == 0


def test_resume_needs_a_send_or_all(call: Call, readers: str) -> None:
    assert call("resume").code == 2
    assert call("resume", "abc", "--all").code == 2
    assert call("resume", "--all", "--cancelled").code == 2
    assert call("resume", "--all").out.strip() == "Nothing was interrupted."


# --- what a worker takes up -----------------------------------------------------------------------


def test_what_waits_for_the_quota_goes_on_by_itself_at_its_time(store: Store) -> None:
    fill_list(store, 3)
    clock = FixedClock()
    send_id = plan(store, order(), NOW)
    paused = run.run(worker(store, Memory(used_up), clock=clock), send_id)
    early = taking_up.due(store, clock())

    clock.now = NOW + DAY
    due = taking_up.due(store, clock())
    after = taking_up.take_up(worker(store, Memory(), clock=clock), send_id)

    assert paused.resume_at == clock.now
    assert (early, due) == ([], [send_id])
    assert after.counts == Counts(accepted=3)


@pytest.mark.parametrize("ahead", [2 * DAY, 400 * DAY])
def test_a_pause_that_a_clock_made_which_was_ahead_is_over(
    store: Store, ahead: dt.timedelta
) -> None:
    fill_list(store, 3)
    clock = FixedClock(NOW + ahead)
    send_id = plan(store, order(), NOW)
    paused = run.run(worker(store, Memory(used_up), clock=clock), send_id)
    clock.now = NOW  # it is put right

    shown = activity_of(paused, clock())
    due = taking_up.due(store, clock())
    after = taking_up.take_up(worker(store, Memory(), clock=clock), send_id)

    assert paused.resume_at == NOW + ahead + DAY
    assert (shown.waiting_for, shown.until) == (Wait.QUOTA, NOW)
    assert due == [send_id]
    assert after.counts == Counts(accepted=3)


def test_a_quota_that_is_still_used_up_is_not_asked_for_each_second(store: Store) -> None:
    fill_list(store, 3)
    clock = FixedClock()
    send_id = plan(store, order(), NOW)
    run.run(worker(store, Memory(used_up), clock=clock), send_id)
    clock.now = NOW + DAY

    again = taking_up.take_up(worker(store, Memory(used_up), clock=clock), send_id)

    assert again.status is SendStatus.PAUSED
    assert again.resume_at is not None
    assert again.resume_at >= clock.now + dt.timedelta(minutes=1)


@pytest.mark.parametrize("by", [by for by in StoppedBy if by is not StoppedBy.QUOTA])
def test_what_was_stopped_otherwise_waits_for_a_person(store: Store, by: StoppedBy) -> None:
    fill_list(store, 3)
    send_id = plan(store, order(), NOW)
    control.pause(store, send_id, lambda: NOW, by=by)

    assert taking_up.due(store, NOW + DAY) == []
    assert taking_up.unattended(store, NOW + DAY) == []


def test_a_person_may_keep_a_worker_from_what_waits_for_the_quota(store: Store) -> None:
    fill_list(store, 3)
    clock = FixedClock()
    send_id = plan(store, order(), NOW)
    run.run(worker(store, Memory(used_up), clock=clock), send_id)

    kept = control.pause(store, send_id, clock)

    assert (kept.stopped_by, kept.resume_at) == (StoppedBy.PERSON, None)
    assert taking_up.due(store, NOW + 2 * DAY) == []


def test_what_somebody_runs_is_shared(store: Store) -> None:
    """Also between planning and its first batch."""
    fill_list(store, 3)
    sender, other = (worker(store, Memory(), clock=lambda: NOW) for _ in range(2))
    send_id = plan(store, order(), NOW, sender.name)
    planned = taking_up.due(store, NOW)

    with store.write() as connection:
        until = NOW + dt.timedelta(seconds=60)
        epoch = tenures.begin(connection, 1, ELSEWHERE, NOW, until)
    shared = taking_up.due(store, NOW)
    with store.write() as connection:
        tenures.end(connection, 1, [epoch], NOW)
    after = run.run(other, send_id)

    assert planned == shared == [send_id]
    assert after.counts == Counts(accepted=3)


def test_what_a_person_stopped_since_it_was_due_waits_for_a_person(store: Store) -> None:
    """Ctrl-C at the last other worker, while this one asks what the account allows."""
    fill_list(store, 3)
    send_id = plan(store, order(), NOW)

    def stop_it() -> None:
        with store.write() as connection:
            transitions.rest(connection, sends.record(connection, 1, lock=True), StoppedBy.PERSON)

    sender = replace(worker(store, Memory(), clock=lambda: NOW), refresh=stop_it)
    after = taking_up.take_up(sender, send_id)
    again = taking_up.take_up(worker(store, Memory(), clock=lambda: NOW), send_id)

    assert after == again
    assert (after.status, after.stopped_by) == (SendStatus.SENDING, StoppedBy.PERSON)
    assert after.counts == Counts(queued=3)


def test_a_run_that_does_not_begin_gives_the_send_back(store: Store) -> None:
    fill_list(store, 3)
    sender = worker(store, Memory())
    send_id = plan(store, order(), NOW, sender.name)
    sender.stop.set()

    run.run(sender, send_id)

    assert taking_up.due(store, NOW) == [send_id]


@pytest.mark.parametrize("is_begun", [True, False])
def test_what_rested_for_long_asks_a_person(store: Store, is_begun: bool) -> None:
    """A machine that was off for days sends no old news by itself, nor does the first worker in
    days send what was left to workers."""
    fill_list(store, 3)
    clock = FixedClock()
    send_id = plan(store, order(), NOW)
    with store.write() as connection:
        number = sends.number_of(connection, send_id)
        alter(connection, number, rests_since=NOW if is_begun else None)
    clock.forward(13 * 60 * 60)

    after = taking_up.take_up(worker(store, Memory(), clock=clock), send_id)

    assert (after.status, after.stopped_by) == (SendStatus.PAUSED, StoppedBy.SCHEDULE)
    assert "13 hours" in (after.pause_reason or "")
    assert after.counts == Counts(queued=3)


ELSEWHERE = "elsewhere/1/1/a"


def held_elsewhere(store: Store) -> tuple[str, int, int]:
    """A send, its number, and the epoch of a worker whose clock was a day ahead, and so is its
    lease."""
    fill_list(store, 3)
    send_id = plan(store, order(), NOW)
    with store.write() as connection:
        number = sends.number_of(connection, send_id)
        epoch = tenures.begin(connection, number, ELSEWHERE, NOW + DAY, NOW + DAY)
    return send_id, number, epoch


def test_what_a_worker_elsewhere_holds_is_waited_for_no_longer_than_a_lease(store: Store) -> None:
    """Whatever its clock said. The rest is sent meanwhile."""
    send_id, number, epoch = held_elsewhere(store)
    with store.write() as connection:
        transitions.begin(connection, sends.record(connection, number, lock=True))
        claims.claim(connection, number, worker=ELSEWHERE, epoch=epoch, size=1, now=NOW)
    told, ticks = list[str](), itertools.count(step=2.5)
    sender = worker(store, Memory(), clock=FixedClock())
    sender = replace(sender, notify=told.append, seconds=lambda: next(ticks))

    due, unattended = taking_up.due(store, NOW), taking_up.unattended(store, NOW)
    after = taking_up.take_up(sender, send_id)

    assert due == [send.id for send in unattended] == [send_id]
    assert after.counts == Counts(accepted=2, unknown=1)
    assert after.status is SendStatus.UNRESOLVED
    assert told == [
        (
            "process 1 on elsewhere holds some of this send; waiting for its lease to end "
            "(60 seconds at most)."
        ),
        "1 deliveries were in flight when a worker was lost: they are unknown.",
    ]


def test_a_worker_gets_past_a_lease_that_a_wrong_clock_gave(
    call: Call, project: Path, readers: str
) -> None:
    send_id = plan_send(project, ISSUE, readers)
    with closing(Session(project, debug=False)) as session:
        tomorrow = dt.datetime.now(dt.UTC) + DAY
        with session.store.write() as connection:
            number = sends.number_of(connection, send_id)
            tenures.begin(connection, number, ELSEWHERE, tomorrow, tomorrow)
        doubted, told = call("status", send_id, "--json").json, call("status", send_id).out
        ticks = itertools.count(step=61)
        sender = replace(open_worker(session), seconds=lambda: next(ticks))

        code = attend(session, sender, once=True)

    assert (doubted["state"], doubted["waiting_for"]) == ("waiting", "clock")
    assert (doubted["owner"], doubted["until"]) == ("process 1 on elsewhere", None)
    assert "check the clocks of all machines" in " ".join(told.split())
    assert code == 0
    assert call("status", send_id, "--json").json["accepted"] == 3


# --- what a person goes on with -------------------------------------------------------------------


def test_a_rate_can_be_changed_on_the_way(call: Call, project: Path, readers: str) -> None:
    send_id = plan_send(project, ISSUE, readers, rate=1)
    call("pause", send_id)

    faster = call("resume", send_id, "--rate", "1000", "--json")

    assert (faster.code, faster.json["rate_asked"]) == (0, 1000)
    assert faster.json["accepted"] == 3


def half(batch: Sequence[Message]) -> list[Outcome]:
    return [Accepted(message.ref) for message in batch]


def cancelled_midway(store: Store) -> str:
    """A send to 120 of whom 50 have had it when it is cancelled."""
    fill_list(store, 120)
    send_id = plan(store, order(), NOW)

    def cancel(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        control.cancel(store, send_id, lambda: NOW)
        return half(batch)

    run.run(worker(store, Memory(cancel, concurrency=1)), send_id)
    return send_id


def test_a_cancelled_send_is_finished_for_the_rest(store: Store) -> None:
    send_id = cancelled_midway(store)
    had_it = addresses(store, send_id, DeliveryStatus.ACCEPTED)
    transport = Memory()

    control.reopen(store, send_id, lambda: NOW, cancelled=True)
    after = run.run(worker(store, transport), send_id)

    assert (len(had_it), after.status) == (50, SendStatus.FINISHED)
    assert after.counts == Counts(accepted=120)
    assert had_it.isdisjoint(message.to.text for message in transport.delivered)
    assert {delivery.attempts for delivery in ledger(store, send_id).values()} == {1}


def test_a_cancelled_send_that_was_sent_again_since_is_not_finished(store: Store) -> None:
    """The rest would get it twice."""
    send_id = cancelled_midway(store)
    run.run(worker(store, Memory()), plan(store, order(again="by mistake"), NOW))

    with pytest.raises(Refused, match="again since"):
        control.reopen(store, send_id, lambda: NOW, cancelled=True)


def test_only_a_cancelled_send_is_resumed_as_one(call: Call, project: Path, readers: str) -> None:
    send_id = plan_send(project, ISSUE, readers)
    wrong = call("resume", send_id, "--cancelled")
    call("cancel", send_id)
    plain = call("resume", send_id)

    right = call("resume", send_id, "--cancelled", "--json")

    assert (wrong.code, plain.code) == (5, 5)
    assert f"newsletter resume {send_id} --cancelled" in plain.err
    assert (right.code, right.json["accepted"]) == (0, 3)


# --- what is left to workers ----------------------------------------------------------------------


def detached(call: Call, list_name: str) -> Answer:
    return call("send", ISSUE, "--list", list_name, "--yes", "--detach", "--json")


def test_a_send_that_is_left_to_workers_says_where_none_lives(
    call: Call, project: Path, readers: str
) -> None:
    planned = detached(call, readers)
    shown, before = call("status").out, outbox(project)
    after = call("worker", "--once", "--json").json

    assert (planned.code, planned.json["status"], planned.json["queued"]) == (0, "sending", 3)
    assert "No worker lives" in planned.err
    assert "waiting: nobody has begun it yet" in shown
    assert before == 0
    assert (after["send_id"], after["accepted"]) == (planned.json["send_id"], 3)


def test_a_send_that_is_left_to_workers_is_sent_by_one_that_lives(
    call: Call, project: Path, readers: str
) -> None:
    with at_terminal(project, "worker", "--json") as terminal:
        until(lambda: living(project) == 1)
        planned = detached(call, readers)
        until(lambda: call("status", "--json").json["status"] == "finished")
        terminal.process.send_signal(signal.SIGTERM)
        terminal.leave()

    assert planned.code == 0
    assert "No worker lives" not in planned.err
    assert outbox(project) == 3
    assert living(project) == 0


def test_a_worker_that_was_killed_is_not_one_that_lives(
    call: Call, project: Path, readers: str
) -> None:
    with at_terminal(project, "worker", "--json") as terminal:
        until(lambda: living(project) == 1)
        terminal.process.kill()
        terminal.process.join()

    assert "No worker lives" in detached(call, readers).err


def living(project: Path) -> int:
    with closing(Session(project, debug=False)) as session, session.store.read() as connection:
        return len(workers.heard_of(connection, session.clock()))
