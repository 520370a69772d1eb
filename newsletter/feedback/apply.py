"""Events -> the event log, the ledger, suppressions and the breaker, whatever their order and
repetition.

An event changes only what the ledger holds: the delivery that its tag, header or message id names,
that delivery's send, and its reader.
"""

import datetime as dt
import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.config import PolicySettings
from newsletter.errors import NewsletterError, StoreClosed, StoreError
from newsletter.feedback import breaker, consequences, followed
from newsletter.feedback.base import MAX_CHARACTERS, Incoming, storable
from newsletter.model.event import Cause, Event, EventType, NoEvent, Ref
from newsletter.model.send import SendStatus
from newsletter.model.webhook import WebhookEvent
from newsletter.store import Store, locks, state, webhooks
from newsletter.store.ledger import sends, transitions
from newsletter.store.reported import events as log
from newsletter.store.reported import settling, unreadable
from newsletter.store.reported.settling import DeliveryState

_log = logging.getLogger(__name__)

T = TypeVar("T")

A_TRANSACTION = 500
_SAMPLES = 10
_TOLD = {
    EventType.BOUNCE: WebhookEvent.BOUNCED,
    EventType.COMPLAINT: WebhookEvent.COMPLAINED,
}
_WAITING = (SendStatus.UNRESOLVED, SendStatus.PAUSED)  # nothing else will find that they are over
_DEFAULTS = PolicySettings()


@dataclass
class Applied:
    """How many messages were read, and their results; the four others add up to `read`."""

    read: int = 0
    applied: int = 0
    duplicate: int = 0
    ignored: int = 0
    set_aside: int = 0
    samples: list[tuple[str, str]] = field(default_factory=list)  # place and fault of some
    unknown_words: Counter[str] = field(default_factory=Counter)  # among the applied

    def add(self, more: "Applied") -> None:
        self.read += more.read
        self.applied += more.applied
        self.duplicate += more.duplicate
        self.ignored += more.ignored
        self.set_aside += more.set_aside
        self.samples += more.samples[: _SAMPLES - len(self.samples)]
        self.unknown_words += more.unknown_words


Owners = dict[
    str, tuple[DeliveryState, Ref | None]
]  # deliveries, and what told of them, by message id


def apply(
    store: Store,
    messages: Iterable[Incoming],
    now: dt.datetime,
    total: Applied,
    policy: PolicySettings = _DEFAULTS,
) -> None:
    """Record what messages report, let it settle the ledger, and obey it; counts it in `total`.

    Each few hundred are one transaction: after a crash the rest may come again, and what was
    applied already is a duplicate then. A message that the store cannot take is set aside, so that
    it does not hold up others.
    """
    remaining = iter(messages)
    while chunk := list(islice(remaining, A_TRANSACTION)):
        total.add(
            _one_by_one_if_need_be(
                chunk,
                lambda some: _together(store, some, now, policy),
                lambda message, reason: _put_aside(store, message, reason, now),
            )
        )


def _together(
    store: Store,
    messages: Sequence[Incoming],
    now: dt.datetime,
    policy: PolicySettings,
) -> Applied:
    """Apply messages in one transaction."""
    events = [message.report for message in messages if isinstance(message.report, Event)]
    counts = Applied(read=len(messages))
    with store.write() as connection:
        locks.events(connection)
        for message in messages:
            if isinstance(message.report, NoEvent):
                _no_event(connection, message, message.report, now, counts)
        _apply(connection, events, now, counts, policy)
    _log.info(
        "apply",
        {
            "messages": counts.read,
            "applied": counts.applied,
            "duplicate": counts.duplicate,
            "ignored": counts.ignored,
            "set_aside": counts.set_aside,
        },
    )
    return counts


def _put_aside(store: Store, message: Incoming, reason: str, now: dt.datetime) -> Applied:
    counts = Applied(read=1)
    with store.write() as connection:
        locks.events(connection)
        _set_aside(connection, message, reason, now, counts)
    return counts


def _one_by_one_if_need_be(
    several: Sequence[T],
    apply_all: Callable[[Sequence[T]], Applied],
    give_up: Callable[[T, str], Applied],
) -> Applied:
    """Apply several in one transaction; where one of them is at fault, apply each alone, and give
    up the faulty one with its reason."""
    try:
        return apply_all(several)
    except Exception as error:
        if not _is_of_a_message(error):
            raise
        if len(several) == 1:
            reason = f"it cannot be applied: {type(error.__cause__ or error).__name__}"
            return give_up(several[0], reason)
    counts = Applied()
    for one in several:
        counts.add(_one_by_one_if_need_be([one], apply_all, give_up))
    return counts


def _is_of_a_message(error: Exception) -> bool:
    """Whether the data is at fault rather than the store: then it would fail for ever, together
    with all other messages of its transaction."""
    if isinstance(error, StoreClosed):
        return False
    if isinstance(error, StoreError):
        return isinstance(error.__cause__, sa.exc.DataError | sa.exc.IntegrityError)
    return not isinstance(error, NewsletterError | OSError | MemoryError)


