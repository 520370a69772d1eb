"""Queries on the addresses that people had before they moved to another one."""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.model.address import Address
from newsletter.store.schema import former_addresses, subscribers


@dataclass(frozen=True, slots=True)
class FormerAddress:
    """An address that a person had until `at`; None once they were erased."""

    address: Address | None
    at: dt.datetime


def add(
    connection: Connection,
    subscriber_id: int,
    address: Address,
    hash_: str,
    link_key: int,
    at: dt.datetime,
) -> None:
    """Record the address that a person moves away from; `hash_` is its keyed hash."""
    connection.execute(
        sa.insert(former_addresses).values(
            subscriber_id=subscriber_id,
            address=address.text,
            address_key=address.key,
            hash=hash_,
            link_key=link_key,
            at=at,
        )
    )


def delete_later(connection: Connection, subscriber_id: int, at: dt.datetime) -> None:
    """Forget the addresses that a person moved away from after a time."""
    table = former_addresses.c
    connection.execute(
        sa.delete(former_addresses).where(table.subscriber_id == subscriber_id, table.at > at)
    )


def of(connection: Connection, subscriber_id: int) -> Sequence[FormerAddress]:
    """A person's former addresses, oldest first."""
    return of_each(connection, [subscriber_id]).get(subscriber_id, [])


def of_each(
    connection: Connection, subscriber_ids: Collection[int]
) -> dict[int, list[FormerAddress]]:
    """As `of`, for several people; those without former addresses are left out."""
    table = former_addresses.c
    query = sa.select(table.subscriber_id, table.address, table.at).where(
        table.subscriber_id.in_(subscriber_ids)
    )
    addresses: dict[int, list[FormerAddress]] = {}
    for row in connection.execute(query.order_by(table.at, table.id)):
        address = None if row.address is None else Address(row.address)
        addresses.setdefault(row.subscriber_id, []).append(FormerAddress(address, row.at))
    return addresses


def holder_of(connection: Connection, key: str, hashes: Sequence[str] = ()) -> int | None:
    """The last person who had an address, by its key; by its keyed hashes even an erased one.

    Whether somebody has it now is another question: newsletter.store.people.people.find.
    """
    table = former_addresses.c
    known_as = sa.or_(table.address_key == key, table.hash.in_(hashes))
    query = sa.select(table.subscriber_id).where(known_as if hashes else table.address_key == key)
    return connection.execute(query.order_by(table.at.desc(), table.id.desc()).limit(1)).scalar()


def left_behind(
    connection: Connection, subscriber_ids: Collection[int]
) -> dict[int, list[tuple[str, dt.datetime]]]:
    """The keys of these people's former addresses that nobody has now, with the time of each move,
    in that order."""
    table = former_addresses.c
    query = (
        sa.select(table.subscriber_id, table.address_key, table.at)
        .where(
            table.subscriber_id.in_(subscriber_ids),
            table.address_key.is_not(None),
            ~sa.exists().where(subscribers.c.address_key == table.address_key),
        )
        .order_by(table.at, table.id)
    )
    addresses: dict[int, list[tuple[str, dt.datetime]]] = {}
    for row in connection.execute(query):
        addresses.setdefault(row.subscriber_id, []).append((row.address_key, row.at))
    return addresses


def had_link_key(
    connection: Connection, pairs: Collection[tuple[int, int]]
) -> frozenset[tuple[int, int]]:
    """The pairs (subscriber, link key) that were valid at a former address."""
    if not pairs:
        return frozenset()
    table = former_addresses.c
    query = sa.select(table.subscriber_id, table.link_key).where(
        table.subscriber_id.in_({subscriber_id for subscriber_id, _ in pairs})
    )
    known_pairs = {(row.subscriber_id, row.link_key) for row in connection.execute(query)}
    return frozenset(known_pairs & set(pairs))


def erase(connection: Connection, subscriber_id: int | None, key: str) -> None:
    """Reduce a person's former addresses to their keyed hashes, and this address too where it was
    somebody else's before."""
    table = former_addresses.c
    connection.execute(
        sa.update(former_addresses)
        .where(sa.or_(table.subscriber_id == subscriber_id, table.address_key == key))
        .values(address=None, address_key=None)
    )
