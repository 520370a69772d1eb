"""How much runs of what is tried by the thousand: little with the tests, all in `make attack`.

The variable SHARE says how much. Of the tests themselves `make test` leaves out some by
TESTS=some, which CI runs.
"""

import os

_SHARE = float(os.environ.get("SHARE", "0.01"))


def count(full: int) -> int:
    """A share of an attack, at least one: a hundredth with the tests."""
    return max(1, int(full * _SHARE))


def examples(full: int) -> int:
    """How many examples of a property, of which each takes long: a fifth with the tests."""
    return int(full * max(0.2, _SHARE))


def all_tests() -> bool:
    return os.environ.get("TESTS", "all") == "all"
