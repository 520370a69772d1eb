"""What happened since a backup, carried over from the store that it is to replace.

Who left, was suppressed or was erased since stays so, and what was sent is known: nothing of that
is in the backup.
"""

import datetime as dt
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.audience.erasing import erase
from newsletter.errors import StoreError
from newsletter.model.address import Address
from newsletter.model.subscriber import Consent, ConsentHow, Suppression, SuppressionReason
from newsletter.operations.keys import hashes_of
from newsletter.project import Project
from newsletter.store import Store, maintenance, open_store, since, state
from newsletter.store.people import people, subscribing, suppressing
from newsletter.store.schema import EPOCH, MICROSECOND, REVISION, subscribers

_SOURCE = "newsletter db restore"
_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Carried:
    """How much of each there was; `reason` says why nothing was carried over, or no sends."""

    left: int = 0
    suppressed: int = 0
    erased: int = 0
    sends: int = 0
    reason: str = ""


def carry(project: Project, store: Path, copy: Path, now: dt.datetime) -> Carried:
    """Bring over into a copy what the SQLite store that it replaces knows since; nobody else uses
    either. Raises StoreError."""
    engine = sa.create_engine(
        "sqlite+pysqlite://", creator=lambda: sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True)
    )
    with closing(Store(engine, where=str(store))) as former:
        reason = _not_the_same(former, copy)
        if reason:
            return Carried(reason=reason)
        faults = _faults(former)
    try:
        with since.both(copy, store) as connection:
            departures, suppressions = since.departures(connection), since.suppressions(connection)
            if not faults and not since.is_ahead(connection):
                faults = ["it does not know all sends or lists of the backup"]
            sends = 0 if faults else since.take_over_sends(connection)
    except sqlite3.DatabaseError as error:
        return Carried(reason=f"it is damaged: {error}")
    with closing(open_store(f"sqlite:///{copy}", Path())) as target:
        for start in range(0, len(departures), _AT_ONCE):
            with target.write() as writing:
                _leave(writing, departures[start : start + _AT_ONCE], now)
        erased = _erase(project, target, suppressions, now)
        with target.write() as writing:
            suppressed = suppressing.add_all(writing, [_suppression(row) for row in suppressions])
    return Carried(len(departures), suppressed, erased, sends, "".join(faults[:1]))


def _faults(former: Store) -> list[str]:
    """What is wrong with the former store, whose sends are only believed where nothing is."""
    try:
        return maintenance.verify(former)
    except StoreError as error:
        return [error.message]


def _not_the_same(former: Store, copy: Path) -> str:
    """Why nothing can be carried over, empty where it can."""
    with closing(sqlite3.connect(copy)) as connection:
        [(schema,)] = connection.execute("SELECT version_num FROM alembic_version")
        [(store_id,)] = connection.execute("SELECT value FROM state WHERE name = 'id'")
    try:
        with former.read() as connection:
            [own] = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalars()
            if not schema == own == REVISION:
                return "it has another schema than the backup, or an older one than this version"
            if state.store_id(connection) != f"{store_id:x}":
                return "it is another store than that of the backup"
    except (StoreError, ValueError):
        return "it cannot be read"
    return ""


def _leave(connection: Connection, departures: Sequence[since.Departure], now: dt.datetime) -> None:
    """Whom the copy does not know are made, so that no import brings them back."""
    leaving = {}
    for departure in departures:
        subscriber_id = departure.subscriber_id
        if subscriber_id is None:
            address = Address(departure.address)
            subscriber_id = people.insert(connection, address, "", {}, now).id
        at = EPOCH + departure.at * MICROSECOND
        leaving[departure.list_id, subscriber_id] = Consent(at, ConsentHow.REMOVE, _SOURCE)
    known = subscribing.leave_each(connection, leaving)
    for list_id, subscriber_id in leaving.keys() - known:
        consent = leaving[list_id, subscriber_id]
        subscribing.decline(connection, subscriber_id, list_id, consent)


def _erase(
    project: Project, target: Store, rows: Sequence[tuple[Any, ...]], now: dt.datetime
) -> int:
    """Erase those of whom the former store has only a keyed hash."""
    gone = {row[0] for row in rows if row[1] == SuppressionReason.ERASED}
    if not gone:
        return 0
    hashes = hashes_of(project.root)
    with target.read() as connection:
        query = sa.select(subscribers.c.address).where(subscribers.c.address.is_not(None))
        addresses = [Address(text) for text in connection.execute(query).scalars()]
    erased = [address for address in addresses if not gone.isdisjoint(hashes(address.key))]
    for address in erased:
        erase(target, project.outbox, hashes, address, Consent(now, ConsentHow.FORGET, _SOURCE))
    return len(erased)


def _suppression(row: tuple[Any, ...]) -> Suppression:
    address, reason, source, at = row
    return Suppression(address, SuppressionReason(reason), source, EPOCH + at * MICROSECOND)
