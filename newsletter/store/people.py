"""Queries on people: subscribers and the lists they joined."""

import datetime as dt
import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Row

from newsletter.errors import UsageError
from newsletter.model.address import Address
from newsletter.model.subscriber import (
    Consent,
    ConsentKind,
    Subscriber,
    Subscription,
    SubscriptionStatus,
)
from newsletter.store import consents
from newsletter.store.schema import consents as consents_table
from newsletter.store.schema import lists, requests, sends, subscribers, subscriptions

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class ListCounts:
    """A list with how many people stand where on it, and how many sends it had."""

    name: str
    created_at: dt.datetime
    confirmed: int
    pending: int
    unsubscribed: int
    sends: int

    @property
    def members(self) -> int:
        return self.confirmed + self.pending + self.unsubscribed


@dataclass(frozen=True, slots=True)
class Person:
    """A subscriber with all their subscriptions."""

    subscriber: Subscriber
    created_at: dt.datetime
    subscriptions: tuple[Subscription, ...]


# --- lists ---


def list_id(connection: Connection, name: str) -> int:
    """Raises UsageError, with the nearest existing name, where there is no such list."""
    found = find_list(connection, name)
    if found is not None:
        return found
    names = connection.execute(sa.select(lists.c.name).order_by(lists.c.name)).scalars().all()
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        hint = f"Did you mean {close[0]!r}?"
    elif names:
        hint = f"There are: {', '.join(names[:10])}."
    else:
        hint = f"Make it: newsletter lists create {name}"
    raise UsageError(f"there is no list {name!r}", hint=hint)


def find_list(connection: Connection, name: str) -> int | None:
    return connection.execute(sa.select(lists.c.id).where(lists.c.name == name)).scalar()


def list_name(connection: Connection, list_id: int) -> str:
    name = connection.execute(sa.select(lists.c.name).where(lists.c.id == list_id)).scalar_one()
    return str(name)


def find_list_name(connection: Connection, list_id: int) -> str:
    """The name of a list, empty where it is gone."""
    return str(
        connection.execute(sa.select(lists.c.name).where(lists.c.id == list_id)).scalar() or ""
    )


def list_names(connection: Connection) -> Sequence[tuple[int, str]]:
    """All lists by name, with their ids."""
    rows = connection.execute(sa.select(lists.c.id, lists.c.name).order_by(lists.c.name))
    return [(row.id, row.name) for row in rows]


def create_list(connection: Connection, name: str, now: dt.datetime) -> bool:
    """Make a list; False if it is there already, also if another process just made it."""
    statement = insert_into(connection, lists).values(name=name, created_at=now)
    made = statement.on_conflict_do_nothing().returning(lists.c.id)
    return connection.execute(made).first() is not None


def delete_list(connection: Connection, list_id: int) -> None:
    """Delete a list, who was on it, and what they said of it; the people stay.

    A list with sends cannot be deleted.
    """
    for table in (consents_table, requests):
        connection.execute(sa.delete(table).where(table.c.list_id == list_id))
    connection.execute(sa.delete(subscriptions).where(subscriptions.c.list_id == list_id))
    connection.execute(sa.delete(lists).where(lists.c.id == list_id))


def lists_newest_first(connection: Connection, name: str | None = None) -> Sequence[ListCounts]:
    """All lists, or one, with their counts: one pass over the subscriptions of those lists."""
    status = subscriptions.c.status
    joined = (
        sa.select(
            subscriptions.c.list_id,
            *(
                sa.func.sum(sa.case((status == value, 1), else_=0)).label(value.value)
                for value in SubscriptionStatus
            ),
        )
        .group_by(subscriptions.c.list_id)
        .subquery()
    )
    sent = (
        sa.select(sends.c.list_id, sa.func.count().label("sends"))
        .group_by(sends.c.list_id)
        .subquery()
    )
    query = (
        sa.select(lists, joined, sent.c.sends)
        .outerjoin(joined, joined.c.list_id == lists.c.id)
        .outerjoin(sent, sent.c.list_id == lists.c.id)
        .order_by(lists.c.id.desc())
    )
    if name is not None:
        query = query.where(lists.c.name == name)
    return [
        ListCounts(
            name=row.name,
            created_at=row.created_at,
            confirmed=int(row.confirmed or 0),
            pending=int(row.pending or 0),
            unsubscribed=int(row.unsubscribed or 0),
            sends=row.sends or 0,
        )
        for row in connection.execute(query)
    ]


