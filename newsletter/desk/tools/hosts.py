"""Asking several hosts at once: one thing at a time of each, and no longer than there is time."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from queue import Empty, SimpleQueue
from typing import TypeVar

Host = TypeVar("Host")
Told = TypeVar("Told")

_AT_ONCE = 8


def replies_of(
    hosts: Iterable[Host], ask: Callable[[Host], Iterable[Told]], all_seconds: float
) -> Iterator[Told]:
    """The replies of all hosts as they come, until the time is over.

    Nobody waits for a host that is still asked then, or when the caller leaves, as with Ctrl-C.
    What `ask` raises is raised here.
    """
    if all_seconds <= 0:
        return
    waiting: SimpleQueue[Host] = SimpleQueue()
    for host in hosts:
        waiting.put(host)
    replies: SimpleQueue[tuple[Told] | BaseException | None] = SimpleQueue()
    is_left = threading.Event()

    def work() -> None:
        try:
            while True:
                for reply in ask(waiting.get_nowait()):
                    replies.put((reply,))
                    if is_left.is_set():
                        return
        except Empty:
            replies.put(None)
        except BaseException as error:  # noqa: BLE001 -- raised again for the caller
            replies.put(error)

    until = time.monotonic() + all_seconds
    at_work = min(_AT_ONCE, waiting.qsize())
    for _ in range(at_work):
        threading.Thread(target=work, name="hosts", daemon=True).start()
    try:
        while at_work:
            reply = replies.get(timeout=max(0.0, until - time.monotonic()))
            if isinstance(reply, BaseException):
                raise reply
            if reply is None:
                at_work -= 1
            else:
                yield reply[0]
    except Empty:
        return
    finally:
        is_left.set()
