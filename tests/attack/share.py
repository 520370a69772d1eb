"""How much of each attack runs: a hundredth with the tests, all of it in `make attack`."""

import os


def count(full: int) -> int:
    """A share of `full`, at least one: that of the variable SHARE, else a hundredth."""
    return max(1, int(full * float(os.environ.get("SHARE", "0.01"))))
