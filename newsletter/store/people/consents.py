"""The consent log: what people said, append-only."""

import datetime as dt
from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from newsletter.model.subscriber import Consent, ConsentFact, ConsentHow, ConsentKind
from newsletter.store.schema import consents, lists, sends
from newsletter.store.schema.columns import step_of


def append(
    connection: Connection,
    subscriber_id: int,
    list_id: int | None,
    kind: ConsentKind,
    consent: Consent,
    detail: str = "",
) -> None:
    """Add a line; nothing here ever changes one."""
    connection.execute(
        sa.insert(consents).values(
            subscriber_id=subscriber_id,
            list_id=list_id,
            kind=kind,
            at=consent.at,
            how=consent.how,
            source=consent.source,
            wording=consent.wording,
            ip=consent.ip,
            detail=detail,
            **_delivery(consent),
        )
    )


# A list, a subscriber, and what they said.
ConsentLine = tuple[int, int, ConsentKind, Consent]


def append_each(connection: Connection, lines: Sequence[ConsentLine]) -> None:
    """As `append`, for many at once."""
    connection.execute(
        sa.insert(consents),
        [
            {
                "subscriber_id": subscriber_id,
                "list_id": list_id,
                "kind": kind,
                "at": consent.at,
                "how": consent.how,
                "source": consent.source,
                "wording": consent.wording,
                "ip": consent.ip,
                "detail": "",
                **_delivery(consent),
            }
            for list_id, subscriber_id, kind, consent in lines
        ],
    )


def _delivery(consent: Consent) -> dict[str, int | None]:
    send, number = consent.delivery or (None, None)
    return {"send": send, "number": number}


def logged(
    connection: Connection, subscriber_ids: Sequence[int]
) -> frozenset[tuple[int, int, dt.datetime]]:
    """The (list, subscriber, time) of all that these people said of lists."""
    query = sa.select(consents.c.list_id, consents.c.subscriber_id, consents.c.at).where(
        consents.c.subscriber_id.in_(subscriber_ids), consents.c.list_id.is_not(None)
    )
    return frozenset((row.list_id, row.subscriber_id, row.at) for row in connection.execute(query))


def of(
    connection: Connection, subscriber_id: int, list_id: int | None = None
) -> Sequence[ConsentFact]:
    """What a person said, or said about one list, in the order of the log."""
    return of_each(connection, [subscriber_id], list_id).get(subscriber_id, [])


def of_each(
    connection: Connection, subscriber_ids: Sequence[int], list_id: int | None = None
) -> dict[int, list[ConsentFact]]:
    """As `of`, for many at once; people who said nothing are left out."""
    query = (
        sa.select(consents, lists.c.name.label("list_name"), sends.c.slug, sends.c.id.label("sid"))
        .outerjoin(lists, lists.c.id == consents.c.list_id)
        .outerjoin(sends, sends.c.number == consents.c.send)
        .where(consents.c.subscriber_id.in_(subscriber_ids))
        .order_by(consents.c.id)
    )
    if list_id is not None:
        query = query.where(consents.c.list_id == list_id)
    facts: dict[int, list[ConsentFact]] = {}
    for row in connection.execute(query):
        facts.setdefault(row.subscriber_id, []).append(_fact(row))
    return facts


def _fact(row: Row[Any]) -> ConsentFact:
    return ConsentFact(
        kind=ConsentKind(row.kind),
        list=row.list_name,
        consent=Consent(
            row.at,
            row.how,
            row.source,
            row.wording,
            row.ip,
            None if row.send is None else (row.send, row.number),
        ),
        detail=row.detail,
        issue=row.slug or "",
        send_id=row.sid or "",
    )


def said_after(
    connection: Connection, subscriber_id: int, kind: ConsentKind, at: dt.datetime
) -> bool:
    """Whether a person said this after a time."""
    query = sa.select(sa.literal(1)).where(
        consents.c.subscriber_id == subscriber_id, consents.c.kind == kind, consents.c.at > at
    )
    return connection.execute(query.limit(1)).first() is not None


def count_since(
    connection: Connection, subscriber_id: int, since: dt.datetime, kind: ConsentKind | None = None
) -> int:
    """How often a person said anything, or this, since a time."""
    query = sa.select(sa.func.count()).where(
        consents.c.subscriber_id == subscriber_id, consents.c.at > since
    )
    if kind is not None:
        query = query.where(consents.c.kind == kind)
    return int(connection.execute(query).scalar_one())


def left_by(connection: Connection, numbers: Collection[int]) -> dict[int, int]:
    """How many people left by a link of each of these sends and did not take it back; sends that
    nobody left by are missing. By ix_consents_send, which holds those alone who left by a link."""
    rows = connection.execute(_LEFT_BY, {"b_numbers": list(numbers)})
    return {row.send: row.amount for row in rows}


_UNDONE = consents.alias()
_TAKEN_BACK = sa.exists().where(
    _UNDONE.c.subscriber_id == consents.c.subscriber_id,
    _UNDONE.c.list_id == consents.c.list_id,
    _UNDONE.c.how == ConsentHow.UNDO,
    _UNDONE.c.id > consents.c.id,
)
_LEFT_BY = (
    sa.select(
        consents.c.send,
        sa.func.count(sa.distinct(consents.c.subscriber_id)).label("amount"),
    )
    .where(
        sa.text("send IS NOT NULL"),
        consents.c.send.in_(sa.bindparam("b_numbers", expanding=True)),
        consents.c.kind == ConsentKind.UNSUBSCRIBED,
        ~_TAKEN_BACK,
    )
    .group_by(consents.c.send)
)


def left_over_time(
    connection: Connection, number: int, since: dt.datetime, step: dt.timedelta
) -> dict[int, int]:
    """How many people left by a link of a send in each step of time, as `left_by` counts them."""
    left = (
        sa.select(sa.func.max(consents.c.at).label("at"))
        .where(sa.text("send IS NOT NULL"), consents.c.send == number)
        .where(consents.c.kind == ConsentKind.UNSUBSCRIBED, ~_TAKEN_BACK)
        .group_by(consents.c.subscriber_id)
        .subquery()
    )
    place = step_of(left.c.at, since, step)
    query = sa.select(place.label("place"), sa.func.count().label("amount")).group_by(place)
    return {row.place: row.amount for row in connection.execute(query)}


def last_said(
    connection: Connection,
    subscriber_ids: Collection[int],
    kind: ConsentKind,
    how: ConsentHow | None = None,
) -> dict[int, dt.datetime]:
    """When each person last said this, in any way or in this one: `form` is the link of a mail that
    reached them."""
    query = (
        sa.select(consents.c.subscriber_id, sa.func.max(consents.c.at).label("at"))
        .where(consents.c.subscriber_id.in_(subscriber_ids), consents.c.kind == kind)
        .group_by(consents.c.subscriber_id)
    )
    if how is not None:
        query = query.where(consents.c.how == how)
    return {row.subscriber_id: row.at for row in connection.execute(query)}


def forget(connection: Connection, subscriber_id: int) -> None:
    """Remove from a person's lines what could name them; the lines stay."""
    connection.execute(
        sa.update(consents)
        .where(consents.c.subscriber_id == subscriber_id)
        .values(ip="", detail="")
    )
