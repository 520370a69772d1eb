"""The shortest schedule that still fails: delta debugging over the choices of one that does.

Choices that are left out or 0 mean less of everything: fewer faults, a smaller world, fewer turns.
"""

import re
from collections.abc import Callable, Iterator, Sequence

from tests.simulation.play import Played

_MOST = 3_000  # schedules that are tried


def shrink(failed: Played, replay: Callable[[Sequence[int]], Played]) -> Played:
    """The simplest schedule found that breaks the same promise; `replay` plays one."""
    best, choices = failed, _trimmed(failed.choices)
    left, is_better = _MOST, True
    while is_better and left > 0:
        is_better = False
        for candidate in _simpler(choices):
            left -= 1
            if left < 0:
                break
            played = replay(candidate)
            if not _is_same(played, failed):
                continue
            shorter = _trimmed(played.choices)
            if _size(shorter) < _size(choices):
                best, choices, is_better = played, shorter, True
                break
    return best


def _is_same(played: Played, failed: Played) -> bool:
    return _kind(played.fault) == _kind(failed.fault)


def _kind(fault: str | None) -> str | None:
    """A broken promise without its numbers."""
    return None if fault is None else re.sub(r"[0-9]+", "0", fault.partition("(")[0])


def _size(choices: Sequence[int]) -> tuple[int, int]:
    return sum(value > 0 for value in choices), len(choices) + sum(choices)


def _trimmed(choices: Sequence[int]) -> list[int]:
    """Without the zeros at the end, which are what follows anyway."""
    end = len(choices)
    while end and not choices[end - 1]:
        end -= 1
    return list(choices[:end])


def _simpler(choices: Sequence[int]) -> Iterator[list[int]]:
    """Simpler lists, those that leave out the most first."""
    amount = len(choices)
    size = max(1, amount // 2)
    while size:
        for start in range(amount - size, -1, -size):
            some = choices[start : start + size]
            if any(some):
                yield [*choices[:start], *([0] * size), *choices[start + size :]]
            yield [*choices[:start], *choices[start + size :]]
        size //= 2
    for place, value in enumerate(choices):
        for less in {value // 2, value - 1}:
            if 0 < less < value:
                yield [*choices[:place], less, *choices[place + 1 :]]
