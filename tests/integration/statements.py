"""What is asked of a database: for tests of what a thing costs it."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from newsletter.store import Store


@contextmanager
def statements(store: Store) -> Iterator[list[str]]:
    """The statements that come meanwhile, in their order."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    sa.event.listen(store.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sa.event.remove(store.engine, "before_cursor_execute", note)
