"""Draining a queue of events: they are applied, and only then deleted.

The queue delivers a message again that was not deleted in time, so nothing is lost with a process;
a repeated one is a duplicate in the event log.
"""

import datetime as dt
import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain

from newsletter.config import Settings
from newsletter.errors import StoreError
from newsletter.feedback import chores
from newsletter.feedback.alarm import silence
from newsletter.feedback.apply import A_TRANSACTION, Applied, apply, apply_late
from newsletter.feedback.base import (
    A_CALL,
    CALLS,
    WAIT_SECONDS,
    Queue,
    QueueUnreachable,
    Received,
)
from newsletter.outage import Outage
from newsletter.store import Store
from newsletter.times import Clock

_log = logging.getLogger(__name__)

_EMPTY_SECONDS = 1


@dataclass
class Drain:
    """Drains a queue into a store. `stop` asks it to finish the messages in hand and leave.
    `notify` gets once that events cannot be fetched, however often it tries, and once that they
    can. `seconds` measures, whatever becomes of the clock.
    """

    queue: Queue
    store: Store
    settings: Settings
    clock: Clock
    stop: threading.Event
    notify: Callable[[str], None]
    total: Applied
    again_seconds: float = 10  # after the queue or the store failed
    keeps_house: bool = True  # does the chores of each hour as well
    seconds: Callable[[], float] = time.monotonic

    def run(self, *, once: bool, at_most: dt.timedelta | None = None) -> None:
        """Apply what comes, until stopped; `once`, until the queue is empty or, where more keeps
        coming, for `at_most` and a moment.

        Raises ConfigurationError for what a person has to mend, and, if `once`, QueueUnreachable
        and StoreError; else these are reported, and it tries again: nothing was deleted.
        """
        began_at = chores_at = self.seconds()
        outage = Outage()
        with ThreadPoolExecutor(CALLS, "queue") as pool:
            while not self.stop.is_set():
                try:
                    received = self._received(pool, _EMPTY_SECONDS if once else WAIT_SECONDS)
                    self._apply(received, pool)
                    if outage.pass_over():
                        self.notify("Events are fetched again.")
                    if not received:
                        apply_late(self.store, self.clock(), self.settings.policy)
                    if self.keeps_house and chores_at <= self.seconds():
                        self._do_chores(warn=not once)
                        chores_at = self.seconds() + chores.EVERY.total_seconds()
                except (QueueUnreachable, StoreError) as error:
                    if once:
                        raise
                    if outage.is_news(error.message):
                        _log.info("wait", {"error": error.code, "seconds": self.again_seconds})
                        again = f"trying again every {self.again_seconds:g} seconds"
                        self.notify(f"{error.message}; {again}")
                    self.stop.wait(self.again_seconds)
                    continue
                limit = at_most.total_seconds() if at_most is not None else math.inf
                if once and (not received or self.seconds() - began_at >= limit):
                    return

    def _received(self, pool: ThreadPoolExecutor, wait_seconds: int) -> list[Received]:
        """Messages for about one transaction; when few come, they are taken as they come."""
        received = self.queue.receive(wait_seconds)
        plenty = len(received) == A_CALL
        while plenty and len(received) < A_TRANSACTION and not self.stop.is_set():
            calls = min(CALLS, (A_TRANSACTION - len(received)) // A_CALL)
            more = list(chain.from_iterable(pool.map(self.queue.receive, [0] * calls)))
            received += more
            plenty = len(more) > calls * A_CALL // 2
        return received

    def _apply(self, received: Sequence[Received], pool: ThreadPoolExecutor) -> None:
        _log.debug("receive", {"messages": len(received)})
        apply(self.store, received, self.clock(), self.total, self.settings.policy)
        calls = [received[first : first + A_CALL] for first in range(0, len(received), A_CALL)]
        list(pool.map(self.queue.delete, calls))  # only now: the commit is on disk
        _log.debug("delete", {"messages": len(received)})

    def _do_chores(self, *, warn: bool) -> None:
        now = self.clock()
        chores.do_chores(self.store, self.settings, now)
        if warn and (alarm := silence(self.store, self.settings, now)):
            self.notify(f"Alarm: {alarm}.")
