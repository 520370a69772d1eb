"""Queries on lists."""

import datetime as dt
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.errors import UsageError
from newsletter.meant import did_you_mean
from newsletter.model.subscriber import SubscriptionStatus
from newsletter.store import locks
from newsletter.store.dialects import insert_into
from newsletter.store.people import requesting, subscribing
from newsletter.store.schema import (
    consents,
    import_changes,
    lists,
    sends,
    subscriptions,
)


@dataclass(frozen=True, slots=True)
class ListCounts:
    """A list with its people counted by status, and the number of its sends."""

    name: str
    title: str
    description: str
    created_at: dt.datetime
    confirmed: int
    pending: int
    unsubscribed: int
    sends: int

    @property
    def members(self) -> int:
        return self.confirmed + self.pending + self.unsubscribed


def id_of(connection: Connection, name: str) -> int:
    """Raises UsageError, with the nearest existing name, where there is no such list."""
    list_id = find(connection, name)
    if list_id is not None:
        return list_id
    names = connection.execute(sa.select(lists.c.name).order_by(lists.c.name)).scalars().all()
    hint = did_you_mean(name, names) or f"Make it: newsletter lists create {name}"
    raise UsageError(f"there is no list {name!r}", hint=hint)


def find(connection: Connection, name: str) -> int | None:
    return connection.execute(sa.select(lists.c.id).where(lists.c.name == name)).scalar()


def name_of(connection: Connection, list_id: int) -> str:
    name = connection.execute(sa.select(lists.c.name).where(lists.c.id == list_id)).scalar_one()
    return str(name)


def find_name(connection: Connection, list_id: int) -> str:
    """The name of a list, empty where it is gone."""
    return str(
        connection.execute(sa.select(lists.c.name).where(lists.c.id == list_id)).scalar() or ""
    )


def names(connection: Connection) -> Sequence[tuple[int, str]]:
    """All lists by name, with their ids."""
    rows = connection.execute(sa.select(lists.c.id, lists.c.name).order_by(lists.c.name))
    return [(row.id, row.name) for row in rows]


def only(connection: Connection) -> str:
    """The name of the only list; empty where there is none, or more than one."""
    two_names = connection.execute(sa.select(lists.c.name).limit(2)).scalars().all()
    return str(two_names[0]) if len(two_names) == 1 else ""


def titles(connection: Connection) -> Mapping[str, str]:
    """What people call each list, by its name: its title, else the name itself."""
    rows = connection.execute(sa.select(lists.c.name, lists.c.title))
    return {row.name: row.title or row.name for row in rows}


def title_of(connection: Connection, list_id: int) -> str:
    """The title of a list, empty where it has none or is gone."""
    query = sa.select(lists.c.title).where(lists.c.id == list_id)
    return str(connection.execute(query).scalar() or "")


def described(connection: Connection, list_id: int) -> tuple[str, str]:
    """The title and the description of a list; each may be empty."""
    query = sa.select(lists.c.title, lists.c.description).where(lists.c.id == list_id)
    row = connection.execute(query).one()
    return row.title, row.description


def describe(
    connection: Connection, list_id: int, title: str | None, description: str | None
) -> None:
    """Give a list another title or description; None leaves what is there."""
    values = {"title": title, "description": description}
    changed = {key: value for key, value in values.items() if value is not None}
    connection.execute(sa.update(lists).where(lists.c.id == list_id).values(changed))


def create(
    connection: Connection,
    name: str,
    now: dt.datetime,
    *,
    title: str = "",
    description: str = "",
) -> bool:
    """Make a list; False if it is there already, also if another process just made it."""
    number = secrets.randbelow(2**31 - 1) + 1  # never used again, not even in a restored store
    statement = insert_into(connection, lists).values(
        id=number, name=name, created_at=now, title=title, description=description
    )
    insert = statement.on_conflict_do_nothing(index_elements=[lists.c.name]).returning(lists.c.id)
    return connection.execute(insert).first() is not None


def delete(connection: Connection, list_id: int) -> None:
    """Delete a list, its subscriptions, and its part of the consent log; the people stay.

    A list with sends cannot be deleted.
    """
    locks.people(connection)
    requesting.delete_all(connection, list_id)
    for table in (consents, import_changes):
        connection.execute(sa.delete(table).where(table.c.list_id == list_id))
    subscribing.delete_all(connection, list_id)
    connection.execute(sa.delete(lists).where(lists.c.id == list_id))


def newest_first(connection: Connection, name: str | None = None) -> Sequence[ListCounts]:
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
        .order_by(lists.c.created_at.desc(), lists.c.name)
    )
    if name is not None:
        query = query.where(lists.c.name == name)
    return [
        ListCounts(
            name=row.name,
            title=row.title,
            description=row.description,
            created_at=row.created_at,
            confirmed=int(row.confirmed or 0),
            pending=int(row.pending or 0),
            unsubscribed=int(row.unsubscribed or 0),
            sends=row.sends or 0,
        )
        for row in connection.execute(query)
    ]
