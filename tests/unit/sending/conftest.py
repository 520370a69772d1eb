"""A store in memory: no file, no server, no migration."""

import sqlite3
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection

from newsletter.store import Store, state
from newsletter.store.schema import REVISION, metadata


@pytest.fixture
def memory_store() -> Iterator[Store]:
    """All of its transactions share one connection: what is in memory belongs to that."""

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)

    engine = sa.create_engine("sqlite://", creator=connect, poolclass=sa.pool.StaticPool)
    event.listen(engine, "begin", _begin)
    store = Store(engine)
    with store.write() as connection:
        metadata.create_all(connection)
        connection.execute(
            sa.text(f"CREATE TABLE alembic_version AS SELECT '{REVISION}' AS version_num")
        )
        state.ensure_id(connection)
    yield store
    store.close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
