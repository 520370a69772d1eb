"""Queries on sends: making one, who owns it, and where it stands."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from newsletter.model.send import (
    Counts,
    DeliveryStatus,
    Reports,
    Send,
    SendStatus,
    StoppedBy,
    Tenure,
    Wait,
)
from newsletter.model.slug import spellings
from newsletter.store import consents
from newsletter.store.schema import batches, deliveries, lists, sends

ENDED = (SendStatus.FINISHED, SendStatus.CANCELLED)
OVER = (*ENDED, SendStatus.UNRESOLVED)  # nothing of them is queued

_SOON = dt.timedelta(minutes=1)
_IDLE = {"speed": None, "waiting_for": None, "waiting_until": None}
_UNCOUNTED = {"accepted": None, "rejected": None, "skipped": None, "unknown": None}


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
        .where(
            sends.c.slug.in_(spellings(slug)),
            sends.c.list_id == list_id,
            sends.c.segment == segment,
        )
        .order_by(sends.c.number.desc())
    )
    return _sends(connection, query)


def of_source(connection: Connection, source_hash: str, list_id: int) -> Sequence[Send]:
    """All sends to a list whose issue had this very source, newest first."""
    query = (
        _with_list()
        .where(sends.c.list_id == list_id, sends.c.source_hash == source_hash)
        .order_by(sends.c.number.desc())
    )
    return _sends(connection, query)


def numbers_of_other_audiences(
    connection: Connection, slug: str, list_id: int, segment: str
) -> Sequence[int]:
    """Sends of the same issue to anybody else: usually none, which spares the anti-join."""
    query = sa.select(sends.c.number).where(
        sends.c.slug.in_(spellings(slug)),
        sa.or_(sends.c.list_id != list_id, sends.c.segment != segment),
    )
    return connection.execute(query).scalars().all()


def numbers_before(
    connection: Connection, slug: str, list_id: int, segment: str, before: int | None
) -> Sequence[int]:
    """Sends of an issue to this very audience, those before a number."""
    query = sa.select(sends.c.number).where(
        sends.c.slug.in_(spellings(slug)),
        sends.c.list_id == list_id,
        sends.c.segment == segment,
    )
    if before is not None:
        query = query.where(sends.c.number < before)
    return connection.execute(query).scalars().all()


def find(connection: Connection, send_id: str) -> Send | None:
    """The send of this id, or the only one whose id begins so."""
    query = sa.select(sends.c.id).where(sends.c.id.startswith(send_id, autoescape=True)).limit(2)
    ids = connection.execute(query).scalars().all()
    if send_id not in ids and len(ids) != 1:
        return None
    chosen = send_id if send_id in ids else ids[0]
    return _sends(connection, _with_list().where(sends.c.id == chosen))[0]


def newest(connection: Connection) -> Send | None:
    return next(iter(newest_first(connection, limit=1)), None)


def newest_first(connection: Connection, limit: int | None = None) -> Sequence[Send]:
    return _sends(connection, _with_list().order_by(sends.c.number.desc()).limit(limit))


def newest_and_open(connection: Connection, limit: int) -> Sequence[Send]:
    """The newest send, and the newest that have not ended, the oldest first."""
    open_ones = (
        sa.select(sends.c.number)
        .where(sends.c.status.not_in(ENDED))
        .order_by(sends.c.number.desc())
        .limit(limit)
    )
    newest_one = sa.select(sa.func.max(sends.c.number)).scalar_subquery()
    query = _with_list().where(sa.or_(sends.c.number.in_(open_ones), sends.c.number == newest_one))
    return _sends(connection, query.order_by(sends.c.number))


def unattended(connection: Connection) -> Sequence[Send]:
    """Sends that are on their way, whoever runs them, and those that wait for the quota; the oldest
    first."""
    waits_for_quota = sa.and_(
        sends.c.status == SendStatus.PAUSED, sends.c.stopped_by == StoppedBy.QUOTA
    )
    query = _with_list().where(sa.or_(sends.c.status == SendStatus.SENDING, waits_for_quota))
    return _sends(connection, query.order_by(sends.c.number))


def get(connection: Connection, number: int) -> Send:
    return _sends(connection, _with_list().where(sends.c.number == number))[0]


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
        .values(status=SendStatus.PAUSED, stopped_by=StoppedBy.STORE, pause_reason=reason)
    )


# The email is large, and each claim reads the row.
_COLUMNS = tuple(column for column in sends.c if column is not sends.c.email)
_ROW = sa.select(*_COLUMNS).where(sends.c.number == sa.bindparam("number"))
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


def pause(
    connection: Connection,
    number: int,
    reason: str,
    by: StoppedBy,
    resume_at: dt.datetime | None = None,
) -> None:
    """Let a send rest with its reason; `resume_at` is when it may go on by itself."""
    update(
        connection,
        number,
        status=SendStatus.PAUSED,
        stopped_by=by,
        pause_reason=reason,
        resume_at=resume_at,
    )


def owner_of(connection: Connection, number: int) -> Owner:
    """Who runs a send; the row is held, so that the answer stays true for this transaction."""
    row = row_of(connection, number, lock=True)
    return Owner(row.owner, row.epoch, row.lease_until)


def reserve(connection: Connection, number: int, owner: str, now: dt.datetime) -> None:
    """Keep a send that nobody runs for `owner`, who is about to take it."""
    update(connection, number, owner=owner, taken_at=now, lease_until=now + _SOON)


def go_on(connection: Connection, number: int, now: dt.datetime, owner: str | None) -> None:
    """Let a send be on its way, kept for `owner` if it is about to run it."""
    update(
        connection,
        number,
        status=SendStatus.SENDING,
        stopped_by=None,
        pause_reason=None,
        resume_at=None,
        finished_at=None,
        **_UNCOUNTED,
    )
    if owner is not None:
        reserve(connection, number, owner, now)


def schedule(connection: Connection, number: int, at: dt.datetime) -> None:
    """Let a send that has not begun wait for a time."""
    update(
        connection,
        number,
        status=SendStatus.SCHEDULED,
        scheduled_at=at,
        stopped_by=None,
        pause_reason=None,
        resume_at=None,
        finished_at=None,
    )


def take(
    connection: Connection, number: int, owner: str, now: dt.datetime, lease_until: dt.datetime
) -> int:
    """Make `owner` the one that runs a send; returns the new epoch.

    The epoch fences: whoever held the send before can claim nothing more, even if it wakes later.
    """
    epoch = owner_of(connection, number).epoch + 1
    update(
        connection,
        number,
        owner=owner,
        epoch=epoch,
        taken_at=now,
        lease_until=lease_until,
        stopped_by=None,
        **_IDLE,
        **_UNCOUNTED,
    )
    return epoch


def renew(
    connection: Connection,
    number: int,
    epoch: int,
    lease_until: dt.datetime,
    *,
    speed: float | None = None,
    waiting_for: Wait | None = None,
    waiting_until: dt.datetime | None = None,
) -> bool:
    """Prolong the lease of an owner, with what it says of itself; False if somebody else has taken
    the send since."""
    result = connection.execute(
        sa.update(sends)
        .where(sends.c.number == number, sends.c.epoch == epoch)
        .values(
            lease_until=lease_until,
            speed=speed,
            waiting_for=waiting_for,
            waiting_until=waiting_until,
        )
    )
    return result.rowcount == 1


def release(
    connection: Connection, number: int, owner: str, now: dt.datetime, by: StoppedBy | None
) -> None:
    """Give a send up, so that the next owner need not wait for the lease; it says until when.

    `by` is who stopped it on its way, and stays with a send that is not over.
    """
    is_on_its_way = sends.c.status == SendStatus.SENDING
    connection.execute(
        sa.update(sends)
        .where(sends.c.number == number, sends.c.owner == owner)
        .values(
            owner=None,
            lease_until=now,
            stopped_by=sa.case((is_on_its_way, by), else_=sends.c.stopped_by),
            **_IDLE,
        )
    )


def counts(connection: Connection, number: int) -> Counts:
    """The balance of a send, counted from its deliveries (0.2 s for a million)."""
    return _counted(connection, [number]).get(number, Counts())


def _counted(connection: Connection, numbers: Collection[int]) -> dict[int, Counts]:
    """The balances of sends in one query."""
    query = (
        sa.select(deliveries.c.send, deliveries.c.status, sa.func.count())
        .where(deliveries.c.send.in_(numbers))
        .group_by(deliveries.c.send, deliveries.c.status)
    )
    found: dict[int, Counter[str]] = defaultdict(Counter)
    for send, status, amount in connection.execute(query) if numbers else ():
        found[send][status] = amount
    return {
        send: Counts(
            accepted=by[DeliveryStatus.ACCEPTED],
            rejected=by[DeliveryStatus.REJECTED],
            skipped=by[DeliveryStatus.SKIPPED],
            unknown=by[DeliveryStatus.UNKNOWN],
            queued=by[DeliveryStatus.QUEUED] + by[DeliveryStatus.SENDING],
        )
        for send, by in found.items()
    }


def forget_balance(connection: Connection, number: int) -> None:
    """Let the deliveries of a send be counted again: one of them changes after all."""
    row_of(connection, number, lock=True)  # before its deliveries: as events do
    update(connection, number, **_UNCOUNTED)


def _keep_balance(connection: Connection, number: int) -> Counts:
    """Count a send, and keep the sum where nothing is queued or in flight any more.

    An open batch may still be recorded, by an owner that sleeps: looked for before the count.
    """
    open_batch = sa.select(batches.c.id).where(batches.c.send == number, sa.text("open")).limit(1)
    is_open = connection.execute(open_batch).first() is not None
    balance = counts(connection, number)
    settled = {name: getattr(balance, name) for name in _UNCOUNTED}
    is_final = not balance.queued and not is_open
    update(connection, number, **(settled if is_final else _UNCOUNTED))
    return balance


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
    status = SendStatus(row.status)
    if not row.frozen:
        return status
    balance = _keep_balance(connection, number)
    if status in ENDED:
        return status
    if balance.queued:
        if status is SendStatus.UNRESOLVED:  # its lost worker woke, and could not send them
            status = SendStatus.PAUSED
            pause(connection, number, "some were put back late", StoppedBy.TRANSPORT)
        return status
    status = SendStatus.UNRESOLVED if balance.unknown else SendStatus.FINISHED
    ended = {"finished_at": now} if status is SendStatus.FINISHED else {}
    update(connection, number, status=status, stopped_by=None, pause_reason=None, **ended)
    return status


def _with_list() -> sa.Select[Any]:
    return sa.select(*_COLUMNS, lists.c.name.label("list_name")).join(
        lists, lists.c.id == sends.c.list_id
    )


def _sends(connection: Connection, query: sa.Select[Any]) -> list[Send]:
    """The sends of a query with their balances, in three queries however many there are."""
    rows = connection.execute(query).all()
    left = consents.left_by(connection, [row.number for row in rows])
    counted = _counted(connection, [row.number for row in rows if row.accepted is None])
    return [
        _send(
            row,
            counted.get(row.number, Counts()) if row.accepted is None else _balance(row),
            left.get(row.number, 0),
        )
        for row in rows
    ]


def _balance(row: Row[Any]) -> Counts:
    return Counts(row.accepted, row.rejected, row.skipped, row.unknown)


def _send(row: Row[Any], balance: Counts, left: int) -> Send:
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
        stopped_by=StoppedBy(row.stopped_by) if row.stopped_by else None,
        pause_reason=row.pause_reason,
        resume_at=row.resume_at,
        counts=balance,
        reports=Reports(row.delivered, row.bounced, row.complained),
        unsubscribed=left,
        tenure=Tenure(
            owner=row.owner,
            since=row.taken_at,
            lease_until=row.lease_until,
            waiting_for=Wait(row.waiting_for) if row.waiting_for else None,
            waiting_until=row.waiting_until,
            speed=row.speed,
        ),
    )
