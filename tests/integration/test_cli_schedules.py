"""Scheduled sends: which moment `--at` names, who sends them, and when a person is asked."""

import datetime as dt
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from newsletter.errors import UsageError
from newsletter.model.send import Allowance, Send, SendStatus
from newsletter.sending import control, rescheduling, run, taking_up
from newsletter.sending.plan import plan
from newsletter.store import Store, maintenance
from newsletter.times import parse_time
from newsletter.transports.memory import Memory
from tests.integration.commandline import Call, plan_send, write_issue
from tests.integration.sending import (
    NOW,
    FixedClock,
    fill_list,
    leave,
    ledger,
    order,
    resume,
    worker,
)
from tests.integration.test_cli_processes import at_terminal

ISSUE = "2026-01-07-valley"
HOUR = dt.timedelta(hours=1)


def outbox(project: Path) -> int:
    return len(list((project / "outbox").rglob("*.eml")))


def ago(hours: float) -> dt.datetime:
    return dt.datetime.now(dt.UTC) - hours * HOUR


# --- which moment ---------------------------------------------------------------------------------

BEFORE = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("at", "zone", "utc"),
    [
        ("2026-03-28 08:00", "Europe/Berlin", "2026-03-28T07:00"),
        ("2026-03-29 08:00", "Europe/Berlin", "2026-03-29T06:00"),
        ("2026-10-24 08:00", "Europe/Berlin", "2026-10-24T06:00"),
        ("2026-10-25 08:00", "Europe/Berlin", "2026-10-25T07:00"),
        ("2026-07-01 08:00", "Asia/Shanghai", "2026-07-01T00:00"),
        ("2026-07-01 08:00 America/New_York", "Asia/Shanghai", "2026-07-01T12:00"),
        ("2026-12-01 08:00 America/New_York", "Asia/Shanghai", "2026-12-01T13:00"),
        ("2026-10-25T02:30+02:00", "Europe/Berlin", "2026-10-25T00:30"),
        ("2026-10-25T02:30+01:00", "Europe/Berlin", "2026-10-25T01:30"),
        ("2026-03-29T02:30+01:00", "Europe/Berlin", "2026-03-29T01:30"),
    ],
)
def test_a_local_time_follows_the_clocks_of_its_zone(at: str, zone: str, utc: str) -> None:
    assert parse_time(at, zone, BEFORE).isoformat() == f"{utc}:00+00:00"


