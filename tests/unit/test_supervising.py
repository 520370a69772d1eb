"""Threads beside the main work: started again where they fail, told of where they hang or end."""

import logging
import threading
from dataclasses import dataclass

import pytest

from newsletter.supervising import SideThread, Trouble, Watch
from tests import logged
from tests.waiting import PATIENCE_SECONDS, until


@dataclass
class Seconds:
    """Time that moves only when a test says so."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def wait_for(event: threading.Event) -> None:
    assert event.wait(PATIENCE_SECONDS)


def test_what_fails_is_started_again(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever it raises: its place is told, and not its message, which may name anybody."""
    rounds: list[int] = []
    well = threading.Event()

    def work(side: SideThread) -> None:
        rounds.append(1)
        if len(rounds) == 1:
            raise RuntimeError("ada@example.com")
        if len(rounds) == 2:
            raise SystemExit("ada@example.com")
        side.beat()
        well.set()
        side.stop.wait()

    side = SideThread("mailer", work, again_seconds=0)
    side.start()
    wait_for(well)

    assert side.trouble() is None
    side.leave()
    lines = logged.lines(caplog)
    assert [line.partition(" at ")[0] for line in lines] == [
        "restart thread=mailer after=RuntimeError",
        "restart thread=mailer after=SystemExit",
    ]
    assert "@" not in "".join(lines)


def test_what_ends_unasked_is_started_again() -> None:
    rounds: list[int] = []

    def work(side: SideThread) -> None:
        rounds.append(1)
        if len(rounds) == 3:
            side.stop.set()

    SideThread("poller", work, again_seconds=0).run()

    assert len(rounds) == 3


def test_it_is_in_trouble_from_a_failure_until_it_works_again() -> None:
    goes_on, worked, ends = threading.Event(), threading.Event(), threading.Event()
    rounds: list[int] = []

    class Stop(threading.Event):
        """Waits after a failure until the test lets it go on."""

        def wait(self, timeout: float | None = None) -> bool:
            return goes_on.wait(PATIENCE_SECONDS) and self.is_set()

    def work(side: SideThread) -> None:
        rounds.append(1)
        if len(rounds) == 1:
            raise RuntimeError
        side.beat()
        worked.set()
        wait_for(ends)

    side = SideThread("mailer", work, stop=Stop())
    side.start()
    until(lambda: side.trouble() is Trouble.FAILED)
    goes_on.set()
    wait_for(worked)

    assert side.trouble() is None
    side.stop.set()
    ends.set()
    side.leave()


def test_what_hangs_is_told_after_a_while_until_it_goes_on() -> None:
    seconds, hangs, goes_on = Seconds(), threading.Event(), threading.Event()
    beaten = threading.Event()

    def work(side: SideThread) -> None:
        hangs.set()
        wait_for(goes_on)
        side.beat()
        beaten.set()
        side.stop.wait()

    side = SideThread("mailer", work, seconds=seconds)
    side.start()
    wait_for(hangs)

    seconds.now = 900
    assert side.trouble() is None
    seconds.now = 901
    assert side.trouble() is Trouble.SILENT
    goes_on.set()
    wait_for(beaten)
    assert side.trouble() is None
    side.leave()


def test_one_that_never_began_is_dead_and_one_that_was_asked_to_end_is_not() -> None:
    side = SideThread("mailer", lambda side: None)

    assert side.trouble() is Trouble.DEAD
    side.leave()
    assert side.trouble() is None


def test_one_that_does_not_end_is_left_behind(caplog: pytest.LogCaptureFixture) -> None:
    """A process that is told to stop does so: a hanging call ends with it."""
    goes_on = threading.Event()
    side = SideThread("mailer", lambda side: wait_for(goes_on))
    side.start()

    side.leave(leaving_seconds=0)

    assert logged.lines(caplog) == ["leave_behind thread=mailer error=it does not end"]
    assert caplog.records[0].levelno == logging.ERROR
    goes_on.set()
    side.leave()


def test_a_watch_tells_only_of_what_is_in_trouble() -> None:
    watch = Watch()
    watch.over("mailer", lambda: None)
    watch.over("events", lambda: Trouble.SILENT)

    assert watch.troubles() == {"events": Trouble.SILENT}
