"""Queries on addresses that are never to be mailed."""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from newsletter.model.address import Address
from newsletter.model.event import EventType
from newsletter.model.subscriber import Suppression, SuppressionChange, SuppressionReason
from newsletter.store.dialects import insert_into
from newsletter.store.pages import through
from newsletter.store.schema import (
    UtcTime,
    events,
    subscribers,
    suppression_log,
    suppressions,
)

_PAGE = 1000
_IS_ERASED = sa.text("reason = 'erased'")  # to the letter as in ix_suppressions_erased


def find(
    connection: Connection, address: Address, hashes: Collection[str] = ()
) -> Suppression | None:
    """Why an address is never mailed; `hashes` are its keyed hashes, which find an erased one."""
    query = sa.select(suppressions).where(suppressions.c.address.in_([address.key, *hashes]))
    row = connection.execute(query).first()
    return None if row is None else _suppression(row)


def add(
    connection: Connection,
    key: str,
    reason: SuppressionReason,
    source: str,
    now: dt.datetime,
    event_id: int | None = None,
) -> bool:
    """Never mail this address key (or hash) again; False if it is known already: the first
    reason stays, and nobody takes it away before the commit, nor does the undoing of an import.

    `event_id` is the report that caused it.
    """
    statement = insert_into(connection, suppressions).values(
        address=key, reason=reason, source=source, created_at=now
    )
    made = statement.on_conflict_do_nothing().returning(suppressions.c.address)
    while connection.execute(made).first() is None:
        if _held(connection, [key]):
            keep(connection, [key])
            return False
    _log(connection, "added", Suppression(key, reason, source, now), event_id)
    return True


def add_all(connection: Connection, entries: Sequence[Suppression]) -> int:
    """Add many at once; returns how many were not known. A known one keeps its first reason."""
    if not entries:
        return 0
    columns = ("address", "reason", "source", "created_at")
    values = [{name: getattr(entry, name) for name in columns} for entry in entries]
    made = insert_into(connection, suppressions).on_conflict_do_nothing()
    added = set(connection.execute(made.returning(suppressions.c.address), values).scalars())
    lines = [
        {
            "address": entry.address,
            "at": entry.created_at,
            "action": "added",
            "reason": entry.reason,
            "source": entry.source,
        }
        for entry in entries
        if entry.address in added
    ]
    if lines:
        connection.execute(sa.insert(suppression_log), lines)
    return len(added)


def keep(connection: Connection, keys: Collection[str]) -> None:
    """Let suppressions stand that imports made, also where those are undone: somebody else has
    said the same since."""
    connection.execute(
        sa.update(suppressions)
        .where(suppressions.c.address.in_(keys), suppressions.c.import_id.is_not(None))
        .values(import_id=None)
    )


def of(connection: Connection, keys: Collection[str]) -> dict[str, Suppression]:
    """The suppressions of some address keys."""
    query = sa.select(suppressions).where(suppressions.c.address.in_(keys))
    return {row.address: _suppression(row) for row in connection.execute(query)}


def remove(
    connection: Connection,
    key: str,
    source: str,
    now: dt.datetime,
    event_id: int | None = None,
) -> bool:
    """Allow an address key to be mailed again; False where nothing stood. The log keeps both.

    `event_id` is the report that it stood on, where no person decided this but later reports.
    """
    statement = sa.delete(suppressions).where(suppressions.c.address == key)
    row = connection.execute(statement.returning(suppressions)).first()
    if row is None:
        return False
    _log(connection, "removed", Suppression(key, row.reason, source, now), event_id)
    return True


def remove_bounced(connection: Connection, send: int, source: str, now: dt.datetime) -> int:
    """As `remove`, for all that stand on a bounce which was reported of a send; returns how many.

    What a person or a complaint decided stays.
    """
    log = suppression_log
    last_added = (
        sa.select(log.c.address, sa.func.max(log.c.id).label("id"))
        .where(log.c.action == "added")
        .group_by(log.c.address)
        .subquery()
    )
    bounced = (
        sa.select(log.c.address)
        .join(last_added, last_added.c.id == log.c.id)
        .join(events, events.c.id == log.c.event_id)
        .where(events.c.send == send, events.c.type == EventType.BOUNCE)
    )
    removed = sa.select(
        suppressions.c.address,
        sa.literal(now, UtcTime),
        sa.literal("removed"),
        suppressions.c.reason,
        sa.literal(source),
    ).where(suppressions.c.address.in_(bounced))
    columns = ["address", "at", "action", "reason", "source"]
    connection.execute(sa.insert(log).from_select(columns, removed))
    deleted = sa.delete(suppressions).where(suppressions.c.address.in_(bounced))
    return int(connection.execute(deleted).rowcount)