# --- subscribers ---


def find(connection: Connection, address: Address) -> Subscriber | None:
    """The subscriber of a mailbox, however it is spelt."""
    query = sa.select(subscribers).where(subscribers.c.address_key == address.key)
    row = connection.execute(query).first()
    return None if row is None else _subscriber(row)


def get(connection: Connection, subscriber_id: int) -> Subscriber | None:
    """The subscriber of this id, None if there is none or they were erased."""
    query = sa.select(subscribers).where(
        subscribers.c.id == subscriber_id, subscribers.c.address.is_not(None)
    )
    row = connection.execute(query).first()
    return None if row is None else _subscriber(row)


def address_keys(connection: Connection, subscriber_ids: Collection[int]) -> dict[int, str]:
    """The address keys of some people; the erased have none."""
    query = sa.select(subscribers.c.id, subscribers.c.address_key).where(
        subscribers.c.id.in_(subscriber_ids), subscribers.c.address_key.is_not(None)
    )
    return {row.id: row.address_key for row in connection.execute(query)}


def erased(connection: Connection, subscriber_ids: Collection[int]) -> frozenset[int]:
    """Those of some people who were erased."""
    query = sa.select(subscribers.c.id).where(
        subscribers.c.id.in_(subscriber_ids), subscribers.c.address.is_(None)
    )
    return frozenset(connection.execute(query).scalars())


def insert(
    connection: Connection,
    address: Address,
    name: str,
    attributes: Mapping[str, str],
    now: dt.datetime,
) -> Subscriber:
    """Make a subscriber, or return the one that somebody else just made."""
    statement = insert_into(connection, subscribers).values(
        address=address.text,
        address_key=address.key,
        name=name,
        attributes=dict(attributes),
        created_at=now,
        updated_at=now,
    )
    connection.execute(statement.on_conflict_do_nothing())
    found = find(connection, address)
    assert found is not None
    return found


def update(
    connection: Connection,
    subscriber_id: int,
    name: str,
    attributes: Mapping[str, str],
    now: dt.datetime,
) -> None:
    connection.execute(
        sa.update(subscribers)
        .where(subscribers.c.id == subscriber_id)
        .values(name=name, attributes=dict(attributes), updated_at=now)
    )


def newest_first(
    connection: Connection,
    *,
    list_id: int | None = None,
    status: SubscriptionStatus | None = None,
    limit: int | None = None,
) -> Iterator[Person]:
    """Subscribers, the newest first, narrowed to a list, a status, or a status on a list.

    Read in pages by id, so that a million need no more memory than a thousand and nothing is
    kept open on the server.
    """
    query = sa.select(subscribers).where(subscribers.c.address.is_not(None))
    if list_id is not None or status is not None:
        standing = sa.select(sa.literal(1)).where(subscriptions.c.subscriber_id == subscribers.c.id)
        if list_id is not None:
            standing = standing.where(subscriptions.c.list_id == list_id)
        if status is not None:
            standing = standing.where(subscriptions.c.status == status)
        query = query.where(standing.correlate(subscribers).exists())
    query = query.order_by(subscribers.c.id.desc())
    last, left = None, limit
    while left is None or left > 0:
        size = _PAGE if left is None else min(_PAGE, left)
        page = query if last is None else query.where(subscribers.c.id < last)
        rows = connection.execute(page.limit(size)).all()
        joined = _subscriptions_of(connection, [row.id for row in rows])
        for row in rows:
            yield Person(_subscriber(row), row.created_at, tuple(joined.get(row.id, ())))
        if len(rows) < size:
            return
        last = rows[-1].id
        left = None if left is None else left - len(rows)


def person(connection: Connection, who: Address | int) -> Person | None:
    """A person by their address, however it is spelt, or by their id; None for who was erased."""
    query = sa.select(subscribers).where(
        subscribers.c.address_key == who.key
        if isinstance(who, Address)
        else sa.and_(subscribers.c.id == who, subscribers.c.address.is_not(None))
    )
    row = connection.execute(query).first()
    if row is None:
        return None
    joined = _subscriptions_of(connection, [row.id])
    return Person(_subscriber(row), row.created_at, tuple(joined.get(row.id, ())))


