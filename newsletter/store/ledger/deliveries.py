"""Queries on deliveries: freezing an audience, the operator's decisions, and reading them."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from newsletter.model.send import Delivery, DeliveryStatus, Reported, SkipReason
from newsletter.model.subscriber import SubscriptionStatus
from newsletter.store import locks
from newsletter.store.ledger import sends as send_queries
from newsletter.store.pages import through
from newsletter.store.schema import (
    batches,
    deliveries,
    sends,
    subscribers,
    subscriptions,
    suppressions,
)
from newsletter.store.segments.conditions import Moment, condition

_PAGE = 1000
_RECEIVED = (DeliveryStatus.ACCEPTED, DeliveryStatus.SENDING, DeliveryStatus.UNKNOWN)


def has_received(others: Sequence[int]) -> sa.ColumnElement[bool]:
    """Whether the subscriber of an outer query has, or may have, a delivery of one of `others`."""
    earlier = deliveries.alias("earlier")
    return (
        sa.exists()
        .where(
            earlier.c.subscriber_id == subscribers.c.id,
            earlier.c.send.in_(others),
            earlier.c.status.in_(_RECEIVED),
        )
        .correlate(subscribers)
    )


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom an issue is for: a list, or those of it who are in the segment of this name and rule.

    `only_missing` leaves out who had it by a send to the same audience, one before `number`.
    """

    slug: str
    list_id: int
    segment: str = ""
    rule: str = ""
    only_missing: bool = False
    number: int | None = None


def audience_counts(
    connection: Connection, audience: Audience, moment: Moment
) -> dict[SkipReason | None, int]:
    """What `freeze` would write for an audience: how many by reason to skip them."""
    recipients = _recipients(connection, audience, moment).subquery()
    rows = connection.execute(
        sa.select(recipients.c.reason, sa.func.count()).group_by(recipients.c.reason)
    )
    return {SkipReason(reason) if reason else None: amount for reason, amount in rows}


def freeze(connection: Connection, number: int, moment: Moment) -> int:
    """Write one row for each recipient of a send; returns how many.

    One INSERT … SELECT in the order of the primary key: a million rows take seconds. The rule of a
    segment is the one that was written with the send.
    """
    send = send_queries.record(connection, number, lock=True)
    locks.issue(connection, send.slug)
    audience = Audience(
        send.slug, send.list_id, send.segment, send.segment_rule, send.only_missing, number
    )
    recipients = _recipients(connection, audience, moment).subquery()
    skipped = recipients.c.reason.is_not(None)
    frozen = sa.select(
        sa.literal(number),
        sa.func.row_number().over(order_by=recipients.c.id),
        recipients.c.id,
        sa.case((skipped, DeliveryStatus.SKIPPED), else_=DeliveryStatus.QUEUED),
        recipients.c.reason,
        sa.case((skipped, sa.literal(moment.now, deliveries.c.at.type))),
    ).order_by(recipients.c.id)
    columns = ["send", "number", "subscriber_id", "status", "reason", "at"]
    connection.execute(sa.insert(deliveries).from_select(columns, frozen))
    amount = connection.execute(
        sa.select(sa.func.coalesce(sa.func.max(deliveries.c.number), 0)).where(
            deliveries.c.send == number
        )
    ).scalar_one()
    send_queries.set_audience(connection, number, amount)
    return int(amount)


def _recipients(
    connection: Connection, audience: Audience, moment: Moment
) -> sa.Select[tuple[int, str | None]]:
    """Recipients and why to skip them: (subscriber id, reason).

    They are the list's confirmed members, of a segment those for whom its rule holds. Of these the
    suppressed are skipped, those who have this issue through another audience, and who paused.
    """
    others = send_queries.numbers_of_other_audiences(
        connection, audience.slug, audience.list_id, audience.segment
    )
    if audience.only_missing:
        others = [*others, *_earlier(connection, audience)]
    until = subscribers.c.paused_until
    reason = sa.case(
        (suppressions.c.address.is_not(None), SkipReason.SUPPRESSED),
        *([(has_received(others), SkipReason.ALREADY_RECEIVED)] if others else []),
        (until > moment.now, SkipReason.PAUSED),
        else_=sa.null(),
    ).label("reason")
    return (
        sa.select(subscribers.c.id, reason)
        .join(subscriptions, subscriptions.c.subscriber_id == subscribers.c.id)
        .outerjoin(suppressions, suppressions.c.address == subscribers.c.address_key)
        .where(_is_member(connection, audience, moment), subscribers.c.address.is_not(None))
    )


