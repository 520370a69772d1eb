"""The import's way into the store: rows go to a temporary table, then join the people at once.

The temporary table belongs to one connection and takes no lock that others wait for. Only the
merge does, so an unsubscribe during a long import waits for the merge and not for the file.
"""

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.errors import StoreError
from newsletter.model.subscriber import Consent
from newsletter.store import lists, people, suppressions
from newsletter.store.engine import Store, driver_connection
from newsletter.store.engine import _translated as translated
from newsletter.store.schema import UtcTime

# line, address key, address, name, attributes (JSON, None where there are none), status
StagedRow = tuple[int, str, str, str, str | None, str]
# The keyed hashes of an address key, by which an erased person is known.
Hashes = Callable[[str], Collection[str]]

_CACHE_KIB = 32 * 1024
_MANY = 50_000
_TABLES = """
CREATE TEMPORARY TABLE staged (line {line}, key TEXT NOT NULL, address TEXT NOT NULL,
    name TEXT NOT NULL, attributes {json}, status TEXT NOT NULL);
CREATE TEMPORARY TABLE known (line {line}, subscriber_id {integer} NOT NULL,
    standing TEXT, wanted TEXT NOT NULL, name TEXT, attributes {json})
"""


@dataclass(frozen=True, slots=True)
class Merged:
    """What became of the staged rows; the four sum to them."""

    added: int
    updated: int
    unchanged: int
    skipped: int
    list_created: bool


