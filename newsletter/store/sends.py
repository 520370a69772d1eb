"""Queries on sends: making one, who owns it, and where it stands."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from newsletter.model.send import Counts, DeliveryStatus, Send, SendStatus
from newsletter.store.schema import deliveries, lists, sends

ENDED = (SendStatus.FINISHED, SendStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class Owner:
    """Who runs a send, as its row says; `lease_until` in UTC."""

    name: str | None
    epoch: int
    lease_until: dt.datetime | None


def serialise(connection: Connection, slug: str) -> None:
    """Let only one transaction at a time decide about an issue.

    SQLite's write transactions are alone anyway; PostgreSQL needs a lock, so that two sends of
    one issue to two lists cannot both find that a person has not had it yet.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(slug))))


def insert(connection: Connection, **values: Any) -> int:
    """Make the row of a send; returns its number."""
    result = connection.execute(sa.insert(sends).values(**values).returning(sends.c.number))
    return int(result.scalar_one())


def same_audience(connection: Connection, slug: str, list_id: int, segment: str) -> Sequence[Send]:
    """All sends of an issue to one audience, newest first."""
    query = (
        _with_list()
        .where(sends.c.slug == slug, sends.c.list_id == list_id, sends.c.segment == segment)
        .order_by(sends.c.repeat.desc())
    )
    return [_send(connection, row) for row in connection.execute(query).all()]


def numbers_of_other_audiences(
    connection: Connection, slug: str, list_id: int, segment: str
) -> Sequence[int]:
    """Sends of the same issue to anybody else: usually none, which spares the anti-join."""
    query = sa.select(sends.c.number).where(
        sends.c.slug == slug,
        sa.or_(sends.c.list_id != list_id, sends.c.segment != segment),
    )
    return connection.execute(query).scalars().all()


def find(connection: Connection, send_id: str) -> Send | None:
    """The send of this id, or the only one whose id begins so."""
    rows = connection.execute(
        _with_list().where(sends.c.id.startswith(send_id, autoescape=True)).limit(2)
    ).all()
    exact = [row for row in rows if row.id == send_id]
    chosen = exact or (rows if len(rows) == 1 else [])
    return _send(connection, chosen[0]) if chosen else None


def newest(connection: Connection) -> Send | None:
    row = connection.execute(_with_list().order_by(sends.c.number.desc()).limit(1)).first()
    return None if row is None else _send(connection, row)


def newest_first(connection: Connection) -> Iterator[Send]:
    rows = connection.execute(_with_list().order_by(sends.c.number.desc())).all()
    return (_send(connection, row) for row in rows)


def due(connection: Connection, now: dt.datetime) -> Sequence[str]:
    """Ids of scheduled sends whose time has come, the longest waiting first."""
    query = (
        sa.select(sends.c.id)
        .where(sends.c.status == SendStatus.SCHEDULED, sends.c.scheduled_at <= now)
        .order_by(sends.c.scheduled_at, sends.c.number)
    )
    return connection.execute(query).scalars().all()


def last_to(connection: Connection, list_id: int, segment: str) -> int | None:
    """The newest frozen send to an audience."""
    query = sa.select(sa.func.max(sends.c.number)).where(
        sends.c.list_id == list_id, sends.c.segment == segment, sends.c.frozen
    )
    return connection.execute(query).scalar()


def newest_finished(connection: Connection, list_id: int, slug: str | None) -> int | None:
    """The newest finished send to a whole list, or of one issue to it."""
    query = sa.select(sa.func.max(sends.c.number)).where(
        sends.c.list_id == list_id,
        sends.c.segment == "",
        sends.c.status == SendStatus.FINISHED,
    )
    if slug is not None:
        query = query.where(sends.c.slug == slug)
    return connection.execute(query).scalar()


def open_numbers(connection: Connection) -> Sequence[int]:
    """The numbers of all sends that have not ended."""
    query = sa.select(sends.c.number).where(sends.c.status.not_in(ENDED)).order_by(sends.c.number)
    return connection.execute(query).scalars().all()


def adopt(connection: Connection, number: int, reason: str) -> None:
    """Free a send of a restored store from its owner; a schedule asks a person first."""
    update(connection, number, owner=None, lease_until=None, cursor=sends.c.recipients)
    connection.execute(
        sa.update(sends)
        .where(sends.c.number == number, sends.c.status == SendStatus.SCHEDULED)
        .values(status=SendStatus.PAUSED, pause_reason=reason)
    )


# The email is large, and each claim reads the row.
_ROW = sa.select(*(column for column in sends.c if column is not sends.c.email)).where(
    sends.c.number == sa.bindparam("number")
)
_LOCKED_ROW = _ROW.with_for_update()


def row_of(connection: Connection, number: int, *, lock: bool = False) -> Row[Any]:
    """The row of a send without its email; `lock` holds it until the transaction ends."""
    return connection.execute(_LOCKED_ROW if lock else _ROW, {"number": number}).one()


