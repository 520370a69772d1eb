"""Machines whose clocks differ: leases and schedules go by the clock of PostgreSQL's server."""

import datetime as dt
import os
import signal
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from newsletter.store import open_store
from newsletter.store.clock import clock_of
from newsletter.store.schema import tenures
from tests.crash import checker
from tests.crash.checker import Known
from tests.crash.stage import LIST, Stage, falls_asleep
from tests.faketime import found_or_skipped, wrong_clock
from tests.faults.conftest import RECIPIENTS
from tests.integration.commandline import command
from tests.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.postgresql

BEHIND, AHEAD = "-300", "+301"


@pytest.fixture
def library() -> Path:
    return found_or_skipped()


def start(stage: Stage, library: Path, clock: str, *arguments: str) -> subprocess.Popen[str]:
    """A command on a machine of its own, by its name, whose clock is wrong."""
    host = ("unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', f"host-{clock[1:]}")
    return subprocess.Popen(
        [*host, *command(*arguments)],
        cwd=stage.project,
        env={**os.environ, **stage.environment, **wrong_clock(library, clock)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def said(process: subprocess.Popen[str], code: int = 0) -> str:
    out, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == code, out
    return out


@pytest.fixture(autouse=True)
def _may_name_hosts() -> None:
    if subprocess.run(["unshare", "--uts", "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs the right to name a host")


def test_workers_whose_clocks_are_ten_minutes_apart_share_a_send(
    stage: Stage, library: Path
) -> None:
    """By its own clock, each would give up those that are behind it."""
    play = stage.new_play()
    right = stage.start(
        *play.next_command(),
        host="right",
        at=("after the commit in sending.core._claim", 2),
        signal=signal.SIGSTOP,
    )
    falls_asleep(right)
    others = [start(stage, library, clock, *play.next_command()) for clock in (BEHIND, AHEAD)]

    until(lambda: len(play.taken()) == RECIPIENTS - 2)
    leases = lease_seconds(stage)
    right.stir()
    told = [said(worker) for worker in others]

    assert leases
    assert all(-1 < seconds <= 60 for seconds in leases), leases
    assert right.code == 0
    assert not any("lost" in text or "booked" in text for text in [*told, right.said])
    assert checker.faults_of_the_end(play.ledger(), play.taken(), Known()) == []
    assert len(play.ledger().numbers("accepted")) == RECIPIENTS


def lease_seconds(stage: Stage) -> list[float]:
    """How long the leases of all workers last, by the clock of the server."""
    with closing(open_store(stage.url, stage.project)) as store, store.read() as connection:
        now = clock_of(store, dt.datetime.now)()
        leases = connection.execute(sa.select(tenures.c.lease_until)).scalars()
        return [(until - now).total_seconds() for until in leases]


def test_a_schedule_goes_by_the_clock_of_the_server(stage: Stage, library: Path) -> None:
    """Two minutes from now are past by the clock that is ahead, and far for the one behind."""
    play = stage.new_play()
    at = (dt.datetime.now(dt.UTC) + dt.timedelta(minutes=2)).isoformat()

    planned = said(
        start(
            stage,
            library,
            AHEAD,
            "send",
            play.slug,
            "--list",
            LIST,
            "--yes",
            "--detach",
            "--at",
            at,
        )
    )
    said(start(stage, library, AHEAD, "worker", "--once"))

    assert "error" not in planned.lower()
    assert play.ledger().status == "scheduled"
    assert play.taken() == []
    stage.call("cancel", str(play.send_id))
