"""What a schedule decides: drawn by a seed, or read from a list that was recorded."""

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Choices:
    """A stream of small numbers, and `taken` with all that were drawn so far.

    0 is always the plainest choice: no fault, the smallest world, the task that runs goes on. A
    recorded list that is at its end goes on with 0, so that any list of numbers is a schedule.
    """

    def __init__(self, seed: int | str | None = None, recorded: Sequence[int] = ()) -> None:
        self._random = None if seed is None else random.Random(seed)
        self._recorded = recorded
        self.taken: list[int] = []

    def below(self, amount: int) -> int:
        """One of 0 … amount - 1, each as likely."""
        if amount <= 1:
            return 0
        if self._random is None:
            return self._replayed(amount)
        value = int(self._random.random() * amount)
        self.taken.append(value)
        return value

    def sometimes(self, probability: float, amount: int = 1) -> int:
        """0, or with a probability one of 1 … amount."""
        if self._random is None:
            return self._replayed(amount + 1)
        value = self._random.random()
        value = 1 + int(value / probability * amount) if value < probability else 0
        self.taken.append(value)
        return value

    def pick(self, among: Sequence[T]) -> T:
        return among[self.below(len(among))]

    def _replayed(self, amount: int) -> int:
        place = len(self.taken)
        value = self._recorded[place] % amount if place < len(self._recorded) else 0
        self.taken.append(value)
        return value
