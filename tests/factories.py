"""Small things that many tests need: times, addresses, people, CSV files."""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

import pytest
import sqlalchemy as sa

from newsletter.audience.importing import AS_IT_IS, ImportOptions, ImportResult, import_csv
from newsletter.audience.removing import remove
from newsletter.audience.subscribers import Added, add
from newsletter.links import PersonalLink
from newsletter.model.address import Address
from newsletter.model.subscriber import SubscriptionStatus
from newsletter.store import Store
from newsletter.store.people import lists, people

# For a test of what has nothing to do with the database, where the others of its file run on both.
on_sqlite = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)

NOW = dt.datetime(2026, 1, 7, 8, 30, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(days=1)


def address(text: str = "user1@example.com") -> Address:
    return Address(text)


def erased_hash(key: str) -> tuple[str, ...]:
    """Stands for the keyed hashes of an address."""
    return (f"hash of {key}",)


def make_list(store: Store, name: str = "ai") -> int:
    with store.write() as connection:
        lists.create(connection, name, NOW)
        return lists.id_of(connection, name)


def join(
    store: Store,
    text: str = "user1@example.com",
    list_name: str = "ai",
    *,
    status: SubscriptionStatus = SubscriptionStatus.CONFIRMED,
    name: str | None = None,
    attributes: Mapping[str, str] | None = None,
    resubscribe: bool = False,
    now: dt.datetime = NOW,
) -> Added:
    return add(
        store,
        Address(text),
        list_name,
        status=status,
        now=now,
        hashes=erased_hash,
        name=name,
        attributes=attributes,
        resubscribe=resubscribe,
    )


def leave(
    store: Store,
    text: str = "user1@example.com",
    list_name: str | None = None,
    now: dt.datetime = NOW,
) -> tuple[str, ...]:
    """Let an operator take somebody off a list, or off all; returns the lists that they left."""
    (removed,) = remove(store, [Address(text)], list_name, now, erased_hash)
    return removed.lists


def import_text(
    store: Store,
    folder: Path,
    text: str | bytes,
    list_name: str | None = "ai",
    *,
    status: SubscriptionStatus = SubscriptionStatus.CONFIRMED,
    order: ImportOptions = AS_IT_IS,
    name: str = "people.csv",
    rejects: Path | None = None,
    now: dt.datetime = NOW,
) -> ImportResult:
    """Import a CSV file of this text."""
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return import_csv(
        store,
        path,
        list_name,
        status=status,
        now=now,
        hashes=erased_hash,
        order=order,
        rejects=rejects,
    )


def link_of(store: Store, subscriber_id: int, list_name: str) -> PersonalLink:
    """What the links of mails to a reader say now."""
    with store.read() as connection:
        link_key = people.link_keys(connection, [subscriber_id]).get(subscriber_id, 0)
        return PersonalLink(subscriber_id, lists.id_of(connection, list_name), link_key)


def is_waiting(store: Store) -> bool:
    """Whether anybody waits for a lock in a store on PostgreSQL."""
    return count_waiting(store) > 0


def count_waiting(store: Store) -> int:
    """How many wait for a lock in a store on PostgreSQL."""
    query = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with store.read() as connection:
        return int(connection.execute(sa.text(query)).scalar_one())
