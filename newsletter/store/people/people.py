"""Queries on people: subscribers, whatever they joined."""

import datetime as dt
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from newsletter.model.address import Address
from newsletter.model.subscriber import Subscriber, Subscription, SubscriptionStatus
from newsletter.store.dialects import each_pair, insert_into
from newsletter.store.pages import through
from newsletter.store.people.subscriptions import subscriptions_of
from newsletter.store.schema import is_copied, is_personal, subscribers, subscriptions

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Person:
    """A subscriber with all their subscriptions."""

    subscriber: Subscriber
    created_at: dt.datetime
    subscriptions: tuple[Subscription, ...]


def new_link_key() -> int:
    """Part of the links of a person at one address; 0 is kept for links from before schema 0005."""
    return secrets.randbelow(2**47) + 1


def find(connection: Connection, address: Address) -> Subscriber | None:
    """The subscriber of a mailbox, however it is spelt."""
    query = sa.select(subscribers).where(subscribers.c.address_key == address.key)
    row = connection.execute(query).first()
    return None if row is None else subscriber_of(row)


def get(connection: Connection, subscriber_id: int) -> Subscriber | None:
    """The subscriber of this id, None if there is none or they were erased."""
    query = sa.select(subscribers).where(
        subscribers.c.id == subscriber_id, subscribers.c.address.is_not(None)
    )
    row = connection.execute(query).first()
    return None if row is None else subscriber_of(row)


def address_keys(connection: Connection, subscriber_ids: Collection[int]) -> dict[int, str]:
    """The address keys of some people; the erased have none."""
    query = sa.select(subscribers.c.id, subscribers.c.address_key).where(
        subscribers.c.id.in_(subscriber_ids), subscribers.c.address_key.is_not(None)
    )
    return {row.id: row.address_key for row in connection.execute(query)}


def link_keys(connection: Connection, subscriber_ids: Collection[int]) -> dict[int, int]:
    """The link key of each of these people at the address that they have; the erased have none."""
    query = sa.select(subscribers.c.id, subscribers.c.link_key).where(
        subscribers.c.id.in_(subscriber_ids), subscribers.c.address_key.is_not(None)
    )
    return {row.id: row.link_key for row in connection.execute(query)}


def erased(connection: Connection, subscriber_ids: Collection[int]) -> frozenset[int]:
    """Which of some people were erased."""
    query = sa.select(subscribers.c.id).where(
        subscribers.c.id.in_(subscriber_ids), subscribers.c.address.is_(None)
    )
    return frozenset(connection.execute(query).scalars())


def all_erased(connection: Connection) -> frozenset[int]:
    """Everybody who was erased, by the index of the keys."""
    query = sa.select(subscribers.c.id).where(subscribers.c.address_key.is_(None))
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
        link_key=new_link_key(),
    )
    connection.execute(statement.on_conflict_do_nothing())
    subscriber = find(connection, address)
    assert subscriber is not None
    return subscriber


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
    where: sa.ColumnElement[bool] | None = None,
    limit: int | None = None,
) -> Iterator[Person]:
    """Subscribers, the newest first: those of all pages, or `limit` of them."""
    narrowed = partial(page, connection, list_id=list_id, status=status, where=where, most=limit)
    return islice(through(narrowed), limit)


def page(
    connection: Connection,
    after: Person | None = None,
    *,
    list_id: int | None = None,
    status: SubscriptionStatus | None = None,
    where: sa.ColumnElement[bool] | None = None,
    most: int | None = None,
) -> Sequence[Person]:
    """The newest subscribers after one, narrowed to a list, a status, or a status on a list, and by
    a condition on the subscriber; no more than `most` where the caller takes no more in all.

    By id, so that a million need no more memory than a thousand and nothing is kept open on the
    server.
    """
    query = sa.select(subscribers).where(subscribers.c.address.is_not(None))
    if list_id is not None or status is not None:
        standing = sa.select(sa.literal(1)).where(subscriptions.c.subscriber_id == subscribers.c.id)
        if list_id is not None:
            standing = standing.where(subscriptions.c.list_id == list_id)
        if status is not None:
            standing = standing.where(subscriptions.c.status == status)
        query = query.where(standing.correlate(subscribers).exists())
    if where is not None:
        query = query.where(where)
    if after is not None:
        query = query.where(subscribers.c.id < after.subscriber.id)
    rows = connection.execute(
        query.order_by(subscribers.c.id.desc()).limit(min(_PAGE, most or _PAGE))
    ).all()
    joined = subscriptions_of(connection, [row.id for row in rows])
    return [
        Person(subscriber_of(row), row.created_at, tuple(joined.get(row.id, ()))) for row in rows
    ]


