"""Events -> the event log and the ledger, whichever order they come in, and however often.

An event changes only what the ledger holds: the delivery that its tag, header or message id names.
"""

import datetime as dt
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from sqlalchemy.engine import Connection

from newsletter.feedback.events import parse
from newsletter.model.event import NoEvent
from newsletter.model.send import SendStatus
from newsletter.store import Store, sends
from newsletter.store import events as log
from newsletter.store.events import Verdict

_A_TRANSACTION = 500
_SAMPLES = 10


@dataclass
class Applied:
    """How many messages were read, and what became of them; the four others add up to `read`."""

    read: int = 0
    applied: int = 0
    duplicate: int = 0
    ignored: int = 0
    set_aside: int = 0
    samples: list[tuple[str, str]] = field(default_factory=list)  # place and fault of some


Placed = tuple[str, str]  # where a message stands, for people, and its text


def apply(store: Store, messages: Iterable[Placed], now: dt.datetime, total: Applied) -> None:
    """Record messages and let them settle the ledger; counts them in `total`.

    Each few hundred are one transaction: after a crash the rest may come again, and what was
    applied already is a duplicate then.
    """
    remaining = iter(messages)
    while chunk := list(islice(remaining, _A_TRANSACTION)):
        with store.write() as connection:
            touched = {send for message in chunk for send in _one(connection, message, now, total)}
            for send in sorted(touched):
                if sends.row_of(connection, send, lock=True).status == SendStatus.UNRESOLVED:
                    sends.settle(connection, send, now)


def _one(
    connection: Connection, message: Placed, now: dt.datetime, total: Applied
) -> Iterator[int]:
    """Apply one message; yields the number of the send whose delivery changed."""
    total.read += 1
    event = parse(message[1])
    if isinstance(event, NoEvent):
        _no_event(connection, event, message, now, total)
        return
    delivery = log.delivery_of(connection, event)
    verdict = Verdict.IGNORED if delivery is None else Verdict.APPLIED
    if not log.record(connection, event, delivery, verdict, now):
        total.duplicate += 1
    elif delivery is None:
        total.ignored += 1
    else:
        total.applied += 1
        if log.settle(connection, delivery, event):
            yield delivery[0]


def _no_event(
    connection: Connection, found: NoEvent, message: Placed, now: dt.datetime, total: Applied
) -> None:
    if found.harmless:
        total.ignored += 1
        return
    place, text = message
    key = "unreadable " + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    if log.set_aside(connection, key, found.reason, text, now):
        total.set_aside += 1
        if len(total.samples) < _SAMPLES:
            total.samples.append((place, found.reason))
    else:
        total.duplicate += 1
