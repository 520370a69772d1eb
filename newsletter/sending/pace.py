"""How fast a send may go right now, and whether it goes well at all: shared by its threads."""

import datetime as dt
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from newsletter.model.send import Accepted, Allowance, Outcome, Rejected, RetryLater, Unknown

_LARGEST_CALL = 50
_FIRST = 200  # recipients by which a send that goes wrong from its start is told
_FEWEST_REJECTED = 20
_SILENT_CALLS = 3


@dataclass
class Pace:
    """`asked` is what the operator and the settings allow, `allowed` the account, in recipients a
    second; None is no limit. Nothing is claimed before `hold_until`."""

    asked: float | None
    allowed: float | None = None
    hold_until: dt.datetime | None = None

    @property
    def rate(self) -> float | None:
        return min((rate for rate in (self.asked, self.allowed) if rate), default=None)

    def follow(self, allowance: Allowance) -> None:
        """Go by what the account allows now."""
        self.allowed = allowance.rate
        if allowance.remaining is None or allowance.remaining > 0:
            self.hold_until = None

    def call_size(self, batch_size: int) -> int:
        """Recipients in one call, which also bounds the unknown of one crash."""
        most = min(batch_size, _LARGEST_CALL)
        return most if self.rate is None else max(1, min(most, int(self.rate // 10)))


@dataclass
class Tally:
    """What the calls of a run came to, to tell what is wrong with all of them."""

    accepted: int = 0
    rejected: int = 0
    silent: int = 0  # calls in a row that nobody answered
    refused: int = 0  # recipients in a row that were rejected
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def count(self, outcomes: Sequence[Outcome]) -> str:
        """Add the outcomes of one call; returns why the send should stop, empty if it need not."""
        with self._lock:
            rejected = [outcome for outcome in outcomes if isinstance(outcome, Rejected)]
            self.rejected += len(rejected)
            self.accepted += sum(isinstance(outcome, Accepted) for outcome in outcomes)
            unknown = bool(outcomes) and all(isinstance(outcome, Unknown) for outcome in outcomes)
            self.silent = self.silent + 1 if unknown else 0
            if self.silent == _SILENT_CALLS:
                return f"no answer to {_SILENT_CALLS} calls in a row"
            self.refused = self.refused + len(rejected) if len(rejected) == len(outcomes) else 0
            if rejected and self.refused >= _FEWEST_REJECTED:
                return f"{self.refused} in a row were rejected: {rejected[0].reason}"
            settled = self.accepted + self.rejected
            if settled <= _FIRST and max(_FEWEST_REJECTED, self.accepted) < self.rejected:
                reason = rejected[0].reason if rejected else "see its deliveries"
                return f"{self.rejected} of the first {settled} were rejected: {reason}"
            return ""


def was_too_fast(outcomes: Sequence[Outcome]) -> bool:
    """Whether some were put off that were not at fault themselves."""
    return any(isinstance(o, RetryLater) and not o.is_failure for o in outcomes)
