"""The record of imports: each has an id, by which it can be looked up and undone."""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.errors import UsageError
from newsletter.model.audit import Deed, DeedKind
from newsletter.model.subscriber import ConsentHow
from newsletter.store import audit, locks
from newsletter.store.dialects import is_sqlite
from newsletter.store.ledger import archived
from newsletter.store.people import subscribing, suppressing
from newsletter.store.schema import UtcTime, imports

_TICK = dt.timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Import:
    """One import: `counts` are what became of its rows, by the words of its result."""

    id: int
    at: dt.datetime
    file: str
    system: str
    counts: Mapping[str, int]
    undone_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class UndoneImport:
    """What was undone of an import: people and subscriptions that it made, those put back as they
    were, and suppressions. `left` is what stays, because it was changed since."""

    people: int = 0
    subscriptions: int = 0
    put_back: int = 0
    suppressions: int = 0
    left: int = 0


def begin(
    connection: Connection, now: dt.datetime, file: str, system: str
) -> tuple[int, dt.datetime]:
    """Record an import; returns its id and its time, which no other import has.

    That time is `updated_at` of all that it writes, so that later changes can be recognised.
    The caller holds the lock of people, so two imports do not take the same.
    """
    while connection.execute(sa.select(imports.c.id).where(imports.c.at == now)).first():
        now += _TICK
    statement = sa.insert(imports).values(at=now, file=file, system=system)
    import_id = connection.execute(statement.returning(imports.c.id)).scalar_one()
    return int(import_id), now


def finish(connection: Connection, import_id: int, counts: Mapping[str, Any]) -> None:
    """Record the results of the rows."""
    connection.execute(
        sa.update(imports).where(imports.c.id == import_id).values(counts=dict(counts))
    )


def newest_first(connection: Connection) -> Iterator[Import]:
    for row in connection.execute(sa.select(imports).order_by(imports.c.id.desc())):
        yield Import(row.id, row.at, row.file, row.system, row.counts, row.undone_at)


def undo(connection: Connection, import_id: int, now: dt.datetime, who: str = "") -> UndoneImport:
    """Take back what an import wrote and nobody has changed since; repeating it changes nothing.

    People whom it added are removed, unless something was sent to them or said by them since. What
    it changed is put back. The log keeps what the import wrote about people who stay. Raises
    UsageError for an unknown import. `who` is the person that does it, for the audit log.
    """
    locks.people(connection)
    locks.deleting(connection)
    row = connection.execute(sa.select(imports).where(imports.c.id == import_id)).first()
    if row is None:
        raise UsageError(
            f"there is no import {import_id}", hint="newsletter subscribers imports shows all."
        )
    if row.undone_at is not None:
        return UndoneImport()
    values = {"import": import_id, "at": row.at, "now": now, "source": f"import {import_id}"}

    def run(sql: str) -> int:
        names = {name: value for name, value in values.items() if f":{name}" in sql}
        times = [sa.bindparam(name, type_=UtcTime) for name in ("at", "now") if name in names]
        return connection.execute(sa.text(sql).bindparams(*times), names).rowcount

    def count(sql: str) -> int:
        return int(connection.execute(sa.text(sql), {"import": import_id}).scalar_one())

    if not is_sqlite(connection):
        run(_HOLD)
    connection.execute(sa.text(_ARCHIVED_TO))
    archived_to = archived.recipients_since(connection, row.at)
    if archived_to:
        insert = "INSERT INTO archived_to (subscriber_id, list_id) VALUES (:subscriber, :list)"
        rows = [{"subscriber": who, "list": list_id} for who, list_id in archived_to]
        connection.execute(sa.text(insert), rows)
    written = sum(map(count, _WRITTEN))
    run(_DELETE_LINES)
    subscriptions = run(subscribing.DELETE_IMPORTED.format(is_untouched=_IS_UNTOUCHED))
    run(_LOG_PUT_BACK)
    put_back = run(subscribing.PUT_BACK.format(is_as_left=_IS_AS_LEFT))
    names_put_back = run(_PUT_BACK_PEOPLE)
    run(_DELETE_PERSONAL_LINES)
    run(_DELETE_FORMER)
    people_deleted = run(_DELETE_PEOPLE)
    connection.execute(sa.text("DROP TABLE archived_to"))
    run(suppressing.LOG_TAKEN_BACK)
    suppressions = run(suppressing.TAKE_BACK_IMPORTED)
    connection.execute(sa.update(imports).where(imports.c.id == import_id).values(undone_at=now))
    audit.append(connection, Deed(now, who, DeedKind.UNDO, f"import {import_id}"))
    taken_back = subscriptions + put_back + names_put_back + suppressions
    return UndoneImport(
        people_deleted, subscriptions, put_back + names_put_back, suppressions, written - taken_back
    )


