"""Long answers, page by page."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from sqlalchemy.engine import Connection

from newsletter.store.engine import Store

T = TypeVar("T")


def stream(store: Store, page: Callable[[Connection, T | None], Sequence[T]]) -> Iterator[T]:
    """All rows of a query that gives those after a row, or the first ones.

    Each page has a transaction of its own: an export into a slow pipe keeps no old state of the
    store alive. What changes meanwhile is seen or not, but no row is seen twice.
    """

    def read(last: T | None) -> Sequence[T]:
        with store.read() as connection:
            return page(connection, last)

    return through(read)


def through(page: Callable[[T | None], Sequence[T]]) -> Iterator[T]:
    """As `stream`, where the caller sees to the transaction."""
    last: T | None = None
    while rows := page(last):
        yield from rows
        last = rows[-1]
