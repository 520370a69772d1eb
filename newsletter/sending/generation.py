"""How old the store is, to tell one that was restored from a backup.

A counter in the store goes up with each run of a send and with each backup; a file beside the
signing secret follows it. A store behind its file has forgotten mails that went out: nothing more
is sent from it until a person says so.
"""

import datetime as dt
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.engine import Connection

from newsletter.errors import Refused
from newsletter.store import Store, deliveries, sends, state
from newsletter.transports.outbox import write_whole

_NAME = "generation"
_REASON = "the store was restored from a backup: it may have been sent since"


def check(connection: Connection, file: Path) -> None:
    """Raises Refused where the store is behind its file."""
    known, stored = _read(file), state.value(connection, _NAME)
    if known > stored:
        raise Refused(
            f"the store is older than this newsletter ({stored} of {known}): it was restored "
            "from a backup, and does not know what was sent since",
            where=str(file),
            hint="Replay the events since then if you have them, then: newsletter db adopt",
        )


def is_behind(store: Store, file: Path) -> bool:
    """Whether the store has forgotten what its file remembers."""
    with store.read() as connection:
        return _read(file) > state.value(connection, _NAME)


def advance(connection: Connection) -> int:
    """One more; the caller writes it to the file once it is committed."""
    return state.increment(connection, _NAME)


def note(file: Path, generation: int) -> None:
    """Let the file follow the store, never back, also where several processes note at once."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with _held(file.parent):
        if generation > _read(file):
            write_whole(file, f"{generation}\n".encode())


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Keep other processes waiting that hold the same folder."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def leave_behind(store: Store, file: Path) -> None:
    """Let the store be newer than every copy that was made of it until now."""
    with store.write() as connection:
        generation = advance(connection)
    note(file, generation)


def adopt(store: Store, file: Path, now: dt.datetime) -> int:
    """Go on with a restored store; returns how many deliveries are unknown now.

    Whatever was still queued in it may have been sent after the backup was taken, so all of that
    becomes unknown, for events to settle or the operator to decide; schedules are paused.
    """
    with store.write() as connection:
        unknown = 0
        for number in sends.open_numbers(connection):
            unknown += deliveries.make_unknown(connection, number, _REASON, now)
            sends.adopt(connection, number, _REASON)
            sends.settle(connection, number, now)
        generation = state.raise_to(connection, _NAME, _read(file) + 1)
    note(file, generation)
    return unknown


def _read(file: Path) -> int:
    try:
        return int(file.read_text("ascii"))
    except (FileNotFoundError, ValueError):
        return 0
