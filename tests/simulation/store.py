"""The real store, in memory or on PostgreSQL, with a point before and after each transaction.

On SQLite a transaction is one step: nobody else writes during it, and whoever reads meanwhile sees
what was there before, as if it had read before. On PostgreSQL others go on within it: see
tests/simulation/postgresql.py.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

from newsletter.errors import StoreAway
from newsletter.store import Store, state
from newsletter.store.engine import driver_connection
from newsletter.store.schema import REVISION, metadata
from tests.simulation import faults
from tests.simulation.faults import Faults
from tests.simulation.scheduler import Scheduler


class Database(Protocol):
    """Where a schedule plays: `reset` makes it what it was when `prepare` had filled it for the
    first time; `look` runs a query outside of any transaction of the store, and `changes` differs
    once rows were written. `is_held` is whether
    a transaction that writes is under way, and keeps all others out."""

    engine: Engine
    is_held: bool

    def reset(self, key: object, prepare: Callable[[Store], None]) -> None: ...

    def look(self, query: str) -> list[tuple[Any, ...]]: ...

    def changes(self) -> int: ...

    def playing(self, scheduler: Scheduler) -> AbstractContextManager[None]:
        """Let the tasks of a schedule use it."""


_VERSION = f"CREATE TABLE alembic_version AS SELECT '{REVISION}' AS version_num"


class Memory:
    """A SQLite database in memory, which all transactions of a schedule share."""

    def __init__(self) -> None:
        self.is_held = False
        self.engine = sa.create_engine(
            "sqlite://", creator=_connect, poolclass=sa.pool.StaticPool, query_cache_size=2000
        )
        event.listen(self.engine, "begin", _begin)
        with self.engine.connect() as connection:
            self._driver: sqlite3.Connection = driver_connection(connection)
        with Store(self.engine).write() as connection:
            metadata.create_all(connection)
            connection.execute(sa.text(_VERSION))
            state.ensure_id(connection)
        self._empty = self._driver.serialize()
        self._images: dict[object, bytes] = {}

    def reset(self, key: object, prepare: Callable[[Store], None]) -> None:
        if key not in self._images:
            self._driver.deserialize(self._empty)
            prepare(Store(self.engine))
            self._images[key] = self._driver.serialize()
        self._driver.deserialize(self._images[key])

    def playing(self, scheduler: Scheduler) -> AbstractContextManager[None]:
        return nullcontext()

    def look(self, query: str) -> list[tuple[Any, ...]]:
        return self._driver.execute(query).fetchall()

    def changes(self) -> int:
        """It differs where rows were written since."""
        return self._driver.total_changes


def _connect() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None, cached_statements=1000)
    connection.execute("PRAGMA foreign_keys=ON")
    return connection


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


class SimulatedStore(Store):
    """The store as one process has it. `strike` carries out a fault of the process, `cut_off` is
    told that it has lost its store, and `committed` of each commit."""

    def __init__(
        self,
        database: Database,
        scheduler: Scheduler,
        faults: Faults,
        strike: Callable[[str | None], None],
        cut_off: Callable[[], None],
        committed: Callable[[], None],
    ) -> None:
        super().__init__(database.engine)
        self._database, self._scheduler, self._faults = database, scheduler, faults
        self._strike, self._cut_off, self._committed = strike, cut_off, committed
        self.away_until = 0.0

    @contextmanager
    def read(self) -> Iterator[Connection]:
        self._begin("reads")
        with super().read() as connection:
            yield connection

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[Connection]:
        self._begin("writes")
        task = self._scheduler.current
        task.began_at, task.began = self._scheduler.steps, self._scheduler.now
        with self._held(), super().write(durable=durable) as connection:
            yield connection
            struck = self._faults.strikes(faults.BEFORE_COMMIT, faults.COMMIT_LOST)
            if struck == faults.COMMIT_LOST:
                raise self._lost(struck)
            self._strike(struck)
        self._committed()
        struck = self._faults.strikes(faults.AFTER_COMMIT, faults.COMMIT_UNANSWERED)
        if struck == faults.COMMIT_UNANSWERED:
            raise self._lost(struck)
        self._strike(struck)
        self._scheduler.point("has written")

    def _lost(self, what: str) -> StoreAway:
        self._cut_off()
        self._scheduler.note(what)
        return StoreAway("the connection was lost")

    @contextmanager
    def _held(self) -> Iterator[None]:
        self._database.is_held = self.is_sqlite
        try:
            yield
        finally:
            self._database.is_held = False

    def _begin(self, what: str) -> None:
        self._scheduler.point(what)
        if self._database.is_held:
            self._scheduler.wait(None, lambda: not self._database.is_held)
        struck = self._faults.strikes(faults.CRASH, faults.ASLEEP, faults.AWAY)
        if struck == faults.AWAY:
            seconds = self._scheduler.choices.pick((0.5, 10.0, 100.0))
            self._cut_off()
            self._scheduler.note(f"{struck} for {seconds:.1f} seconds")
            self.away_until = self._scheduler.now + seconds
        else:
            self._strike(struck)
        if self._scheduler.now < self.away_until:
            raise StoreAway("the store is away")
