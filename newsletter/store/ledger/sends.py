"""Queries on sends: finding them, and where each stands."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from newsletter.model.record import Canary, SendRecord
from newsletter.model.send import (
    ENDED,
    Counts,
    Foot,
    Reports,
    Send,
    SendStatus,
    StoppedBy,
    Tenure,
)
from newsletter.model.slug import spellings
from newsletter.store.ledger import balance, tenures
from newsletter.store.people import consents
from newsletter.store.schema import hidden_issues, lists, sends
from newsletter.store.schema.columns import from_microseconds
from newsletter.store.statements import Statement


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
    """All sends to a list whose issue had exactly this source, newest first."""
    query = (
        _with_list()
        .where(sends.c.list_id == list_id, sends.c.source_hash == source_hash)
        .order_by(sends.c.number.desc())
    )
    return _sends(connection, query)


_OF_OTHER_AUDIENCES = Statement(
    sa.select(sends.c.number).where(
        sends.c.slug.in_([sa.bindparam("b_slug"), sa.bindparam("b_spelling")]),
        sa.or_(
            sends.c.list_id != sa.bindparam("b_list"), sends.c.segment != sa.bindparam("b_segment")
        ),
    )
)


def numbers_of_other_audiences(
    connection: Connection, slug: str, list_id: int, segment: str
) -> Sequence[int]:
    """Sends of the same issue to anybody else: usually none, which spares the anti-join."""
    some = spellings(slug)
    parameters = {
        "b_slug": some[0],
        "b_spelling": some[-1],
        "b_list": list_id,
        "b_segment": segment,
    }
    return [number for (number,) in _OF_OTHER_AUDIENCES.run(connection, parameters).fetchall()]


def numbers_before(
    connection: Connection, slug: str, list_id: int, segment: str, before: int | None
) -> Sequence[int]:
    """Sends of an issue to this audience before a number."""
    query = sa.select(sends.c.number).where(
        sends.c.slug.in_(spellings(slug)),
        sends.c.list_id == list_id,
        sends.c.segment == segment,
    )
    if before is not None:
        query = query.where(sends.c.number < before)
    return connection.execute(query).scalars().all()


def find(connection: Connection, send_id: str) -> Send | None:
    """The send of this id, or the only one whose id begins with it."""
    if whole := _sends(connection, _OF_ID, {"b_id": send_id}):
        return whole[0]
    query = sa.select(sends.c.id).where(sends.c.id.startswith(send_id, autoescape=True)).limit(2)
    ids = connection.execute(query).scalars().all()
    return _sends(connection, _OF_ID, {"b_id": ids[0]})[0] if len(ids) == 1 else None


def newest(connection: Connection) -> Send | None:
    return next(iter(newest_first(connection, limit=1)), None)


def newest_first(connection: Connection, limit: int | None = None) -> Sequence[Send]:
    return _sends(connection, _with_list().order_by(sends.c.number.desc()).limit(limit))


def newest_and_open(connection: Connection, limit: int) -> Sequence[Send]:
    """The newest send, and the newest that have not ended, oldest first."""
    open_ones = (
        sa.select(sends.c.number)
        .where(sends.c.status.not_in(ENDED))
        .order_by(sends.c.number.desc())
        .limit(limit)
    )
    newest_one = sa.select(sa.func.max(sends.c.number)).scalar_subquery()
    query = _with_list().where(sa.or_(sends.c.number.in_(open_ones), sends.c.number == newest_one))
    return _sends(connection, query.order_by(sends.c.number))


def on_their_way(connection: Connection) -> Sequence[Send]:
    """Sends that are on their way, whoever runs them, and those that wait for the quota; the oldest
    first."""
    return _sends(connection, _ON_THEIR_WAY)


def get(connection: Connection, number: int) -> Send:
    return _sends(connection, _OF_NUMBER, {"b_number": number})[0]


def due(connection: Connection, now: dt.datetime) -> Sequence[str]:
    """Ids of scheduled sends whose time has come, the longest waiting first."""
    return connection.execute(_DUE, {"b_now": now}).scalars().all()


def last_to(connection: Connection, list_id: int, segment: str) -> int | None:
    """The newest frozen send to an audience."""
    query = sa.select(sa.func.max(sends.c.number)).where(
        sends.c.list_id == list_id, sends.c.segment == segment, sends.c.frozen
    )
    return connection.execute(query).scalar()


def newest_finished(connection: Connection, list_id: int, slug: str | None) -> int | None:
    """The newest finished send to a whole list of an issue that is not hidden, or of one issue to
    it."""
    query = sa.select(sa.func.max(sends.c.number)).where(
        sends.c.list_id == list_id,
        sends.c.segment == "",
        sends.c.status == SendStatus.FINISHED,
    )
    is_wanted = (
        sends.c.slug.not_in(sa.select(hidden_issues.c.slug))
        if slug is None
        else sends.c.slug == slug
    )
    return connection.execute(query.where(is_wanted)).scalar()


def open_numbers(connection: Connection) -> Sequence[int]:
    """The numbers of all sends that have not ended."""
    query = sa.select(sends.c.number).where(sends.c.status.not_in(ENDED)).order_by(sends.c.number)
    return connection.execute(query).scalars().all()


# The email is large, and each claim reads the row.
_COLUMNS = tuple(column for column in sends.c if column is not sends.c.email)
_ROW = sa.select(*_COLUMNS).where(sends.c.number == sa.bindparam("b_number"))
_PLAIN_ROW, _LOCKED_ROW = Statement(_ROW), Statement(_ROW.with_for_update(key_share=True))
_NAMES = [column.name for column in _COLUMNS]


def record(connection: Connection, number: int, *, lock: bool = False) -> SendRecord:
    """A send as its row has it; `lock` holds the row until the transaction ends."""
    statement = _LOCKED_ROW if lock else _PLAIN_ROW
    [values] = statement.run(connection, {"b_number": number}).fetchall()
    row = dict(zip(_NAMES, values, strict=True))
    return SendRecord(
        number=row["number"],
        id=row["id"],
        slug=row["slug"],
        list_id=row["list_id"],
        segment=row["segment"],
        segment_rule=row["segment_rule"],
        only_missing=bool(row["only_missing"]),
        status=SendStatus(row["status"]),
        stopped_by=StoppedBy(row["stopped_by"]) if row["stopped_by"] else None,
        pause_reason=row["pause_reason"],
        resume_at=from_microseconds(row["resume_at"]),
        scheduled_at=from_microseconds(row["scheduled_at"]),
        finished_at=from_microseconds(row["finished_at"]),
        frozen=bool(row["frozen"]),
        recipients=row["recipients"],
        cursor=row["cursor"],
        rate=row["rate"],
        spread=bool(row["spread"]),
        canary=Canary(
            row["canary"],
            row["canary_size"],
            from_microseconds(row["canary_until"]),
            bool(row["canary_passed"]),
        ),
        breaker_from=from_microseconds(row["breaker_from"]),
        foot=Foot(
            row["list_title"],
            bool(row["list_is_open"]),
            row["previous_slug"],
            row["previous_title"],
        ),
        is_archived=row["archived_at"] is not None,
    )


def email_of(connection: Connection, number: int) -> str:
    """The frozen email of a send, as JSON."""
    return str(connection.execute(_EMAIL_OF, {"b_number": number}).scalar_one())


def number_of(connection: Connection, send_id: str) -> int:
    return int(connection.execute(_NUMBER_OF, {"b_id": send_id}).scalar_one())


_ADVANCE = Statement(
    sa.update(sends)
    .where(sends.c.number == sa.bindparam("b_number"))
    .values(cursor=sa.bindparam("b_cursor"))
)


def advance(connection: Connection, number: int, cursor: int) -> None:
    """Set the last delivery that a send has claimed."""
    _ADVANCE.run(connection, {"b_number": number, "b_cursor": cursor})


def set_audience(
    connection: Connection, number: int, recipients: int | None, skipped: int = 0
) -> None:
    """Mark the audience of a send as frozen, with its size and how many of it are skipped; None
    where it is not frozen."""
    values = {
        "frozen": recipients is not None,
        "recipients": recipients or 0,
        "aside_skipped": skipped,
    }
    connection.execute(sa.update(sends).where(sends.c.number == number).values(values))


def set_rate(connection: Connection, number: int, rate: int | None) -> None:
    """Set how many recipients a second a send may reach; None leaves it to the rate of the
    store."""
    connection.execute(sa.update(sends).where(sends.c.number == number).values(rate=rate))


def forgive(connection: Connection, send: SendRecord, now: dt.datetime) -> None:
    """Keep reports until now from stopping a send, since a person has seen them; the rest after a
    canary may go, too."""
    is_seen = send.canary.until is not None
    connection.execute(
        sa.update(sends)
        .where(sends.c.number == send.number)
        .values(breaker_from=now, canary_passed=is_seen)
    )


def _with_list() -> sa.Select[Any]:
    return sa.select(*_COLUMNS, lists.c.name.label("list_name")).join(
        lists, lists.c.id == sends.c.list_id
    )


# Statements that workers poll with are made once: making them takes longer than running them.
_OF_ID = _with_list().where(sends.c.id == sa.bindparam("b_id"))
_OF_NUMBER = _with_list().where(sends.c.number == sa.bindparam("b_number"))
_EMAIL_OF = sa.select(sends.c.email).where(sends.c.number == sa.bindparam("b_number"))
_NUMBER_OF = sa.select(sends.c.number).where(sends.c.id == sa.bindparam("b_id"))
_ON_THEIR_WAY = (
    _with_list()
    .where(
        sa.or_(
            sends.c.status == SendStatus.SENDING,
            sa.and_(sends.c.status == SendStatus.PAUSED, sends.c.stopped_by == StoppedBy.QUOTA),
        )
    )
    .order_by(sends.c.number)
)
_DUE = (
    sa.select(sends.c.id)
    .where(sends.c.status == SendStatus.SCHEDULED, sends.c.scheduled_at <= sa.bindparam("b_now"))
    .order_by(sends.c.scheduled_at, sends.c.number)
)


def _sends(
    connection: Connection, query: sa.Select[Any], values: Mapping[str, Any] | None = None
) -> list[Send]:
    """The sends of a query with their balances, in four queries however many there are."""
    rows = connection.execute(query, values).all()
    if not rows:
        return []
    numbers = [row.number for row in rows]
    left = consents.left_by(connection, numbers)
    workers = tenures.of(connection, [row.number for row in rows if row.status not in ENDED])
    counted = balance.current(connection, [row.number for row in rows if row.accepted is None])
    return [
        _send(
            row,
            counted.get(row.number, Counts()) if row.accepted is None else _balance(row),
            left.get(row.number, 0),
            workers.get(row.number, ()),
        )
        for row in rows
    ]


def _balance(row: Row[Any]) -> Counts:
    return Counts(row.accepted, row.rejected, row.skipped, row.unknown)


def _send(row: Row[Any], balance: Counts, left: int, workers: Sequence[Tenure]) -> Send:
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
        rests_since=row.rests_since,
        tenures=tuple(workers),
        archived_at=row.archived_at,
        archive_file=row.archive_file if row.archived_at else None,
        archive_hash=row.archive_hash,
        branch=row.branch,
        approved_by=row.approved_by,
        approved_at=row.approved_at,
    )