def apply_late(
    store: Store,
    now: dt.datetime,
    policy: PolicySettings = _DEFAULTS,
    ahead: dt.timedelta = dt.timedelta(minutes=15),
) -> int:
    """Apply the events that came before our own record of their delivery, by at most `ahead`;
    returns how many.

    These are the few that carry neither tags nor our header: until the provider's answer is
    recorded, their message id says nothing.
    """
    with store.read() as connection:
        late = log.known_by_now(connection, now - ahead)
    if not late:
        return 0
    return _one_by_one_if_need_be(
        late,
        lambda some: _late_together(store, some, now, policy),
        lambda event, reason: _give_up(store, event, reason),
    ).applied


def _late_together(
    store: Store, late: Sequence[Event], now: dt.datetime, policy: PolicySettings
) -> Applied:
    counts = Applied()
    with store.write() as connection:
        locks.events(connection)
        _apply(connection, late, now, counts, policy)
    return counts


def _give_up(store: Store, event: Event, reason: str) -> Applied:
    with store.write() as connection:
        locks.events(connection)
        unreadable.give_up(connection, event.key, reason)
    return Applied()


def _apply(
    connection: Connection,
    reported: Sequence[Event],
    now: dt.datetime,
    total: Applied,
    policy: PolicySettings,
) -> None:
    deliveries = settling.deliveries_of(
        connection, reported, settling.hold_sends(connection, reported)
    )
    owners: Owners = {
        event.message_id: (delivery, event.ref)
        for event, delivery in zip(reported, deliveries, strict=True)
        if delivery is not None
    }
    events = followed.as_sealed(connection, _one_of_each(reported, owners))
    added = log.record(connection, events, now)
    adopted = log.adopt(connection, owners)
    applied = [(event, of) for event, of in events if of is not None and event.key in added]
    came_again = {event.key for event, _ in events} - added
    after_all = sum(event.key in came_again for event, _ in adopted)
    total.applied += len(applied) + after_all
    total.ignored += len(added) - len(applied)
    total.duplicate += len(reported) - len(added) - after_all
    if any(
        _is_forgotten(connection, *told_of) for told_of in zip(reported, deliveries, strict=True)
    ):
        state.note_time(connection, state.FORGOT_AT, now)
    effective = [*applied, *adopted]
    for event, delivery in effective:
        about = {"type": event.type, "delivery": f"{delivery.send}/{delivery.number}"}
        _log.debug("event", about)
    total.unknown_words.update(event.word for event, _ in effective if event.cause is Cause.UNKNOWN)
    for number in sorted(settling.settle(connection, effective)):
        send = sends.record(connection, number, lock=True)
        if send.status in _WAITING:
            transitions.settle(connection, send, now)
    _tell(connection, effective)
    consequences.obey(connection, effective, now, policy)
    breaker.check(connection, effective, policy)


def _tell(connection: Connection, effective: Sequence[tuple[Event, DeliveryState]]) -> None:
    """Let other programs hear whose mail bounced, and who complained."""
    for event_type, told in _TOLD.items():
        facts = (
            {"subscriber": of.subscriber_id, "send_number": of.send, "cause": event.cause}
            for event, of in effective
            if event.type is event_type and event.cause is not None
        )
        webhooks.tell(connection, told, facts)


def _is_forgotten(connection: Connection, event: Event, delivery: DeliveryState | None) -> bool:
    """Whether the store should know more about a mail than it does: then it was restored from a
    copy, or lost a commit. A claim is on disk before any of its mails leaves."""
    if event.ref is None:
        return False
    if delivery is None:
        return event.store != "" and event.store == state.store_id(connection)
    return delivery.attempts < (event.ref.attempt or 1)


def _one_of_each(
    reported: Sequence[Event], owners: Owners
) -> list[tuple[Event, DeliveryState | None]]:
    """Events without repetitions, each with its delivery.

    An event that names its delivery names it for all with the same message id.
    """
    by_key: dict[str, tuple[Event, DeliveryState | None]] = {}
    for event in reported:
        delivery, ref = owners.get(event.message_id, (None, event.ref))
        by_key.setdefault(event.key, (replace(event, ref=ref), delivery))
    return list(by_key.values())


def _no_event(
    connection: Connection, message: Incoming, report: NoEvent, now: dt.datetime, total: Applied
) -> None:
    if report.harmless:
        total.ignored += 1
        return
    _set_aside(connection, message, report.reason, now, total)


def _set_aside(
    connection: Connection, message: Incoming, reason: str, now: dt.datetime, total: Applied
) -> None:
    text = message.text
    key = "unreadable " + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    if unreadable.keep(connection, key, reason, storable(text[:MAX_CHARACTERS]), now):
        total.set_aside += 1
        _log.info("set_aside", {"message": key})
        total.samples.append((message.place, reason))
    else:
        total.duplicate += 1