# To whom archived sends went since the import, by list.
_ARCHIVED_TO = """
CREATE TEMPORARY TABLE archived_to (
    subscriber_id BIGINT NOT NULL, list_id INTEGER NOT NULL, PRIMARY KEY (subscriber_id, list_id)
)
"""
_WRITTEN = (
    "SELECT count(*) FROM subscriptions WHERE import_id = :import",
    "SELECT count(*) FROM import_changes WHERE import_id = :import",
    "SELECT count(*) FROM import_people WHERE import_id = :import",
    "SELECT count(*) FROM suppressions WHERE import_id = :import",
)
# In the order in which those who leave hold their rows.
_HOLD = """
SELECT count(*) FROM (
    SELECT 1 FROM subscriptions AS x
    WHERE x.import_id = :import OR EXISTS (
        SELECT 1 FROM import_changes AS c WHERE c.import_id = :import
            AND c.list_id = x.list_id AND c.subscriber_id = x.subscriber_id)
    ORDER BY x.list_id, x.subscriber_id
    FOR UPDATE
) AS held
"""
# A subscription that the import made, about which nothing was said and to which nothing was sent.
_IS_UNTOUCHED = """x.import_id = :import AND x.updated_at = :at
    AND NOT EXISTS (SELECT 1 FROM consents AS c WHERE c.subscriber_id = x.subscriber_id
        AND c.list_id = x.list_id AND coalesce(c.import_id, -1) <> :import)
    AND NOT EXISTS (SELECT 1 FROM deliveries AS d JOIN sends ON sends.number = d.send
        WHERE d.subscriber_id = x.subscriber_id AND sends.list_id = x.list_id)
    AND NOT EXISTS (SELECT 1 FROM archived_to AS a
        WHERE a.subscriber_id = x.subscriber_id AND a.list_id = x.list_id)"""
_DELETE_LINES = f"""
DELETE FROM consents WHERE import_id = :import AND EXISTS (
    SELECT 1 FROM subscriptions AS x WHERE x.list_id = consents.list_id
        AND x.subscriber_id = consents.subscriber_id AND {_IS_UNTOUCHED})
"""
_IS_AS_LEFT = """c.import_id = :import AND subscriptions.list_id = c.list_id
    AND subscriptions.subscriber_id = c.subscriber_id AND subscriptions.updated_at = :at"""
# The import's no stays in the log: what follows says that it does not hold.
_LOG_PUT_BACK = f"""
INSERT INTO consents (subscriber_id, list_id, at, kind, how, source)
SELECT c.subscriber_id, c.list_id, :now,
    CASE c.status WHEN 'pending' THEN 'requested' ELSE 'confirmed' END, '{ConsentHow.UNDO}', :source
FROM import_changes AS c JOIN subscriptions ON {_IS_AS_LEFT}
WHERE subscriptions.status = 'unsubscribed'
"""
_PUT_BACK_PEOPLE = """
UPDATE subscribers SET name = p.name, attributes = p.attributes, updated_at = p.updated_at
FROM import_people AS p
WHERE p.import_id = :import AND subscribers.id = p.subscriber_id
    AND subscribers.updated_at = :at AND subscribers.created_at <> :at
"""
# A person whom the import made, of whom nothing else is known.
_IS_ALONE = """s.created_at = :at AND s.updated_at = :at
    AND NOT EXISTS (SELECT 1 FROM subscriptions AS x WHERE x.subscriber_id = s.id)
    AND NOT EXISTS (SELECT 1 FROM consents AS c
        WHERE c.subscriber_id = s.id AND coalesce(c.import_id, -1) <> :import)
    AND NOT EXISTS (SELECT 1 FROM deliveries AS d WHERE d.subscriber_id = s.id)
    AND NOT EXISTS (SELECT 1 FROM archived_to AS a WHERE a.subscriber_id = s.id)
    AND NOT EXISTS (SELECT 1 FROM events AS e WHERE e.subscriber_id = s.id)
    AND NOT EXISTS (SELECT 1 FROM requests AS r WHERE r.subscriber_id = s.id)
    AND NOT EXISTS (
        SELECT 1 FROM former_addresses AS f WHERE f.subscriber_id = s.id AND f.at > :at)
    AND NOT EXISTS (SELECT 1 FROM import_people AS p WHERE p.subscriber_id = s.id)
    AND NOT EXISTS (SELECT 1 FROM import_changes AS i WHERE i.subscriber_id = s.id)"""
_DELETE_PERSONAL_LINES = f"""
DELETE FROM consents WHERE import_id = :import AND EXISTS (
    SELECT 1 FROM subscribers AS s WHERE s.id = consents.subscriber_id AND {_IS_ALONE})
"""
# Those that the import brought: one that was left since keeps its person.
_DELETE_FORMER = f"""
DELETE FROM former_addresses WHERE EXISTS (
    SELECT 1 FROM subscribers AS s WHERE s.id = former_addresses.subscriber_id AND {_IS_ALONE})
"""
_DELETE_PEOPLE = f"DELETE FROM subscribers AS s WHERE {_IS_ALONE}"
