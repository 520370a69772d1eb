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
    last: T | None = None
    while True:
        with store.read() as connection:
            rows = page(connection, last)
        if not rows:
            return
        yield from rows
        last = rows[-1]


def through(page: Callable[[T | None], Sequence[T]]) -> Iterator[T]:
    """As `stream`, within a transaction that the caller has open."""
    last: T | None = None
    while rows := page(last):
        yield from rows
        last = rows[-1]
