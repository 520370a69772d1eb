"""Freezing an audience: the recipients of a send, and which of them are skipped."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.model.send import DeliveryStatus, SkipReason
from newsletter.model.subscriber import SubscriptionStatus
from newsletter.store import locks
from newsletter.store.dialects import each_of
from newsletter.store.ledger import archived, partitions, sends
from newsletter.store.schema import deliveries, subscribers, subscriptions, suppressions
from newsletter.store.segments.conditions import Moment, condition

# In the text of the statement, which a claim compiles once.
_RECEIVED: list[sa.ColumnElement[Any]] = [
    sa.literal_column(f"'{status}'")
    for status in (DeliveryStatus.ACCEPTED, DeliveryStatus.SENDING, DeliveryStatus.UNKNOWN)
]


def has_received(others: Sequence[int]) -> sa.ColumnElement[bool]:
    """Whether the subscriber of an outer query has, or may have, a delivery of one of `others`."""
    earlier = deliveries.alias("earlier")
    return (
        sa.exists()
        .where(
            earlier.c.subscriber_id == subscribers.c.id,
            earlier.c.send.in_([sa.literal_column(str(number)) for number in others]),
            earlier.c.status.in_(_RECEIVED),
        )
        .correlate(subscribers)
    )


def _has_had(connection: Connection, others: Sequence[int]) -> sa.ColumnElement[bool]:
    """As `has_received`, also where some of `others` are archived."""
    had = archived.all_received(connection, archived.among(connection, others))
    had_archived = subscribers.c.id.in_(each_of(connection, had)) if had else sa.false()
    return sa.or_(has_received(others), had_archived)


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom an issue is for: a list, or its members in the segment of this name and rule.

    `only_missing` leaves out those who had it by a send to the same audience before `number`.
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
    """What `freeze` would write for an audience: counts by the reason to skip, None for those to
    send to."""
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
    send = sends.record(connection, number, lock=True)
    locks.issue(connection, send.slug)
    locks.planning(connection)
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
    amount = partitions.fill(connection, number, columns, frozen)
    left_out = sa.select(sa.func.count()).where(
        deliveries.c.send == number, deliveries.c.status == DeliveryStatus.SKIPPED
    )
    sends.set_audience(connection, number, amount, connection.execute(left_out).scalar_one())
    return amount


def _recipients(
    connection: Connection, audience: Audience, moment: Moment
) -> sa.Select[tuple[int, str | None]]:
    """Recipients and why to skip them: (subscriber id, reason).

    They are the list's confirmed members; with a segment, those for whom its rule holds. Skipped
    are the suppressed, those who have this issue through another audience, and those who paused.
    """
    others = sends.numbers_of_other_audiences(
        connection, audience.slug, audience.list_id, audience.segment
    )
    if audience.only_missing:
        others = [*others, *_earlier(connection, audience)]
    until = subscribers.c.paused_until
    reason = sa.case(
        (suppressions.c.address.is_not(None), SkipReason.SUPPRESSED),
        *([(_has_had(connection, others), SkipReason.ALREADY_RECEIVED)] if others else []),
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
    return sends.numbers_before(
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
    return int(connection.execute(members.where(_has_had(connection, earlier))).scalar_one())


def unfreeze(connection: Connection, number: int) -> None:
    """Take back what `freeze` wrote for a send that has claimed nothing."""
    connection.execute(sa.delete(deliveries).where(deliveries.c.send == number))
    sends.set_audience(connection, number, None)


def _is_member(
    connection: Connection, audience: Audience, moment: Moment
) -> sa.ColumnElement[bool]:
    """Whether a row of subscribers and subscriptions is a confirmed member of an audience."""
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
    """How many of an audience a send did not reach, and how many it reached who are no longer part
    of it."""
    members = sa.select(subscriptions.c.subscriber_id)
    if audience.rule:
        members = members.join(subscribers, subscribers.c.id == subscriptions.c.subscriber_id)
    members = members.where(_is_member(connection, audience, moment))
    reached = sa.select(deliveries.c.subscriber_id).where(deliveries.c.send == last)
    if there := archived.among(connection, [last]):
        reached = each_of(connection, archived.people_of(connection, there))
    joined = sa.select(sa.func.count()).select_from(members.except_(reached).subquery())
    gone = sa.select(sa.func.count()).select_from(reached.except_(members).subquery())
    return (
        int(connection.execute(joined).scalar_one()),
        int(connection.execute(gone).scalar_one()),
    )
