"""Comparing two stores row by row."""

from hashlib import blake2b
from itertools import chain, zip_longest

import sqlalchemy as sa

from newsletter.errors import StoreError
from newsletter.store.engine import Store
from newsletter.store.relocation import rows
from newsletter.store.schema import is_personal

_BYTES = 16


def check_equal(source: Store, target: Store, table: sa.Table) -> int:
    """How many rows a table has in both stores. Raises StoreError where they are not the same."""
    here, there = checksum(source, table), checksum(target, table)
    if here == there:
        return here[0]
    raise StoreError(
        f"the copy is not the same: {table.name} has {here[0]:,} rows here and {there[0]:,} there, "
        f"and {_first_difference(source, target, table)} differs",
        hint="Nothing is sent from the copy. Empty the new database, or delete the new file.",
    )


def checksum(store: Store, table: sa.Table) -> tuple[int, str]:
    """How many rows a table has, and the sum of their hashes.

    A sum, since the two databases sort texts differently: PostgreSQL by the language that its
    database was made for.
    """
    count, total = 0, 0
    for part in rows.slices(store, table):
        count += len(part)
        for row in part:
            digest = blake2b(repr(row).encode(), digest_size=_BYTES).digest()
            total += int.from_bytes(digest)
    return count, f"{total % 2 ** (8 * _BYTES):0{2 * _BYTES}x}"


def _first_difference(source: Store, target: Store, table: sa.Table) -> str:
    """The first row that only one of them has, by its key, or by its place where that is
    personal."""
    pairs = zip_longest(
        *(
            chain.from_iterable(rows.slices(store, table, by_code_points=True))
            for store in (source, target)
        )
    )
    for place, (here, there) in enumerate(pairs, 1):
        if here != there:
            if any(is_personal(column) for column in rows.key_columns(table)):
                return f"row {place:,}"
            keys = [rows.key_of(table, row) for row in (here, there) if row is not None]
            return f"the row of {', '.join(map(str, min(keys)))}"
    raise AssertionError("their checksums differ")
