"""Answers that take long to count, kept for a while: many pages ask, the store counts once."""

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")

_PAUSES = 20  # times what counting took: it takes the store a twentieth of its time at most


@dataclass(slots=True)
class KeptAnswers:
    """One thread counts what stands under a key, the others that want it wait."""

    seconds: Callable[[], float] = time.monotonic
    _answers: dict[Hashable, tuple[float, Any]] = field(default_factory=dict)
    _counting: dict[Hashable, threading.Lock] = field(default_factory=dict)
    _changes: int = 0

    def answer(self, key: Hashable, count: Callable[[], T], least_seconds: float = 10.0) -> T:
        """What was counted under a key not long ago, at least so many seconds; else counted now.
        What `count` raises is raised and not kept, nor is what was counted across a change."""
        with self._counting.setdefault(key, threading.Lock()):
            began = self.seconds()
            until, value = self._answers.get(key, (0.0, None))
            if until > began:
                kept: T = value
                return kept
            changes = self._changes
            value = count()
            if self._changes != changes:
                return value
            now = self.seconds()
            age = max(least_seconds, _PAUSES * (now - began))
            fresh = {name: each for name, each in self._answers.items() if each[0] > now}
            self._answers = {**fresh, key: (now + age, value)}
            return value

    def forget(self) -> None:
        """Count all anew: somebody has changed something."""
        self._changes += 1
        self._answers = {}
