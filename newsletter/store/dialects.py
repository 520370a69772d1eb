"""What SQLite and PostgreSQL express differently, except for an import's bulk statements, which are
in people/staging.py and people/merging.py."""

import json
from collections.abc import Collection
from importlib import import_module
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.sql.selectable import TableValuedAlias

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite


def is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


def insert_into(connection: Connection, table: sa.Table) -> "postgresql.Insert | sqlite.Insert":
    """An INSERT that takes ON CONFLICT."""
    # Only the store's own dialect: the other would take a tenth of the time to start.
    dialect: Any = import_module(f"sqlalchemy.dialects.{connection.dialect.name}")
    insert: postgresql.Insert | sqlite.Insert = dialect.insert(table)
    return insert


def each_pair(
    connection: Connection, json: sa.ColumnElement[object], name: str
) -> TableValuedAlias:
    """The pairs of a JSON object as a table with `key` and `value`."""
    each = sa.func.json_each if is_sqlite(connection) else sa.func.json_each_text
    return each(json).table_valued("key", "value", name=name)


def each_of(connection: Connection, numbers: Collection[int]) -> sa.Select[tuple[int]]:
    """Many numbers as rows: a million of them are one parameter."""
    if is_sqlite(connection):
        each = sa.func.json_each(json.dumps(list(numbers))).table_valued("value")
        return sa.select(each.c.value)
    return sa.select(sa.func.unnest(sa.literal(list(numbers), sa.ARRAY(sa.BigInteger()))))


def position(
    connection: Connection, text: sa.ColumnElement[str], part: str
) -> sa.ColumnElement[int]:
    """Where a part of a text begins, counted from 1; 0 where it is missing."""
    find = sa.func.instr if is_sqlite(connection) else sa.func.strpos
    return find(text, part)


def by_code_point(connection: Connection, text: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """A text that is compared by its code points, whatever language the database was made for."""
    return text if is_sqlite(connection) else sa.collate(text, "C")


def number(connection: Connection, text: str | sa.ColumnElement[str]) -> sa.Cast[Any]:
    """A text as a number; SQLite's are floating ones."""
    return sa.cast(text, sa.REAL() if is_sqlite(connection) else sa.Numeric())


def is_number(connection: Connection, text: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """-?[0-9]+(\\.[0-9]+)?; SQLite has no regular expressions."""
    if not is_sqlite(connection):
        return text.regexp_match(r"^-?[0-9]+([.][0-9]+)?$")
    matches = text.op("GLOB", is_comparison=True)
    starts = sa.or_(matches("[0-9]*"), matches("-[0-9]*"))
    wrong = [sa.not_(matches(glob)) for glob in ("*[^0-9.-]*", "?*-*", "*.*.*", "*.")]
    return sa.and_(starts, *wrong)
