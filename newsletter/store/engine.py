"""Opening the store: engines, transactions, and which schema it holds."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine, make_url

from newsletter.errors import ConfigurationError, NewsletterError, StoreError
from newsletter.store import state
from newsletter.store.schema import REVISION

_BUSY_SECONDS = 30
_CHECKPOINT_SECONDS = 2  # it keeps writers waiting

# What is deleted is overwritten at once: an erased address is to be nowhere in the file.
_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON")


class Store:
    """A database with its transactions.

    `read` sees one consistent state and writes nothing. `write` takes the write lock of SQLite at
    its start, so that what it read cannot change before it commits; when it returns, the commit is
    on disk (`synchronous=FULL`, PostgreSQL's default).
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        # SQLite lets one writer in, and has the others sleep and try again, ever longer: the
        # threads of one process take turns here instead.
        self._turn = threading.Lock() if self.is_sqlite else nullcontext()

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with _translated(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[Connection]:
        """A transaction that writes; one that is not `durable` may be lost with the power."""
        with _translated(), self._turn, self.engine.connect() as connection:
            connection = connection.execution_options(begin_immediate=True)
            if durable:
                with connection.begin():
                    yield connection
                return
            with _without_sync(connection), connection.begin():
                if not self.is_sqlite:
                    connection.execute(sa.text("SET LOCAL synchronous_commit = off"))
                yield connection

    def checkpoint(self) -> bool:
        """Empty SQLite's write-ahead log into the database, so that nothing erased stays in it.

        False where somebody reads, or writes, for longer than a moment.
        """
        if not self.is_sqlite:
            return True
        with _translated(), self._turn, closing(self.engine.raw_connection()) as pooled:
            driver: Any = pooled.driver_connection
            driver.execute(f"PRAGMA busy_timeout={_CHECKPOINT_SECONDS * 1000}")
            try:
                busy, _, _ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                driver.execute(f"PRAGMA busy_timeout={_BUSY_SECONDS * 1000}")
        return not busy

    def close(self) -> None:
        self.engine.dispose()


@contextmanager
def _without_sync(connection: Connection) -> Iterator[None]:
    """SQLite's commits without waiting for the disk; PostgreSQL is told inside a transaction."""
    if connection.dialect.name != "sqlite":
        yield
        return
    driver = driver_connection(connection)
    driver.execute("PRAGMA synchronous=NORMAL")
    try:
        yield
    finally:
        driver.execute("PRAGMA synchronous=FULL")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except NewsletterError:
        raise
    except sa.exc.DBAPIError as error:
        raise StoreError(
            f"the store failed: {_said(error.orig)}",
            hint="Nothing of this step was written. Check disk space and access, "
            "run `newsletter db verify`, then try again.",
        ) from error


def _said(error: object) -> str:
    """The driver's message; what PostgreSQL adds may hold a row, with its address."""
    primary = getattr(getattr(error, "diag", None), "message_primary", None)
    return str(primary or error).strip() or type(error).__name__


def resolve_url(url: str, root: Path) -> URL:
    """The URL of `[store] url`, a relative SQLite path taken from the project's folder."""
    try:
        parsed = make_url(url)
    except sa.exc.ArgumentError as error:
        raise ConfigurationError(
            f"{url.split(':', 1)[0]!r} is no store URL",
            where="store.url",
            hint="Use sqlite:///subscribers/newsletter.db or postgresql://user@host/name.",
        ) from error
    match parsed.get_backend_name():
        case "sqlite":
            database = str((root / (parsed.database or "newsletter.db")).resolve())
            return parsed.set(drivername="sqlite+pysqlite", database=database)
        case "postgresql":
            return parsed.set(drivername="postgresql+psycopg")
        case other:
            raise ConfigurationError(
                f"no store of kind {other!r}",
                where="store.url",
                hint="Use sqlite:///… or postgresql://…",
            )


def open_store(url: str, root: Path) -> Store:
    """The store at `url`, which must exist and hold this version's schema.

    Raises StoreError where it is missing, older or newer: an empty store never appears by itself,
    for it would not know who left.
    """
    store, found = open_any(url, root)
    if found == REVISION:
        return store
    store.close()
    raise StoreError(
        f"the store has schema {found}, this version needs {REVISION}",
        hint="Run `newsletter db backup FILE`, then `newsletter db upgrade`.",
    )


def open_any(url: str, root: Path) -> tuple[Store, str]:
    """The store at `url` and its schema, which may be older: for what is done before an upgrade.

    Raises StoreError where it is missing, empty or newer.
    """
    store = Store(_engine(resolve_url(url, root), create=False))
    try:
        found = _revision(store)
        if found is None:
            raise StoreError(
                "the store is empty", hint="Run `newsletter db upgrade` to make its tables."
            )
        _refuse_newer(found)
    except BaseException:
        store.close()
        raise
    return store, found


def _refuse_newer(revision: str) -> None:
    if revision > REVISION:
        raise StoreError(
            f"the store has schema {revision}, newer than this version's {REVISION}",
            hint="Use the version of newsletter that upgraded it.",
        )


def upgrade(url: str, root: Path) -> tuple[str | None, str]:
    """Make or migrate the store; returns the revisions before and after.

    Each migration is one transaction; two processes at once take turns.
    """
    from alembic import command  # noqa: PLC0415 -- slow to import, needed here alone
    from alembic.config import Config  # noqa: PLC0415

    resolved = resolve_url(url, root)
    if resolved.get_backend_name() == "sqlite":
        Path(str(resolved.database)).parent.mkdir(parents=True, exist_ok=True)
    store = Store(_engine(resolved, create=True))
    try:
        before = _revision(store)
        if before is not None:
            _refuse_newer(before)
        config = Config()
        config.set_main_option("script_location", "newsletter:store/migrations")
        with store.write() as connection:
            if not store.is_sqlite:
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(7301)"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            state.ensure_id(connection)
        return before, REVISION
    finally:
        store.close()


def _revision(store: Store) -> str | None:
    """The schema that the store holds, None where it holds none."""
    with store.read() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
        return None if found is None else str(found)


def _engine(url: URL, *, create: bool) -> Engine:
    if url.get_backend_name() == "sqlite":
        return _sqlite_engine(Path(str(url.database)), create=create)
    engine = sa.create_engine(url, pool_size=40, max_overflow=0, pool_pre_ping=True)
    with _translated(), engine.connect():
        return engine


def _sqlite_engine(path: Path, *, create: bool) -> Engine:
    if not create and not path.exists():
        raise StoreError(
            f"there is no store at {path}",
            hint="Run `newsletter db upgrade` to make one, or restore a backup to this place.",
        )

    if create:  # readable by its owner only: it holds addresses
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))

    def connect() -> sqlite3.Connection:
        mode = "rwc" if create else "rw"
        connection = sqlite3.connect(
            f"{path.as_uri()}?mode={mode}",
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,  # transactions are begun by _begin, never by the driver
            check_same_thread=False,
        )
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        return connection

    engine = sa.create_engine(
        "sqlite+pysqlite://", creator=connect, poolclass=sa.pool.QueuePool, pool_size=40
    )
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("begin_immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def driver_connection(connection: Connection) -> Any:
    """The sqlite3 or psycopg connection below, for the few paths where SQLAlchemy is too slow."""
    return connection.connection.driver_connection