@pytest.mark.parametrize("at", ["2026-03-29 02:30", "2026-10-25 02:30"])
def test_a_time_that_clocks_skip_or_repeat_is_refused_with_both_offsets(at: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_time(at, "Europe/Berlin", BEFORE)

    local = at.replace(" ", "T")
    assert refused.value.where == "--at"
    assert "Europe/Berlin" in refused.value.message
    for offset in ("+01:00", "+02:00"):
        assert f'"{local}{offset}"' in refused.value.hint
        assert parse_time(f"{local}{offset}", "Europe/Berlin", BEFORE)


def test_a_time_of_a_clock_change_is_a_usage_error(
    call: Call, readers: str, rows: Callable[[], list[str]]
) -> None:
    before = rows()

    answer = call(
        *("send", ISSUE, "--list", readers, "--dry-run", "--json"),
        *("--at", "2099-10-25 02:30 Europe/Berlin"),
    )

    assert (answer.code, answer.error["where"]) == (2, "--at")
    assert rows() == before


def test_the_newsletters_time_zone_is_that_of_a_bare_time(
    call: Call, readers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWSLETTER_NEWSLETTER__TIMEZONE", "Asia/Shanghai")

    told = call("send", ISSUE, "--list", readers, "--at", "2099-01-01 08:00", "--dry-run").err

    assert "2099-01-01 08:00 Asia/Shanghai (00:00 UTC)" in told


# --- too late -------------------------------------------------------------------------------------


def test_the_worker_asks_a_person_about_a_schedule_long_past(
    call: Call, project: Path, readers: str
) -> None:
    """A machine that was off for a day must not mail yesterday's news by itself."""
    stale = plan_send(project, ISSUE, readers, at=ago(13))

    asked = call("worker", "--once", "--json")
    again = call("worker", "--once", "--json")

    assert (asked.code, asked.json["send_id"], asked.json["status"]) == (4, stale, "paused")
    assert asked.json["pause_reason"] == "its time passed 13 hours ago"
    assert again.out == ""
    assert outbox(project) == 0
    assert "its time passed 13 hours ago" in call("status", stale).out

    resumed = call("resume", stale, "--json")

    assert (resumed.code, resumed.json["accepted"], resumed.json["pause_reason"]) == (0, 3, None)


def test_a_send_whose_recipients_cannot_be_told_holds_up_no_other(
    call: Call, project: Path, readers: str
) -> None:
    """Its segment names a list that is gone, as after rows were deleted by hand."""
    call("lists", "create", "gone")
    call("segments", "create", "most", "not on list gone")
    broken = plan_send(project, ISSUE, readers, at=ago(2), segment="most")
    call("segments", "delete", "most")
    write_issue(project, "2026-01-08-other.md")
    due = plan_send(project, "2026-01-08-other", readers, at=ago(1))
    with closing(sqlite3.connect(project / "subscribers" / "newsletter.db")) as database, database:
        database.execute("DELETE FROM lists WHERE name = 'gone'")

    answer = call("worker", "--once", "--json")

    assert answer.code == 4
    assert [(sent["send_id"], sent["status"]) for sent in answer.lines] == [
        (broken, "paused"),
        (due, "finished"),
    ]
    assert answer.lines[0]["pause_reason"] == "there is no list 'gone'"
    assert f"{broken}: there is no list 'gone'. It is paused." in answer.err
    assert call("worker", "--once", "--json").out == ""

    call("lists", "create", "gone")

    assert call("resume", broken, "--json").json["accepted"] == 3


def test_a_person_who_resumes_is_not_asked_once_more(
    call: Call, project: Path, readers: str
) -> None:
    stale = plan_send(project, ISSUE, readers, at=ago(100))

    assert call("resume", stale, "--json").json["accepted"] == 3


def test_a_schedule_that_is_a_little_late_is_sent(call: Call, project: Path, readers: str) -> None:
    plan_send(project, ISSUE, readers, at=ago(11))

    assert call("worker", "--once", "--json").json["accepted"] == 3


def test_how_late_is_too_late_is_a_setting(
    call: Call, project: Path, readers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWSLETTER_POLICY__STALE_SCHEDULE_HOURS", "2")
    plan_send(project, ISSUE, readers, at=ago(3))

    assert call("worker", "--once", "--json").json["status"] == "paused"


def test_one_that_is_too_late_keeps_no_other_waiting(
    call: Call, project: Path, readers: str
) -> None:
    write_issue(project, "2026-01-08-next.md")
    plan_send(project, ISSUE, readers, at=ago(20))
    plan_send(project, "2026-01-08-next", readers, at=ago(1))

    assert [line["status"] for line in call("worker", "--once", "--json").lines] == [
        "paused",
        "finished",
    ]


def waited(store: Store, clock: FixedClock, late: dt.timedelta) -> tuple[str, Memory, Send]:
    """Wait in the foreground for a send of in an hour; the machine sleeps until `late` after."""
    fill_list(store, 3)
    send_id = plan(store, replace(order(), scheduled_at=NOW + HOUR), NOW)
    memory = Memory()

    def sleep(line: str) -> None:
        clock.forward((HOUR + late).total_seconds())

    waiting = replace(worker(store, memory, clock=clock), notify=sleep)
    return send_id, memory, run.run(waiting, send_id)


def test_who_waits_in_the_foreground_asks_too_after_a_long_sleep(store: Store) -> None:
    clock = FixedClock()

    send_id, memory, found = waited(store, clock, 12 * HOUR + dt.timedelta(seconds=1))

    assert (found.status, found.pause_reason) == ("paused", "its time passed 12 hours ago")
    assert memory.delivered == []
    assert resume(worker(store, memory, clock=clock), send_id).counts.accepted == 3


def test_who_waits_in_the_foreground_sends_after_a_short_sleep(store: Store) -> None:
    _, memory, found = waited(store, FixedClock(), 11 * HOUR)

    assert (found.status, len(memory.delivered)) == ("finished", 3)


# --- nobody to send to ----------------------------------------------------------------------------

PEOPLE = ("ada@example.com", "lin@example.com", "sam@example.com")


@pytest.mark.parametrize(
    ("keeps_away", "reason"),
    [
        (("subscribers", "remove"), "nobody of readers would get it: nobody is in it"),
        (
            ("suppressions", "add"),
            "nobody of readers would get it: everybody is skipped (3 suppressed)",
        ),
    ],
)
def test_a_schedule_that_nobody_would_get_asks_a_person(
    call: Call, project: Path, readers: str, keeps_away: tuple[str, str], reason: str
) -> None:
    """It once ended as finished, as if it had gone out."""
    send_id = plan_send(project, ISSUE, readers, at=ago(1))
    for address in PEOPLE:
        assert call(*keeps_away, address).code == 0

    told = call("worker", "--once")
    found = call("status", send_id, "--json").json
    again = call("resume", send_id, "--json")
    call("subscribers", "add", "new@example.com", "--list", readers)
    resumed = call("resume", send_id, "--json")

    assert (told.code, told.out.strip()) == (4, f"{send_id}: paused ({reason})")
    assert (found["status"], found["pause_reason"]) == ("paused", reason)
    assert (found["recipients"], found["stopped_by"]) == (0, "schedule")
    assert (again.code, again.json["pause_reason"]) == (4, reason)
    assert (resumed.code, resumed.json["accepted"]) == (0, 1)
    assert outbox(project) == 1


def test_who_waits_in_the_foreground_is_asked_likewise(store: Store) -> None:
    fill_list(store, 3)
    send_id = plan(store, replace(order(), scheduled_at=NOW), NOW)
    for number in (1, 2, 3):
        leave(store, f"r{number}@example.com")

    found = run.run(worker(store, Memory(), clock=FixedClock(NOW)), send_id)

    assert found.status is SendStatus.PAUSED
    assert found.tenures == ()
    assert ledger(store, send_id) == {}
    assert maintenance.verify(store) == []


# --- paused while it waits ------------------------------------------------------------------------


def test_a_send_that_is_paused_while_it_is_waited_for_is_not_sent(
    call: Call, project: Path, readers: str
) -> None:
    """It once went to everybody at the moment that somebody paused it."""
    arguments = ("send", ISSUE, "--list", readers, "--yes", "--at", "2099-01-01 08:00", "--json")
    with at_terminal(project, *arguments) as terminal:
        terminal.wait_for("Waiting until ")
        paused = call("pause", call("status", "--json").json["send_id"], "--json").json
        code, out = terminal.leave()

    assert code == 4
    assert (json.loads(out)["status"], json.loads(out)["recipients"]) == ("paused", 0)
    assert json.loads(out) == paused
    assert outbox(project) == 0


def test_a_pause_between_its_time_and_its_first_batch_is_kept(store: Store) -> None:
    fill_list(store, 3)
    send_id = plan(store, replace(order(), scheduled_at=NOW), NOW)
    clock = FixedClock(NOW + HOUR)

    class Slow(Memory):
        """Somebody pauses while the account is asked what it allows."""

        def allowance(self) -> Allowance:
            control.pause(store, send_id, clock)
            return super().allowance()

    memory = Slow()
    found = run.run(worker(store, memory, clock=clock), send_id)

    assert (found.status, found.pause_reason) == ("paused", "by the operator")
    assert memory.delivered == []


def test_a_cancel_between_its_time_and_its_first_batch_is_kept(store: Store) -> None:
    fill_list(store, 3)
    clock = FixedClock(NOW + HOUR)
    send_id = plan(store, replace(order(), scheduled_at=NOW), NOW)

    class Slow(Memory):
        def allowance(self) -> Allowance:
            control.cancel(store, send_id, clock)
            return super().allowance()

    found = run.run(worker(store, Slow(), clock=clock), send_id)

    assert (found.status, found.counts.recipients) == ("cancelled", 0)


def test_a_new_time_between_the_old_one_and_the_first_batch_is_waited_for(store: Store) -> None:
    """Asking the account, or for its list of suppressed addresses, may take minutes."""
    fill_list(store, 3)
    clock = FixedClock(NOW + HOUR)
    send_id = plan(store, replace(order(), scheduled_at=NOW), NOW)
    later = NOW + 2 * HOUR

    class Slow(Memory):
        def allowance(self) -> Allowance:
            if clock.now < later:
                rescheduling.reschedule(store, send_id, later, None)
            return super().allowance()

    memory = Slow()
    told: list[tuple[str, int]] = []

    def sleep(line: str) -> None:
        told.append((line, len(memory.delivered)))
        clock.now = NOW + len(told) * HOUR

    found = run.run(replace(worker(store, memory, clock=clock), notify=sleep), send_id)

    assert [delivered for _, delivered in told] == [0, 0]
    assert "10:00" in told[-1][0]
    assert (found.status, found.counts.accepted) == ("finished", 3)


def test_a_worker_waits_for_no_new_time(store: Store) -> None:
    """One of several that were due got it while another was sent; the worker slept till then."""
    fill_list(store, 3)
    send_id = plan(store, replace(order(), scheduled_at=NOW), NOW)
    clock = FixedClock(NOW + HOUR)
    assert taking_up.due(store, clock()) == [send_id]
    rescheduling.reschedule(store, send_id, NOW + 2 * HOUR, None)
    memory = Memory()
    sender = worker(store, memory, clock=clock)

    found = taking_up.take_up(replace(sender, notify=lambda line: sender.stop.set()), send_id)

    assert (found.status, sender.stop.is_set()) == ("scheduled", False)
    assert memory.delivered == []


@pytest.mark.parametrize("decide", [control.cancel, control.pause])
def test_a_worker_sends_nothing_that_was_ended_or_stopped_since_it_was_due(
    store: Store, decide: Callable[[Store, str, FixedClock], Send]
) -> None:
    """While it sent another one; what was cancelled went to everybody then."""
    fill_list(store, 3)
    send_id = plan(store, replace(order(), scheduled_at=NOW), NOW)
    clock = FixedClock(NOW + HOUR)
    assert taking_up.due(store, clock()) == [send_id]
    decided = decide(store, send_id, clock)
    memory = Memory()

    found = taking_up.take_up(worker(store, memory, clock=clock), send_id)

    assert found == decided
    assert memory.delivered == []


# --- several workers ------------------------------------------------------------------------------


def test_two_workers_send_each_due_issue_once(call: Call, project: Path, readers: str) -> None:
    """The one that comes second to a send goes on with the next."""
    names = [f"2026-01-1{day}-due" for day in range(4)]
    for name in names:
        write_issue(project, f"{name}.md")
        plan_send(project, name, readers, at=ago(1))

    with (
        at_terminal(project, "worker", "--once", "--json") as one,
        at_terminal(project, "worker", "--once", "--json") as two,
    ):
        left = [one.leave(), two.leave()]

    assert [code for code, _ in left] == [0, 0], left
    sends = call("sends", "--json").lines
    assert {(found["status"], found["accepted"]) for found in sends} == {("finished", 3)}
    assert outbox(project) == 3 * len(names)
    assert {
        line["attempts"]
        for found in sends
        for line in call("deliveries", found["send_id"], "--json").lines
    } == {1}
