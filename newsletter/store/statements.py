"""Statements for the few paths where SQLAlchemy takes longer than the database.

They are made of the same tables as all others, so that each has one source. They are compiled once,
and SQLite's driver runs them by itself; PostgreSQL's runs them below SQLAlchemy, which knows by
their failures when a connection is lost.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Connection

from newsletter.store.dialects import is_sqlite
from newsletter.store.engine import driver_connection

# SQLAlchemy gives SQLite's driver positions, but that takes names as well.
_SQLITE = sqlite.dialect(paramstyle="named")
_NAME = re.compile(r":(\w+)")

Parameters = dict[str, Any]


class CursorRows(Protocol):
    """What a statement brought, or how many rows it changed."""

    @property
    def rowcount(self) -> int: ...

    def fetchall(self) -> Sequence[Any]: ...


@lru_cache(maxsize=16)
def _numbered(text: str, names: tuple[str, ...]) -> str:
    """A statement with the places of its parameters among some names, in place of their names."""
    return _NAME.sub(lambda name: f"?{names.index(name[1]) + 1}", text)


class Statement:
    """One statement, compiled once for each kind of database.

    Parameters and rows are as the driver takes and gives them: a time is in microseconds (see
    schema.columns), a bool of SQLite is 0 or 1, JSON of SQLite is text. No parameter, and no
    constant, has several values: SQLAlchemy puts them into the text each time.
    """

    def __init__(self, statement: sa.Select[Any] | sa.Insert | sa.Update) -> None:
        self.changes = not isinstance(statement, sa.Select)  # whether it changes rows
        self._statement = statement
        self._compiled: dict[str, tuple[str, dict[str, Any]]] = {}

    def run(self, connection: Connection, parameters: Parameters) -> CursorRows:
        text, constants = self._for(connection)
        if is_sqlite(connection):
            rows: CursorRows = driver_connection(connection).execute(text, constants | parameters)
            return rows
        return connection.exec_driver_sql(text, constants | parameters)

    def run_each(
        self, connection: Connection, names: Sequence[str], rows: Iterable[Sequence[Any]]
    ) -> None:
        """Run it on SQLite with each of some rows of parameters, which have these names: its driver
        takes numbers sooner than names."""
        text, _ = self._for(connection)
        driver_connection(connection).executemany(_numbered(text, tuple(names)), rows)

    def _for(self, connection: Connection) -> tuple[str, dict[str, Any]]:
        kind = connection.dialect.name
        if kind not in self._compiled:
            dialect = _SQLITE if is_sqlite(connection) else connection.dialect
            compiled = self._statement.compile(dialect=dialect)
            values = compiled.params
            constants = {name: value for name, value in values.items() if value is not None}
            self._compiled[kind] = (str(compiled), constants)
        return self._compiled[kind]
