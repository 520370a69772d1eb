"""Queries on the rows that a claim chooses: who they are, and marking them `sending`."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.model.address import Address
from newsletter.model.send import SkipReason
from newsletter.model.subscriber import Subscriber, SubscriptionStatus
from newsletter.store.ledger.freezing import has_received
from newsletter.store.schema import deliveries, subscribers, subscriptions, suppressions
from newsletter.store.statements import Statement


class Claimed(NamedTuple):
    """One recipient of a claimed batch; `attempt` counts from 1, `retries` the failures so far."""

    number: int
    attempt: int
    retries: int
    subscriber: Subscriber


_MINE = sa.and_(
    deliveries.c.send == sa.bindparam("b_send"),
    deliveries.c.status == sa.literal_column("'queued'"),
)
_IN_TURN = deliveries.c.number.between(sa.bindparam("b_first"), sa.bindparam("b_last"))
_LISTED = deliveries.c.number.in_(sa.bindparam("b_numbers", expanding=True))

_MARK_SENDING = (
    sa.update(deliveries)
    .where(_MINE)
    .values(
        status=sa.literal_column("'sending'"),
        batch=sa.bindparam("b_batch"),
        attempts=deliveries.c.attempts + 1,
        reason=sa.null(),
        at=sa.bindparam("b_at", type_=sa.BigInteger),
    )
)
_MARK_IN_TURN = Statement(_MARK_SENDING.where(_IN_TURN))


class Recipient(NamedTuple):
    """A row of `_recipients`, as the driver gives it: `paused_until` in microseconds."""

    number: int
    attempts: int
    retries: int
    id: int
    address: str | None
    name: str
    attributes: str | dict[str, str]
    paused_until: int | None
    link_key: int
    consent: str | None
    suppressed: int
    received: int


@dataclass(frozen=True, slots=True)
class InTurn:
    """The rows of a send from `first` to `last`."""

    send: int
    first: int
    last: int

    @property
    def size(self) -> int:
        return self.last - self.first + 1

    def recipients(
        self, connection: Connection, list_id: int, others: tuple[int, ...]
    ) -> Sequence[Sequence[Any]]:
        parameters = {**self._bounds, "b_list": list_id}
        return _recipients_in_turn(others).run(connection, parameters).fetchall()

    def mark_sending(self, connection: Connection, batch: int, at: int) -> None:
        _MARK_IN_TURN.run(connection, {**self._bounds, "b_batch": batch, "b_at": at})

    @property
    def _bounds(self) -> dict[str, int]:
        return {"b_send": self.send, "b_first": self.first, "b_last": self.last}


@dataclass(frozen=True, slots=True)
class DueRetries:
    """The rows of a send that have these numbers."""

    send: int
    numbers: Sequence[int]

    @property
    def size(self) -> int:
        return len(self.numbers)

    def recipients(
        self, connection: Connection, list_id: int, others: tuple[int, ...]
    ) -> Sequence[Sequence[Any]]:
        parameters = {"b_send": self.send, "b_numbers": self.numbers, "b_list": list_id}
        return connection.execute(_recipients(others).where(_LISTED), parameters).all()

    def mark_sending(self, connection: Connection, batch: int, at: int) -> None:
        parameters = {"b_send": self.send, "b_numbers": self.numbers, "b_batch": batch, "b_at": at}
        connection.execute(_MARK_SENDING.where(_LISTED), parameters)


@lru_cache(maxsize=16)
def _recipients(others: tuple[int, ...]) -> sa.Select[Any]:
    """Queued rows with what a claim needs to know, as Recipient has it; `others` are sends of the
    issue to other audiences."""
    return (
        sa.select(
            deliveries.c.number,
            deliveries.c.attempts,
            deliveries.c.retries,
            subscribers.c.id,
            subscribers.c.address,
            subscribers.c.name,
            # As the driver gives them.
            sa.type_coerce(subscribers.c.attributes, sa.Text),
            sa.type_coerce(subscribers.c.paused_until, sa.BigInteger),
            subscribers.c.link_key,
            subscriptions.c.status,
            suppressions.c.address.is_not(None),
            has_received(others) if others else sa.false(),
        )
        .join(subscribers, subscribers.c.id == deliveries.c.subscriber_id)
        .outerjoin(
            subscriptions,
            sa.and_(
                subscriptions.c.list_id == sa.bindparam("b_list"),
                subscriptions.c.subscriber_id == subscribers.c.id,
            ),
        )
        .outerjoin(suppressions, suppressions.c.address == subscribers.c.address_key)
        .where(_MINE)
        .order_by(deliveries.c.number)
    )


@lru_cache(maxsize=16)
def _recipients_in_turn(others: tuple[int, ...]) -> Statement:
    return Statement(_recipients(others).where(_IN_TURN))


def skip_reason(row: Recipient, had_archived: Collection[int], now: int) -> SkipReason | None:
    """Why to skip a row at a time in microseconds; `had_archived` are people who have the issue by
    a send that is archived."""
    if row.address is None:
        return SkipReason.ERASED
    if row.suppressed:
        return SkipReason.SUPPRESSED
    if row.consent != SubscriptionStatus.CONFIRMED:
        return SkipReason.UNSUBSCRIBED
    if row.received or row.id in had_archived:
        return SkipReason.ALREADY_RECEIVED
    if row.paused_until is not None and row.paused_until > now:
        return SkipReason.PAUSED
    return None


def claimed_of(row: Recipient) -> Claimed:
    attributes = row.attributes
    if isinstance(attributes, str):
        attributes = json.loads(attributes) if attributes != "{}" else {}
    person = Subscriber(
        row.id, Address(row.address or ""), row.name, attributes, link_key=row.link_key
    )
    return Claimed(row.number, row.attempts + 1, row.retries, person)
