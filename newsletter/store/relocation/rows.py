"""Rows of any table as both databases hold them: numbers, texts, booleans and bytes.

JSON is copied as the text that it is stored as, and times as the numbers.
"""

import marshal
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.types import JSON

from newsletter.store.dialects import by_code_point, is_sqlite
from newsletter.store.engine import Store, driver_connection
from newsletter.store.ledger import partitions
from newsletter.store.relocation import relocations
from newsletter.store.schema import UtcTime, deliveries, metadata

Values = tuple[Any, ...]
Key = tuple[int | str, ...]

# What is about processes of the old store, and what each of the two remembers of the move itself.
# The tables of Procrastinate, which are not ours, belong to the database too.
NOT_COPIED = ("workers", "relocations")
# Deliveries come last: how PostgreSQL keeps them depends on how many people there are.
TABLES = (
    *(t for t in metadata.sorted_tables if t is not deliveries and t.name not in NOT_COPIED),
    deliveries,
)

_AT_ONCE = 100  # rows that are read before they are weighed
_SLICE_ROWS, _SLICE_BYTES = 10_000, 8_000_000  # whichever is reached first


def key_columns(table: sa.Table) -> Sequence[sa.Column[Any]]:
    return tuple(table.primary_key.columns)


def key_of(table: sa.Table, row: Values) -> Key:
    places = [table.columns.keys().index(column.key) for column in key_columns(table)]
    return tuple(row[place] for place in places)


def slices(
    store: Store, table: sa.Table, after: Key | None = None, *, by_code_points: bool = False
) -> Iterator[list[Values]]:
    """The rows of a table in the order of its primary key, those behind `after` alone.

    Each slice has few megabytes, one row at least. Texts are in the order of the database, which
    has an index for it, or `by_code_points`, which is the same everywhere.
    """
    columns = [_plain(column) for column in table.columns]
    with store.read() as connection:
        keys: list[sa.ColumnElement[Any]] = list(key_columns(table))
        order = [
            by_code_point(connection, key)
            if by_code_points and isinstance(key.type, sa.Text)
            else key
            for key in keys
        ]
        query = sa.select(*columns).where(relocations.is_copied(table)).order_by(*order)
        if after is not None:
            query = query.where(sa.tuple_(*keys) > sa.tuple_(*after, types=[k.type for k in keys]))
        at_once = 1 if any(isinstance(c.type, sa.LargeBinary) for c in table.c) else _AT_ONCE
        found, weight = list[Values](), 0
        result = connection.execute(query, execution_options={"yield_per": at_once})
        for part in result.partitions():
            rows = [tuple(row) for row in part]
            found += rows
            weight += len(marshal.dumps(rows))
            if len(found) >= _SLICE_ROWS or weight >= _SLICE_BYTES:
                yield found
                found, weight = [], 0
        if found:
            yield found


def _plain(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    if isinstance(column.type, JSON):
        return sa.cast(column, sa.Text)
    if isinstance(column.type, UtcTime):
        return sa.type_coerce(column, sa.BigInteger)
    return column


def write(connection: Connection, table: sa.Table, rows: Sequence[Values]) -> None:
    driver = driver_connection(connection)
    if is_sqlite(connection):
        untyped = sa.table(table.name, *(sa.column(column.name) for column in table.c))
        driver.executemany(str(sa.insert(untyped).compile(dialect=connection.dialect)), rows)
        return
    if table is deliveries:
        for number in sorted({row[0] for row in rows}):
            partitions.make(connection, number)
    names = ", ".join(connection.dialect.identifier_preparer.format_column(c) for c in table.c)
    with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def rehearse(connection: Connection) -> None:
    """Do what writing rows takes with none of them, so that missing rights are known before."""
    partitions.make(connection, 1)
    for table in TABLES:
        write(connection, table, ())
    set_sequences(connection)


def set_sequences(connection: Connection) -> None:
    """Let new rows get numbers beyond the copied ones, where the database counts them itself."""
    if is_sqlite(connection):
        return
    for table in TABLES:
        column = table.autoincrement_column
        if column is not None:
            sequence = sa.func.pg_get_serial_sequence(table.name, column.name)
            last = sa.select(sa.func.max(column)).scalar_subquery()
            connection.execute(
                sa.select(sa.func.setval(sequence, sa.func.coalesce(last, 1), last.is_not(None)))
            )
