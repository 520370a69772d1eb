"""The store moves to a server that goes away amid the copy, and through a pooler."""

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from newsletter.errors import StoreAway, StoreClosed
from newsletter.operations.relocate import Move
from newsletter.project import Project, utc_now
from newsletter.scaffold import start
from newsletter.store import Store, open_store
from newsletter.store.relocation import comparing, relocations, rows
from tests.faults.pooler import pooled
from tests.integration.filling import fill
from tests.integration.server import DATABASE, USER, Server

pytestmark = pytest.mark.postgresql


@pytest.fixture
def project(tmp_path: Path) -> Project:
    start(tmp_path / "letter", dt.date(2026, 1, 6))
    return Project.open(tmp_path / "letter")


@pytest.fixture
def source(sqlite_store: Store) -> Store:
    """With a row in each table."""
    fill(sqlite_store, without=("relocations", "tenures"))
    return sqlite_store


@pytest.fixture
def database(server: Server) -> Iterator[str]:
    """The name of a database without tables, beside that of the server's own store."""
    server.execute(f"CREATE DATABASE moved OWNER {USER}")
    yield "moved"
    server.execute("DROP DATABASE moved WITH (FORCE)")


def move(project: Project, source: Store, url: str, tell: Callable[[int], None]) -> None:
    with closing(Move(project, source, url, utc_now)) as moving:
        moving.run(tell)


def check_equal(source: Store, url: str) -> None:
    with closing(open_store(url, Path())) as target:
        for table in rows.TABLES:
            if table.name != "state":  # the generation went on
                comparing.check_equal(source, target, table)


def test_a_server_that_goes_away_is_named_and_the_copy_goes_on(
    server: Server, project: Project, source: Store, database: str
) -> None:
    url = server.url(database=database)

    with pytest.raises(StoreAway) as failed:
        move(project, source, url, lambda amount: server.crash())
    server.start()
    with source.read() as connection, pytest.raises(StoreClosed):
        relocations.check_open(connection)
    move(project, source, url, lambda amount: None)

    assert failed.value.where == f"postgresql://{USER}@127.0.0.1:{server.port}/{database}"
    assert failed.value.hint.endswith("newsletter db copy --cancel")
    check_equal(source, url)


def test_it_moves_through_a_pooler_and_back(
    server: Server, project: Project, source: Store, database: str, tmp_path: Path
) -> None:
    back = f"sqlite:///{tmp_path / 'back.db'}"

    with pooled(server, connections=2) as pooler:
        url = pooler.replace(DATABASE, database)
        move(project, source, url, lambda amount: None)
        check_equal(source, url)
        with closing(open_store(url, Path())) as near:
            move(project, near, back, lambda amount: None)

            check_equal(near, back)
            with pytest.raises(StoreClosed), near.write() as connection:
                connection.execute(rows.TABLES[0].delete())