def _earlier(connection: Connection, audience: Audience) -> Sequence[int]:
    return send_queries.numbers_before(
        connection, audience.slug, audience.list_id, audience.segment, audience.number
    )


def count_received(connection: Connection, audience: Audience, moment: Moment) -> int:
    """How many of an audience had the issue, or may have had it, by an earlier send to it."""
    members = (
        sa.select(sa.func.count())
        .select_from(subscriptions)
        .join(subscribers, subscribers.c.id == subscriptions.c.subscriber_id)
        .where(_is_member(connection, audience, moment))
    )
    earlier = _earlier(connection, audience)
    return int(connection.execute(members.where(has_received(earlier))).scalar_one())


def is_anybody_queued(connection: Connection, number: int) -> bool:
    query = sa.select(deliveries.c.number).where(
        deliveries.c.send == number, deliveries.c.status == DeliveryStatus.QUEUED
    )
    return connection.execute(query.limit(1)).first() is not None


def skipped(connection: Connection, number: int) -> dict[SkipReason, int]:
    """How many recipients of a send are skipped for each reason."""
    query = (
        sa.select(deliveries.c.reason, sa.func.count())
        .where(deliveries.c.send == number, deliveries.c.status == DeliveryStatus.SKIPPED)
        .group_by(deliveries.c.reason)
        .order_by(deliveries.c.reason)
    )
    return {SkipReason(reason): amount for reason, amount in connection.execute(query)}


def unfreeze(connection: Connection, number: int) -> None:
    """Take back what `freeze` wrote of a send of which nothing was claimed."""
    connection.execute(sa.delete(deliveries).where(deliveries.c.send == number))
    send_queries.set_audience(connection, number, None)


def _is_member(
    connection: Connection, audience: Audience, moment: Moment
) -> sa.ColumnElement[bool]:
    """Whether a row of subscribers and subscriptions is a confirmed one of an audience."""
    confirmed = sa.and_(
        subscriptions.c.list_id == audience.list_id,
        subscriptions.c.status == SubscriptionStatus.CONFIRMED,
    )
    if not audience.rule:
        return confirmed
    from newsletter.store.segments.rules import parse  # noqa: PLC0415 -- a parser that segments alone need

    rule = parse(audience.rule, source=audience.segment)
    return sa.and_(confirmed, condition(connection, rule, moment, subscriptions.c.consent_at))


def change_since(
    connection: Connection, last: int, audience: Audience, moment: Moment
) -> tuple[int, int]:
    """How many of an audience a send did not have, and how many it had that are not of it now."""
    members = sa.select(subscriptions.c.subscriber_id)
    if audience.rule:
        members = members.join(subscribers, subscribers.c.id == subscriptions.c.subscriber_id)
    members = members.where(_is_member(connection, audience, moment))
    reached = sa.select(deliveries.c.subscriber_id).where(deliveries.c.send == last)
    joined = sa.select(sa.func.count()).select_from(members.except_(reached).subquery())
    left = sa.select(sa.func.count()).select_from(reached.except_(members).subquery())
    return (
        int(connection.execute(joined).scalar_one()),
        int(connection.execute(left).scalar_one()),
    )


def first_claimed(connection: Connection, since: dt.datetime) -> dt.datetime | None:
    """When the first recipients since a time were claimed: their quota frees first.

    By ix_batches_claimed_at: the deliveries have no index on their time.
    """
    query = sa.select(sa.func.min(batches.c.claimed_at)).where(batches.c.claimed_at >= since)
    return connection.execute(query).scalar()


def cancel_queued(connection: Connection, number: int, now: dt.datetime) -> int:
    result = connection.execute(
        sa.update(deliveries)
        .where(deliveries.c.send == number, deliveries.c.status == DeliveryStatus.QUEUED)
        .values(status=DeliveryStatus.SKIPPED, reason=SkipReason.CANCELLED, at=now)
    )
    return int(result.rowcount)


