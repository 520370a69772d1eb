"""Queries that reports on sends ask of the ledger.

None of them locks anything. What goes over all deliveries of a send is asked in pieces, each in a
transaction of its own, so that no old state of the store is kept alive.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.model.send import OVER, DeliveryStatus, Reported, SendStatus
from newsletter.store.dialects import position
from newsletter.store.schema import batches, deliveries, sends, subscribers
from newsletter.store.schema.columns import step_of

# --- tracking -------------------------------------------------------------------------------------


def note_tracking(connection: Connection, number: int, *, opens: bool, clicks: bool) -> None:
    """Note that mails of a send are tracked; the caller holds its row. What was noted stays."""
    if opens or clicks:
        connection.execute(
            sa.update(sends)
            .where(sends.c.number == number)
            .values(
                tracks_opens=sa.or_(sends.c.tracks_opens, sa.literal(opens)),
                tracks_clicks=sa.or_(sends.c.tracks_clicks, sa.literal(clicks)),
            )
        )


def tracking(connection: Connection, number: int) -> tuple[bool, bool]:
    """Whether opens and clicks of the mails of a send are tracked."""
    query = sa.select(sends.c.tracks_opens, sends.c.tracks_clicks).where(sends.c.number == number)
    row = connection.execute(query).one()
    return row.tracks_opens, row.tracks_clicks


# --- time -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Claims:
    """When the first and the last recipients of a send were claimed; None where none were."""

    first: dt.datetime | None
    last: dt.datetime | None


def claims(connection: Connection, number: int) -> Claims:
    """By ix_batches_send: a million recipients are some tens of thousands of batches."""
    claimed = batches.c.claimed_at
    query = sa.select(sa.func.min(claimed).label("first"), sa.func.max(claimed).label("last"))
    row = connection.execute(query.where(batches.c.send == number)).one()
    return Claims(row.first, row.last)


def accepted_over_time(
    connection: Connection, number: int, since: dt.datetime, step: dt.timedelta
) -> Mapping[int, int]:
    """How many recipients whose batch was claimed in each step of time were accepted."""
    place = step_of(batches.c.claimed_at, since, step)
    query = (
        sa.select(place, sa.cast(sa.func.sum(batches.c.accepted), sa.Integer))
        .where(batches.c.send == number)
        .group_by(place)
    )
    return {step: amount for step, amount in connection.execute(query) if amount}


# --- recipients -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Alike:
    """How many recipients at one domain, empty for erased people, have the same outcome; `reason`
    is why they were rejected or skipped."""

    domain: str
    status: DeliveryStatus
    reported: Reported | None
    reason: str | None
    amount: int


def last_number(connection: Connection, number: int) -> int:
    """The number of the last delivery of a send, 0 where the ledger has none."""
    query = sa.select(sa.func.max(deliveries.c.number)).where(deliveries.c.send == number)
    return int(connection.execute(query).scalar() or 0)


def alike(connection: Connection, number: int, after: int, until: int) -> Sequence[Alike]:
    """The deliveries of a send with numbers above `after`, up to `until`, counted where they are
    alike. By their primary key, and each person's."""
    has_reason = deliveries.c.status.in_((DeliveryStatus.REJECTED, DeliveryStatus.SKIPPED))
    columns = (
        domain_of_person(connection).label("domain"),
        deliveries.c.status,
        deliveries.c.reported,
        sa.case((has_reason, deliveries.c.reason)).label("reason"),
    )
    query = (
        sa.select(*columns, sa.func.count().label("amount"))
        .join(subscribers, subscribers.c.id == deliveries.c.subscriber_id)
        .where(
            deliveries.c.send == number, deliveries.c.number > after, deliveries.c.number <= until
        )
        .group_by(*columns)
    )
    return [
        Alike(
            row.domain or "",
            DeliveryStatus(row.status),
            Reported(row.reported) if row.reported else None,
            row.reason,
            row.amount,
        )
        for row in connection.execute(query)
    ]


def domain_of_person(connection: Connection) -> sa.ColumnElement[str]:
    """The domain of a person's address; null for an erased person."""
    key = subscribers.c.address_key
    return sa.func.substr(key, position(connection, key, "@") + 1)


