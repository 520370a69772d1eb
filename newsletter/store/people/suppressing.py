"""The transitions of a suppression: the only place that writes it and its log.

Each transition names the states that it may start from; docs/architecture.md draws them. What of
it the row and its log say is `state_of`. What an import writes at once is in SQL below.
"""

import datetime as dt
from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.model.event import EventType
from newsletter.model.subscriber import (
    Suppression,
    SuppressionAction,
    SuppressionReason,
    SuppressionState,
)
from newsletter.store.dialects import insert_into
from newsletter.store.people.erasure import WITHHELD, names
from newsletter.store.people.suppressions import held, standing
from newsletter.store.schema import UtcTime, events, suppression_log, suppressions
from newsletter.store.transition import step

_REPORTED, _DECIDED, _ERASED = SuppressionState

DECIDE = step(None, to=_DECIDED)
REPORT = step(None, to=_REPORTED)
CONFIRM = step(_REPORTED, to=_DECIDED)
DISPROVE = step(_REPORTED, to=None)
ALLOW = step(_REPORTED, _DECIDED, _ERASED, to=None)
ALLOW_BOUNCED = step(_REPORTED, to=None)
TAKE_BACK = step(_DECIDED, _ERASED, to=None)
ERASE = step(None, _REPORTED, _DECIDED, _ERASED, to=_ERASED)


def state_of(connection: Connection, key: str) -> SuppressionState | None:
    """What stands behind the suppression of an address key or hash, held; None where none does."""
    suppression, event_id = standing(connection, [key]).get(key, (None, None))
    if suppression is None:
        return None
    if suppression.reason is SuppressionReason.ERASED:
        return _ERASED
    return _DECIDED if event_id is None else _REPORTED


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
    insert = statement.on_conflict_do_nothing().returning(suppressions.c.address)
    while connection.execute(insert).first() is None:
        if held(connection, [key]):
            keep(connection, [key])
            return False
    _log(connection, SuppressionAction.ADDED, Suppression(key, reason, source, now), event_id)
    return True


