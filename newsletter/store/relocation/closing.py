"""Closing a store: from then on its database itself refuses whatever would write to it.

Triggers do that, so that it holds for every process, for those that run already and those of other
versions, and costs nothing before. They are made in one transaction, which waits for all others
that write.
"""

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.store.dialects import is_sqlite
from newsletter.store.faults import CLOSED_STATE
from newsletter.store.schema import metadata, relocations

_FUNCTION = "newsletter_closed"
_EVENTS = ("INSERT", "UPDATE", "DELETE")
# Also the schema's own table, so that no upgrade goes through.
TABLES = (*(table.name for table in metadata.sorted_tables if table is not relocations),)
_CLOSED_TABLES = (*TABLES, "alembic_version")


def lock(connection: Connection) -> None:
    """Wait until nobody writes, and keep all others from it until the commit."""
    if not is_sqlite(connection):
        tables = ", ".join(_CLOSED_TABLES)
        connection.execute(sa.text(f"LOCK TABLE {tables} IN SHARE ROW EXCLUSIVE MODE"))


def close(connection: Connection, place: str) -> None:
    """Let the store take no writes any more; who tries is told where it goes."""
    words = f"this store is closed: it was moved, or is being moved, to {place}"
    message = "'" + words.replace("'", "''") + "'"
    for statement in (
        _sqlite_triggers(message)
        if is_sqlite(connection)
        else _postgresql_triggers(connection, message)
    ):
        connection.exec_driver_sql(statement)


def reopen(connection: Connection) -> None:
    if is_sqlite(connection):
        for name, _, _ in _sqlite_names():
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
    else:
        connection.exec_driver_sql(f"DROP FUNCTION {_FUNCTION}() CASCADE")  # and its triggers


def _sqlite_names() -> Iterator[tuple[str, str, str]]:
    for table in _CLOSED_TABLES:
        for event in _EVENTS:
            yield f"closed_{table}_{event.lower()}", table, event


def _sqlite_triggers(message: str) -> Iterator[str]:
    for name, table, event in _sqlite_names():
        yield (
            f"CREATE TRIGGER {name} BEFORE {event} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, {message}); END"
        )


def _postgresql_triggers(connection: Connection, message: str) -> Iterator[str]:
    """Of each table and of its partitions, which can be written to by themselves."""
    message = message.replace("%", "%%")  # of the driver's parameters
    yield (
        f"CREATE FUNCTION {_FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"RAISE EXCEPTION USING ERRCODE = '{CLOSED_STATE}', MESSAGE = TG_ARGV[0]; END $$"
    )
    partitions = sa.text(
        "SELECT CAST(CAST(relid AS regclass) AS text) "
        "FROM pg_partition_tree(CAST(:name AS regclass)) WHERE level > 0"
    )
    for table in _CLOSED_TABLES:
        for name in (table, *connection.execute(partitions, {"name": table}).scalars()):
            yield (
                f"CREATE TRIGGER closed BEFORE {' OR '.join(_EVENTS)} OR TRUNCATE ON {name} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION {_FUNCTION}({message})"
            )