def attribute_names(connection: Connection) -> Sequence[str]:
    """Every attribute that anybody has, for the header of an export."""
    if connection.dialect.name == "sqlite":
        text = "SELECT DISTINCT each.key FROM subscribers, json_each(attributes) AS each ORDER BY 1"
    else:
        text = "SELECT DISTINCT json_object_keys(attributes) FROM subscribers ORDER BY 1"
    return connection.execute(sa.text(text)).scalars().all()


def count(connection: Connection) -> int:
    query = sa.select(sa.func.count()).where(subscribers.c.address.is_not(None))
    return int(connection.execute(query).scalar_one())


# --- subscriptions ---


def subscription(connection: Connection, subscriber_id: int, list_id: int) -> Subscription | None:
    found = _subscriptions_of(connection, [subscriber_id], list_id).get(subscriber_id)
    return found[0] if found else None


def subscribe(
    connection: Connection,
    subscriber_id: int,
    list_id: int,
    status: SubscriptionStatus,
    consent: Consent,
) -> None:
    """Record a yes, over whatever stood there: whether it may is for the caller to decide.

    The consent log gets it too, and before it an earlier yes that only stood here, as those of
    imports do.
    """
    earlier = connection.execute(
        sa.select(subscriptions).where(
            subscriptions.c.list_id == list_id, subscriptions.c.subscriber_id == subscriber_id
        )
    ).first()
    if earlier is not None:
        _keep_earlier(connection, earlier)
    consents.append(connection, subscriber_id, list_id, _SAID[status], consent)
    values = {
        "status": status,
        "consent_at": consent.at,
        "consent_how": consent.how,
        "consent_source": consent.source,
        "updated_at": consent.at,
    }
    statement = insert_into(connection, subscriptions).values(
        list_id=list_id, subscriber_id=subscriber_id, **values
    )
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[subscriptions.c.list_id, subscriptions.c.subscriber_id], set_=values
        )
    )


def request(connection: Connection, subscriber_id: int, list_id: int, consent: Consent) -> None:
    """Record that somebody asked for this person to join; who left stays away until they confirm.

    Anybody can ask for anybody: an import may confirm the pending, and must not those who left.
    """
    earlier = connection.execute(
        sa.select(subscriptions).where(
            subscriptions.c.list_id == list_id, subscriptions.c.subscriber_id == subscriber_id
        )
    ).first()
    if earlier is None or earlier.status == SubscriptionStatus.PENDING:
        subscribe(connection, subscriber_id, list_id, SubscriptionStatus.PENDING, consent)
        return
    _keep_earlier(connection, earlier)
    consents.append(connection, subscriber_id, list_id, ConsentKind.REQUESTED, consent)


def unsubscribe(
    connection: Connection,
    subscriber_id: int,
    list_id: int | None,
    said: Consent,
    detail: str = "",
) -> Sequence[int]:
    """Leave one list, or all; returns the ids of those that were left just now.

    The subscription keeps its consent, for it was given; the log gets the no, with what was said
    about the reason.
    """
    query = sa.select(subscriptions).where(
        subscriptions.c.subscriber_id == subscriber_id,
        subscriptions.c.status != SubscriptionStatus.UNSUBSCRIBED,
    )
    if list_id is not None:
        query = query.where(subscriptions.c.list_id == list_id)
    rows = connection.execute(query.order_by(subscriptions.c.list_id).with_for_update()).all()
    for row in rows:
        _keep_earlier(connection, row)
        consents.append(
            connection, subscriber_id, row.list_id, ConsentKind.UNSUBSCRIBED, said, detail
        )
    left = [row.list_id for row in rows]
    if left:
        connection.execute(
            sa.update(subscriptions)
            .where(
                subscriptions.c.subscriber_id == subscriber_id, subscriptions.c.list_id.in_(left)
            )
            .values(status=SubscriptionStatus.UNSUBSCRIBED, updated_at=said.at)
        )
    return left


