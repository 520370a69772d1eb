"""Maintenance of a store: a consistent copy, and a check of what it promises."""

import datetime as dt
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.errors import StoreError
from newsletter.model.picture import name_of
from newsletter.model.send import Counts, DeliveryStatus, SendStatus
from newsletter.store import state
from newsletter.store.engine import Store, driver_connection
from newsletter.store.ledger import archived, balance
from newsletter.store.schema import (
    EPOCH,
    MICROSECOND,
    deliveries,
    lists,
    media,
    sends,
    subscribers,
    subscriptions,
)

_KEPT_STATUSES = ("accepted", "rejected", "skipped", "unknown")
_KEPT_REPORTS = ("delivered", "bounced", "complained")


def copy_into(store: Store, file: Path, now: dt.datetime) -> None:
    """Copy all that is committed in a SQLite store of any schema into an empty file, and see that
    its pages are whole.

    The copy is marked as one, so that nothing is sent from it before a person adopts it. Raises
    OSError, sqlite3.Error, and StoreError where its pages are damaged.
    """
    with store.read() as connection, closing(sqlite3.connect(file)) as copy:
        driver_connection(connection).backup(copy)
        mark(copy, now)
        [(page_check,)] = copy.execute("PRAGMA quick_check(1)").fetchall()
    if page_check != "ok":
        raise StoreError(
            f"the store is damaged: {page_check}",
            hint="Run `newsletter db verify`, and look for an older copy that is sound.",
        )


def mark(copy: sqlite3.Connection, now: dt.datetime) -> None:
    """Mark a copy as one; the first schema has no table for that.

    That of a store that is being moved is closed by triggers. It is marked all the same, since it
    could be opened again.
    """
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'state'"
    triggers = copy.execute(query).fetchall()
    for name, _ in triggers:
        copy.execute(f"DROP TRIGGER {name}")
    copy.execute(
        "CREATE TABLE IF NOT EXISTS state "
        "(name TEXT NOT NULL, value BIGINT NOT NULL, CONSTRAINT pk_state PRIMARY KEY (name))"
    )
    at = (now - EPOCH) // MICROSECOND
    copy.executemany(
        "INSERT OR REPLACE INTO state (name, value) VALUES (?, ?)",
        [(state.COPIED_AT, at), (state.BACKED_UP_AT, at)],
    )
    for _, sql in triggers:
        copy.execute(sql)
    copy.commit()


def verify(store: Store) -> list[str]:
    """Every fault of a store of any schema, in words; none where it is sound."""
    return [*damaged_pages(store), *inconsistencies(store)]


def damaged_pages(store: Store) -> list[str]:
    """What SQLite finds wrong with the pages of its file, in words."""
    if not store.is_sqlite:
        return []
    with store.read() as connection:
        pages = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
    return [f"page check: {line}" for line in pages if line != "ok"]


def inconsistencies(store: Store) -> list[str]:
    """What rows of a store of any schema say otherwise than others, in words."""
    faults: list[str] = []
    with store.read() as connection:
        if store.is_sqlite:
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
            faults += [
                f"{row[0]} row {row[1]} points to a missing row of {row[2]}" for row in broken
            ]
        archives = _archives(connection)
        faults += _unbalanced(connection, archives)
        faults += _orphans(connection)
        if _keeps_sums(connection):
            faults += _miscounted(connection, archives)
        if _counts_aside(connection):
            faults += _out_of_balance(connection, archives)
        faults += _archived_wrongly(connection, archives)
        if sa.inspect(connection).has_table(media.name):  # from schema 0005 on
            faults += _altered(connection)
    return faults


def _archives(connection: Connection) -> set[int]:
    """The numbers of archived sends: from schema 0011 on there may be some."""
    names = {column["name"] for column in sa.inspect(connection).get_columns(sends.name)}
    if sends.c.archived_at.name not in names:
        return set()
    query = sa.select(sends.c.number).where(sends.c.archived_at.is_not(None))
    return set(connection.execute(query).scalars())


def _archived_wrongly(connection: Connection, archives: Collection[int]) -> Iterator[str]:
    """Archived sends of which other deliveries are kept than were frozen, or with other ends."""
    for number in sorted(archives):
        row = connection.execute(sa.select(sends).where(sends.c.number == number)).one()
        if not row.is_cleared:
            yield (
                f"send {row.id} is archived, but its deliveries are not all packed: "
                "run newsletter sends archive"
            )
            continue
        kept = archived.sums(connection, number)
        names = (*_KEPT_STATUSES, *_KEPT_REPORTS)
        expected = {"": row.recipients, **{name: row._mapping[name] for name in names}}
        for name, amount in expected.items():
            if kept[name] != amount:
                what = name or "recipients"
                yield f"send {row.id} says {amount} {what}, its archived record {kept[name]}"


