"""Being told to stop: by Ctrl-C, by SIGTERM, or by the end of the terminal."""

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue


def heeded() -> Sequence[signal.Signals]:
    """The signals that ask to stop; not those that are ignored already, as SIGHUP under nohup and
    SIGINT for the background jobs of a script: they stay ignored."""
    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # the last one is Ctrl-Break of Windows
    signals = [getattr(signal, name) for name in names if hasattr(signal, name)]
    return [number for number in signals if signal.getsignal(number) is not signal.SIG_IGN]


@contextmanager
def stopping(
    stop: threading.Event, by_person: threading.Event | None = None
) -> Iterator[list[int]]:
    """Turn the first Ctrl-C, SIGTERM or SIGHUP into `stop`; a second one ends the process at once.

    `by_person` is set before by Ctrl-C. Yields the list of signals that came.
    """
    came: list[int] = []
    signals: SimpleQueue[int | None] = SimpleQueue()

    def obey() -> None:
        while (number := signals.get()) is not None:
            came.append(number)
            if len(came) > 1:
                os._exit(130)
            if number == signal.SIGINT and by_person is not None:
                by_person.set()
            stop.set()

    # By a thread: the handler interrupts whatever the main thread does. If that has just begun to
    # wait for `stop`, it holds the very lock that setting `stop` takes. This queue has none.
    thread = threading.Thread(target=obey, name="stopping")
    thread.start()
    before = {
        number: signal.signal(number, lambda came, _: signals.put(came)) for number in heeded()
    }
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signals.put(None)
        thread.join()
