"""Opening a file of SQLite: where it can be written, and where it can only be read."""

import os
import sqlite3
import threading
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.pool import ConnectionPoolEntry

from newsletter.errors import StoreAway, StoreError
from newsletter.files import make_private
from newsletter.mounts import file_system, is_of_a_network

# What is deleted is overwritten at once: an erased address is to be nowhere in the file.
_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON")
# How much a connection keeps of what it read, in KiB. Those that only read are many, in what lives
# long too, and need little; whoever writes needs what SQLite gives by itself.
CACHE = "cache"  # the option of a connection that holds it; without it what was set stays
READERS_CACHE, WRITERS_CACHE = 512, 2000
# Kept prepared: more than any work repeats. A list of another length makes another one.
_STATEMENTS = 64
_NOT_WRITABLE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM)
LOCK_WAIT = "lock_wait"  # the option of a connection that holds its LockWait
_HEEDING_SECONDS = 1.0  # between two looks at whether to stop
_STOPPING_SECONDS = 2.0


@dataclass
class LockWait:
    """How long to wait for whoever writes: `seconds`, and only a moment once `stop` is set."""

    seconds: float
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def most(self) -> float:
        return min(self.seconds, _STOPPING_SECONDS) if self.stop.is_set() else self.seconds

    def left(self, began: float) -> float:
        """Of the time of a wait that began then, in seconds, until `stop` is to be looked at."""
        return max(0.0, min(began + self.most - time.monotonic(), _HEEDING_SECONDS))


class _Unlocked(sqlite3.Connection):
    """For one use: it takes no locks and never looks for what others write, so that old pages and
    new ones may mix. `version` is that of the file before it was opened."""

    version: tuple[int, int, int] | None


def open_engine(path: Path, busy_seconds: float, *, create: bool) -> Engine:
    """An engine for a file, which waits so long for locks. Raises StoreError where it is missing,
    or lies where SQLite cannot keep what it promises."""
    if not create and _is_missing(path):
        raise StoreError(
            f"there is no store at {path}",
            hint="Run `newsletter db upgrade` to make one, or restore a backup to this place.",
        )
    if os.path.exists(path) and not path.is_file():
        raise StoreError(
            "the store is not an ordinary file",
            where=str(path),
            hint="Put what stands there aside, or name another file in [store] url.",
        )
    _refuse_a_network(path)
    if create:  # readable by its owner only, since it holds addresses
        make_private(path)
    engine = sa.create_engine(
        URL.create("sqlite+pysqlite", database=str(path)),
        creator=lambda: _connected(path, busy_seconds, create=create),
        poolclass=sa.pool.QueuePool,
        pool_size=40,
        pool_use_lifo=True,  # that few of them keep much
        pool_reset_on_return=None,  # see _reset
    )
    event.listen(engine, "begin", _begin)
    event.listen(engine, "commit", partial(_refuse_a_mixture, path))
    event.listen(engine, "reset", _reset)
    event.listen(engine, "checkin", _drop_unlocked)
    return engine


def _is_missing(path: Path) -> bool:
    """Of what lies in a closed folder, nobody knows before it is opened."""
    try:
        os.stat(path)
    except PermissionError:
        return False
    except OSError:
        return True
    return False


def _refuse_a_network(path: Path) -> None:
    kind = file_system(path.parent)
    if is_of_a_network(kind):
        raise StoreError(
            f"the store lies on {kind}, a file system of a network, whose locks SQLite cannot "
            "trust",
            where=str(path),
            hint="Stop what uses it, copy its files to a disk of this machine, and name that in "
            "[store] url or NEWSLETTER_STORE__URL. For several machines use PostgreSQL.",
        )


def _connected(path: Path, busy_seconds: float, *, create: bool) -> sqlite3.Connection:
    """A connection that writes, or where nobody may write here, one that only reads."""
    try:
        return _opened(path, "mode=rwc" if create else "mode=rw", busy_seconds)
    except sqlite3.OperationalError as error:
        if create or error.sqlite_errorcode & 0xFF not in _NOT_WRITABLE:
            raise
        version = _version_of(path)  # before the log is looked at: later ones could go unnoticed
        for how in _ways_to_read(path):
            try:
                connection = _opened(path, how, busy_seconds)
            except sqlite3.OperationalError:
                continue
            if isinstance(connection, _Unlocked):
                connection.version = version
            return connection
        raise


def _ways_to_read(path: Path) -> list[str]:
    """A log that is empty or not there holds nothing back: nobody has the file open to write it,
    and it can be read alone."""
    log = path.with_name(f"{path.name}-wal")
    is_alone = not os.path.exists(log) or not log.stat().st_size
    return ["mode=ro", *(["mode=ro&immutable=1"] if is_alone else [])]


def _opened(path: Path, how: str, busy_seconds: float) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.as_uri()}?{how}",
        uri=True,
        timeout=busy_seconds,
        isolation_level=None,  # transactions are begun by _begin, never by the driver
        check_same_thread=False,
        cached_statements=_STATEMENTS,
        factory=_Unlocked if "immutable" in how else sqlite3.Connection,
    )
    try:
        for pragma in _PRAGMAS if "rw" in how else ():
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1")
    except BaseException:
        connection.close()
        raise
    return connection


def _version_of(path: Path) -> tuple[int, int, int] | None:
    """What differs once a file was written or replaced."""
    try:
        state = os.stat(path)
    except OSError:
        return None
    return state.st_ino, state.st_size, state.st_mtime_ns


def _drop_unlocked(driver: sqlite3.Connection | None, record: ConnectionPoolEntry) -> None:
    if isinstance(driver, _Unlocked):
        record.invalidate()


def _refuse_a_mixture(path: Path, connection: Connection) -> None:
    """Raises StoreAway where a file was written while it was read without locks."""
    driver = connection.connection.driver_connection
    if isinstance(driver, _Unlocked) and driver.version != _version_of(path):
        raise StoreAway(
            "the store was written while it was read without locks",
            where=str(path),
            hint="Nothing is damaged by that. Try again. A user who may write the store's folder "
            "reads with locks, beside those who write.",
        )


def _reset(driver: sqlite3.Connection, *_: Any) -> None:
    """Roll back what is open. A rollback of nothing takes as long as to write a row."""
    if driver.in_transaction:
        driver.rollback()


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    driver: Any = connection.connection.driver_connection
    if cache := options.get(CACHE):
        driver.execute(f"PRAGMA cache_size=-{cache}")
    if not options.get("begin_immediate", False):
        driver.execute("BEGIN")
    elif wait := options.get(LOCK_WAIT):
        _begin_once_free(driver, wait)
    else:
        driver.execute("BEGIN IMMEDIATE")


def _begin_once_free(driver: sqlite3.Connection, wait: LockWait) -> None:
    """SQLite itself heeds nothing while it waits."""
    (usual,) = driver.execute("PRAGMA busy_timeout").fetchone()
    began = time.monotonic()
    try:
        while True:
            driver.execute(f"PRAGMA busy_timeout={wait.left(began) * 1000:.0f}")
            try:
                driver.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                is_busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not is_busy or not wait.left(began):
                    raise
            else:
                break
    finally:
        driver.execute(f"PRAGMA busy_timeout={usual}")
