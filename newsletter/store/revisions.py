"""Which schema a store holds, and which versions of newsletter may use it."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.errors import StoreError
from newsletter.store.dialects import is_sqlite
from newsletter.store.schema import REVISION, metadata


def current(connection: Connection) -> str | None:
    """The schema that the store holds, None where it holds none."""
    if is_sqlite(connection):
        is_there = sa.inspect(connection).has_table("alembic_version")
    else:  # what SQLAlchemy asks takes as long there as all else when a store is opened
        is_there = connection.execute(_IS_THERE).scalar_one()
    return connection.execute(_QUERY).scalar() if is_there else None


_IS_THERE = sa.text("SELECT to_regclass('alembic_version') IS NOT NULL")
_QUERY = sa.text("SELECT version_num FROM alembic_version").columns(version_num=sa.Text())


def refuse_foreign(connection: Connection) -> None:
    """Raises StoreError where a database without a store has a table of another program with the
    name of one of ours."""
    names = sa.inspect(connection).get_table_names()
    if taken := sorted(metadata.tables.keys() & names):
        raise StoreError(
            f"another program uses this database: it has a table {taken[0]} that no store made",
            hint="Nothing was changed in it. Give newsletter a database of its own.",
        )


def refuse_newer(revision: str) -> None:
    if revision > REVISION:
        raise StoreError(
            f"the store has schema {revision}, newer than this version's {REVISION}",
            hint="Use the version of newsletter that upgraded it; restart what has run since.",
        )


def refuse_other(connection: Connection) -> None:
    """Raises StoreError where the store has not this version's schema, or no longer."""
    revision = connection.execute(_QUERY).scalar_one()
    refuse_newer(revision)
    if revision != REVISION:
        raise StoreError(
            f"the store has schema {revision}, this version needs {REVISION}",
            hint="Run `newsletter db backup FILE`, then `newsletter db upgrade`.",
        )
