"""How long tests wait for what has to come: as long as the slowest, busiest machine takes.

No test passes because it waited, and none fails because it waited too short. Where something never
comes, that is told in the end.
"""

import time
from collections.abc import Callable

PATIENCE_SECONDS = 600.0


def until(is_so: Callable[[], bool]) -> None:
    """Wait for something that has to come."""
    last = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < last, "waited in vain"
        time.sleep(0.005)
