"""Being told to stop: by Ctrl-C, by SIGTERM, or by the end of the terminal."""

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


def heeded() -> Sequence[signal.Signals]:
    """The signals that ask to stop; not those that are ignored already, as SIGHUP under nohup and
    SIGINT for the background jobs of a script: they stay ignored."""
    wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    return [number for number in wanted if signal.getsignal(number) is not signal.SIG_IGN]


@contextmanager
def stopping(
    stop: threading.Event, by_person: threading.Event | None = None
) -> Iterator[list[int]]:
    """Turn the first Ctrl-C, SIGTERM or SIGHUP into `stop`; a second one ends the process at once.

    `by_person` is set before by Ctrl-C. Yields the list of signals that came.
    """
    came: list[int] = []

    def handle(number: int, _frame: object) -> None:
        came.append(number)
        if number == signal.SIGINT and by_person is not None:
            by_person.set()
        stop.set()
        if len(came) > 1:
            os._exit(130)

    before = {number: signal.signal(number, handle) for number in heeded()}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
