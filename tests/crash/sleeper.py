"""A command that stops itself at a point, once, or is killed there.

SIGCONT lets it go on. What a test does meanwhile falls into that very moment on every machine.
"""

import os
import signal
from pathlib import Path

from tests.crash.driver import Orders, Points, watch


def sleep_at(point: str, which: int = 1) -> None:
    """What is to be done `first` in such a process; `which` of the points of that name is meant."""
    watch(Points(Path(os.devnull), Orders(at=(point, which), signal=signal.SIGSTOP)))


def die_at(point: str, which: int = 1) -> None:
    """As `sleep_at`, for a process that is killed."""
    watch(Points(Path(os.devnull), Orders(at=(point, which), signal=signal.SIGKILL)))
