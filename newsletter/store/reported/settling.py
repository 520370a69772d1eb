"""What events settle in the ledger.

Each function takes the events of a whole transaction: some hundreds, in a fixed number of queries.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from newsletter.model.event import Event
from newsletter.model.send import DeliveryStatus, Reported
from newsletter.store.ledger import archived, balance
from newsletter.store.ledger.archived import DeliveryKey
from newsletter.store.ledger.packing import Kept
from newsletter.store.schema import deliveries, events, sends

# Outcomes that are not certain yet, or that a person decided: the provider knows better.
_OPEN = (
    DeliveryStatus.UNKNOWN,
    DeliveryStatus.SENDING,
    DeliveryStatus.QUEUED,
    DeliveryStatus.REJECTED,
)
# Of two reports the later in this order stays, in whatever order they came.
_RANK = (
    Reported.DELAYED,
    Reported.DELIVERED,
    Reported.RENDERING_FAILED,
    Reported.REJECTED,
    Reported.BOUNCED,
    Reported.COMPLAINED,
)


@dataclass(frozen=True, slots=True)
class DeliveryState:
    """A delivery before and after events."""

    send: int
    number: int
    subscriber_id: int
    status: DeliveryStatus
    attempts: int
    reported: Reported | None
    message_id: str | None
    reason: str | None
    at: dt.datetime | None
    is_archived: bool = False

    @property
    def key(self) -> DeliveryKey:
        return self.send, self.number


def hold_sends(connection: Connection, reported: Sequence[Event]) -> Mapping[str, int]:
    """Lock the sends that events are about, before any delivery of them, as a claim does.

    A worker that leaves a send then counts its deliveries either before this transaction or after
    it. Returns the numbers of the sends by id.
    """
    refs = sorted({event.ref.send_id for event in reported if event.ref is not None})
    by_message = _by_message(connection, _nameless(reported))
    query = (
        sa.select(sends.c.id, sends.c.number)
        .where(
            sa.or_(
                sends.c.id.in_(refs),
                sends.c.number.in_({send for send, _ in by_message.values()}),
            )
        )
        .order_by(sends.c.number)
        .with_for_update(key_share=True)
    )
    return {row.id: row.number for row in connection.execute(query)}


def deliveries_of(
    connection: Connection, reported: Sequence[Event], numbers: Mapping[str, int]
) -> list[DeliveryState | None]:
    """The delivery of each event, locked; None where it is not ours.

    An event names its delivery by our own reference, else by the provider's message id; that is
    also looked up in the log, since an earlier event may have named both. Deliveries are locked in
    the order in which a worker records them, to avoid a deadlock.
    """
    by_message = _by_message(connection, _nameless(reported))
    places = [_place(event, numbers, by_message) for event in reported]
    standings = _locked(connection, {place for place in places if place is not None})
    return [None if place is None else standings.get(place) for place in places]


def _place(
    event: Event, numbers: Mapping[str, int], by_message: Mapping[str, DeliveryKey]
) -> DeliveryKey | None:
    if event.ref is None:
        return by_message.get(event.message_id)
    send = numbers.get(event.ref.send_id)
    return None if send is None else (send, event.ref.number)


def _nameless(reported: Sequence[Event]) -> Collection[str]:
    """The message ids of events that do not name their delivery otherwise."""
    return {event.message_id for event in reported if event.ref is None}


def _by_message(connection: Connection, message_ids: Collection[str]) -> dict[str, DeliveryKey]:
    if not message_ids:
        return {}
    keys: dict[str, DeliveryKey] = {}
    for table in (events, deliveries):  # the ledger's own word comes last and stays
        query = sa.select(table.c.message_id, table.c.send, table.c.number).where(
            table.c.message_id.in_(message_ids), table.c.send.is_not(None)
        )
        keys |= {row.message_id: (row.send, row.number) for row in connection.execute(query)}
    return keys


def _locked(
    connection: Connection, keys: Collection[DeliveryKey]
) -> dict[DeliveryKey, DeliveryState]:
    numbers: dict[int, set[int]] = defaultdict(set)
    for send, number in keys:
        numbers[send].add(number)
    standings = {
        (row.send, row.number): _state(row)
        for send in sorted(numbers)
        for row in connection.execute(
            _STANDING, {"b_send": send, "b_numbers": sorted(numbers[send])}
        )
    }
    there = archived.among(connection, numbers)
    kept = archived.at(connection, [key for key in keys if key[0] in there])
    return standings | {key: _archived_state(key, each) for key, each in kept.items()}


_STANDING: sa.Select[Any] = (
    sa.select(
        deliveries.c.send,
        deliveries.c.number,
        deliveries.c.subscriber_id,
        deliveries.c.status,
        deliveries.c.attempts,
        deliveries.c.reported,
        deliveries.c.message_id,
        deliveries.c.reason,
        deliveries.c.at,
    )
    .where(
        deliveries.c.send == sa.bindparam("b_send"),
        deliveries.c.number.in_(sa.bindparam("b_numbers", expanding=True)),
    )
    .order_by(deliveries.c.number)
    .with_for_update()
)


def _state(row: Row[Any]) -> DeliveryState:
    return DeliveryState(
        send=row.send,
        number=row.number,
        subscriber_id=row.subscriber_id,
        status=DeliveryStatus(row.status),
        attempts=row.attempts,
        reported=None if row.reported is None else Reported(row.reported),
        message_id=row.message_id,
        reason=row.reason,
        at=row.at,
    )


def _archived_state(key: DeliveryKey, kept: Kept) -> DeliveryState:
    return DeliveryState(
        send=key[0],
        number=kept.number,
        subscriber_id=kept.subscriber_id,
        status=kept.status,
        attempts=kept.attempts,
        reported=kept.reported,
        message_id=None,
        reason=kept.reason,
        at=None,
        is_archived=True,
    )


def settle(
    connection: Connection, reports: Sequence[tuple[Event, DeliveryState]]
) -> frozenset[int]:
    """Apply events to their deliveries; returns the sends whose balance changed.

    An event proves that the message was taken: an unknown delivery becomes accepted, and one that
    was queued once more is not sent again. Only a rejection or a failed rendering proves that
    nothing was sent, and only in that attempt. An accepted delivery stays accepted: a bounce is a
    later report. Of several message ids the greatest stays, so that the result does not depend on
    their order.
    """
    before = {delivery.key: delivery for _, delivery in reports}
    after = dict(before)
    for event, delivery in reports:
        after[delivery.key] = _after(after[delivery.key], event)
    changed = [delivery for key, delivery in after.items() if delivery != before[key]]
    here = [delivery for delivery in changed if not delivery.is_archived]
    _settle_archived(connection, [each for each in changed if each.is_archived])
    if here:
        connection.execute(
            _SETTLE,
            [
                {
                    "b_send": delivery.send,
                    "b_number": delivery.number,
                    "b_status": delivery.status,
                    "b_reported": delivery.reported,
                    "b_message_id": delivery.message_id,
                    "b_reason": delivery.reason,
                    "b_at": delivery.at,
                }
                for delivery in here
            ],
        )
    if changed:
        _count(connection, [(before[delivery.key], delivery) for delivery in changed])
    return frozenset(
        delivery.send for delivery in changed if delivery.status is not before[delivery.key].status
    )


def _settle_archived(connection: Connection, changed: Sequence[DeliveryState]) -> None:
    kept = archived.at(connection, [delivery.key for delivery in changed])
    changes = {
        delivery.key: archived.with_outcome(kept[delivery.key], delivery.status, delivery.reported)
        for delivery in changed
    }
    archived.change(connection, changes)


_SETTLE = (
    sa.update(deliveries)
    .where(
        deliveries.c.send == sa.bindparam("b_send"), deliveries.c.number == sa.bindparam("b_number")
    )
    .values(
        status=sa.bindparam("b_status"),
        reported=sa.bindparam("b_reported"),
        message_id=sa.bindparam("b_message_id"),
        reason=sa.bindparam("b_reason"),
        at=sa.bindparam("b_at"),
    )
)


def _count(connection: Connection, changes: Sequence[tuple[DeliveryState, DeliveryState]]) -> None:
    """Update the sums on the rows of sends by the changes of their deliveries.

    `hold_sends` holds the rows. A balance that is not stored is null, and stays so.
    """
    moved: dict[int, Counter[str]] = defaultdict(Counter)
    for old, new in changes:
        for delivery, by in ((old, -1), (new, 1)):
            moved[delivery.send][delivery.status] += by
            moved[delivery.send][f"reported {delivery.reported}"] += by
    connection.execute(
        _MOVE,
        [
            {"b_number": send, **{f"b_{column}": by[word] for column, word in _COUNTED.items()}}
            for send, by in sorted(moved.items())
        ],
    )


_COUNTED = {
    "accepted": DeliveryStatus.ACCEPTED,
    "rejected": DeliveryStatus.REJECTED,
    "unknown": DeliveryStatus.UNKNOWN,
    **{column: DeliveryStatus(name) for name, column in balance.ASIDE.items()},
    "delivered": f"reported {Reported.DELIVERED}",
    "bounced": f"reported {Reported.BOUNCED}",
    "complained": f"reported {Reported.COMPLAINED}",
}
_MOVE = (
    sa.update(sends)
    .where(sends.c.number == sa.bindparam("b_number"))
    .values({name: sends.c[name] + sa.bindparam(f"b_{name}") for name in _COUNTED})
)


def _after(delivery: DeliveryState, event: Event) -> DeliveryState:
    attempt = delivery.attempts if event.ref is None else event.ref.attempt or delivery.attempts
    if event.type.says_never_sent and attempt < delivery.attempts:
        return delivery
    changes: dict[str, Any] = {}
    reported = event.reported
    if reported is not None and _rank(reported) > _rank(delivery.reported):
        changes["reported"] = reported
    is_newer = event.message_id > (delivery.message_id or "")
    if is_newer and delivery.status is not DeliveryStatus.SKIPPED:
        changes["message_id"] = event.message_id
    status, by_report = _settled(delivery.status, event), f"{event.reporter} reported it"
    settles, taken_at = status is not delivery.status, event.sent_at or event.at
    if event.type.says_never_sent:
        if settles or (status is DeliveryStatus.REJECTED and "reported" in changes):
            reason = f"{event.reporter} reported {event.type}"
            reason += f": {event.detail}" if event.detail else ""
            changes |= {"status": status, "reason": reason, "at": event.at}
    elif settles:
        changes |= {"status": status, "reason": by_report, "at": taken_at}
    elif delivery.reason == by_report and delivery.at is not None and taken_at < delivery.at:
        changes["at"] = taken_at
    return replace(delivery, **changes)


def _settled(status: DeliveryStatus, event: Event) -> DeliveryStatus:
    if status not in _OPEN:
        return status
    return DeliveryStatus.REJECTED if event.type.says_never_sent else DeliveryStatus.ACCEPTED


def _rank(reported: Reported | None) -> int:
    return -1 if reported is None else _RANK.index(reported)