def _keeps_sums(connection: Connection) -> bool:
    """Whether sends have their sums on their row: from schema 0005 on."""
    columns = sa.inspect(connection).get_columns(sends.name)
    return sends.c.delivered.name in {column["name"] for column in columns}


def _orphans(connection: Connection) -> Iterator[str]:
    for column, of, name in (
        (subscriptions.c.list_id, lists, "list"),
        (subscriptions.c.subscriber_id, subscribers, "person"),
    ):
        without = sa.select(sa.func.count()).where(column.not_in(sa.select(of.c.id)))
        if missing := connection.execute(without).scalar_one():
            yield f"{missing} subscriptions point to a missing {name}"
    query = (
        sa.select(deliveries.c.send)
        .distinct()
        .where(deliveries.c.send.not_in(sa.select(sends.c.number)))
    )
    for number in connection.execute(query).scalars():
        yield f"the ledger holds deliveries of a send {number} that is missing"


def _unbalanced(connection: Connection, archives: Collection[int]) -> Iterator[str]:
    """Sends that lost or gained recipients, and finished ones with something left to do."""
    is_open = deliveries.c.status.in_(
        (DeliveryStatus.QUEUED, DeliveryStatus.SENDING, DeliveryStatus.UNKNOWN)
    )
    balance = (
        sa.select(
            sends.c.id,
            sends.c.status,
            sends.c.recipients,
            sa.func.count(deliveries.c.number),
            sa.func.coalesce(sa.func.max(deliveries.c.number), 0),
            sa.func.coalesce(sa.func.sum(sa.case((is_open, 1), else_=0)), 0),
        )
        .outerjoin(deliveries, deliveries.c.send == sends.c.number)
        .where(sends.c.frozen, sends.c.number.not_in(archives))
        .group_by(sends.c.number, sends.c.id, sends.c.status, sends.c.recipients)
    )
    for send_id, status, recipients, rows, last, unsettled in connection.execute(balance):
        if not recipients == rows == last:
            yield (
                f"send {send_id} was frozen with {recipients} recipients, "
                f"the ledger holds {rows} up to number {last}"
            )
        if status == SendStatus.FINISHED and unsettled:
            yield f"send {send_id} is finished, but {unsettled} of its deliveries are not settled"


def _altered(connection: Connection) -> Iterator[str]:
    """Pictures whose content does not match their name; read one at a time, since they are
    large."""
    for name in connection.execute(sa.select(media.c.name).order_by(media.c.name)).scalars().all():
        content = connection.execute(sa.select(media.c.content).where(media.c.name == name))
        if name_of(bytes(content.scalar_one()), name.rpartition(".")[2]) != name:
            yield f"the content of the picture {name} does not match its name"


def _counts_aside(connection: Connection) -> bool:
    """Whether sends and batches count what becomes of deliveries: from schema 0013 on they do."""
    columns = sa.inspect(connection).get_columns(sends.name)
    return sends.c.aside_unknown.name in {column["name"] for column in columns}


def _out_of_balance(connection: Connection, archives: Collection[int]) -> Iterator[str]:
    """Sends whose batches and row together say something else than their deliveries."""
    frozen = sa.select(sends.c.number, sends.c.id).where(sends.c.frozen).order_by(sends.c.number)
    ids = {row.number: row.id for row in connection.execute(frozen) if row.number not in archives}
    current, counted = balance.current(connection, ids), balance.count_each(connection, ids)
    for number, send_id in ids.items():
        said, held = current[number], counted.get(number, Counts())
        if said != held:
            yield f"send {send_id} counts {said}, the ledger holds {held}"


def _miscounted(connection: Connection, archives: Collection[int]) -> Iterator[str]:
    """Sends whose row has other sums than their deliveries."""
    sums = {
        **{status: deliveries.c.status == status for status in _KEPT_STATUSES},
        **{report: deliveries.c.reported == report for report in _KEPT_REPORTS},
    }
    sums_of_deliveries = [
        sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0).label(f"counted_{name}")
        for name, condition in sums.items()
    ]
    sums_of_row = [sends.c[name] for name in sums]
    query = (
        sa.select(sends.c.id, *sums_of_row, *sums_of_deliveries)
        .outerjoin(deliveries, deliveries.c.send == sends.c.number)
        .where(sends.c.number.not_in(archives))
        .group_by(sends.c.id, *sums_of_row)
        .order_by(sends.c.id)
    )
    for row in connection.execute(query).mappings():
        for name in sums:
            if row[name] is not None and row[name] != row[f"counted_{name}"]:
                yield (
                    f"send {row['id']} says {row[name]} {name}, "
                    f"the ledger holds {row[f'counted_{name}']}"
                )