def email_of(connection: Connection, number: int) -> str:
    """The frozen email of a send, as JSON."""
    query = sa.select(sends.c.email).where(sends.c.number == number)
    return str(connection.execute(query).scalar_one())


def number_of(connection: Connection, send_id: str) -> int:
    return int(
        connection.execute(sa.select(sends.c.number).where(sends.c.id == send_id)).scalar_one()
    )


def update(connection: Connection, number: int, **values: Any) -> None:
    connection.execute(sa.update(sends).where(sends.c.number == number).values(**values))


def owner_of(connection: Connection, number: int) -> Owner:
    """Who runs a send; the row is held, so that the answer stays true for this transaction."""
    row = row_of(connection, number, lock=True)
    return Owner(row.owner, row.epoch, row.lease_until)


def take(connection: Connection, number: int, owner: str, lease_until: dt.datetime) -> int:
    """Make `owner` the one that runs a send; returns the new epoch.

    The epoch fences: whoever held the send before can claim nothing more, even if it wakes later.
    """
    epoch = owner_of(connection, number).epoch + 1
    update(connection, number, owner=owner, epoch=epoch, lease_until=lease_until)
    return epoch


def renew(connection: Connection, number: int, epoch: int, lease_until: dt.datetime) -> bool:
    """Prolong the lease of an owner; False if somebody else has taken the send since."""
    result = connection.execute(
        sa.update(sends)
        .where(sends.c.number == number, sends.c.epoch == epoch)
        .values(lease_until=lease_until)
    )
    return result.rowcount == 1


def release(connection: Connection, number: int, epoch: int) -> None:
    """Give a send up, so that the next owner need not wait for the lease."""
    connection.execute(
        sa.update(sends)
        .where(sends.c.number == number, sends.c.epoch == epoch)
        .values(owner=None, lease_until=None)
    )


def counts(connection: Connection, number: int) -> Counts:
    """The balance of a send, counted from its deliveries (0.2 s for a million)."""
    query = (
        sa.select(deliveries.c.status, sa.func.count())
        .where(deliveries.c.send == number)
        .group_by(deliveries.c.status)
    )
    found: dict[str, int] = {status: amount for status, amount in connection.execute(query)}  # noqa: C416 -- a Row is no pair to mypy
    return Counts(
        accepted=found.get(DeliveryStatus.ACCEPTED, 0),
        rejected=found.get(DeliveryStatus.REJECTED, 0),
        skipped=found.get(DeliveryStatus.SKIPPED, 0),
        unknown=found.get(DeliveryStatus.UNKNOWN, 0),
        queued=found.get(DeliveryStatus.QUEUED, 0) + found.get(DeliveryStatus.SENDING, 0),
    )


def accepted(connection: Connection, send: Row[Any], since: dt.datetime | None, limit: int) -> int:
    """How many deliveries of a send were accepted after `since`, counted no further than `limit`.

    The last claimed are looked at first, for numbers follow the time.
    """
    some = (
        sa.select(deliveries.c.number)
        .where(
            deliveries.c.send == send.number,
            deliveries.c.number <= send.cursor,
            deliveries.c.status == DeliveryStatus.ACCEPTED,
        )
        .order_by(deliveries.c.number.desc())
        .limit(limit)
    )
    if since is not None:
        some = some.where(deliveries.c.at > since)
    query = sa.select(sa.func.count()).select_from(some.subquery())
    return int(connection.execute(query).scalar_one())


def settle(connection: Connection, number: int, now: dt.datetime) -> SendStatus:
    """Say where a running send stands once nothing is queued or in flight.

    Counts the ledger again rather than trusting anybody's sum: the balance is the promise.
    """
    row = row_of(connection, number, lock=True)
    balance = counts(connection, number)
    status = SendStatus(row.status)
    if status in ENDED or not row.frozen:
        return status
    if balance.queued:
        if status is SendStatus.UNRESOLVED:  # its lost worker woke, and could not send them
            status = SendStatus.PAUSED
            update(connection, number, status=status, pause_reason="some were put back late")
        return status
    status = SendStatus.UNRESOLVED if balance.unknown else SendStatus.FINISHED
    ended = {"finished_at": now} if status is SendStatus.FINISHED else {}
    update(connection, number, status=status, pause_reason=None, **ended)
    return status


def _with_list() -> sa.Select[Any]:
    return sa.select(sends, lists.c.name.label("list_name")).join(
        lists, lists.c.id == sends.c.list_id
    )


def _send(connection: Connection, row: Row[Any]) -> Send:
    return Send(
        id=row.id,
        slug=row.slug,
        list=row.list_name,
        segment=row.segment or None,
        status=SendStatus(row.status),
        subject=row.subject,
        sender=row.sender,
        content_hash=row.content_hash,
        git_commit=row.git_commit,
        again=row.again,
        rate=row.rate,
        created_at=row.created_at,
        scheduled_at=row.scheduled_at,
        finished_at=row.finished_at,
        pause_reason=row.pause_reason,
        resume_at=row.resume_at,
        counts=counts(connection, row.number),
    )