def domains(connection: Connection, first: int, last: int) -> Mapping[int, str]:
    """The domains of the people with ids from `first` to `last`, but of the erased."""
    query = sa.select(subscribers.c.id, domain_of_person(connection).label("domain")).where(
        subscribers.c.id.between(first, last), subscribers.c.address_key.is_not(None)
    )
    return {row.id: row.domain for row in connection.execute(query)}


# --- other sends ----------------------------------------------------------------------------------


def before(connection: Connection, number: int, limit: int) -> Sequence[int]:
    """The numbers of the last sends to the same audience before one, which have begun; the newest
    first."""
    this = sa.select(sends.c.list_id, sends.c.segment).where(sends.c.number == number).subquery()
    query = (
        sa.select(sends.c.number)
        .join(this, sa.and_(this.c.list_id == sends.c.list_id, this.c.segment == sends.c.segment))
        .where(sends.c.number < number, sends.c.cursor > 0)
        .where(sends.c.status != SendStatus.SCHEDULED)
        .order_by(sends.c.number.desc())
        .limit(limit)
    )
    return connection.execute(query).scalars().all()


# --- reports that are mailed ----------------------------------------------------------------------

_ENDED_AT = sa.func.coalesce(
    sends.c.finished_at, sends.c.rests_since, type_=sends.c.finished_at.type
)
_IS_OVER = sends.c.status.in_(OVER)
_MAILING = dt.timedelta(minutes=10)  # much longer than some mails take
_WAITS = sends.c.report_taken_at.is_(None)


@dataclass(frozen=True, slots=True)
class ReportMail:
    """What is known of the mails of a report: since when they are made, and how many of those who
    should get one did not, as far as anybody knows; None until that is noted."""

    taken_at: dt.datetime
    missed: int | None

    def is_doubtful(self, now: dt.datetime) -> bool:
        """Whether somebody may not have got it; while it is being mailed nobody doubts."""
        return self.missed != 0 and now - self.taken_at > _MAILING


def due(connection: Connection, since: dt.datetime, until: dt.datetime) -> Sequence[str]:
    """Ids of the sends that have begun and ended within a time, and whose report nobody has taken;
    the oldest first."""
    query = (
        sa.select(sends.c.id)
        .where(_IS_OVER, sends.c.cursor > 0, _WAITS)
        .where(since <= _ENDED_AT, until >= _ENDED_AT)
        .order_by(sends.c.number)
    )
    return connection.execute(query).scalars().all()


def take(connection: Connection, send_id: str, now: dt.datetime) -> bool:
    """Take the report of a send in hand; False where another worker was faster."""
    query = sa.update(sends).where(sends.c.id == send_id, _WAITS).values(report_taken_at=now)
    return connection.execute(query).rowcount == 1


def note_mailed(connection: Connection, send_id: str, missed: int) -> None:
    """Note how many of those who should get a report did not."""
    query = sa.update(sends).where(sends.c.id == send_id).values(report_missed=missed)
    connection.execute(query)


def mail_of(connection: Connection, number: int) -> ReportMail | None:
    """What is known of the mails of a report, None where nobody has taken it in hand."""
    query = sa.select(sends.c.report_taken_at, sends.c.report_missed)
    row = connection.execute(query.where(sends.c.number == number)).one()
    return row.report_taken_at and ReportMail(*row)


def doubtful(connection: Connection, since: dt.datetime, now: dt.datetime) -> Sequence[str]:
    """Ids of the sends whose report was taken in hand since then, and that somebody may not have
    got; the newest first."""
    query = (
        sa.select(sends.c.id, sends.c.report_taken_at, sends.c.report_missed)
        .where(sends.c.report_taken_at >= since)
        .order_by(sends.c.number.desc())
    )
    return [row.id for row in connection.execute(query) if ReportMail(*row[1:]).is_doubtful(now)]


def take_all(connection: Connection, now: dt.datetime) -> None:
    """Let no report wait on any send that has ended: that of a restored store may have been mailed
    before."""
    connection.execute(sa.update(sends).where(_IS_OVER, _WAITS).values(report_taken_at=now))


def put_back(connection: Connection, send_id: str) -> None:
    """Let the report of a send wait again: provably nobody was mailed it."""
    connection.execute(sa.update(sends).where(sends.c.id == send_id).values(report_taken_at=None))
