"""A command that stops itself at a point, once.

SIGCONT lets it go on. What a test does meanwhile falls into that very moment on every machine.
"""

import os
import signal
from pathlib import Path

from tests.crash.driver import Orders, Points, watch


def sleep_at(point: str) -> None:
    """What is to be done `first` in such a process."""
    watch(Points(Path(os.devnull), Orders(at=(point, 1), signal=signal.SIGSTOP)))
