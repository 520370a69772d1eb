"""What a SQLite store knows beyond an older copy of itself: who left since, and what was sent.

Both are read through one connection, which changes the copy alone. The copy is in nobody's use, so
what is killed here is thrown away as a whole.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from newsletter.store.schema import (
    approvals,
    archived_deliveries,
    audit_log,
    batches,
    corrections,
    deliveries,
    events,
    hidden_issues,
    lists,
    media,
    receipts,
    sends,
)

# The ledger is one whole: it is taken over with all its sums. Of the others only what is new.
_LEDGER = (sends, batches, deliveries, archived_deliveries, corrections, hidden_issues)
_BESIDE = (receipts, approvals, media, events, audit_log)


@dataclass(frozen=True, slots=True)
class Departure:
    """Somebody who left a list. `subscriber_id` is theirs in the copy, None where it does not know
    them; `at` is in microseconds since 1970."""

    list_id: int
    subscriber_id: int | None
    address: str
    at: int


@contextmanager
def both(copy: Path, store: Path) -> Iterator[sqlite3.Connection]:
    """The copy as `main`, the store, which stays as it is, as `newer`."""
    with closing(sqlite3.connect(copy.as_uri(), uri=True, isolation_level=None)) as connection:
        connection.execute("ATTACH ? AS newer", (f"{store.as_uri()}?mode=ro",))
        yield connection


def departures(connection: sqlite3.Connection) -> list[Departure]:
    """Those who left a list that the copy has, and are on it there, or not known there."""
    rows = connection.execute(
        """
        SELECT gone.list_id, known.id, person.address, gone.updated_at
        FROM newer.subscriptions AS gone
        JOIN newer.subscribers AS person ON person.id = gone.subscriber_id
        JOIN main.lists AS list ON list.id = gone.list_id
        LEFT JOIN main.subscribers AS known
            ON known.id = person.id AND known.created_at = person.created_at
            AND known.address IS NOT NULL
        LEFT JOIN main.subscriptions AS standing
            ON standing.list_id = gone.list_id AND standing.subscriber_id = known.id
        WHERE gone.status = 'unsubscribed' AND person.address IS NOT NULL
            AND coalesce(standing.status, '') <> 'unsubscribed'
        ORDER BY gone.list_id, gone.subscriber_id
        """
    )
    return [Departure(*row) for row in rows]


def suppressions(connection: sqlite3.Connection) -> list[tuple[Any, ...]]:
    """The address key or hash, reason, source and time of those that the copy does not have."""
    return connection.execute(
        """
        SELECT address, reason, source, created_at FROM newer.suppressions
        WHERE address NOT IN (SELECT address FROM main.suppressions)
        """
    ).fetchall()


def is_ahead(connection: sqlite3.Connection) -> bool:
    """Whether the store knows all sends of the copy, and each at least as far; and no list has the
    name of another one in the copy."""
    lost = connection.execute(
        """
        SELECT 1 FROM main.sends AS old LEFT JOIN newer.sends AS new USING (number)
        WHERE new.id IS NULL OR new.id <> old.id OR new.cursor < old.cursor
        UNION ALL
        SELECT 1 FROM main.lists AS old JOIN newer.lists AS new USING (name)
        WHERE new.id <> old.id
        LIMIT 1
        """
    )
    return lost.fetchone() is None


def take_over_sends(connection: sqlite3.Connection) -> int:
    """Let the copy know what was sent since; returns how many sends are new or went on.

    Who was mailed and is not known to the copy becomes a row without an address, as of somebody who
    was erased. A list that only the store has comes along with its sends.
    """
    [(changed,)] = connection.execute(
        """
        SELECT count(*) FROM newer.sends AS new LEFT JOIN main.sends AS old USING (number)
        WHERE old.id IS NULL OR old.status <> new.status OR old.cursor <> new.cursor
        """
    ).fetchall()
    connection.execute("PRAGMA foreign_keys=OFF")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(_insert(lists, "WHERE id IN (SELECT list_id FROM newer.sends)"))
    for table in _LEDGER:
        connection.execute(f"DELETE FROM main.{table.name}")  # noqa: S608 -- a table of our own
        connection.execute(_insert(table))
    for table in _BESIDE:
        connection.execute(_insert(table))
    connection.execute(
        """
        INSERT INTO main.subscribers (id, created_at, updated_at)
        SELECT id, created_at, updated_at FROM newer.subscribers
        WHERE id NOT IN (SELECT id FROM main.subscribers) AND id IN (
            SELECT subscriber_id FROM newer.deliveries
            UNION SELECT subscriber_id FROM newer.events
        )
        """
    )
    connection.execute("COMMIT")
    return int(changed)


def _insert(table: sa.Table, which: str = "") -> str:
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    values = f"SELECT {names} FROM newer.{table.name}"  # noqa: S608 -- names of our own tables
    return f"INSERT OR IGNORE INTO main.{table.name} ({names}) {values} {which}"
