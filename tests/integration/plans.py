"""How SQLite finds what a query asks for."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection


@contextmanager
def explained(connection: Connection) -> Iterator[list[str]]:
    """The steps of all queries that follow, as `SEARCH events USING INDEX ix_events_ignored`."""
    steps: list[str] = []

    def explain(connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        driver = connection.connection.driver_connection
        plan = driver.execute(f"EXPLAIN QUERY PLAN {statement}", values)
        steps.extend(row[3].split(" (")[0] for row in plan)

    sa.event.listen(connection, "before_cursor_execute", explain)
    yield steps
    sa.event.remove(connection, "before_cursor_execute", explain)
