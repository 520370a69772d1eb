"""The import's way into the store: rows go to temporary tables, then join the people at once.

The temporary tables belong to one connection and take no lock that others wait for. Only the merge
(merging.py) does, so an unsubscribe during a long import waits for the merge and not for the
file.
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.model.subscriber import SuppressionReason
from newsletter.store.dialects import is_sqlite
from newsletter.store.engine import Store, driver_connection
from newsletter.store.faults import translated
from newsletter.store.people import suppressions
from newsletter.store.postgresql import is_pooled, without_idle_limit
from newsletter.store.schema import UtcTime

# A place in the import, address key, address, name, attributes (JSON, None where there are none),
# standing (a status, empty for nobody's member), and the number of a list.
StagedRow = tuple[int, str, str, str, str | None, str, int]
# The keyed hashes of an address key, by which an erased person is known.
Hashes = Callable[[str], Collection[str]]

DEFAULT_LIST, NO_LIST = 0, -1


class StagedFacts(NamedTuple):
    """What else is known of a row: whether its address is suppressed besides, and of its consent
    the time, how, source and IP address; and when the person left. Times are in microseconds since
    1970. Where there are none, the consent is as the import itself has it."""

    place: int
    is_suppressed: bool
    consent_at: int | None
    consent_how: str | None
    consent_source: str | None
    consent_ip: str
    left_at: int | None


class StagedSuppression(NamedTuple):
    """An address key that is never to be mailed; `at` is in microseconds since 1970. `alone` says
    that its row is of nobody's membership."""

    place: int
    key: str
    reason: SuppressionReason
    source: str
    at: int | None
    alone: bool = True


class StagedSaid(NamedTuple):
    """A line of the consent log that a row brings; `is_personal` where it concerns no list."""

    place: int
    is_personal: bool
    kind: str
    at: int | None
    how: str
    source: str
    wording: str
    ip: str
    detail: str


class StagedFormer(NamedTuple):
    """An address that the person of a row had before, until a time."""

    place: int
    address: str
    until: int | None


@dataclass(slots=True)
class Batch:
    """Rows of a file: people, and addresses that are never to be mailed. A row of the file may be
    both; `size` counts it once."""

    rows: list[StagedRow] = field(default_factory=list)
    facts: list[StagedFacts] = field(default_factory=list)
    suppressions: list[StagedSuppression] = field(default_factory=list)
    said: list[StagedSaid] = field(default_factory=list)
    pauses: list[tuple[int, int | None]] = field(default_factory=list)
    former: list[StagedFormer] = field(default_factory=list)
    size: int = 0


_CACHE_KIB = 32 * 1024
_TABLES = """
CREATE TEMPORARY TABLE staged (line {line}, key TEXT NOT NULL, address TEXT NOT NULL,
    name TEXT NOT NULL, attributes {json}, standing TEXT NOT NULL, list {integer} NOT NULL);
CREATE TEMPORARY TABLE facts (line {line}, is_suppressed BOOLEAN NOT NULL, consent_at {integer},
    consent_how TEXT, consent_source TEXT, consent_ip TEXT NOT NULL, left_at {integer});
CREATE TEMPORARY TABLE refused (line {line}, key TEXT NOT NULL, reason TEXT NOT NULL,
    source TEXT NOT NULL, at {integer}, alone BOOLEAN NOT NULL);
CREATE TEMPORARY TABLE said (line {integer} NOT NULL, is_personal BOOLEAN NOT NULL,
    kind TEXT NOT NULL, at {integer} NOT NULL, how TEXT NOT NULL, source TEXT NOT NULL,
    wording TEXT NOT NULL, ip TEXT NOT NULL, detail TEXT NOT NULL);
CREATE TEMPORARY TABLE pauses (line {line}, until {integer} NOT NULL);
CREATE TEMPORARY TABLE former (line {integer} NOT NULL, address TEXT NOT NULL,
    until {integer} NOT NULL);
CREATE TEMPORARY TABLE aims (number {line}, list_id {integer} NOT NULL);
CREATE TEMPORARY TABLE known (line {line}, subscriber_id {integer} NOT NULL,
    list_id {integer}, standing TEXT, wanted TEXT NOT NULL, name TEXT, attributes {json})
"""


