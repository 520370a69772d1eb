"""Copying all rows of a closed store into another one, slice by slice.

Each slice is one transaction together with the note of how far the copy is, so that a copy that was
killed goes on behind its last whole slice.
"""

from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.types import JSON

from newsletter.errors import StoreError
from newsletter.store.engine import Store
from newsletter.store.relocation import relocations, rows

_Tell = Callable[[int], None]


def amount(store: Store) -> int:
    """How many rows there are to copy."""
    with store.read() as connection:
        return sum(
            connection.execute(
                sa.select(sa.func.count()).select_from(table).where(relocations.is_copied(table))
            ).scalar_one()
            for table in rows.TABLES
        )


def copy(source: Store, target: Store, relocation_id: int, tell: _Tell) -> None:
    """Copy what is not copied yet; `tell` gets how many rows were, slice by slice.

    Raises Refused where somebody else does the same.
    """
    with target.read() as connection:
        progress = relocations.incoming(connection, relocation_id)
    assert progress is not None
    names = [table.name for table in rows.TABLES]
    first = 0 if progress.table_name is None else names.index(progress.table_name)
    for table in rows.TABLES[first:]:
        after = progress.last_key if progress.table_name == table.name else None
        for part in rows.slices(source, table, after):
            with target.write() as connection:
                last = rows.key_of(table, part[-1])
                progress = relocations.advance(connection, progress, table.name, last)
                rows.write(connection, table, part)
            tell(len(part))


def check_texts(source: sa.Connection) -> None:
    """Raises StoreError where a text of a SQLite store has the character NUL, which PostgreSQL does
    not take."""
    for table in rows.TABLES:
        for column in table.c:
            has_nul = sa.func.instr(column, sa.func.char(0)) > 0
            query = sa.select(sa.literal(1)).select_from(table).where(has_nul).limit(1)
            if isinstance(column.type, sa.Text | JSON) and source.execute(query).first():
                raise StoreError(
                    f"a text of {table.name}.{column.name} has the character NUL, which "
                    "PostgreSQL does not take",
                    hint="Remove it first. Nothing was changed.",
                )
