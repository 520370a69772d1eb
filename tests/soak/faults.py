"""What goes wrong meanwhile: the same faults in each quarter, one after the other.

Each is done, waited for and undone. It lasts so many seconds in a quarter of five minutes, and as
much less in a shorter one.
"""

import signal
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from tests import faketime
from tests.soak.judge import Episode
from tests.soak.meter import Meter
from tests.soak.parts import Part
from tests.soak.stage import Stage

_QUARTER_SECONDS = 300.0
_LEAST_SECONDS = 0.3
# A message that is given out and not deleted comes again after half a minute, for which a run of
# seconds does not wait.
_KILLING = "the second worker was killed"
_HIDING = ("the queue did not answer", _KILLING)
_HIDING_SECONDS = 15.0
_FORGETTING_SECONDS = (
    120.0  # of a worker that was killed, and of the time in which all comes to rest
)


@dataclass
class Faults:
    """What can be done to the parts and to what they live on; `done` is what was."""

    stage: Stage
    parts: dict[str, Part]
    meter: Meter
    stop: threading.Event
    done: list[Episode] = field(default_factory=list)
    skipped: set[str] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)

    def quarter(self, number: int, seconds: float) -> None:
        """All of them, at their moments of a quarter that begins now."""
        beside = threading.Thread(target=self._play, args=(_BESIDE, seconds), name="beside")
        beside.start()
        self._play(_plan(number), seconds)
        beside.join()

    def _play(self, plan: "Sequence[_Planned]", seconds: float) -> None:
        began = self.meter.now
        for at, lasts, name, do in plan:
            if self.stop.wait(max(0.0, began + at * seconds - self.meter.now)):
                return
            if name.startswith("the clock") and faketime.found() is None:
                self.skipped.add(f"wrong clocks: {faketime.NEEDED}")
                continue
            if name in _HIDING and seconds < _HIDING_SECONDS:
                continue
            length = max(_LEAST_SECONDS, lasts * seconds / _QUARTER_SECONDS)
            start = self.meter.now
            try:
                do(self, length)
            except Exception as error:  # noqa: BLE001 -- told at the end
                self.errors.append(f"{name} could not be done: {error!r}")
            self.done.append(Episode(name, start, self.meter.now))

    def killed_lately(self) -> int:
        """How many workers were killed so short a time ago that they may not be forgotten yet."""
        since = self.meter.now - _FORGETTING_SECONDS
        return sum(one.name == _KILLING and one.ended >= since for one in self.done)

    def wait(self, seconds: float) -> None:
        self.stop.wait(seconds)

    # --- SES --------------------------------------------------------------------------------------

    def ses(self, seconds: float, fault: str, value: object) -> None:
        self.stage.ses.configure(**{fault: value})
        self.wait(seconds)
        self.stage.ses.configure(**{fault: 20.0 if fault == "latency_ms" else False})

    # --- the store --------------------------------------------------------------------------------

    def store_restarted(self, seconds: float, *, crashes: bool) -> None:
        """PostgreSQL goes and comes back; where the store is a file, somebody holds its lock."""
        if self.stage.server is None:
            self._lock_store(seconds)
            return
        (self.stage.server.crash if crashes else self.stage.server.stop)()
        self.wait(seconds / 3)
        self.stage.server.start()

    def _lock_store(self, seconds: float) -> None:
        """Nothing else in this process opens the file raw meanwhile: that would free its lock."""
        with closing(
            sqlite3.connect(self.stage.file or "", timeout=60, isolation_level=None)
        ) as it:
            it.execute("BEGIN IMMEDIATE")
            self.wait(seconds)
            it.execute("ROLLBACK")

    # --- the queue, clocks, processes -------------------------------------------------------------

    def queue_dead(self, seconds: float) -> None:
        """It takes connections and does not answer."""
        self.stage.queue_process.send_signal(signal.SIGSTOP)
        self.wait(seconds)
        self.stage.queue_process.send_signal(signal.SIGCONT)

    def clock(self, seconds: float, name: str, offset: str) -> None:
        self.parts[name].set_clock(offset)
        self.wait(seconds)
        self.parts[name].set_clock("+0")

    def asleep(self, seconds: float) -> None:
        second = self.parts["second worker"]
        second.send(signal.SIGSTOP)
        self.wait(seconds)
        second.send(signal.SIGCONT)

    def killed(self, seconds: float) -> None:
        self.parts["second worker"].crash()
        self.wait(seconds)

    def restarted(self, seconds: float) -> None:
        self.parts["second worker"].restart()
        self.wait(seconds)


_Do = Callable[[Faults, float], None]
# (when in the quarter, seconds in one of five minutes, name, what is done)
_Planned = tuple[float, float, str, _Do]
# For longer than a lease, during which other things go wrong.
_BESIDE: Sequence[_Planned] = (
    (0.44, 75, "the second worker slept", lambda it, seconds: it.asleep(seconds)),
)


def _plan(quarter: int) -> Sequence[_Planned]:
    hour, day = ("+1h", "-1d") if quarter % 2 == 0 else ("-1h", "+1d")
    crashes = quarter % 2 == 1

    def ses(fault: str, value: object) -> _Do:
        return lambda it, seconds: it.ses(seconds, fault, value)

    def clock(name: str, offset: str) -> tuple[str, _Do]:
        return (
            f"the clock of {name} was {offset} off",
            lambda it, seconds: it.clock(seconds, name, offset),
        )

    return (
        (0.03, 15, "SES was slow", ses("latency_ms", 3_000.0)),
        (0.10, 20, "SES said that it was too much", ses("too_many_requests", True)),
        (0.18, 12, "SES did not answer", ses("hang_before", True)),
        (0.26, 1, "SES dropped two answers", ses("drop_after", 2)),
        (
            0.31,
            35,
            "the store crashed" if crashes else "the store was restarted",
            lambda it, seconds: it.store_restarted(seconds, crashes=crashes),
        ),
        (0.46, 15, *clock("worker", hour)),
        (0.52, 15, *clock("serve", day)),
        (0.58, 15, *clock("events pull", hour)),
        (0.64, 15, *clock("worker", day)),
        (0.71, 40, "the queue did not answer", lambda it, seconds: it.queue_dead(seconds)),
        (0.86, 3, _KILLING, lambda it, seconds: it.killed(seconds)),
        (0.90, 3, "the second worker was restarted", lambda it, seconds: it.restarted(seconds)),
    )