def standing(
    connection: Connection, keys: Collection[str]
) -> dict[str, tuple[Suppression, int | None]]:
    """The suppressions of some address keys, each with the report that caused it, if one did.

    They are held until the commit, so that a person and a report do not decide about one at once.
    """
    found = _held(connection, keys)
    log = suppression_log
    added = (
        sa.select(log.c.address, log.c.event_id)
        .where(log.c.address.in_(list(found)), log.c.action == "added")
        .order_by(log.c.id)
    )
    causes: dict[str, int | None] = {row.address: row.event_id for row in connection.execute(added)}
    return {key: (suppression, causes.get(key)) for key, suppression in found.items()}


def _held(connection: Connection, keys: Collection[str]) -> dict[str, Suppression]:
    """The suppressions of some address keys, locked in the order of the keys."""
    query = (
        sa.select(suppressions)
        .where(suppressions.c.address.in_(keys))
        .order_by(suppressions.c.address)
        .with_for_update()
    )
    return {row.address: _suppression(row) for row in connection.execute(query)}


def confirm(connection: Connection, key: str, source: str, now: dt.datetime) -> None:
    """Let a suppression that reports caused stand as a person's decision: none disproves it then.

    Its reason stays.
    """
    suppression, event_id = standing(connection, [key])[key]
    if event_id is not None:
        _log(connection, "added", Suppression(key, suppression.reason, source, now), None)


def history(connection: Connection, key: str) -> Sequence[SuppressionChange]:
    """What happened to the suppression of an address key, in order."""
    log = suppression_log
    query = sa.select(log).where(log.c.address == key).order_by(log.c.id)
    return [
        SuppressionChange(
            added=row.action == "added",
            at=row.at,
            reason=SuppressionReason(row.reason),
            source=row.source,
            event_id=row.event_id,
        )
        for row in connection.execute(query)
    ]


def last_removed(connection: Connection, keys: Collection[str]) -> dict[str, dt.datetime]:
    """When a person last allowed each address key again; reports from before have no effect."""
    log = suppression_log
    query = (
        sa.select(log.c.address, sa.func.max(log.c.at).label("at"))
        .where(log.c.address.in_(keys), log.c.action == "removed", log.c.event_id.is_(None))
        .group_by(log.c.address)
    )
    return {row.address: row.at for row in connection.execute(query)}


def _log(connection: Connection, action: str, entry: Suppression, event_id: int | None) -> None:
    connection.execute(
        sa.insert(suppression_log).values(
            address=entry.address,
            at=entry.created_at,
            action=action,
            reason=entry.reason,
            source=entry.source,
            event_id=event_id,
        )
    )


def newest_first(
    connection: Connection, reason: SuppressionReason | None = None
) -> Iterator[Suppression]:
    """All suppressions, or those of a reason."""
    return through(partial(page, connection, reason=reason))


def page(
    connection: Connection,
    after: Suppression | None = None,
    *,
    reason: SuppressionReason | None = None,
    of_nobody: bool = False,
) -> Sequence[Suppression]:
    """The newest suppressions after one, by time and address, which together are unique.

    `of_nobody`: only of addresses that no subscriber has, of erased people too.
    """
    at, key = suppressions.c.created_at, suppressions.c.address
    query = sa.select(suppressions).order_by(at.desc(), key.desc()).limit(_PAGE)
    if reason is not None:
        query = query.where(suppressions.c.reason == reason)
    if of_nobody:
        query = query.where(~sa.exists().where(subscribers.c.address_key == key))
    if after is not None:
        query = query.where(sa.tuple_(at, key) < (after.created_at, after.address))
    return [_suppression(row) for row in connection.execute(query)]


def by_address(
    connection: Connection, reason: SuppressionReason, after: str, limit: int
) -> Sequence[Suppression]:
    """The next suppressions of a reason, by address; no transaction is open between two pages."""
    query = (
        sa.select(suppressions)
        .where(suppressions.c.address > after, suppressions.c.reason == reason)
        .order_by(suppressions.c.address)
        .limit(limit)
    )
    return [_suppression(row) for row in connection.execute(query)]


def counts(connection: Connection) -> Mapping[str, int]:
    number = sa.func.count().label("number")
    query = sa.select(suppressions.c.reason, number).group_by(suppressions.c.reason)
    return {row.reason: row.number for row in connection.execute(query)}


def any_erased(connection: Connection) -> bool:
    query = sa.select(sa.literal(1)).select_from(suppressions).where(_IS_ERASED)
    return connection.execute(query.limit(1)).first() is not None


def erased_hashes(connection: Connection) -> frozenset[str]:
    """The keyed hashes of everybody who was erased."""
    query = sa.select(suppressions.c.address).where(_IS_ERASED)
    return frozenset(connection.execute(query).scalars())


def _suppression(row: Row[Any]) -> Suppression:
    return Suppression(row.address, SuppressionReason(row.reason), row.source, row.created_at)