class Staging:
    """The staged rows of one import: how many there were, and how many were of the erased."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.is_sqlite = is_sqlite(connection)
        self.loaded = 0
        self.erased = 0
        self.has_facts = False
        self.has_history = False
        self._checked: frozenset[str] = frozenset()
        self._transaction: sa.RootTransaction | None = None

    def load(self, batches: Iterable[Batch], hashes: Hashes) -> None:
        """Stage all rows; of those of one key the first stays, or the one that says no."""
        with self._loading():
            self._create()
            load = _insert if self.is_sqlite else _copy
            for batch in batches:
                load(self.connection, batch)
                self.loaded += batch.size
                self.has_facts |= bool(batch.facts)
                self.has_history |= bool(batch.said or batch.pauses or batch.former)
            if self.is_sqlite:
                self.run("CREATE INDEX staged_key ON staged (key)")
                self.run("CREATE INDEX refused_key ON refused (key)")
            if self.has_history:
                self.run("CREATE INDEX said_line ON said (line)")
            for table in ("staged", "facts"):
                self.run(f"ANALYZE {table}")
            self.run(_DELETE_REPEATS)
            self.run(_DELETE_REFUSED_TWICE)
            self.skip_erased(hashes)

    @contextmanager
    def _loading(self) -> Iterator[None]:
        """SQLite loads in a transaction of its own, in which nobody waits. In PostgreSQL that of
        the merge has begun: behind a pooler, another would not find the tables."""
        if self.is_sqlite:
            with self.connection.begin():
                yield
            return
        self._transaction = self.connection.begin()
        with without_idle_limit(self.connection):  # a file may be a pipe, and nothing is locked yet
            yield

    @contextmanager
    def transaction(self, *, keep: bool) -> Iterator[None]:
        """The transaction of the merge; without `keep` all of it is taken back at its end."""
        self.connection.execution_options(begin_immediate=True)
        with self._transaction or self.connection.begin() as transaction:
            yield
            if not keep:
                transaction.rollback()

    def skip_erased(self, hashes: Hashes) -> None:
        """Drop rows of people who were erased. Hashing a million keys takes seconds, so it is done
        while nobody waits, and in the merge only against who was erased since."""
        erased = suppressions.erased_hashes(self.connection)
        fresh, self._checked = erased - self._checked, erased
        if not fresh:
            return
        keys = self.connection.execute(
            sa.text(_KEYS), execution_options={"stream_results": True}
        ).scalars()
        dropped = [key for key in keys if not fresh.isdisjoint(hashes(key))]
        for key in dropped:
            self.erased += self.run("DELETE FROM refused WHERE key = :key AND alone", key=key)
            self.run("DELETE FROM refused WHERE key = :key", key=key)
            self.erased += self.run("DELETE FROM staged WHERE key = :key", key=key)

    def run(self, sql: str, **values: Any) -> int:
        """Run a statement; returns how many rows it touched."""
        statement = sa.text(sql)
        if "now" in values:
            statement = statement.bindparams(sa.bindparam("now", type_=UtcTime))
        return self.connection.execute(statement, values).rowcount

    def count(self, sql: str, **values: Any) -> int:
        return int(self.connection.execute(sa.text(sql), values).scalar_one())

    def _create(self) -> None:
        if self.is_sqlite:
            for schema in ("main", "temp"):
                self.connection.exec_driver_sql(f"PRAGMA {schema}.cache_size = -{_CACHE_KIB}")
            driver_connection(self.connection).create_function(
                "merged_attributes", 2, _merged_attributes, deterministic=True
            )
        else:
            self.run("SET LOCAL work_mem = '128MB'")
            if not is_pooled(self.connection):  # where others may have had temporary tables
                self.run("SET LOCAL temp_buffers = '64MB'")
        types = {
            "line": "INTEGER PRIMARY KEY" if self.is_sqlite else "BIGINT",
            "integer": "INTEGER" if self.is_sqlite else "BIGINT",
            "json": "TEXT" if self.is_sqlite else "JSON",
        }
        lifetime = "" if self.is_sqlite else "ON COMMIT DROP"
        for statement in _TABLES.format(**types).split(";"):
            self.run(f"{statement} {lifetime}")


@contextmanager
def staging(store: Store) -> Iterator[Staging]:
    """A place to stage one import; it vanishes with its connection, whatever happens."""
    with translated(store.engine), store.engine.connect() as connection:
        if not store.is_sqlite:
            connection.invalidate()  # temp_buffers is for one that has had no such table
        try:
            yield Staging(connection)
        finally:
            connection.invalidate()


_KEYS = "SELECT key FROM staged UNION ALL SELECT key FROM refused WHERE alone"
# Of the rows of one address and list one stays: the firmest no, else the first. Where it stands in
# the file is a number below 2 ** 50.
_DELETE_REPEATS = """
DELETE FROM staged WHERE line IN (
    SELECT again.line
    FROM (SELECT each.key, each.list,
            min(CASE each.standing WHEN 'unsubscribed' THEN 0 ELSE 1125899906842624 END
                + each.line) % 1125899906842624 AS kept
        FROM (SELECT key FROM staged GROUP BY key HAVING count(*) > 1) AS twice
        JOIN staged AS each ON each.key = twice.key
        GROUP BY each.key, each.list HAVING count(*) > 1) AS chosen
    JOIN staged AS again ON again.key = chosen.key AND again.list = chosen.list
        AND again.line <> chosen.kept
)
"""
_DELETE_REFUSED_TWICE = """
DELETE FROM refused WHERE line NOT IN (
    SELECT min(CASE reason WHEN 'complaint' THEN 0 WHEN 'hard_bounce' THEN 1
            WHEN 'soft_bounce' THEN 2 ELSE 3 END * 1125899906842624 + line) % 1125899906842624
    FROM refused GROUP BY key
)
"""


def _insert(connection: Connection, batch: Batch) -> None:
    """Insert with the raw driver: SQLAlchemy takes half as long again."""
    driver = driver_connection(connection)
    driver.executemany("INSERT INTO staged VALUES (?, ?, ?, ?, ?, ?, ?)", batch.rows)
    driver.executemany("INSERT INTO facts VALUES (?, ?, ?, ?, ?, ?, ?)", batch.facts)
    driver.executemany("INSERT INTO refused VALUES (?, ?, ?, ?, ?, ?)", batch.suppressions)
    driver.executemany("INSERT INTO said VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", batch.said)
    driver.executemany("INSERT INTO pauses VALUES (?, ?)", batch.pauses)
    driver.executemany("INSERT INTO former VALUES (?, ?, ?)", batch.former)


def _copy(connection: Connection, batch: Batch) -> None:
    """COPY in its text format. The cells hold no control characters: the import refuses them."""
    with driver_connection(connection).cursor() as cursor:
        copies = {
            "staged": map(_staged_line, batch.rows),
            "facts": map(_copy_line, batch.facts),
            "refused": map(_copy_line, batch.suppressions),
            "pauses": map(_copy_line, batch.pauses),
            "former": map(_copy_line, batch.former),
        }
        for table, lines in copies.items():
            if text := "".join(lines):
                with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                    copy.write(text)
        if batch.said:  # they may hold lines and tabs
            with cursor.copy("COPY said FROM STDIN") as copy:
                for line in batch.said:
                    copy.write_row(line)


def _staged_line(row: StagedRow) -> str:
    """As `_copy_line`, in half its time: there is one for each row of the file."""
    place, key, address, name, attributes, standing, number = row
    text = f"{key}\t{address}\t{name}".replace("\\", "\\\\")
    json_text = "\\N" if attributes is None else attributes.replace("\\", "\\\\")
    return f"{place}\t{text}\t{json_text}\t{standing}\t{number}\n"


def _copy_line(row: Sequence[Any]) -> str:
    cells = ["\\N" if cell is None else str(cell).replace("\\", "\\\\") for cell in row]
    return "\t".join(cells) + "\n"


def _merged_attributes(old: str, new: str | None) -> str | None:
    """The function of that name in SQLite."""
    if new is None or old == new:
        return None
    before = json.loads(old)
    after = before | json.loads(new)
    return None if after == before else json.dumps(after, ensure_ascii=False)
