"""The same on PostgreSQL, where transactions go on beside each other.

Another task may go on before each statement of a transaction that writes. A statement that waits
for a lock hands over until the server says that it waits no more: the server is asked, so that no
time is measured.
"""

import os
import select
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import psycopg
from greenlet import getcurrent
from psycopg.waiting import Ready
from sqlalchemy import event
from sqlalchemy.engine import Connection, make_url

from newsletter.store import Store, open_store, state, upgrade
from newsletter.store.schema import metadata
from tests.postgresql import start_server
from tests.simulation.scheduler import Scheduler

_TEMPLATE = "simulation"
_MOMENT_SECONDS = 0.002
_NAMES = [table.name for table in reversed(metadata.sorted_tables)]
_EMPTY = f"""
    {";".join(f"DELETE FROM {name}" for name in _NAMES if name != "alembic_version")};
    SELECT setval(seqrelid, 1, false) FROM pg_sequence
"""
_BLOCKED = "SELECT cardinality(pg_blocking_pids(%s)) > 0"
_GONE = "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = %s)"


class PostgreSQL:
    """A database of a server. `url` is that of an upgraded one that nobody else uses."""

    def __init__(self, url: str) -> None:
        self.is_held = False
        self._store = open_store(url, Path())
        self.engine = self._store.engine
        event.listen(self.engine, "before_cursor_execute", self._before_statement)
        self._monitor = psycopg.connect(url, autocommit=True)
        self._scheduler: Scheduler | None = None
        self._amount = 0

    def reset(self, key: object, prepare: Callable[[Store], None]) -> None:
        self._monitor.execute(_EMPTY)
        with self._store.write() as connection:
            state.ensure_id(connection)
        prepare(self._store)

    def look(self, query: str) -> list[tuple[Any, ...]]:
        return self._monitor.execute(query.encode()).fetchall()

    def changes(self) -> int:
        self._amount += 1
        return self._amount

    def close(self) -> None:
        self._monitor.close()
        self._store.close()

    @contextmanager
    def playing(self, scheduler: Scheduler) -> Iterator[None]:
        wait = psycopg.Connection.wait

        def waiting(
            connection: psycopg.Connection[Any],
            steps: Generator[Any, Any, Any],
            *arguments: Any,
            **options: Any,
        ) -> Any:
            if connection is self._monitor or not self._is_in_task():
                return wait(connection, steps, *arguments, **options)
            return self._wait(connection, steps)

        self._scheduler = scheduler
        try:
            with mock.patch.object(psycopg.Connection, "wait", waiting):
                yield
        finally:
            self._scheduler = None

    def _is_in_task(self) -> bool:
        scheduler = self._scheduler
        return (
            scheduler is not None
            and getcurrent() is not scheduler.hub
            and not scheduler.current.process.is_dead
        )

    def _before_statement(self, connection: Connection, *_: Any) -> None:
        is_writing = connection.get_execution_options().get("begin_immediate", False)
        if is_writing and self._scheduler is not None and self._is_in_task():
            self._scheduler.point("in a transaction")

    def _wait(self, connection: psycopg.Connection[Any], steps: Generator[Any, Any, Any]) -> Any:
        """What psycopg does to wait for its server, but others go on while it waits for a lock."""
        assert self._scheduler is not None
        socket, pid = connection.pgconn.socket, connection.pgconn.backend_pid
        try:
            wanted = next(steps)
            while True:
                ready = _ready(socket, wanted)
                if ready:
                    wanted = steps.send(ready)
                elif self._is_blocked(pid):
                    self._scheduler.points["waits for a lock"] += 1
                    self._scheduler.wait(None, lambda: not self._is_blocked(pid))
        except StopIteration as done:
            return done.value
        except psycopg.Error:
            raise
        except BaseException:
            connection.pgconn.finish()
            while not self._ask(_GONE, pid):  # until then it holds its locks
                pass
            raise

    def _is_blocked(self, pid: int) -> bool:
        return self._ask(_BLOCKED, pid)

    def _ask(self, query: str, pid: int) -> bool:
        [(answer,)] = self._monitor.execute(query.encode(), [pid]).fetchall()
        return bool(answer)


def _ready(socket: int, wanted: Any) -> Ready | None:
    """For what a connection is ready within a moment."""
    reading = [socket] if wanted & Ready.R else []
    writing = [socket] if wanted & Ready.W else []
    readable, writable, _ = select.select(reading, writing, [], _MOMENT_SECONDS)
    ready = (Ready.R if readable else 0) | (Ready.W if writable else 0)
    return Ready(ready) if ready else None


@contextmanager
def serving(data: Path) -> Iterator[str]:
    """Run a server that keeps its files in `data`; yields the URL of the template in it."""
    runtime = data.parent / "runtime"
    runtime.mkdir(mode=0o700)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
    server = start_server(data)
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off".encode())
        connection.execute("SELECT pg_reload_conf()")
        connection.execute(f"CREATE DATABASE {_TEMPLATE}".encode())
    url: str = server.get_uri(_TEMPLATE)
    upgrade(url, Path())
    try:
        yield url
    finally:
        server.cleanup()


def made(template: str) -> PostgreSQL:
    """A new database of this process beside the template."""
    name = f"simulation_{os.getpid()}"
    with psycopg.connect(_beside(template, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}".encode())
    return PostgreSQL(_beside(template, name))


def _beside(url: str, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)
