"""How much work something is: calls of Python's functions, which no busy machine changes."""

import sys
from collections.abc import Callable
from types import FrameType


def calls(work: Callable[[], object], of: Callable[..., object] | None = None) -> int:
    """How many functions a piece of work calls, or how often the one named."""
    counted = 0

    def see(frame: FrameType, event: str, argument: object) -> None:
        nonlocal counted
        counted += event == "call" and (of is None or frame.f_code is of.__code__)

    before = sys.getprofile()
    sys.setprofile(see)
    try:
        work()
    finally:
        sys.setprofile(before)
    return counted