def person(connection: Connection, whom: Address | int) -> Person | None:
    """A person by their address, however it is spelt, or by their id; None once erased."""
    query = sa.select(subscribers).where(
        subscribers.c.address_key == whom.key
        if isinstance(whom, Address)
        else sa.and_(subscribers.c.id == whom, subscribers.c.address.is_not(None))
    )
    row = connection.execute(query).first()
    if row is None:
        return None
    joined = subscriptions_of(connection, [row.id])
    return Person(subscriber_of(row), row.created_at, tuple(joined.get(row.id, ())))


def own_data(connection: Connection, subscriber_id: int) -> Mapping[str, Any]:
    """All that is personal in the row of a subscriber, by the names of its columns."""
    columns = [each for each in subscribers.c if is_personal(each) and not is_copied(each)]
    query = sa.select(*columns).where(subscribers.c.id == subscriber_id)
    return dict(connection.execute(query).mappings().one())


def unknown_attributes(
    connection: Connection, names: Sequence[str], list_id: int | None = None
) -> Sequence[str]:
    """Which of some attributes nobody has, or nobody confirmed on a list; a common one is found at
    once."""
    pair = each_pair(connection, subscribers.c.attributes, "pair")

    def anybody_has(name: str) -> bool:
        has_name = sa.exists().select_from(pair).where(pair.c.key == name).correlate(subscribers)
        query = sa.select(subscribers.c.id).where(has_name).limit(1)
        if list_id is not None:
            query = query.join(
                subscriptions, subscriptions.c.subscriber_id == subscribers.c.id
            ).where(
                subscriptions.c.list_id == list_id,
                subscriptions.c.status == SubscriptionStatus.CONFIRMED,
            )
        return connection.execute(query).first() is not None

    return [name for name in names if not anybody_has(name)]


def attribute_names(connection: Connection) -> Sequence[str]:
    """Every attribute that anybody has, for the header of an export."""
    pair = each_pair(connection, subscribers.c.attributes, "pair")
    query = sa.select(pair.c.key).select_from(subscribers.join(pair, sa.true())).distinct()
    return connection.execute(query.order_by(pair.c.key)).scalars().all()


def longest_name(connection: Connection) -> str:
    """The longest name of anybody. It looks at everybody, as only a preview may."""
    query = sa.select(subscribers.c.name).order_by(sa.func.length(subscribers.c.name).desc())
    return connection.execute(query.limit(1)).scalar() or ""


def longest_values(connection: Connection, names: Sequence[str]) -> dict[str, str]:
    """The longest value that anybody has of each attribute, where somebody has it: as above."""
    pair = each_pair(connection, subscribers.c.attributes, "pair")
    joined = sa.select(pair.c.value).select_from(subscribers.join(pair, sa.true()))

    def longest(name: str) -> str | None:
        query = joined.where(pair.c.key == name).order_by(sa.func.length(pair.c.value).desc())
        return connection.execute(query.limit(1)).scalar()

    return {name: value for name in names if (value := longest(name))}


def count(connection: Connection) -> int:
    query = sa.select(sa.func.count()).where(subscribers.c.address.is_not(None))
    return int(connection.execute(query).scalar_one())


def move(connection: Connection, subscriber_id: int, address: Address, now: dt.datetime) -> None:
    """Give a person another address, which nobody may have; the caller holds `locks.people`.

    From now on, links that were mailed to the old one open nothing personal.
    """
    connection.execute(
        sa.update(subscribers)
        .where(subscribers.c.id == subscriber_id)
        .values(
            address=address.text,
            address_key=address.key,
            updated_at=now,
            link_key=new_link_key(),
        )
    )


def pause(connection: Connection, subscriber_id: int, until: dt.datetime | None) -> None:
    """Mail nothing before `until`; None ends a pause."""
    connection.execute(
        sa.update(subscribers).where(subscribers.c.id == subscriber_id).values(paused_until=until)
    )


def subscriber_of(row: Row[Any]) -> Subscriber:
    """A row with the columns of a person, of whatever query."""
    return Subscriber(
        row.id, Address(row.address), row.name, row.attributes, row.paused_until, row.link_key
    )