def queue_cancelled(connection: Connection, number: int, now: dt.datetime) -> int:
    """Queue again what a cancel skipped; those whose turn had come are due as retries."""
    result = connection.execute(
        sa.update(deliveries)
        .where(
            deliveries.c.send == number,
            deliveries.c.status == DeliveryStatus.SKIPPED,
            deliveries.c.reason == SkipReason.CANCELLED,
        )
        .values(status=DeliveryStatus.QUEUED, reason=None, at=None, retry_at=now)
    )
    return int(result.rowcount)


def make_unknown(connection: Connection, number: int, reason: str, now: dt.datetime) -> int:
    """Let all that is queued or in flight be unknown; what may have been tried counts as tried."""
    tried = sa.case((deliveries.c.attempts == 0, 1), else_=deliveries.c.attempts)
    result = connection.execute(
        sa.update(deliveries)
        .where(
            deliveries.c.send == number,
            deliveries.c.status.in_((DeliveryStatus.QUEUED, DeliveryStatus.SENDING)),
        )
        .values(status=DeliveryStatus.UNKNOWN, attempts=tried, reason=reason, at=now)
    )
    return int(result.rowcount)


def resolve_unknown(
    connection: Connection, number: int, status: DeliveryStatus, reason: str, now: dt.datetime
) -> int:
    """The operator's decision about all unknown rows: queued again, accepted or rejected."""
    again = now if status is DeliveryStatus.QUEUED else None
    result = connection.execute(
        sa.update(deliveries)
        .where(deliveries.c.send == number, deliveries.c.status == DeliveryStatus.UNKNOWN)
        .values(status=status, reason=reason, retry_at=again, batch=None, at=now)
    )
    return int(result.rowcount)


def newest_first(connection: Connection, number: int) -> Iterator[Delivery]:
    """The deliveries of a send, the latest number first."""
    return through(partial(page, connection, send=number))


def page(
    connection: Connection,
    after: Delivery | None = None,
    *,
    send: int,
    status: DeliveryStatus | None = None,
    reported: Reported | None = None,
) -> Sequence[Delivery]:
    """The deliveries of a send after one, the latest number first."""
    query = (
        sa.select(deliveries, subscribers.c.address, sends.c.id.label("send_id"))
        .join(subscribers, subscribers.c.id == deliveries.c.subscriber_id)
        .join(sends, sends.c.number == deliveries.c.send)
        .where(deliveries.c.send == send)
        .order_by(deliveries.c.number.desc())
        .limit(_PAGE)
    )
    if status is not None:
        query = query.where(deliveries.c.status == status)
    if reported is not None:
        query = query.where(deliveries.c.reported == reported)
    if after is not None:
        query = query.where(deliveries.c.number < after.number)
    return [delivery_of(row) for row in connection.execute(query)]


def delivery_of(row: Row[Any]) -> Delivery:
    """A row of deliveries, with the id of its send and the address of its subscriber."""
    return Delivery(
        send_id=row.send_id,
        number=row.number,
        subscriber_id=row.subscriber_id,
        address=row.address,
        status=DeliveryStatus(row.status),
        attempts=row.attempts,
        message_id=row.message_id,
        reason=row.reason,
        reported=Reported(row.reported) if row.reported else None,
        at=row.at,
    )


def send_unheard_of(connection: Connection, after: dt.datetime, until: dt.datetime) -> str | None:
    """The id of a send that had a mail accepted after `after` and not after `until`, if any did.

    Only sends that may have run then are looked at, and of these first the delivery with the
    highest number: numbers follow the time, so most sends need no pass over their deliveries.
    """
    recent = (
        sa.select(sends.c.number, sends.c.id)
        .where(
            sends.c.created_at <= until,
            sa.or_(sends.c.finished_at.is_(None), sends.c.finished_at > after),
        )
        .order_by(sends.c.number.desc())
    )
    for send in connection.execute(recent).all():
        accepted = sa.select(deliveries.c.at).where(
            deliveries.c.send == send.number, deliveries.c.status == DeliveryStatus.ACCEPTED
        )
        newest = connection.execute(accepted.order_by(deliveries.c.number.desc()).limit(1)).scalar()
        if newest is None or newest <= after:
            continue
        between = accepted.where(deliveries.c.at > after, deliveries.c.at <= until).limit(1)
        if newest <= until or connection.execute(between).first() is not None:
            return str(send.id)
    return None
