"""Which faults a schedule may have, and when one strikes."""

from collections import Counter
from dataclasses import dataclass, field

from tests.simulation.choices import Choices

CRASH = "a process crashes"
ASLEEP = "a process sleeps longer than its lease"
AWAY = "the store is away"
BEFORE_COMMIT = "a process crashes before a commit"
COMMIT_LOST = "a commit fails"
AFTER_COMMIT = "a process crashes after a commit"
COMMIT_UNANSWERED = "a commit is not answered"
DOWN = "SES is down"
THROTTLED = "SES is asked too fast"
QUOTA = "the quota is used up"
STOPPED = "SES closes the account"
MACHINE = "the machine fails in the middle of a call"
SOME_FAIL = "SES refuses some of a call"
NOT_TAKEN = "a call is lost on its way"
LATE = "a call arrives after its timeout"
UNANSWERED = "SES takes a call and does not answer"
MISFIT = "SES answers for fewer than it was asked"

CALLS = (
    *(DOWN, THROTTLED, QUOTA, STOPPED, MACHINE, SOME_FAIL, NOT_TAKEN, LATE, UNANSWERED, MISFIT),
)
_OF_A_PROCESS = (CRASH, ASLEEP, AWAY, BEFORE_COMMIT, COMMIT_LOST, AFTER_COMMIT, COMMIT_UNANSWERED)
KINDS = (*_OF_A_PROCESS, *CALLS)
_RATES = (0.0, 0.01, 0.03, 0.1)
_OF_CALLS = 8  # times as likely: there are few calls, and many transactions
_MOST = 8


@dataclass
class Faults:
    """A schedule has some of the kinds only, at one rate, and so many: each in its own way."""

    choices: Choices
    left: int = 0
    rate: float = 0.0
    enabled: frozenset[str] = frozenset()
    counts: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, choices: Choices) -> "Faults":
        rate = choices.pick(_RATES)
        if not rate:
            return cls(choices)
        left = choices.below(_MOST) + 1
        kinds = frozenset(kind for kind in KINDS if choices.sometimes(0.4))
        return cls(choices, left, rate, kinds)

    def stop(self) -> None:
        """From now on nothing fails."""
        self.left = 0

    def strikes(self, *kinds: str) -> str | None:
        """The fault of these kinds that strikes here, if one does."""
        if not self.left:
            return None
        possible = [kind for kind in kinds if kind in self.enabled]
        if not possible:
            return None
        rate = min(0.5, _OF_CALLS * self.rate) if possible[0] in CALLS else self.rate
        chosen = self.choices.sometimes(rate, len(possible))
        return self._count(possible[chosen - 1]) if chosen else None

    def _count(self, kind: str) -> str:
        self.left -= 1
        self.counts[kind] += 1
        return kind