def add_all(connection: Connection, entries: Sequence[Suppression]) -> int:
    """Add many at once; returns how many were new. A known one keeps its first reason."""
    if not entries:
        return 0
    columns = ("address", "reason", "source", "created_at")
    values = [{name: getattr(entry, name) for name in columns} for entry in entries]
    insert = insert_into(connection, suppressions).on_conflict_do_nothing()
    added = set(connection.execute(insert.returning(suppressions.c.address), values).scalars())
    lines = [
        {
            "address": entry.address,
            "at": entry.created_at,
            "action": SuppressionAction.ADDED,
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
    """Keep suppressions that imports made even if those are undone: somebody else has said the same
    since."""
    connection.execute(
        sa.update(suppressions)
        .where(suppressions.c.address.in_(keys), suppressions.c.import_id.is_not(None))
        .values(import_id=None)
    )


def confirm(connection: Connection, key: str, source: str, now: dt.datetime) -> None:
    """Turn a suppression that reports caused into a person's decision: then no report disproves it.

    Its reason stays.
    """
    if state_of(connection, key) in CONFIRM.sources:
        suppression = held(connection, [key])[key]
        _log(
            connection,
            SuppressionAction.ADDED,
            Suppression(key, suppression.reason, source, now),
            None,
        )


def allow(connection: Connection, key: str, source: str, now: dt.datetime) -> bool:
    """Allow an address key to be mailed again, as a person decided; False where it was not
    suppressed. The log keeps both."""
    return _remove(connection, source, now, None, suppressions.c.address == key)


def disprove(
    connection: Connection, key: str, source: str, now: dt.datetime, event_id: int
) -> None:
    """Allow an address key to be mailed again, since later reports disprove the one that caused its
    suppression. Raises ValueError where another report caused it."""
    log = suppression_log.c
    added = (log.address == key, log.action == SuppressionAction.ADDED)
    cause = sa.select(log.event_id).where(*added).order_by(log.id.desc()).limit(1)
    stands_on_it = (
        suppressions.c.address == key,
        suppressions.c.reason != SuppressionReason.ERASED,
        cause.scalar_subquery() == event_id,
    )
    if not _remove(connection, source, now, event_id, *stands_on_it):
        raise ValueError(f"no suppression stands on the event {event_id}")


def allow_bounced(connection: Connection, send: int, source: str, now: dt.datetime) -> int:
    """As `allow`, for all suppressions that bounces of a send caused; returns how many.

    What a person or a complaint decided stays.
    """
    log = suppression_log
    last_added = (
        sa.select(log.c.address, sa.func.max(log.c.id).label("id"))
        .where(log.c.action == SuppressionAction.ADDED)
        .group_by(log.c.address)
        .subquery()
    )
    bounced = (
        sa.select(log.c.address)
        .join(last_added, last_added.c.id == log.c.id)
        .join(events, events.c.id == log.c.event_id)
        .where(events.c.send == send, events.c.type == EventType.BOUNCE)
    )
    theirs = (
        suppressions.c.address.in_(bounced),
        suppressions.c.reason != SuppressionReason.ERASED,
    )
    removed = sa.select(
        suppressions.c.address,
        sa.literal(now, UtcTime),
        sa.literal(SuppressionAction.REMOVED.value),
        suppressions.c.reason,
        sa.literal(source),
    ).where(*theirs)
    columns = ["address", "at", "action", "reason", "source"]
    connection.execute(sa.insert(log).from_select(columns, removed))
    deleted = sa.delete(suppressions).where(*theirs)
    return int(connection.execute(deleted).rowcount)


def erase(
    connection: Connection, key: str, hashes: Sequence[str], source: str, now: dt.datetime
) -> None:
    """Keep what is known about an address under its newest keyed hash, `hashes[0]`, as an erased
    person's. Of the log, `source` is withheld where it names the address."""
    newest, *older = hashes
    log = suppression_log
    connection.execute(
        sa.update(log).where(log.c.address == key, names(log.c.source, key)).values(source=WITHHELD)
    )
    connection.execute(
        sa.update(log).where(log.c.address.in_([key, *older])).values(address=newest)
    )
    connection.execute(sa.delete(suppressions).where(suppressions.c.address == key))
    connection.execute(
        sa.update(suppressions).where(suppressions.c.address.in_(older)).values(address=newest)
    )
    add(connection, newest, SuppressionReason.ERASED, source, now)


def _remove(
    connection: Connection,
    source: str,
    now: dt.datetime,
    event_id: int | None,
    *which: sa.ColumnElement[bool],
) -> bool:
    row = connection.execute(sa.delete(suppressions).where(*which).returning(suppressions)).first()
    if row is None:
        return False
    entry = Suppression(row.address, SuppressionReason(row.reason), source, now)
    _log(connection, SuppressionAction.REMOVED, entry, event_id)
    return True


def _log(
    connection: Connection, action: SuppressionAction, entry: Suppression, event_id: int | None
) -> None:
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


# --- in bulk: what `merging` and `imports` run ----------------------------------------------------

# In the order of the keys, or two that suppress could wait for each other.
DECIDE_STAGED = """
INSERT INTO suppressions (address, reason, source, created_at, import_id)
SELECT key, reason, source, coalesce(at, :now), :import FROM refused WHERE true ORDER BY key
ON CONFLICT (address) DO UPDATE SET import_id = NULL WHERE suppressions.import_id IS NOT NULL
"""
LOG_DECIDED = """
INSERT INTO suppression_log (address, at, action, reason, source)
SELECT p.address, :now, 'added', p.reason, p.source
FROM refused JOIN suppressions AS p ON p.address = refused.key AND p.import_id = :import
"""
# What somebody else has said since is no import's any more: `keep`.
LOG_TAKEN_BACK = """
INSERT INTO suppression_log (address, at, action, reason, source)
SELECT address, :now, 'removed', reason, :source FROM suppressions WHERE import_id = :import
"""
TAKE_BACK_IMPORTED = "DELETE FROM suppressions WHERE import_id = :import"
