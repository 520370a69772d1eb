"""How far a whole send is, for whoever runs one of its workers in the foreground."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from newsletter.errors import StoreError
from newsletter.model.send import Send
from newsletter.sending.reading import read
from newsletter.sending.state import activity_of
from newsletter.store import Store
from newsletter.times import Clock

_LOOK_SECONDS = 1.0
_LEAST_PAUSE = 20  # times what a look takes: counting a large send may take long


class SendProgress:
    """What all workers of a send have settled, of `total` recipients.

    The batches of this process count at once, those of others when the ledger is looked at next.
    `rate` is that of all workers, and None where this one is alone. `changed` is called after
    each change, by any thread.
    """

    def __init__(self, send: Send, changed: Callable[["SendProgress"], None]) -> None:
        self._changed = changed
        self._lock = threading.Lock()
        self._settled = 0  # when the ledger was looked at last
        self._since = 0  # by this process since then
        self.total = 0
        self.workers = 1
        self.rate: float | None = None
        self._count(send)

    @property
    def settled(self) -> int:
        return min(self.total, self._settled + self._since)

    def add(self, settled: int) -> None:
        """Count a batch of this process."""
        with self._lock:
            self._since += settled
        self._changed(self)

    def look(self, send: Send, clock: Clock) -> None:
        """Take over what the ledger says."""
        activity = activity_of(send, clock())
        with self._lock:
            self._count(send)
            self.workers = max(1, len(activity.parts))
            self.rate = activity.rate if self.workers > 1 else None
        self._changed(self)

    def _count(self, send: Send) -> None:
        self.total = send.counts.recipients
        self._settled, self._since = self.total - send.counts.queued, 0


def follow(
    progress: SendProgress, store: Store, send_id: str, clock: Clock, over: threading.Event
) -> None:
    """Look at the ledger now and then, once a second at most, and a last time when it is `over`. A
    store that is away is looked at later."""
    pause, is_over = _LOOK_SECONDS, False
    while not is_over:
        is_over = over.wait(pause)
        began = time.monotonic()
        with suppress(StoreError):
            progress.look(read(store, send_id), clock)
        pause = max(_LOOK_SECONDS, _LEAST_PAUSE * (time.monotonic() - began))
