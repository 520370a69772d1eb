"""Events -> the event log and the ledger, whichever order they come in, and however often.

An event changes only what the ledger holds: the delivery that its tag, header or message id names.
"""

import datetime as dt
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

from sqlalchemy.engine import Connection

from newsletter.feedback.events import MAX_CHARACTERS, parse, storable
from newsletter.model.event import Event, NoEvent
from newsletter.model.send import SendStatus
from newsletter.store import Store, sends
from newsletter.store import events as log

_A_TRANSACTION = 500
_SAMPLES = 10
_WAITING = (SendStatus.UNRESOLVED, SendStatus.PAUSED)  # nobody else will say that they are over


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
        total.read += len(chunk)
        parsed = [(message, parse(message[1])) for message in chunk]
        events = [event for _, event in parsed if isinstance(event, Event)]
        with store.write() as connection:
            for message, found in parsed:
                if isinstance(found, NoEvent):
                    _no_event(connection, found, message, now, total)
            log.hold_sends(connection, events)
            touched = [_event(connection, event, now, total) for event in sorted(events, key=_turn)]
            for send in sorted({send for send in touched if send is not None}):
                if sends.row_of(connection, send, lock=True).status in _WAITING:
                    sends.settle(connection, send, now)


def _turn(event: Event) -> tuple[str, int]:
    """Deliveries are locked in the order in which a worker records them: neither waits in vain."""
    return ("", 0) if event.ref is None else (event.ref.send_id, event.ref.number)


def _event(connection: Connection, event: Event, now: dt.datetime, total: Applied) -> int | None:
    """Apply an event; returns the number of the send whose delivery changed."""
    delivery = log.delivery_of(connection, event)
    verdict = log.record(connection, event, delivery, now)
    if verdict is None:
        total.duplicate += 1
        return None
    if delivery is None:
        total.ignored += 1
        return None
    total.applied += 1
    earlier = log.adopt_earlier(connection, event, delivery) if event.ref is not None else []
    changed = [log.settle(connection, delivery, one) for one in (event, *earlier)]
    return delivery[0] if any(changed) else None


def _no_event(
    connection: Connection, found: NoEvent, message: Placed, now: dt.datetime, total: Applied
) -> None:
    if found.harmless:
        total.ignored += 1
        return
    place, text = message
    key = "unreadable " + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    if log.set_aside(connection, key, found.reason, storable(text[:MAX_CHARACTERS]), now):
        total.set_aside += 1
        if len(total.samples) < _SAMPLES:
            total.samples.append((place, found.reason))
    else:
        total.duplicate += 1
