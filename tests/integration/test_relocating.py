"""A store in another database: every table, every value, every number that is given next."""

import secrets
import shutil
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.errors import Refused, StoreClosed, StoreError
from newsletter.store import Store, jobs, open_store, upgrade
from newsletter.store.relocation import closing as closed
from newsletter.store.relocation import comparing, copying, relocations, rows
from newsletter.store.schema import (
    EPOCH,
    MICROSECOND,
    limiter,
    media,
    metadata,
    segments,
    state,
    subscribers,
    suppressions,
)
from tests.factories import NOW, is_waiting
from tests.integration.filling import fill
from tests.waiting import until


@pytest.fixture(
    params=[pytest.param("sqlite"), pytest.param("postgresql", marks=pytest.mark.postgresql)]
)
def target(
    request: pytest.FixtureRequest, sqlite_template: Path, tmp_path: Path
) -> Iterator[Store]:
    """An empty store beside `store`, with a number of its own."""
    if request.param == "sqlite":
        url = f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'target.db')}"
    else:
        url = str(request.getfixturevalue("postgresql_beside"))
    with closing(open_store(url, tmp_path)) as opened:
        with opened.write() as connection:
            new = sa.update(state).where(state.c.name == "id").values(value=secrets.randbits(62))
            assert connection.execute(new).rowcount == 1
        yield opened


def begin(source: Store, target: Store) -> relocations.Relocation:
    """Close the source, and let the target take its rows."""
    with source.write() as connection:
        closed.lock(connection)
        relocation = relocations.begin(connection, "elsewhere", NOW)
    with target.write() as connection:
        relocations.receive(connection, relocation, "here")
    return relocation


def copied(source: Store, target: Store) -> dict[str, int]:
    """Copy all, and compare it; returns how many rows each table has."""
    relocation = begin(source, target)
    copying.copy(source, target, relocation.id, lambda amount: None)
    with target.write() as connection:
        rows.set_sequences(connection)
    return check_all_equal(source, target)


def check_all_equal(source: Store, target: Store) -> dict[str, int]:
    return {table.name: comparing.check_equal(source, target, table) for table in rows.TABLES}


def test_every_table_is_copied_or_named_as_not_copied(store: Store, target: Store) -> None:
    """A new table comes along by itself, and a new row of it gets a number of its own."""
    fill(store, without=("relocations",))

    amounts = copied(store, target)

    assert set(amounts) == set(metadata.tables) - {"workers", "relocations"}
    assert all(amounts.values())
    for table in rows.TABLES:
        assert _all(store, table) == _all(target, table)
    with store.read() as here, target.read() as there:  # of Procrastinate's tables, if any
        assert jobs.schema(here) == (None if store.is_sqlite else jobs.installed_schema())
        assert jobs.schema(there) == (None if target.is_sqlite else jobs.installed_schema())
    with target.write() as connection:
        numbered = [table for table in rows.TABLES if table.autoincrement_column is not None]
        values = connection.execute(sa.select(subscribers)).mappings().one()
        new = {**values, "address": "new", "address_key": "new"}
        del new["id"]
        connection.execute(sa.insert(subscribers).values(new))
        assert connection.execute(sa.select(sa.func.max(subscribers.c.id))).scalar() == 8
        if not target.is_sqlite:
            for table in numbered:
                name = sa.func.pg_get_serial_sequence(
                    table.name,
                    table.autoincrement_column.name,  # type: ignore[union-attr]
                )
                assert connection.execute(sa.select(sa.func.nextval(name))).scalar_one() > 7


_TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
_NUMBERS = st.integers(-(2**63), 2**63 - 1)
_TIMES = st.integers(-(10**15), 10**16).map(lambda number: EPOCH + number * MICROSECOND)
_JSON = st.dictionaries(_TEXTS, _TEXTS | st.none() | st.booleans())
_PEOPLE = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.integers(1, 2**63 - 1),
            "address": st.none() | _TEXTS,
            "name": _TEXTS,
            "attributes": _JSON,
            "created_at": _TIMES,
            "updated_at": _TIMES,
            "paused_until": st.none() | _TIMES,
            "link_key": _NUMBERS,
        }
    ),
    unique_by=lambda row: str(row["id"]),
)
_SUPPRESSED = st.lists(_TEXTS, unique=True)
_FLOATS = st.dictionaries(_TEXTS, st.floats(allow_nan=False), max_size=3)
_PICTURES = st.dictionaries(_TEXTS, st.binary(), max_size=3)


@pytest.fixture
def back(tmp_path: Path) -> Iterator[Store]:
    """Another empty store on SQLite."""
    url = f"sqlite:///{tmp_path / 'back.db'}"
    upgrade(url, tmp_path)
    with closing(open_store(url, tmp_path)) as opened:
        yield opened


@pytest.mark.postgresql
@settings(max_examples=10)
@given(_PEOPLE, _SUPPRESSED, _FLOATS, _PICTURES)
def test_values_are_the_same_there_and_back(
    sqlite_store: Store,
    postgresql_store: Store,
    back: Store,
    people: list[dict[str, object]],
    suppressed: list[str],
    shares: dict[str, float],
    pictures: dict[str, bytes],
) -> None:
    """SQLite to PostgreSQL to SQLite; texts in any order of either."""
    for emptied in (sqlite_store, postgresql_store, back):
        with emptied.write() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(sa.delete(table))
    with sqlite_store.write() as connection:
        for table, values in (
            (subscribers, people),
            (
                suppressions,
                [{"address": text, "reason": "manual", "created_at": NOW} for text in suppressed],
            ),
            (limiter, [{"name": n, "share": s, "next_at": NOW} for n, s in shares.items()]),
            (media, [{"name": n, "content": c, "created_at": NOW} for n, c in pictures.items()]),
        ):
            if values:
                connection.execute(sa.insert(table), values)

    for source, target in ((sqlite_store, postgresql_store), (postgresql_store, back)):
        for table in rows.TABLES:
            for part in rows.slices(source, table):
                with target.write() as connection:
                    rows.write(connection, table, part)
            comparing.check_equal(source, target, table)

    for table in rows.TABLES:
        assert _all(back, table) == _all(sqlite_store, table)


