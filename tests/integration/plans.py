"""How a database finds what a query asks for."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection


@contextmanager
def explained(connection: Connection) -> Iterator[list[str]]:
    """The steps of all queries that follow, as `SEARCH events USING INDEX ix_events_ignored` on
    SQLite, and as `Index Scan events ix_events_ignored` on PostgreSQL."""
    steps: list[str] = []
    explain = _sqlite if connection.dialect.name == "sqlite" else _postgresql

    def note(
        connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, is_many: bool
    ) -> None:
        driver = connection.connection.driver_connection
        steps.extend(explain(driver, statement, values[0] if is_many else values))

    sa.event.listen(connection, "before_cursor_execute", note)
    yield steps
    sa.event.remove(connection, "before_cursor_execute", note)


def _sqlite(driver: Any, statement: str, values: Any) -> Iterator[str]:
    for row in driver.execute(f"EXPLAIN QUERY PLAN {statement}", values):
        yield row[3].split(" (")[0]


def _postgresql(driver: Any, statement: str, values: Any) -> Iterator[str]:
    if statement.startswith(("SET", "LOCK")):
        return
    [(plan,)] = driver.execute(f"EXPLAIN (FORMAT JSON) {statement}", values).fetchall()
    yield from _nodes(plan[0]["Plan"])


def _nodes(node: dict[str, Any]) -> Iterator[str]:
    names = (node.get(name) for name in ("Node Type", "Relation Name", "Index Name"))
    yield " ".join(filter(None, names))
    for below in node.get("Plans", ()):
        yield from _nodes(below)
