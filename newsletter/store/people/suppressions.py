"""Queries on addresses that are never to be mailed.

`suppressing` is what changes them.
"""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from newsletter.model.address import Address
from newsletter.model.subscriber import (
    Suppression,
    SuppressionAction,
    SuppressionChange,
    SuppressionReason,
)
from newsletter.store.pages import through
from newsletter.store.schema import (
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


def of(connection: Connection, keys: Collection[str]) -> dict[str, Suppression]:
    """The suppressions of some address keys."""
    query = sa.select(suppressions).where(suppressions.c.address.in_(keys))
    return {row.address: _suppression(row) for row in connection.execute(query)}


def standing(
    connection: Connection, keys: Collection[str]
) -> dict[str, tuple[Suppression, int | None]]:
    """The suppressions of some address keys, each with the report that caused it, if one did.

    They are held until the commit, so that a person and a report do not decide about one at once.
    """
    suppressed = held(connection, keys)
    log = suppression_log
    added = (
        sa.select(log.c.address, log.c.event_id)
        .where(log.c.address.in_(list(suppressed)), log.c.action == SuppressionAction.ADDED)
        .order_by(log.c.id)
    )
    causes: dict[str, int | None] = {row.address: row.event_id for row in connection.execute(added)}
    return {key: (suppression, causes.get(key)) for key, suppression in suppressed.items()}


def held(connection: Connection, keys: Collection[str]) -> dict[str, Suppression]:
    """The suppressions of some address keys, locked in the order of the keys."""
    query = (
        sa.select(suppressions)
        .where(suppressions.c.address.in_(keys))
        .order_by(suppressions.c.address)
        .with_for_update()
    )
    return {row.address: _suppression(row) for row in connection.execute(query)}


def history(connection: Connection, key: str) -> Sequence[SuppressionChange]:
    """What happened to the suppression of an address key, in order."""
    log = suppression_log
    query = sa.select(log).where(log.c.address == key).order_by(log.c.id)
    return [
        SuppressionChange(
            action=SuppressionAction(row.action),
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
        .where(
            log.c.address.in_(keys),
            log.c.action == SuppressionAction.REMOVED,
            log.c.event_id.is_(None),
        )
        .group_by(log.c.address)
    )
    return {row.address: row.at for row in connection.execute(query)}


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
    limit: int = _PAGE,
) -> Sequence[Suppression]:
    """The newest suppressions after one, by time and address, which together are unique.

    `of_nobody`: only of addresses that no subscriber has, of erased people too.
    """
    at, key = suppressions.c.created_at, suppressions.c.address
    query = sa.select(suppressions).order_by(at.desc(), key.desc()).limit(limit)
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
