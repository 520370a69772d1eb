"""How long tests wait for what has to come: as long as the slowest, busiest machine takes.

No test passes because it waited, and none fails because it waited too short. Where something never
comes, that is told in the end.
"""

import time
from collections.abc import Callable

PATIENCE_SECONDS = 600.0


def until(is_so: Callable[[], bool]) -> None:
    """Wait for something that has to come. Where it takes long to ask, it is not asked at once
    again: that costs those who are waited for."""
    last = time.monotonic() + PATIENCE_SECONDS
    asked = time.monotonic()
    while not is_so():
        answered = time.monotonic()
        assert answered < last, "waited in vain"
        time.sleep(min(max(0.005, 2 * (answered - asked)), 0.1))
        asked = time.monotonic()