def unsubscribe_each(
    connection: Connection, leaving: Mapping[tuple[int, int], Consent]
) -> frozenset[tuple[int, int]]:
    """As `unsubscribe`, for many (list, subscriber) at once, each with what they said.

    Returns those that ever joined, whether they left just now or before. A few statements for all
    of them, in the order of the primary key, so that two processes cannot wait for each other.
    """
    table = subscriptions.c
    key = sa.tuple_(table.list_id, table.subscriber_id)
    query = sa.select(subscriptions).where(key.in_(list(leaving)))
    query = query.order_by(table.list_id, table.subscriber_id).with_for_update()
    rows = connection.execute(query).all()
    left = [row for row in rows if row.status != SubscriptionStatus.UNSUBSCRIBED]
    if left:
        logged = consents.logged(connection, [row.subscriber_id for row in left])
        lines: list[consents.Line] = []
        for row in left:
            member = (row.list_id, row.subscriber_id)
            if (*member, row.consent_at) not in logged:
                lines.append((*member, *_earlier(row)))
            lines.append((*member, ConsentKind.UNSUBSCRIBED, leaving[member]))
        consents.append_each(connection, lines)
        statement = sa.update(subscriptions).where(
            table.list_id == sa.bindparam("of_list"), table.subscriber_id == sa.bindparam("of")
        )
        connection.execute(
            statement.values(status=SubscriptionStatus.UNSUBSCRIBED, updated_at=sa.bindparam("at")),
            [
                {"of_list": each, "of": who, "at": leaving[each, who].at}
                for each, who in ((row.list_id, row.subscriber_id) for row in left)
            ],
        )
    return frozenset((row.list_id, row.subscriber_id) for row in rows)


def _keep_earlier(connection: Connection, row: Row[Any]) -> None:
    """Write the yes of a subscription into the consent log, if it does not stand there yet."""
    logged = consents.logged(connection, [row.subscriber_id])
    if (row.list_id, row.subscriber_id, row.consent_at) not in logged:
        consents.append(connection, row.subscriber_id, row.list_id, *_earlier(row))


def _earlier(row: Row[Any]) -> tuple[ConsentKind, Consent]:
    """The yes that stands in a subscription."""
    kind = _SAID.get(SubscriptionStatus(row.status), ConsentKind.CONFIRMED)
    return kind, Consent(row.consent_at, row.consent_how, row.consent_source)


_SAID = {
    SubscriptionStatus.PENDING: ConsentKind.REQUESTED,
    SubscriptionStatus.CONFIRMED: ConsentKind.CONFIRMED,
}


def move(connection: Connection, subscriber_id: int, address: Address, now: dt.datetime) -> None:
    """Give a person another address, which must be nobody's."""
    connection.execute(
        sa.update(subscribers)
        .where(subscribers.c.id == subscriber_id)
        .values(address=address.text, address_key=address.key, updated_at=now)
    )


def pause(connection: Connection, subscriber_id: int, until: dt.datetime | None) -> None:
    """Mail nothing before `until`; None ends a pause."""
    connection.execute(
        sa.update(subscribers).where(subscribers.c.id == subscriber_id).values(paused_until=until)
    )


# --- rows to words ---


def insert_into(connection: Connection, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    """INSERT with ON CONFLICT, which both databases have but SQLAlchemy keeps apart."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


def _subscriptions_of(
    connection: Connection, ids: Sequence[int], list_id: int | None = None
) -> dict[int, list[Subscription]]:
    if not ids:
        return {}
    query = (
        sa.select(subscriptions, lists.c.name.label("list_name"))
        .join(lists, lists.c.id == subscriptions.c.list_id)
        .where(subscriptions.c.subscriber_id.in_(ids))
        .order_by(lists.c.name)
    )
    if list_id is not None:
        query = query.where(subscriptions.c.list_id == list_id)
    found: dict[int, list[Subscription]] = {}
    for row in connection.execute(query):
        found.setdefault(row.subscriber_id, []).append(_subscription(row))
    return found


def _subscription(row: Row[Any]) -> Subscription:
    return Subscription(
        list=row.list_name,
        status=SubscriptionStatus(row.status),
        consent=Consent(row.consent_at, row.consent_how, row.consent_source),
        updated_at=row.updated_at,
    )


def _subscriber(row: Row[Any]) -> Subscriber:
    return Subscriber(row.id, Address(row.address), row.name, row.attributes, row.paused_until)
