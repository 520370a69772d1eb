"""Queries on how fast sends go, by the batches that their workers claimed and recorded."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.store.ledger.balance import OF_BATCHES
from newsletter.store.schema import batches, from_microseconds, microseconds, sends

_SECOND = 1_000_000
_SETTLED = [sa.cast(sa.func.sum(batches.c[name]), sa.Integer).label(name) for name in OF_BATCHES]


@dataclass(frozen=True, slots=True)
class RecentPace:
    """How many recipients a send has settled by the batches claimed from `since` on."""

    settled: int
    since: dt.datetime


@dataclass(frozen=True, slots=True)
class CoursePart:
    """What the batches came to that were claimed in the `seconds` from `at` on."""

    at: dt.datetime
    seconds: float
    accepted: int
    rejected: int
    unknown: int


_RECENT = (
    sa.select(sends.c.id, sa.func.min(batches.c.claimed_at).label("since"), *_SETTLED)
    .join(sends, sends.c.number == batches.c.send)
    .where(batches.c.claimed_at >= sa.bindparam("b_since"))
    .group_by(sends.c.id)
)


def lately(connection: Connection, since: dt.datetime) -> Mapping[str, RecentPace]:
    """The pace of each send that has claimed anything since then, by its id.

    By ix_batches_claimed_at: a minute of the fastest send is some thousand batches.
    """
    return {
        row.id: RecentPace(row.accepted + row.rejected + row.unknown, row.since)
        for row in connection.execute(_RECENT, {"b_since": since})
    }


def course(connection: Connection, send_id: str, parts: int) -> Sequence[CoursePart]:
    """A send from its first claim to its last, in at most so many parts of equal length, without
    those in which nothing was claimed. Empty for an archived send.

    By ix_batches_send: it reads every batch of the send, 20,000 for a million recipients at full
    speed.
    """
    of_send = (
        batches.c.send == sa.select(sends.c.number).where(sends.c.id == send_id).scalar_subquery()
    )
    ends = sa.select(sa.func.min(batches.c.claimed_at), sa.func.max(batches.c.claimed_at))
    first, last = connection.execute(ends.where(of_send)).one()
    if first is None:
        return []
    begin = microseconds(first)
    width = max(_SECOND, -(-(microseconds(last) - begin + 1) // parts))
    part = ((sa.type_coerce(batches.c.claimed_at, sa.BigInteger) - begin) // width).label("part")
    query = sa.select(part, *_SETTLED).where(of_send).group_by(part).order_by(part)
    rows = []
    for row in connection.execute(query):
        at = from_microseconds(begin + row.part * width)
        assert at is not None
        rows.append(CoursePart(at, width / _SECOND, row.accepted, row.rejected, row.unknown))
    return rows
