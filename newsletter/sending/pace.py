"""How fast a send may go right now, and whether it goes well: shared by its threads."""

import datetime as dt
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from newsletter.model.send import Accepted, Allowance, Outcome, Rejected, RetryLater, Unknown, Wait
from newsletter.sending.slots import Slots

_LARGEST_CALL = 50
_FIRST = 200  # recipients by which a send that goes wrong from the start is noticed
_FEWEST_REJECTED = 20
_SILENT_CALLS = 3
LONG_WAIT_SECONDS = 3.0  # a shorter one is part of running at a rate
_LATELY_SECONDS = 10.0
_LEAST_SECONDS = 1.0  # a speed measured over less time says little


@dataclass
class Pace:
    """`asked` is what the operator and the settings allow, `allowed` the account, in recipients a
    second; None is no limit. Nothing is claimed before `hold_until`."""

    asked: float | None
    allowed: float | None = None
    hold_until: dt.datetime | None = None
    slots: Slots = field(default_factory=Slots, repr=False)

    @property
    def rate(self) -> float | None:
        return min((rate for rate in (self.asked, self.allowed) if rate), default=None)

    def follow(self, allowance: Allowance) -> None:
        """Follow what the account allows now."""
        self.allowed = allowance.rate
        if allowance.remaining is None or allowance.remaining > 0:
            self.hold_until = None

    def call_size(self, batch_size: int) -> int:
        """Recipients in one call, which also bounds the unknown of one crash."""
        most = min(batch_size, _LARGEST_CALL)
        return most if self.rate is None else max(1, min(most, int(self.rate // 10)))


@dataclass
class Tally:
    """The outcomes of a run's calls, to notice what is wrong with all of them."""

    accepted: int = 0
    rejected: int = 0
    unknown: int = 0
    silent: int = 0  # calls in a row that nobody answered
    refused: int = 0  # recipients in a row that were rejected
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def settled(self) -> int:
        return self.accepted + self.rejected + self.unknown

    def count(self, outcomes: Sequence[Outcome]) -> str:
        """Add the outcomes of one call; returns why the send should stop, empty if it need not."""
        with self._lock:
            rejected = [outcome for outcome in outcomes if isinstance(outcome, Rejected)]
            self.rejected += len(rejected)
            self.accepted += sum(isinstance(outcome, Accepted) for outcome in outcomes)
            unknown = sum(isinstance(outcome, Unknown) for outcome in outcomes)
            self.unknown += unknown
            self.silent = self.silent + 1 if 0 < unknown == len(outcomes) else 0
            if self.silent == _SILENT_CALLS:
                return f"no answer to {_SILENT_CALLS} calls in a row"
            self.refused = self.refused + len(rejected) if len(rejected) == len(outcomes) else 0
            if rejected and self.refused >= _FEWEST_REJECTED:
                return f"{self.refused} in a row were rejected: {rejected[0].reason}"
            settled = self.accepted + self.rejected  # whatever else became unknown
            if settled <= _FIRST and max(_FEWEST_REJECTED, self.accepted) < self.rejected:
                reason = rejected[0].reason if rejected else "see its deliveries"
                return f"{self.rejected} of the first {settled} were rejected: {reason}"
            return ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a send waits for, and until when as far as that is known."""

    what: Wait
    until: dt.datetime | None


@dataclass
class Vitals:
    """What a run is doing, for whoever watches it: `speed` in recipients a second lately, and what
    it waits for, where none of its threads does anything else."""

    speed: float | None = None
    waiting: Waiting | None = None
    seconds: Callable[[], float] = time.monotonic
    _looked_at: float = field(default=0.0, repr=False)
    _threads: dict[int, Waiting] = field(default_factory=dict, repr=False)
    _samples: deque[tuple[float, int]] = field(default_factory=deque, repr=False)

    def waits(self, wait: Wait, until: dt.datetime | None) -> None:
        """The calling thread begins a long wait, or goes on with it."""
        self._threads[threading.get_ident()] = Waiting(wait, until)

    def works(self) -> None:
        """The calling thread waits no longer."""
        self._threads.pop(threading.get_ident(), None)

    def looks(self) -> None:
        """Somebody watches over the run, now."""
        self._looked_at = self.seconds()

    def is_unwatched(self, seconds: float) -> bool:
        """Whether nobody has watched over it for this long, as where the watch hangs."""
        return self.seconds() - self._looked_at >= seconds

    def look(self, threads: int, settled: int, seconds: float) -> None:
        """Conclude from what `threads` say and from how many recipients were `settled` by now."""
        self.looks()
        waiting = list(self._threads.values())
        self.waiting = waiting[0] if waiting and len(waiting) >= threads else None
        self._samples.append((seconds, settled))
        while seconds - self._samples[0][0] > _LATELY_SECONDS:
            self._samples.popleft()
        began, before = self._samples[0]
        elapsed = seconds - began
        self.speed = (settled - before) / elapsed if elapsed >= _LEAST_SECONDS else None

    def begin(self) -> None:
        """Forget the vitals of an earlier run."""
        self.speed = self.waiting = None
        self._threads.clear()
        self._samples.clear()


def was_too_fast(outcomes: Sequence[Outcome]) -> bool:
    """Whether some messages were put off through no fault of their own."""
    return any(isinstance(o, RetryLater) and not o.is_failure for o in outcomes)