class Staging:
    """The staged rows of one import."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sqlite = connection.dialect.name == "sqlite"
        self._loaded = 0
        self._repeats = 0
        self._erased = 0
        self._checked: frozenset[str] = frozenset()

    def load(self, batches: Iterable[Sequence[StagedRow]], hashes: Hashes) -> None:
        """Stage all rows; of those of one key the first stays."""
        with self._connection.begin():
            self._create()
            load = _insert if self._sqlite else _copy
            self._loaded = load(self._connection, batches)
            if self._sqlite:
                self._run("CREATE INDEX staged_key ON staged (key)")
            self._run("ANALYZE staged")
            self._repeats = self._run(_DELETE_REPEATS)
            self._skip_erased(hashes)

    def merge(self, list_name: str, consent: Consent, hashes: Hashes) -> Merged:
        """Let the staged rows join the people and the list, which is made where it is missing.

        One transaction: all or nothing. It never revives: who left the list, is suppressed or was
        erased is skipped, with their name and attributes.
        """
        connection = self._connection.execution_options(begin_immediate=True)
        with connection.begin():
            people.lock(connection)
            created = lists.create(connection, list_name, consent.at)
            list_id = lists.id_of(connection, list_name)
            self._skip_erased(hashes)
            suppressed = self._run(_DELETE_SUPPRESSED)
            values = {
                "list": list_id,
                "now": consent.at,
                "how": consent.how,
                "source": consent.source,
            }
            self._run(_FIND_KNOWN.format(merged=self._merged()), list=list_id)
            self._run("ANALYZE known")
            known, left, members, updated = connection.execute(sa.text(_COUNT_KNOWN)).one()
            self._run(_UPDATE_PEOPLE, now=consent.at)
            if not self._sqlite:
                self._run(_HOLD_PENDING, list=list_id)
            self._run(_CONFIRM_PENDING, **values)
            self._run(_SUBSCRIBE_KNOWN, **values)
            staged = self._loaded - self._repeats - self._erased - suppressed
            if staged > known:
                self._insert_people(staged - known, values)
        return Merged(
            added=staged - left - members,
            updated=updated,
            unchanged=members - updated + self._repeats,
            skipped=suppressed + left + self._erased,
            list_created=created,
        )

    def _insert_people(self, amount: int, values: dict[str, Any]) -> None:
        """Make the `amount` of people who are new, and let them join: under the lock, whoever has a
        higher id than anybody before is one of them."""
        many = amount > _MANY and not self._sqlite
        # In the order of the unique index a million go into PostgreSQL in two thirds of the time;
        # a few keep the order of the file, which is the one that people expect to see again.
        insert = _INSERT_PEOPLE.format(
            order="key" if many else "line",
            link_key=_LINK_KEYS["sqlite" if self._sqlite else "postgresql"],
        )
        for wanted in ("confirmed", "pending"):
            last = self._count("SELECT coalesce(max(id), 0) FROM subscribers")
            if self._run(insert, now=values["now"], wanted=wanted):
                self._run(_SUBSCRIBE_NEW, **values, wanted=wanted, last=last)
        if many:
            # Or the plan of a send that follows at once would look up a million one by one.
            self._run("ANALYZE subscribers, subscriptions")

    def _create(self) -> None:
        if self._sqlite:
            for schema in ("main", "temp"):
                self._connection.exec_driver_sql(f"PRAGMA {schema}.cache_size = -{_CACHE_KIB}")
            driver_connection(self._connection).create_function(
                "merged_attributes", 2, _merged_attributes, deterministic=True
            )
        else:
            for setting in ("work_mem = '128MB'", "temp_buffers = '64MB'"):
                self._run(f"SET {setting}")  # for this connection, which ends with the import
        types = {
            "line": "INTEGER PRIMARY KEY" if self._sqlite else "BIGINT",
            "integer": "INTEGER" if self._sqlite else "BIGINT",
            "json": "TEXT" if self._sqlite else "JSON",
        }
        for statement in _TABLES.format(**types).split(";"):
            self._run(statement)

    def _skip_erased(self, hashes: Hashes) -> None:
        """Drop rows of people who were erased. Hashing a million keys takes seconds, so it is done
        while nobody waits, and in the merge only against who was erased since."""
        erased = suppressions.erased_hashes(self._connection)
        fresh, self._checked = erased - self._checked, erased
        if not fresh:
            return
        keys = self._connection.execute(
            sa.text("SELECT key FROM staged"), execution_options={"stream_results": True}
        ).scalars()
        found = [key for key in keys if not fresh.isdisjoint(hashes(key))]
        for key in found:
            self._erased += self._run("DELETE FROM staged WHERE key = :key", key=key)

    def _merged(self) -> str:
        """SQL for the attributes after the merge, NULL where nothing changes."""
        if self._sqlite:
            return "merged_attributes(s.attributes, staged.attributes)"
        return (
            "CASE WHEN s.attributes::jsonb @> staged.attributes::jsonb THEN NULL "
            "ELSE (s.attributes::jsonb || staged.attributes::jsonb)::json END"
        )

    def _run(self, sql: str, **values: Any) -> int:
        statement = sa.text(sql)
        if "now" in values:
            statement = statement.bindparams(sa.bindparam("now", type_=UtcTime))
        return self._connection.execute(statement, values).rowcount

    def _count(self, sql: str, **values: Any) -> int:
        return int(self._connection.execute(sa.text(sql), values).scalar_one())


@contextmanager
def staging(store: Store) -> Iterator[Staging]:
    """A place to stage one import; it vanishes with its connection, whatever happens."""
    with translated(), store.engine.connect() as connection:
        try:
            yield Staging(connection)
        finally:
            connection.invalidate()


_DELETE_REPEATS = """
DELETE FROM staged WHERE line IN (
    SELECT again.line
    FROM (SELECT key, min(line) AS first FROM staged GROUP BY key HAVING count(*) > 1) AS twice
    JOIN staged AS again ON again.key = twice.key AND again.line > twice.first
)
"""
_DELETE_SUPPRESSED = """
DELETE FROM staged WHERE EXISTS (SELECT 1 FROM suppressions AS p WHERE p.address = staged.key)
"""
# Who is there already, where they stand on the list, and what of name and attributes is new.
_FIND_KNOWN = """
INSERT INTO known
SELECT staged.line, s.id, x.status, staged.status,
    CASE WHEN staged.name NOT IN ('', s.name) THEN staged.name END,
    {merged}
FROM staged
JOIN subscribers AS s ON s.address_key = staged.key
LEFT JOIN subscriptions AS x ON x.list_id = :list AND x.subscriber_id = s.id
"""
# All, those who left, the members, and of these the ones with something new.
_COUNT_KNOWN = """
SELECT count(*), count(*) FILTER (WHERE standing = 'unsubscribed'),
    count(*) FILTER (WHERE standing IN ('pending', 'confirmed')),
    count(*) FILTER (
        WHERE (standing IN ('pending', 'confirmed')
                AND (name IS NOT NULL OR attributes IS NOT NULL))
            OR (standing = 'pending' AND wanted = 'confirmed'))
