"""The calls that drain a queue at once: what becomes of it where one of them fails."""

import datetime as dt
import json
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from newsletter.errors import StoreAway
from newsletter.feedback.apply import Applied
from newsletter.feedback.base import A_CALL, QueueUnreachable, Received
from newsletter.feedback.drain import Drain
from newsletter.model.event import NoEvent
from newsletter.store import Store
from tests.integration.publishing import site_of
from tests.integration.sending import NOW


class FakeQueue:
    """Full, until its messages are deleted; the calls of other threads fail in turn."""

    def __init__(self, faults: Sequence[Exception], full: int = A_CALL) -> None:
        self._main = threading.get_ident()
        self._faults = list(faults)
        self._left = {number: f"message {number}" for number in range(full)}
        self.deleted = 0

    def receive(self, wait_seconds: int) -> list[Received]:
        if threading.get_ident() != self._main and self._faults:
            raise self._faults.pop(0)
        report = NoEvent("no event", harmless=False)
        messages = [
            Received(text, json.dumps(text), report, str(number))
            for number, text in self._left.items()
        ]
        return messages if threading.get_ident() == self._main else []

    def delete(self, messages: Sequence[Received]) -> None:
        for message in messages:
            del self._left[int(message.receipt)]
        self.deleted += len(messages)


def drain(queue: FakeQueue, store: Store, folder: Path, notes: list[str]) -> Drain:
    stop = threading.Event()

    def clock() -> dt.datetime:
        if queue.deleted:
            stop.set()
        return NOW

    settings = site_of(store, folder).settings
    return Drain(queue, store, settings, clock, stop, notes.append, Applied(), again_seconds=0)


def test_a_call_that_may_pass_is_told_once_and_made_again(
    sqlite_store: Store, tmp_path: Path
) -> None:
    """What the others have received by then is not deleted, and comes again."""
    queue, notes = FakeQueue([QueueUnreachable("the queue is away")] * 3), list[str]()
    work = drain(queue, sqlite_store, tmp_path, notes)

    work.run(once=False)

    assert notes == [
        "the queue is away; trying again every 0 seconds",
        "Events are fetched again.",
    ]
    assert (queue.deleted, work.total.set_aside) == (A_CALL, A_CALL)


def test_a_call_that_breaks_off_ends_the_drain(sqlite_store: Store, tmp_path: Path) -> None:
    """No thread of it dies in silence; nothing was deleted."""
    queue = FakeQueue([RuntimeError("a bug")])

    with pytest.raises(RuntimeError, match="a bug"):
        drain(queue, sqlite_store, tmp_path, []).run(once=False)

    assert queue.deleted == 0


def test_a_store_that_goes_away_amid_the_chores_ends_no_drain(
    sqlite_store: Store, tmp_path: Path
) -> None:
    queue, notes, fails = FakeQueue([]), list[str](), [True]
    work = drain(queue, sqlite_store, tmp_path, notes)

    def clock() -> dt.datetime:
        """Asked once more for the chores."""
        if queue.deleted and fails:
            fails.clear()
            raise StoreAway("the store is away")
        return work.clock()

    replace(work, clock=clock).run(once=False)

    assert notes == [
        "the store is away; trying again every 0 seconds",
        "Events are fetched again.",
    ]