def _all(store: Store, table: sa.Table) -> list[str]:
    with store.read() as connection:
        query = sa.select(table).where(relocations.is_copied(table))
        return sorted(map(repr, connection.execute(query).all()))


@pytest.mark.parametrize("before", ["", "a", "ü" * 100])
def test_a_text_with_nul_cannot_go_to_postgresql(sqlite_store: Store, before: str) -> None:
    with sqlite_store.write() as connection:
        copying.check_texts(connection)
        values = {"name": f"{before}\0b", "rule": "", "created_at": NOW, "updated_at": NOW}
        connection.execute(sa.insert(segments).values(values))

        with pytest.raises(StoreError, match=r"a text of segments\.name has the character NUL"):
            copying.check_texts(connection)


# --- a copy that is not the same ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("UPDATE lists SET title = 'other'", "lists has 1 rows here and 1 there, and the row of 7"),
        ("DELETE FROM receipts", "receipts has 1 rows here and 0 there, and the row of 7"),
        ("UPDATE suppressions SET address = 'b'", "1 there, and row 1 differs"),
        ("UPDATE deliveries SET retries = 8", "deliveries has 1 rows .* and the row of 7, 7"),
    ],
)
def test_a_difference_is_named_without_an_address(
    store: Store, target: Store, change: str, message: str
) -> None:
    fill(store, without=("relocations",))
    copied(store, target)
    with target.write() as connection:
        connection.execute(sa.text(change))

    with pytest.raises(StoreError, match=message) as raised:
        check_all_equal(store, target)

    assert "ü" not in raised.value.message


def test_two_that_copy_at_once_do_not_mix(store: Store, target: Store) -> None:
    """The second began where the first was, and did its work."""
    fill(store, without=("relocations",))
    relocation = begin(store, target)
    tables: list[int] = []

    def also(amount: int) -> None:
        if not tables:
            tables.append(amount)
            copying.copy(store, target, relocation.id, lambda amount: None)

    with pytest.raises(Refused, match="another process copies the same store"):
        copying.copy(store, target, relocation.id, also)

    for table in rows.TABLES:
        comparing.check_equal(store, target, table)


@pytest.mark.postgresql
def test_two_that_begin_at_once_fill_a_new_store_once(
    sqlite_store: Store, postgresql_store: Store
) -> None:
    with sqlite_store.write() as connection:
        relocation = relocations.begin(connection, "elsewhere", NOW)
    received = list[relocations.Relocation]()

    def receive() -> None:
        with postgresql_store.write() as connection:
            received.append(relocations.receive(connection, relocation, "here"))

    with postgresql_store.write() as connection:
        relocations.receive(connection, relocation, "here")
        second = threading.Thread(target=receive)
        second.start()
        until(lambda: is_waiting(postgresql_store))
    second.join()

    assert [each.id for each in received] == [relocation.id]


def test_a_large_row_does_not_wait_for_more(store: Store) -> None:
    """Slices have few megabytes, whatever is in the rows."""
    with store.write() as connection:
        for name in ("a", "b", "c"):
            values = {"name": name, "content": b"x" * 9_000_000, "created_at": NOW}
            connection.execute(sa.insert(media).values(values))

    assert [len(part) for part in rows.slices(store, media)] == [1, 1, 1]
    assert [len(part) for part in rows.slices(store, media, ("a",))] == [1, 1]


# --- closed ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("statement", ["INSERT", "UPDATE", "DELETE"])
def test_a_closed_store_takes_no_write_to_any_table(store: Store, statement: str) -> None:
    fill(store, without=("relocations",))
    with store.write() as connection:
        closed.lock(connection)
        relocations.begin(connection, "it's 100 %s", NOW)

    for table in metadata.sorted_tables:
        if table.name == "relocations":
            continue
        column = next(iter(table.c))
        changes: dict[str, sa.Executable] = {
            "INSERT": sa.insert(table).from_select(list(table.c), sa.select(table)),
            "UPDATE": sa.update(table).values({column: column}),
            "DELETE": sa.delete(table),
        }
        with (
            pytest.raises(StoreClosed, match="it was moved, or is being moved, to it's 100 %s"),
            store.write() as connection,
        ):
            connection.execute(changes[statement])

    with store.write() as connection:
        relocations.cancel(connection)
        connection.execute(sa.delete(suppressions))


@pytest.mark.postgresql
def test_closing_waits_for_those_that_write(postgresql_store: Store, sqlite_store: Store) -> None:
    """What was answered is copied: a commit cannot come after the store was closed."""

    def close() -> None:
        with postgresql_store.write() as connection:
            closed.lock(connection)
            relocations.begin(connection, "elsewhere", NOW)

    with postgresql_store.write() as connection:
        values = {"name": "a", "rule": "", "created_at": NOW, "updated_at": NOW}
        connection.execute(sa.insert(segments).values(values))
        thread = threading.Thread(target=close)
        thread.start()
        until(lambda: is_waiting(postgresql_store))
    thread.join()

    with postgresql_store.read() as connection:
        assert relocations.outgoing(connection)
        assert connection.execute(sa.select(segments.c.name)).scalars().all() == ["a"]
