"""What the signals of a terminal mean to a process that a test starts."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ordinary_signals() -> Iterator[None]:
    """What is started here minds them, though this run may not: one in the background of a script
    ignores Ctrl-C, one under nohup the end of its terminal, and children inherit that."""
    numbers = (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)
    before = {number: signal.signal(number, signal.SIG_DFL) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
