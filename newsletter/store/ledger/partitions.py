"""Where PostgreSQL keeps deliveries: in partitions by the number of their send.

In a store of many people each send has a partition of its own: it is filled before it has an index
and before anybody else sees it, and once the send is archived it is dropped as a whole. In a
smaller store a hundred sends share one, since whatever looks for a person looks into all of them.

A partition is named by the numbers that it is for, `deliveries_<first>_<end>`, without the end. It
is attached to the table under a lock that no reader and no writer of deliveries waits for:
https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-ATTACH-PARTITION
"""

import re
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.store.dialects import is_sqlite
from newsletter.store.schema import deliveries, subscribers

MANY = 50_000  # more people than that, and each send has a partition of its own
SHARED = 100  # sends of a smaller store share one
_WAIT_TO_DROP_MS = 1_000
# Each row changes three times within minutes: the first versions go before all rows have second
# ones, whose place they leave.
VACUUMED_SOON = "autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02"
_FILLED = 70  # per cent of a page; the rest is for the next version of a row, on the same page

_Numbers = tuple[int, int]  # of sends: the first, and the one after the last

_NAME = re.compile(rf"{deliveries.name}_(\d+)_(\d+)")
_NAMES = sa.text(
    "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid "
    "WHERE inhparent = CAST('deliveries' AS regclass)"
)


def fill(
    connection: Connection, number: int, columns: Sequence[str], rows: sa.Select[tuple[object, ...]]
) -> int:
    """Write the deliveries of a send; returns how many.

    `rows` are in the order of their numbers, and of `columns`. What finds that a partition was made
    meanwhile fails, and nothing of it is written.
    """
    if is_sqlite(connection):
        return _insert(connection, deliveries, columns, rows)
    made = _made(connection)
    if _is_held(number, made):
        return _insert(connection, deliveries, columns, rows)
    first, end = _numbers_with(connection, number, made)
    name = f"{deliveries.name}_{first}_{end}"
    if end - first > 1:  # another send of the hundred may be planned at this moment
        connection.exec_driver_sql(f"LOCK TABLE {deliveries.name} IN SHARE UPDATE EXCLUSIVE MODE")
        if _is_held(number, _made(connection)):
            return _insert(connection, deliveries, columns, rows)
    connection.exec_driver_sql(
        f"CREATE TABLE {name} (LIKE {deliveries.name} INCLUDING DEFAULTS INCLUDING CONSTRAINTS) "
        f"WITH (fillfactor = {_FILLED}, {VACUUMED_SOON})"
    )
    amount = _insert(connection, sa.table(name, *map(sa.column, columns)), columns, rows)
    _attach(connection, name, first, end)
    return amount


def make(connection: Connection, number: int) -> None:
    """Make the partition for a send whose deliveries come from another store, where there is
    none."""
    nobody = sa.select(deliveries.c.send, deliveries.c.number).where(sa.false())
    fill(connection, number, ["send", "number"], nobody)


def is_own(connection: Connection, number: int) -> bool:
    """Whether a send has a partition for itself."""
    return not is_sqlite(connection) and (number, number + 1) in _made(connection)


def drop(connection: Connection, number: int) -> None:
    """Drop the partition of a send, if it has one of its own.

    For that moment nobody may read or write deliveries: it waits a second at most for those who do,
    and fails then, since others would wait behind it.
    """
    if not is_own(connection, number):
        return
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {_WAIT_TO_DROP_MS}")
    connection.exec_driver_sql(f"DROP TABLE {deliveries.name}_{number}_{number + 1}")


def _insert(
    connection: Connection,
    table: sa.FromClause,
    columns: Sequence[str],
    rows: sa.Select[tuple[object, ...]],
) -> int:
    statement = sa.insert(table).from_select(list(columns), rows)  # type: ignore[arg-type]
    counted = {"preserve_rowcount": True}  # SQLAlchemy counts no INSERT by itself
    return int(connection.execute(statement, execution_options=counted).rowcount)


def _attach(connection: Connection, name: str, first: int, end: int) -> None:
    """Make a filled table a partition; the constraint saves reading it once more for that."""
    key = ", ".join(column.name for column in deliveries.primary_key)
    connection.exec_driver_sql(
        f"ALTER TABLE {name} ADD PRIMARY KEY ({key}), "
        f"ADD CONSTRAINT numbers CHECK (send >= {first} AND send < {end})"
    )
    for index in sorted(deliveries.indexes, key=lambda index: str(index.name)):
        where = index.info.get("where")
        connection.exec_driver_sql(
            f"CREATE INDEX ON {name} ({', '.join(column.name for column in index.columns)})"
            + ("" if where is None else f" WHERE {where}")
        )
    connection.exec_driver_sql(
        f"ALTER TABLE {deliveries.name} ATTACH PARTITION {name} "
        f"FOR VALUES FROM ({first}) TO ({end})"
    )
    connection.exec_driver_sql(f"ALTER TABLE {name} DROP CONSTRAINT numbers")


def _numbers_with(connection: Connection, number: int, made: Sequence[_Numbers]) -> _Numbers:
    """The numbers of the partition that is to be made for a send."""
    hundred = number - number % SHARED
    is_free = all(end <= hundred or first >= hundred + SHARED for first, end in made)
    if is_free and not _has_many(connection):
        return hundred, hundred + SHARED
    return number, number + 1


def _has_many(connection: Connection) -> bool:
    beyond = sa.select(subscribers.c.id).offset(MANY).limit(1)
    return connection.execute(beyond).first() is not None


def _is_held(number: int, made: Sequence[_Numbers]) -> bool:
    return any(first <= number < end for first, end in made)


def _made(connection: Connection) -> list[_Numbers]:
    """The numbers of each partition that there is."""
    names = connection.execute(_NAMES).scalars()
    found = (_NAME.fullmatch(name) for name in names)
    return [(int(match[1]), int(match[2])) for match in found if match]
