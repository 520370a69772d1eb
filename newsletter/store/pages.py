"""Long answers, page by page."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from sqlalchemy.engine import Connection

from newsletter.store.engine import Store

T = TypeVar("T")


def stream(store: Store, page: Callable[[Connection, T | None], Sequence[T]]) -> Iterator[T]:
    """All rows, by a query that gives one page: the first rows, or those after a row.

    Each page has a transaction of its own: an export into a slow pipe keeps no old state of the
    store alive. What changes meanwhile is seen or not, but no row is seen twice.
    """

    def read(last: T | None) -> Sequence[T]:
        with store.read() as connection:
            return page(connection, last)

    return through(read)


def through(page: Callable[[T | None], Sequence[T]]) -> Iterator[T]:
    """As `stream`, within a transaction of the caller."""
    last: T | None = None
    while rows := page(last):
        yield from rows
        last = rows[-1]
