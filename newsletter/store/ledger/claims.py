"""Queries of the sending core: claim a batch, record what became of it, find what was lost."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from newsletter.model.address import Address
from newsletter.model.record import SendRecord
from newsletter.model.send import (
    DeliveryStatus,
    SendStatus,
    SkipReason,
)
from newsletter.model.subscriber import Subscriber, SubscriptionStatus
from newsletter.store import locks
from newsletter.store.ledger import archived, canary, tenures
from newsletter.store.ledger import sends as send_queries
from newsletter.store.ledger.freezing import has_received
from newsletter.store.schema import batches, deliveries, subscribers, subscriptions, suppressions

# No retry is put off for so long: one further ahead was put off by a clock that was ahead itself.
_LONGEST_RETRY = dt.timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Claimed:
    """One recipient of a claimed batch; `attempt` counts from 1, `retries` the failures so far."""

    number: int
    attempt: int
    retries: int
    subscriber: Subscriber


@dataclass(frozen=True, slots=True)
class Claim:
    """What one claim did: rows now `sending`, and how many it had to skip."""

    batch: int
    rows: tuple[Claimed, ...]
    skipped: int


@dataclass(frozen=True, slots=True)
class NothingToClaim:
    """`status` is not `sending`, or the tenure has ended: stop. Else nothing is claimable before
    `retry_at`, or before other workers have recorded what they hold, or at all."""

    status: SendStatus
    is_active: bool
    retry_at: dt.datetime | None = None
    is_held_by_others: bool = False


# Statements are made once: making them takes longer than running them.
_MINE = sa.and_(
    deliveries.c.send == sa.bindparam("b_send"), deliveries.c.status == DeliveryStatus.QUEUED
)
_IN_TURN = deliveries.c.number.between(sa.bindparam("b_first"), sa.bindparam("b_last"))
_LISTED = deliveries.c.number.in_(sa.bindparam("b_numbers", expanding=True))

_INSERT_BATCH = sa.insert(batches).returning(batches.c.id)
_MARK_SENDING = sa.update(deliveries).values(
    status=DeliveryStatus.SENDING,
    batch=sa.bindparam("b_batch"),
    attempts=deliveries.c.attempts + 1,
    reason=None,
    at=sa.bindparam("b_at"),
)


@dataclass(frozen=True, slots=True)
class _Selection:
    """Which rows of a send a claim takes: a condition on their numbers and its parameters."""

    condition: sa.ColumnElement[bool]
    parameters: Mapping[str, Any]


def claim(
    connection: Connection,
    number: int,
    *,
    worker: str,
    epoch: int,
    size: int,
    now: dt.datetime,
) -> Claim | NothingToClaim:
    """Take the next rows of a send, at most `size`, and mark them `sending`.

    The send's row is locked first: claims take turns, a pause or the end of the worker's tenure
    stops the next one, and nobody searches for a pending row, since numbers are dense. Consent
    and suppression are read in this very transaction, so that whoever left before it is skipped.
    A canary is extended by as many as it skips, or it might pass without a mail.
    """
    send = send_queries.record(connection, number, lock=True)
    is_active = tenures.is_active(connection, number, epoch)
    if send.status is not SendStatus.SENDING or not is_active:
        return NothingToClaim(send.status, is_active)
    end = send.recipients if send.canary_end is None else send.canary_end
    if send.cursor < end:
        last = min(send.cursor + size, end)
        size_taken = last - send.cursor
        selection = _Selection(
            _IN_TURN, {"b_send": number, "b_first": send.cursor + 1, "b_last": last}
        )
        send_queries.advance(connection, number, last)
    else:
        retries = _due_retries(connection, number, end, size, now)
        if not retries:
            retry_at = _next_retry(connection, number, end)
            is_held = _is_held_by_others(connection, number, epoch)
            return NothingToClaim(send.status, is_active, retry_at, is_held)
        size_taken = len(retries)
        selection = _Selection(_LISTED, {"b_send": number, "b_numbers": retries})
    claimed = _mark_sending(connection, send, selection, worker, epoch, now)
    if send.canary_end is not None and (left_out := size_taken - len(claimed.rows)):
        canary.set_size(connection, number, min(send.recipients, end + left_out))
    return claimed


# Of a send's deliveries up to an end: those of a restored store may be beyond its canary. The
# literal text is that of the partial index's condition, or planners would not use it.
_IS_RETRY = sa.and_(
    deliveries.c.send == sa.bindparam("b_send"),
    sa.text("status = 'queued' AND attempts > 0"),
    deliveries.c.number <= sa.bindparam("b_end"),
)
_DUE_RETRIES = (
    sa.select(deliveries.c.number)
    .where(
        _IS_RETRY,
        sa.or_(
            deliveries.c.retry_at <= sa.bindparam("b_now"),
            deliveries.c.retry_at > sa.bindparam("b_furthest"),
        ),
    )
    .order_by(deliveries.c.retry_at)
    .limit(sa.bindparam("b_size"))
)
_NEXT_RETRY = sa.select(sa.func.min(deliveries.c.retry_at)).where(_IS_RETRY)
_HELD_BY_OTHERS = (
    sa.select(sa.literal(1))
    .where(
        batches.c.send == sa.bindparam("b_send"),
        sa.text("open"),
        batches.c.epoch != sa.bindparam("b_epoch"),
    )
    .limit(1)
)


def _due_retries(
    connection: Connection, number: int, end: int, size: int, now: dt.datetime
) -> Sequence[int]:
    """Queued rows that were tried before and may be tried again, by ix_deliveries_retries."""
    values = {
        "b_send": number,
        "b_end": end,
        "b_now": now,
        "b_furthest": now + _LONGEST_RETRY,
        "b_size": size,
    }
    return connection.execute(_DUE_RETRIES, values).scalars().all()


def _next_retry(connection: Connection, number: int, end: int) -> dt.datetime | None:
    return connection.execute(_NEXT_RETRY, {"b_send": number, "b_end": end}).scalar()


def _is_held_by_others(connection: Connection, number: int, epoch: int) -> bool:
    values = {"b_send": number, "b_epoch": epoch}
    return connection.execute(_HELD_BY_OTHERS, values).first() is not None


def _mark_sending(
    connection: Connection,
    send: SendRecord,
    selection: _Selection,
    worker: str,
    epoch: int,
    now: dt.datetime,
) -> Claim:
    others = send_queries.numbers_of_other_audiences(
        connection, send.slug, send.list_id, send.segment
    )
    if others:
        locks.issue(connection, send.slug)
    if send.only_missing:
        others = [
            *others,
            *send_queries.numbers_before(
                connection, send.slug, send.list_id, send.segment, send.number
            ),
        ]
    recipients = _recipients(tuple(others), selection.condition)
    rows = connection.execute(recipients, {**selection.parameters, "b_list": send.list_id}).all()
    had_archived = archived.received(connection, others, [row.id for row in rows])
    skipped: dict[SkipReason, list[int]] = {}
    for row in rows:
        if reason := _skip_reason(row, had_archived, now):
            skipped.setdefault(reason, []).append(row.number)
    for reason, numbers in skipped.items():
        connection.execute(
            sa.update(deliveries)
            .where(deliveries.c.send == send.number, deliveries.c.number.in_(numbers))
            .values(status=DeliveryStatus.SKIPPED, reason=reason, at=now)
        )
    left_out = {number for numbers in skipped.values() for number in numbers}
    to_send = [row for row in rows if row.number not in left_out]
    if not to_send:
        return Claim(0, (), len(left_out))
    values = {
        "send": send.number,
        "worker": worker,
        "epoch": epoch,
        "size": len(to_send),
        "open": True,
        "claimed_at": now,
    }
    batch = int(connection.execute(_INSERT_BATCH, values).scalar_one())
    connection.execute(
        _MARK_SENDING.where(_MINE, selection.condition),
        {**selection.parameters, "b_batch": batch, "b_at": now},
    )
    return Claim(batch, tuple(_claimed(row) for row in to_send), len(left_out))


@lru_cache(maxsize=16)
def _recipients(others: tuple[int, ...], condition: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """The chosen rows with what a claim needs to know; `others` are sends of the issue to other
    audiences."""
    return (
        sa.select(
            deliveries.c.number,
            deliveries.c.attempts,
            deliveries.c.retries,
            subscribers,
            subscriptions.c.status.label("consent"),
            suppressions.c.address.is_not(None).label("suppressed"),
            (has_received(others) if others else sa.false()).label("received"),
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
        .where(_MINE, condition)
        .order_by(deliveries.c.number)
    )


def _skip_reason(
    row: Row[Any], had_archived: Collection[int], now: dt.datetime
) -> SkipReason | None:
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


def _claimed(row: Row[Any]) -> Claimed:
    person = Subscriber(
        row.id, Address(row.address), row.name, row.attributes, link_key=row.link_key
    )
    return Claimed(row.number, row.attempts + 1, row.retries, person)
