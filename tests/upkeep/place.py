"""A newsletter in which a command is killed, made anew for each kill, and what is in its store."""

import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from newsletter.files import part_of
from newsletter.store import state
from tests.conftest import Databases
from tests.crash import checker
from tests.integration.backups import mode_of
from tests.waiting import until

ADDRESS = b"ada@example.com"
# Rows of `state` that say how far a command has come.
_ON_THE_WAY = ("backed_up_at", "generation", "jobs_schema", state.OUTDATED_SESSIONS)
_LARGE = (1 << 46) - 1  # times, and what is random, are larger

Rows = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Place:
    """A project's folder and the URL of its store; `database` is its own on PostgreSQL."""

    project: Path
    url: str
    database: Databases | None

    @property
    def environment(self) -> dict[str, str]:
        return {} if self.database is None else {"NEWSLETTER_STORE__URL": self.url}

    @property
    def file(self) -> Path:
        return self.project / "subscribers" / "newsletter.db"

    def lose(self) -> None:
        """Let there be no store."""
        if self.database is None:
            for path in self.file.parent.glob(f"{self.file.name}*"):
                path.unlink()
            return
        engine = _engine(self.url)
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        engine.dispose()

    def quieten(self) -> None:
        """Wait until the server has ended what a killed process had begun there."""
        if self.database is not None:
            until(lambda: checker.others_connected(self.url) == 0)

    def rows(self, beside: Path) -> Rows:
        """Every row of every table, without times and random numbers; no tables where there is no
        store. SQLite's file is read in a copy, so that nothing recovers what a kill has left."""
        self.quieten()
        if self.database is not None:
            return _rows(_engine(self.url))
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir()
        if not self.file.exists():
            return {}
        for ending in ("", "-wal", "-journal"):
            if (path := Path(f"{self.file}{ending}")).exists():
                shutil.copy(path, beside / path.name)
        with closing(sqlite3.connect(beside / self.file.name)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return _rows(sa.create_engine(f"sqlite:///{beside / self.file.name}"))

    def files(self) -> list[Path]:
        return [
            path
            for path in self.project.rglob("*")
            if path.is_file() and "outbox" not in path.parts
        ]

    @staticmethod
    def _goes_with_the_same_again(path: Path) -> bool:
        """A backup in a place of its own, and a key that nothing was signed with yet."""
        return path.parent.name == "copies" or path == part_of(path.with_name("secret.key"))

    def unfinished(self, *, at_the_end: bool) -> list[str]:
        """What is left of files that were being written, and of databases of drills; before the end
        without what only the same command takes away."""
        files = [
            path.name
            for path in self.files()
            if ".newsletter-part" in path.name
            and (at_the_end or not self._goes_with_the_same_again(path))
        ]
        if self.database is None:
            return files
        engine = _engine(self.url)
        with engine.connect() as connection:
            name = f"{engine.url.database}_newsletter_drill"
            query = sa.text("SELECT datname FROM pg_database WHERE datname = :name")
            databases = connection.execute(query, {"name": name}).scalars().all()
        engine.dispose()
        return [*files, *databases]

    def open_to_others(self) -> list[str]:
        """Files with people's data that others than their owner may read."""
        return [
            path.name
            for path in self.files()
            if not path.name.startswith("example.csv")
            and mode_of(path) & 0o077
            and ADDRESS in path.read_bytes()
        ]


def _engine(url: str) -> sa.Engine:
    return sa.create_engine(url.replace("://", "+psycopg://", 1))


def _rows(engine: sa.Engine) -> Rows:
    with engine.connect() as connection:
        tables = sa.MetaData()
        tables.reflect(connection)
        rows = {
            name: sorted(
                _in_words(row)
                for row in connection.execute(sa.select(table))
                if row[0] not in _ON_THE_WAY
            )
            for name, table in tables.tables.items()
            if not name.startswith(("procrastinate_", "deliveries_"))
        }
    engine.dispose()
    return rows


def _in_words(row: Sequence[object]) -> str:
    return repr(["…" if isinstance(one, int) and one > _LARGE else one for one in row])
