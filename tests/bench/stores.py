"""New databases for the benches: SQLite files, and a PostgreSQL server that keeps its promises.

The server is the one of the tests with its stock settings: unlike there, `fsync` and
`synchronous_commit` stay on.
"""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path

from newsletter.store import upgrade
from tests.postgresql import start_server

STORES = ("sqlite", "postgresql")


class Stores:
    """Databases below a folder; the server starts with the first that needs it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._closing = ExitStack()

    @contextmanager
    def new(self, kind: str) -> Iterator[str]:
        """The URL of a new, upgraded store, which is deleted afterwards."""
        with self._sqlite() if kind == "sqlite" else self._postgresql() as url:
            upgrade(url, self._folder)
            yield url

    @contextmanager
    def _sqlite(self) -> Iterator[str]:
        folder = self._folder / uuid.uuid4().hex
        yield f"sqlite:///{folder}/store.db"
        shutil.rmtree(folder)

    @contextmanager
    def _postgresql(self) -> Iterator[str]:
        import psycopg

        name = f"bench_{uuid.uuid4().hex}"
        with psycopg.connect(self._server, autocommit=True) as connection:
            for setting in ("fsync", "synchronous_commit"):
                assert connection.execute(f"SHOW {setting}".encode()).fetchone() == ("on",)
            connection.execute(f"CREATE DATABASE {name}".encode())
            yield self._server.replace("/postgres?", f"/{name}?")
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())

    @cached_property
    def _server(self) -> str:
        os.environ.setdefault("XDG_RUNTIME_DIR", str(self._folder))  # platformdirs asks for one
        server = start_server(self._folder / "postgresql")
        self._closing.callback(server.cleanup)
        return str(server.get_uri())

    def close(self) -> None:
        self._closing.close()
