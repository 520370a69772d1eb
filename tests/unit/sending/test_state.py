"""What goes on with a send, from its row, its tenures and the clock."""

import datetime as dt
import socket
from dataclasses import replace

import pytest

from newsletter.model.send import (
    Counts,
    Reports,
    Send,
    SendStatus,
    State,
    StoppedBy,
    Tenure,
    Wait,
)
from newsletter.sending import processes
from newsletter.sending.state import Activity, activity_of

NOW = dt.datetime(2026, 1, 7, 8, 0, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
HERE = processes.this_process()
GONE = f"{socket.gethostname()}/1/another-boot:1/a"
ELSEWHERE = "elsewhere/4711/another-boot:1/a"
SEND = Send(
    id="20260107-abcdef",
    slug="news",
    list="readers",
    segment=None,
    status=SendStatus.SENDING,
    subject="News",
    sender="Daily <daily@news.example.com>",
    content_hash="",
    git_commit=None,
    again=None,
    rate=None,
    created_at=NOW,
    scheduled_at=None,
    finished_at=None,
    stopped_by=None,
    pause_reason=None,
    resume_at=None,
    counts=Counts(accepted=40, queued=60),
    reports=Reports(),
    unsubscribed=0,
    rests_since=None,
    tenures=(),
)


def tenure(worker: str, seconds: float = 58, **more: object) -> Tenure:
    """That of a worker which has so many seconds of its lease left."""
    until = NOW + dt.timedelta(seconds=seconds)
    return Tenure(worker, 1, NOW - MINUTE, until, **more)  # type: ignore[arg-type]


def held(by: str, seconds: float = 58, **more: object) -> Send:
    return replace(SEND, tenures=(tenure(by, seconds, **more),))


def test_who_runs_it_since_when_and_how_fast_is_told() -> None:
    found = activity_of(held(HERE, speed=20.0), NOW)

    assert found.state is State.RUNNING
    assert found.workers == processes.describe(HERE)
    assert found.since == NOW - MINUTE
    assert (found.rate, found.time_left) == (20.0, dt.timedelta(seconds=3))


@pytest.mark.parametrize(
    ("send", "state"),
    [
        (SEND, State.INTERRUPTED),
        (held(GONE), State.INTERRUPTED),
        (held(HERE, seconds=5), State.RUNNING),
        (held(ELSEWHERE), State.RUNNING),
        (held(ELSEWHERE, seconds=0), State.INTERRUPTED),
    ],
)
def test_a_send_is_interrupted_where_nobody_runs_it(send: Send, state: State) -> None:
    assert activity_of(send, NOW).state is state


def test_the_workers_of_a_send_are_told_with_the_speed_of_all() -> None:
    workers = (tenure(HERE, speed=20.0), tenure(GONE, speed=50.0), tenure(ELSEWHERE, speed=10.0))

    found = activity_of(replace(SEND, tenures=workers), NOW)

    assert found.state is State.RUNNING
    assert found.workers == f"{processes.describe(HERE)}, {processes.describe(ELSEWHERE)}"
    assert (found.rate, found.time_left) == (30.0, dt.timedelta(seconds=2))


def test_a_send_is_running_while_one_of_its_workers_is() -> None:
    workers = (tenure(HERE, waiting_for=Wait.QUOTA), tenure(ELSEWHERE, speed=10.0))

    found = activity_of(replace(SEND, tenures=workers), NOW)

    assert (found.state, found.waiting_for, found.rate) == (State.RUNNING, None, 10.0)
    assert [part.state for part in found.parts] == [State.WAITING, State.RUNNING]


def test_a_worker_elsewhere_that_was_not_heard_of_is_waited_for() -> None:
    found = activity_of(held(ELSEWHERE, seconds=25, speed=20.0), NOW)

    assert (found.state, found.waiting_for) == (State.WAITING, Wait.LEASE)
    assert found.until == NOW + dt.timedelta(seconds=25)
    assert found.rate is None


@pytest.mark.parametrize("seconds", [3600, 24 * 3600])
def test_a_lease_that_no_right_clock_gives_tells_nothing(seconds: float) -> None:
    """As after this machine's clock was set back: its worker may be dead or alive."""
    found = activity_of(held(ELSEWHERE, seconds, speed=20.0), NOW)

    assert (found.state, found.waiting_for) == (State.WAITING, Wait.CLOCK)
    assert (found.until, found.rate) == (None, None)
    assert found.workers == processes.describe(ELSEWHERE)
    assert activity_of(held(HERE, seconds), NOW).state is State.RUNNING
    assert activity_of(held(GONE, seconds), NOW).state is State.INTERRUPTED


@pytest.mark.parametrize("what", list(Wait))
def test_a_worker_says_what_it_waits_for(what: Wait) -> None:
    send = held(HERE, waiting_for=what, waiting_until=NOW + MINUTE, speed=20.0)

    found = activity_of(send, NOW)

    assert (found.state, found.waiting_for, found.until) == (State.WAITING, what, NOW + MINUTE)
    assert found.rate is None


def test_a_schedule_and_the_quota_are_waited_for_by_nobody() -> None:
    scheduled = replace(SEND, status=SendStatus.SCHEDULED, scheduled_at=NOW + MINUTE)
    paused = replace(
        SEND, status=SendStatus.PAUSED, stopped_by=StoppedBy.QUOTA, resume_at=NOW + MINUTE
    )

    assert activity_of(scheduled, NOW) == Activity(State.WAITING, Wait.SCHEDULE, NOW + MINUTE)
    assert activity_of(paused, NOW) == Activity(State.WAITING, Wait.QUOTA, NOW + MINUTE)


@pytest.mark.parametrize(
    "status",
    [SendStatus.PAUSED, SendStatus.UNRESOLVED, SendStatus.FINISHED, SendStatus.CANCELLED],
)
def test_what_is_over_or_paused_has_no_state(status: SendStatus) -> None:
    assert activity_of(replace(held(HERE), status=status), NOW) == Activity(None)
