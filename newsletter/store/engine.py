"""Opening the store: engines, transactions, and which schema it holds."""

import errno
import os
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url

from newsletter.errors import ConfigurationError, StoreBusy, StoreError
from newsletter.store import postgresql, revisions, sqlite
from newsletter.store.dialects import is_sqlite
from newsletter.store.faults import source, translated
from newsletter.store.relocation import relocations

if TYPE_CHECKING:
    from newsletter.store.webhooks import Telling

TELLING = "webhooks"  # the option of a connection that holds who is told of changes
BUSY_SECONDS = 30.0  # how long to wait for a lock
_CHECKPOINT_SECONDS = 2  # writers wait meanwhile

_KINDS = ("sqlite", "postgresql", "postgres")
_EXAMPLES = "Use sqlite:///subscribers/newsletter.db or postgresql://user@host/name."


class Store:
    """A database with its transactions.

    `read` sees one consistent state and writes nothing. `write` takes the write lock of SQLite at
    its start, so that what it read cannot change before it commits; when it returns, the commit is
    on disk (`synchronous=FULL`, PostgreSQL's default).
    """

    def __init__(self, engine: Engine, busy_seconds: float = BUSY_SECONDS, where: str = "") -> None:
        """`where` is what errors say of it, if it is not the store of the settings."""
        self.engine = engine
        self._for_reading = engine.execution_options(**{sqlite.CACHE: sqlite.READERS_CACHE})
        self._for_writing = engine.execution_options(
            begin_immediate=True, **{sqlite.CACHE: sqlite.WRITERS_CACHE}
        )
        self.where = where
        self._wait = sqlite.LockWait(busy_seconds)
        # SQLite lets one writer in and makes the others sleep longer and longer: the threads of one
        # process take turns here instead, with a connection that knows what it wrote last.
        self._writing = threading.Lock()
        self._writer: Connection | None = None

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    def tell(self, telling: "Telling") -> None:
        """Let other programs hear of what is written from now on."""
        self._write_with(**{TELLING: telling})

    def heed(self, stop: threading.Event) -> None:
        """Once `stop` is set, let nothing that writes wait long for SQLite's lock."""
        self._wait.stop = stop
        self._write_with(**{sqlite.LOCK_WAIT: self._wait})

    def _write_with(self, **options: object) -> None:
        with self._turn():
            self._for_writing = self._for_writing.execution_options(**options)
            self._drop_writer()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """A thread's turn to write. One that hangs does not keep the others for ever."""
        if not self.is_sqlite:
            yield
            return
        began = time.monotonic()
        while not self._writing.acquire(timeout=self._wait.left(began)):
            if not self._wait.left(began):
                raise StoreBusy(
                    f"another thread has written to the store for {self._wait.most:.0f} seconds",
                    hint="Try again in a moment; if that does not help, restart this process.",
                )
        try:
            yield
        finally:
            self._writing.release()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with translated(self.engine, self.where), self._for_reading.connect() as connection:
            if not self.is_sqlite:  # there a transaction sees one state anyway
                connection = connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
            with connection.begin():
                yield connection

    @contextmanager
    def _connection_of_the_writer(self) -> Iterator[Connection]:
        """The connection for whoever has the turn to write; what failed in it is not used again."""
        if not self.is_sqlite:
            with self._for_writing.connect() as connection:
                yield connection
            return
        if self._writer is None:
            self._writer = self._for_writing.connect()
        try:
            yield self._writer
        except BaseException:
            self._drop_writer()
            raise

    def _drop_writer(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[Connection]:
        """A transaction that writes; one that is not `durable` may be lost in a power cut."""
        with (
            translated(self.engine, self.where),
            self._turn(),
            self._connection_of_the_writer() as connection,
        ):
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

        False where another process reads or writes for longer than a moment.
        """
        if not self.is_sqlite:
            return True
        with (
            translated(self.engine),
            self._turn(),
            closing(self.engine.raw_connection()) as pooled,
        ):
            driver: Any = pooled.driver_connection
            driver.execute(f"PRAGMA busy_timeout={_CHECKPOINT_SECONDS * 1000}")
            try:
                busy, _, _ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                driver.execute(f"PRAGMA busy_timeout={self._wait.seconds * 1000:.0f}")
        return not busy

    def close(self) -> None:
        if self._writing.acquire(blocking=False):  # else a thread still writes
            self._drop_writer()
            self._writing.release()
        self.engine.dispose()


@contextmanager
def _without_sync(connection: Connection) -> Iterator[None]:
    """Lets SQLite commit without waiting for the disk; PostgreSQL is told inside a transaction."""
    if not is_sqlite(connection):
        yield
        return
    driver = driver_connection(connection)
    driver.execute("PRAGMA synchronous=NORMAL")
    try:
        yield
    finally:
        driver.execute("PRAGMA synchronous=FULL")


def resolve_url(url: str, root: Path) -> URL:
    """The URL of `[store] url`, a relative SQLite path taken from the project's folder.

    No message shows more of it than its kind, since it may hold a password.
    """
    scheme, separator, rest = url.partition("://")
    backend, _, _ = scheme.lower().partition("+")
    if not separator or backend not in _KINDS:
        raise ConfigurationError(
            f"no store of kind {scheme!r}" if separator else "the store's URL has no ://",
            where=source(),
            hint=_EXAMPLES,
        )
    if backend == "sqlite":
        file = root / (make_url(url).database or "newsletter.db")
        _refuse_a_loop(file)
        return make_url("sqlite+pysqlite://").set(database=str(file.resolve()))
    if rest.partition("?")[0].count("@") > 1:
        raise ConfigurationError(
            "the user or the password in the store's URL holds an @ that is not escaped",
            where=source(),
            hint="Write %40 for each @ in it.",
        )
    try:
        return make_url(f"{backend}://{rest}").set(drivername="postgresql+psycopg")
    except (sa.exc.ArgumentError, ValueError) as error:
        raise ConfigurationError(
            "the store's URL cannot be read",
            where=source(),
            hint=f"{_EXAMPLES} In user and password write %40 for @, %2F for / and %25 for %.",
        ) from error


def _refuse_a_loop(file: Path) -> None:
    try:
        os.stat(file)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ConfigurationError(
                "the path of the store leads through links that go in a circle",
                where=str(file),
                hint="Let the links lead to a folder, or name another file in [store] url.",
            ) from error


def open_store(url: str, root: Path, busy_seconds: float = BUSY_SECONDS) -> Store:
    """The store at `url`, which must exist and hold this version's schema.

    It waits `busy_seconds` for a lock that somebody else holds, then raises StoreBusy. Raises
    StoreError where the store is missing, older, newer or an unfinished copy: an empty store never
    appears by itself, since it would not know who left. PostgreSQL may be upgraded later: then it
    raises that too.
    """
    store, _ = open_any(url, root, busy_seconds)
    try:
        with store.read() as connection:
            revisions.refuse_other(connection)
            relocations.check_whole(connection)
    except BaseException:
        store.close()
        raise
    if not store.is_sqlite:
        postgresql.look_at_each(store.engine, revisions.refuse_other)
    return store


def open_any(url: str, root: Path, busy_seconds: float = BUSY_SECONDS) -> tuple[Store, str]:
    """The store at `url` and its schema, which may be older: for what is done before an upgrade.

    Raises StoreError where it is missing, empty or newer.
    """
    store = Store(_engine(resolve_url(url, root), busy_seconds, create=False), busy_seconds)
    try:
        with store.read() as connection:
            revision = revisions.current(connection)
        if revision is None:
            raise StoreError(
                "the store is empty", hint="Run `newsletter db upgrade` to make its tables."
            )
        revisions.refuse_newer(revision)
    except BaseException:
        store.close()
        raise
    return store, revision


def open_or_make(url: str, root: Path) -> Store:
    """The store at `url` with whatever is in it, which may be nothing; it waits for locks for as
    long as it takes."""
    resolved = resolve_url(url, root)
    if resolved.get_backend_name() == "sqlite":
        Path(str(resolved.database)).parent.mkdir(parents=True, exist_ok=True)
    return Store(_engine(resolved, BUSY_SECONDS, create=True))


def _engine(url: URL, busy_seconds: float, *, create: bool) -> Engine:
    if url.get_backend_name() == "sqlite":
        return sqlite.open_engine(Path(str(url.database)), busy_seconds, create=create)
    return postgresql.open_engine(url, None if create else busy_seconds)


def driver_connection(connection: Connection) -> Any:
    """The sqlite3 or psycopg connection below, for the few paths where SQLAlchemy is too slow."""
    return connection.connection.driver_connection
