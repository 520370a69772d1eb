"""What every store does, whatever the database."""

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory

from newsletter.errors import ConfigurationError, StoreAway, StoreBusy, StoreError
from newsletter.store import Store, open_store, schema, upgrade
from newsletter.store.engine import driver_connection
from newsletter.store.people import lists
from newsletter.store.people.staging import staging
from newsletter.store.schema import REVISION
from tests.factories import NOW
from tests.older import differences


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database that has no tables."""
    if request.param == "sqlite":
        (tmp_path / "empty.db").touch()
        return f"sqlite:///{tmp_path / 'empty.db'}"
    return str(request.getfixturevalue("postgresql_empty"))


def test_the_migrations_make_the_tables_that_the_code_knows(store: Store) -> None:
    """The schema and the migrations, which are written by hand, agree."""
    with store.read() as connection:
        assert differences(connection) == []


def test_the_revision_of_the_code_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", "newsletter:store/migrations")

    assert ScriptDirectory.from_config(config).get_current_head() == REVISION


def test_two_upgrades_at_once_take_turns(empty_url: str) -> None:
    """Two machines that deploy at the same time both end with a good store."""
    faults: list[BaseException] = []

    def run() -> None:
        try:
            upgrade(empty_url, Path())
        except BaseException as error:  # noqa: BLE001 -- handed to the test's own thread
            faults.append(error)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert faults == []
    open_store(empty_url, Path()).close()


def test_an_upgrade_tells_from_where_to_where(empty_url: str) -> None:
    assert upgrade(empty_url, Path())[:2] == (None, REVISION)
    assert upgrade(empty_url, Path())[:2] == (REVISION, REVISION)


def test_an_empty_store_is_refused(empty_url: str) -> None:
    """A store without tables knows nobody who left."""
    with pytest.raises(StoreError, match="empty") as caught:
        open_store(empty_url, Path())

    assert "db upgrade" in caught.value.hint


def test_a_missing_sqlite_file_is_not_made_by_opening_it(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no store"):
        open_store("sqlite:///new.db", tmp_path)

    assert not (tmp_path / "new.db").exists()


@pytest.mark.parametrize(("revision", "advice"), [("0000", "db upgrade"), ("9999", "version")])
def test_an_older_or_newer_store_is_refused(store_url: str, revision: str, advice: str) -> None:
    store = open_store(store_url, Path())
    with store.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :r"), {"r": revision})
    store.close()

    with pytest.raises(StoreError, match=revision) as caught:
        open_store(store_url, Path())

    assert advice in caught.value.hint


def test_a_newer_store_is_not_upgraded(store_url: str) -> None:
    store = open_store(store_url, Path())
    with store.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    store.close()

    with pytest.raises(StoreError, match="newer"):
        upgrade(store_url, Path())


@pytest.mark.parametrize("url", ["mysql://host/name", "no url"])
def test_another_kind_of_store_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError):
        open_store(url, Path())


def test_times_come_back_as_they_went_in(store: Store) -> None:
    """To the microsecond, in UTC, on both sides of 1970, whatever zone they came in."""
    zone = dt.timezone(dt.timedelta(hours=8))
    times = {
        "old": dt.datetime(1901, 2, 3, 4, 5, 6, 7, tzinfo=dt.UTC),
        "new": dt.datetime(2026, 1, 7, 23, 59, 59, 999_999, tzinfo=zone),
    }
    with store.write() as connection:
        for name, at in times.items():
            lists.create(connection, name, at)

    with store.read() as connection:
        query = sa.select(schema.lists.c.name, schema.lists.c.created_at)
        found = {row.name: row.created_at for row in connection.execute(query)}
        assert found == times
        assert all(at.tzinfo is dt.UTC for at in found.values())


def test_a_failed_write_leaves_nothing(store: Store) -> None:
    def half() -> None:
        with store.write() as connection:
            lists.create(connection, "ai", NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()

    with store.read() as connection:
        assert lists.find(connection, "ai") is None


def test_a_write_on_sqlite_holds_the_lock_from_its_start(sqlite_store: Store) -> None:
    """What a write read cannot change before it commits: a second one waits at its very start."""
    order: list[str] = []
    begun = threading.Event()

    def second() -> None:
        begun.set()
        with sqlite_store.write():
            order.append("second")

    thread = threading.Thread(target=second)
    with sqlite_store.write() as connection:
        lists.find(connection, "ai")
        thread.start()
        begun.wait()
        thread.join(timeout=0.2)
        order.append("first")
    thread.join()

    assert order == ["first", "second"]


def test_a_read_sees_one_state_while_others_write(store: Store) -> None:
    with store.read() as reading:
        assert lists.find(reading, "ai") is None
        with store.write() as writing:
            lists.create(writing, "ai", NOW)

        assert lists.find(reading, "ai") is None
        assert lists.find(reading, "ai") is None
    with store.read() as reading:
        assert lists.find(reading, "ai") is not None


@pytest.mark.postgresql
def test_nothing_is_written_or_locked_in_a_read(postgresql_store: Store) -> None:
    """Tests on PostgreSQL find what would; SQLite has no such transaction."""
    for statement in ("DELETE FROM lists", "SELECT * FROM lists FOR UPDATE"):
        with (
            pytest.raises(StoreError, match="read-only"),
            postgresql_store.read() as connection,
        ):
            connection.execute(sa.text(statement))
    with postgresql_store.write() as connection:  # the same connection can write again
        lists.create(connection, "ai", NOW)


def test_a_fault_of_the_database_is_our_error(store: Store) -> None:
    with pytest.raises(StoreError), store.read() as connection:
        connection.execute(sa.text("SELECT nothing FROM nowhere"))


def test_a_lock_that_somebody_holds_is_no_fault_of_the_store(sqlite_url: str) -> None:
    holder = open_store(sqlite_url, Path())
    waiting = open_store(sqlite_url, Path(), busy_seconds=0.05)

    with holder.write(), pytest.raises(StoreAway, match="locked"), waiting.write():
        pass

    with waiting.write() as connection:
        lists.create(connection, "ai", NOW)
    holder.close()
    waiting.close()


@pytest.mark.parametrize("who", ["another process", "another thread"])
def test_whoever_is_told_to_stop_waits_only_a_moment_for_a_lock(sqlite_url: str, who: str) -> None:
    waiting, stop = open_store(sqlite_url, Path(), busy_seconds=3600), threading.Event()
    waiting.heed(stop)
    holder = open_store(sqlite_url, Path()) if who == "another process" else waiting
    with ThreadPoolExecutor(1) as pool, holder.write():
        waits = pool.submit(_write, waiting)
        with pytest.raises(TimeoutError):
            waits.result(0.1)
        stop.set()
        refused = waits.exception(60)

    assert isinstance(refused, StoreBusy)
    with waiting.write() as connection:
        asked = driver_connection(connection).execute("PRAGMA busy_timeout")
        assert asked.fetchone() == (3_600_000,)
    holder.close()
    waiting.close()


def _write(store: Store) -> None:
    with store.write():
        pass


def test_one_who_reads_alone_reads_by_one_connection(sqlite_store: Store) -> None:
    """Each keeps the pages that it read: a process that lives long would keep them many times."""
    with ExitStack() as many:
        for _ in range(5):
            many.enter_context(sqlite_store.read())

    used = set()
    for _ in range(5):
        with sqlite_store.read() as connection:
            used.add(driver_connection(connection))

    assert len(used) == 1


def test_who_only_reads_keeps_little_of_it(sqlite_store: Store) -> None:
    """Readers are many in what lives long; whoever writes a million rows needs more."""
    with sqlite_store.read() as reads, sqlite_store.write() as writes:
        asked = [
            driver_connection(connection).execute("PRAGMA cache_size").fetchone()
            for connection in (reads, writes)
        ]

    assert asked == [(-512,), (-2000,)]


def test_an_import_keeps_the_pages_that_it_needs(sqlite_store: Store) -> None:
    """With as few as other writers have, a million rows take a third longer."""
    with staging(sqlite_store) as stage:
        stage.load([], lambda keys: [])
        with stage.transaction(keep=False):
            [(kept,)] = stage.connection.exec_driver_sql("PRAGMA main.cache_size").all()
    with sqlite_store.write() as connection:
        usual = driver_connection(connection).execute("PRAGMA cache_size").fetchone()[0]

    assert kept < 10 * usual < 0, "in KiB, which SQLite counts below zero"


@pytest.mark.postgresql
def test_a_lock_on_a_row_is_not_waited_for_for_ever(postgresql_url: str) -> None:
    holder = open_store(postgresql_url, Path())
    waiting = open_store(postgresql_url, Path(), busy_seconds=0.05)
    with holder.write() as connection:
        lists.create(connection, "ai", NOW)

    touch = sa.update(schema.lists).values(created_at=NOW)
    with holder.write() as connection:
        connection.execute(touch)
        with pytest.raises(StoreAway, match="lock"), waiting.write() as blocked:
            blocked.execute(touch)
    holder.close()
    waiting.close()


@pytest.mark.postgresql
def test_a_connection_that_is_lost_is_no_fault_of_the_store(postgresql_store: Store) -> None:
    """As by a restart: amid a transaction, or between two, where nobody notices."""
    others = sa.text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )

    def write_while_it_restarts() -> None:
        with postgresql_store.write() as connection:
            lists.create(connection, "ai", NOW)
            with postgresql_store.read() as other:
                other.execute(others)

    with pytest.raises(StoreAway):
        write_while_it_restarts()

    with postgresql_store.read() as connection:
        assert lists.find(connection, "ai") is None
