"""SQLAlchemy Core tables, Alembic migrations and named queries, on SQLite and PostgreSQL.

`open_store` gives a Store. Services open transactions with `store.read()` and `store.write()`;
the query functions of this package take the connection and never commit.
"""

from newsletter.store.engine import Store, open_any, open_store, resolve_url
from newsletter.store.upgrading import open_target, upgrade

__all__ = ["Store", "open_any", "open_store", "open_target", "resolve_url", "upgrade"]
