"""Queries of the sending core: claim a batch, record what became of it, find what was lost."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.model.record import SendRecord
from newsletter.model.send import DeliveryStatus, SendStatus, SkipReason
from newsletter.store import locks
from newsletter.store.ledger import archived, balance, canary, tenures
from newsletter.store.ledger import sends as send_queries
from newsletter.store.ledger.choosing import (
    Claimed,
    DueRetries,
    InTurn,
    Recipient,
    claimed_of,
    skip_reason,
)
from newsletter.store.schema import batches, deliveries
from newsletter.store.schema.columns import microseconds
from newsletter.store.statements import Statement

# No retry is put off for so long: one further ahead was put off by a clock that was ahead itself.
_LONGEST_RETRY = dt.timedelta(minutes=1)


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


_OF_A_NEW_BATCH = ("send", "worker", "epoch", "size", "open", "claimed_at")
_INSERT_BATCH = Statement(
    sa.insert(batches)
    .values({column: sa.bindparam(f"b_{column}") for column in _OF_A_NEW_BATCH})
    .returning(batches.c.id)
)


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
    selection: InTurn | DueRetries
    if send.cursor < end:
        last = min(send.cursor + size, end)
        selection = InTurn(number, send.cursor + 1, last)
        send_queries.advance(connection, number, last)
    else:
        retries = _due_retries(connection, number, end, size, now)
        if not retries:
            retry_at = _next_retry(connection, number, end)
            is_held = _is_held_by_others(connection, number, epoch)
            return NothingToClaim(send.status, is_active, retry_at, is_held)
        selection = DueRetries(number, retries)
    claimed = _mark_sending(connection, send, selection, worker, epoch, now)
    if send.canary_end is not None and (left_out := selection.size - len(claimed.rows)):
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
    selection: InTurn | DueRetries,
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
    at = microseconds(now)
    skipped: dict[SkipReason, list[int]] = {}
    to_send: list[Claimed] = []
    found = selection.recipients(connection, send.list_id, tuple(others))
    rows = [Recipient._make(row) for row in found]
    had_archived = archived.received(connection, others, [row.id for row in rows])
    for row in rows:
        if reason := skip_reason(row, had_archived, at):
            skipped.setdefault(reason, []).append(row.number)
        else:
            to_send.append(claimed_of(row))
    for reason, numbers in skipped.items():
        connection.execute(
            sa.update(deliveries)
            .where(deliveries.c.send == send.number, deliveries.c.number.in_(numbers))
            .values(status=DeliveryStatus.SKIPPED, reason=reason, at=now)
        )
    left_out = sum(len(numbers) for numbers in skipped.values())
    if left_out:
        balance.add(connection, send.number, skipped=left_out)
    if not to_send:
        return Claim(0, (), left_out)
    values = {
        "b_send": send.number,
        "b_worker": worker,
        "b_epoch": epoch,
        "b_size": len(to_send),
        "b_open": True,
        "b_claimed_at": at,
    }
    [(batch,)] = _INSERT_BATCH.run(connection, values).fetchall()
    selection.mark_sending(connection, batch, at)
    return Claim(batch, tuple(to_send), left_out)
