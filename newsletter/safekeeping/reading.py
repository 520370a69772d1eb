"""A backup, fetched from its place and decrypted: which kind it is, and what is in it."""

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.errors import NewsletterError, StoreError
from newsletter.files import filled
from newsletter.safekeeping import sealing
from newsletter.safekeeping.parts import OPENED, written
from newsletter.safekeeping.sealing import Keys
from newsletter.safekeeping.vaults import BackupPlace, newest
from newsletter.store import Store, dumps, maintenance, open_any, state
from newsletter.store.schema import metadata, sends, subscribers
from newsletter.store.schema import state as facts

_SQLITE = b"SQLite format 3\0"
_START_BYTES = 64
_OTHER_COPY = (
    "Take another copy. If it is of a newer version of newsletter or PostgreSQL, use that one's "
    "programs."
)


@dataclass(frozen=True, slots=True)
class FetchedCopy:
    """A backup as a plain file of this machine, for a while. `put_at` is when it came to its
    place."""

    file: Path
    where: str
    put_at: dt.datetime
    is_sqlite: bool


@dataclass(frozen=True, slots=True)
class CopyContents:
    """What a store of any schema holds. `faults` are those of `db verify`, of which `is_damaged`
    says that pages are among them; `made_at` is when the copy was made, where it says so."""

    schema: str
    store_id: str
    made_at: dt.datetime | None
    tables: Mapping[str, int]
    faults: tuple[str, ...]
    is_damaged: bool

    @property
    def subscribers(self) -> int:
        return self.tables.get(subscribers.name, 0)

    @property
    def sends(self) -> int:
        return self.tables.get(sends.name, 0)


@contextmanager
def fetched(place: BackupPlace, keys: Keys, beside: Path) -> Iterator[FetchedCopy]:
    """The backup of a place, the newest where it names none, as a file beside another.

    Raises UsageError where there is none, or it is encrypted and no key is given, NewsletterError
    where it is no backup or cannot be opened.
    """
    vault, name = place.vault, place.name or newest(place.vault)
    where = vault.where(name)
    with written(beside) as part:
        with filled(part) as target:
            put_at = vault.fetch(name, target)
        if not sealing.is_sealed(_start(part)):
            yield FetchedCopy(part, where, put_at, _is_sqlite(part, where))
            return
        with written(beside.with_name(f"{beside.name}{OPENED}")) as opened:
            with part.open("rb") as source, filled(opened) as target:
                sealing.unseal(source, target, keys, where)
            yield FetchedCopy(opened, where, put_at, _is_sqlite(opened, where))


def _start(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(_START_BYTES)


def _is_sqlite(file: Path, where: str) -> bool:
    """Raises NewsletterError for what is neither kind of backup."""
    start = _start(file)
    if start.startswith(_SQLITE):
        return True
    if start.startswith(dumps.MAGIC):
        return False
    raise NewsletterError(
        "this is no backup: neither a SQLite store nor a dump of PostgreSQL by --format=custom",
        where=where,
        hint=_OTHER_COPY,
    )


def contents_of(store: Store) -> CopyContents:
    """Count and check all that a store holds. Raises StoreError where it cannot be read."""
    with store.read() as connection:
        counts = rows_of(connection)
        schema = connection.execute(sa.text("SELECT version_num FROM alembic_version"))
        version, store_id = str(schema.scalar_one()), identity_of(connection)
        made_at = state.time(connection, state.COPIED_AT) if facts.name in counts else None
    damage = maintenance.damaged_pages(store)
    faults = (*damage, *maintenance.inconsistencies(store))
    return CopyContents(version, store_id, made_at, counts, faults, bool(damage))


def rows_of(connection: Connection) -> dict[str, int]:
    """How many rows each table of a store of any schema has."""
    names = set(sa.inspect(connection).get_table_names())
    tables = [table.name for table in metadata.sorted_tables if table.name in names]
    count = sa.select(sa.func.count())
    return {
        name: connection.execute(count.select_from(sa.table(name))).scalar_one() for name in tables
    }


def identity_of(connection: Connection) -> str:
    """The id of a store of any schema, empty where it has none."""
    has_facts = connection.dialect.has_table(connection, facts.name)
    return state.store_id(connection) if has_facts else ""


def examine(copy: FetchedCopy) -> CopyContents:
    """What a copy of a SQLite store holds. Raises StoreError where it is damaged, or of a newer
    version."""
    with about(copy.where):
        store, _ = open_any(f"sqlite:///{copy.file}", Path())
        with closing(store):
            return contents_of(store)


@contextmanager
def about(where: str) -> Iterator[None]:
    """Say of errors of a store that they are about a backup."""
    try:
        yield
    except StoreError as error:
        error.where = where
        error.hint = _OTHER_COPY
        raise