FROM known
"""
_UPDATE_PEOPLE = """
UPDATE subscribers SET name = coalesce(known.name, subscribers.name),
    attributes = coalesce(known.attributes, subscribers.attributes), updated_at = :now
FROM known
WHERE known.subscriber_id = subscribers.id AND coalesce(known.standing, '') <> 'unsubscribed'
    AND (known.name IS NOT NULL OR known.attributes IS NOT NULL)
"""
# In the order in which those who leave hold their rows, or the two could wait for each other.
_HOLD_PENDING = """
SELECT count(*) FROM (
    SELECT 1 FROM subscriptions
    WHERE list_id = :list AND status = 'pending' AND subscriber_id IN (
        SELECT subscriber_id FROM known WHERE standing = 'pending' AND wanted = 'confirmed')
    ORDER BY list_id, subscriber_id
    FOR UPDATE
) AS held
"""
# The status is asked again: on PostgreSQL somebody may have left since.
_CONFIRM_PENDING = """
UPDATE subscriptions SET status = 'confirmed', consent_at = :now, consent_how = :how,
    consent_source = :source, updated_at = :now
FROM known
WHERE subscriptions.list_id = :list AND subscriptions.subscriber_id = known.subscriber_id
    AND subscriptions.status = 'pending' AND known.standing = 'pending'
    AND known.wanted = 'confirmed'
"""
# As newsletter.store.people makes them: at random, from 1 to 2 ** 47.
_LINK_KEYS = {
    "sqlite": "(random() & 140737488355327) + 1",
    "postgresql": "(random() * 140737488355327)::bigint + 1",
}
_INSERT_PEOPLE = """
INSERT INTO subscribers (address, address_key, name, attributes, created_at, updated_at, link_key)
SELECT address, key, name, coalesce(attributes, '{{}}'), :now, :now, {link_key}
FROM staged
WHERE status = :wanted AND NOT EXISTS (SELECT 1 FROM known WHERE known.line = staged.line)
ORDER BY {order}
"""
_SUBSCRIBE_NEW = """
INSERT INTO subscriptions (list_id, subscriber_id, status, consent_at, consent_how, consent_source,
    updated_at)
SELECT :list, id, :wanted, :now, :how, :source, :now FROM subscribers WHERE id > :last ORDER BY id
"""
_SUBSCRIBE_KNOWN = """
INSERT INTO subscriptions (list_id, subscriber_id, status, consent_at, consent_how, consent_source,
    updated_at)
SELECT :list, subscriber_id, wanted, :now, :how, :source, :now FROM known
WHERE standing IS NULL
ON CONFLICT DO NOTHING
"""


def _insert(connection: Connection, batches: Iterable[Sequence[StagedRow]]) -> int:
    """Insert with the raw driver: SQLAlchemy takes half as long again. Returns how many."""
    driver = driver_connection(connection)
    before = driver.total_changes
    try:
        for batch in batches:
            driver.executemany("INSERT INTO staged VALUES (?, ?, ?, ?, ?, ?)", batch)
    except sqlite3.Error as error:
        raise StoreError(f"the store failed: {error}") from error
    return int(driver.total_changes - before)


def _copy(connection: Connection, batches: Iterable[Sequence[StagedRow]]) -> int:
    """COPY in its text format. The cells hold no control characters: the import refuses them.
    Returns how many rows."""
    import psycopg  # noqa: PLC0415 -- an extra, there when the store is PostgreSQL

    try:
        with driver_connection(connection).cursor() as cursor:
            with cursor.copy("COPY staged FROM STDIN") as copy:
                for batch in batches:
                    copy.write("".join(map(_copy_line, batch)))
            return int(cursor.rowcount)
    except psycopg.Error as error:
        raise StoreError(f"the store failed: {error}") from error


def _copy_line(row: StagedRow) -> str:
    line, key, address, name, attributes, status = row
    if "\\" in name:
        name = name.replace("\\", "\\\\")
    attributes = "\\N" if attributes is None else attributes.replace("\\", "\\\\")
    return f"{line}\t{key}\t{address}\t{name}\t{attributes}\t{status}\n"


def _merged_attributes(old: str, new: str | None) -> str | None:
    """The function of that name in SQLite."""
    if new is None or old == new:
        return None
    before = json.loads(old)
    after = before | json.loads(new)
    return None if after == before else json.dumps(after, ensure_ascii=False)
