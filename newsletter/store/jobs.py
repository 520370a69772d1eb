"""The jobs of Procrastinate, which wake workers: a job says that a send may have work to do.

Only a PostgreSQL store has its tables, and only where Procrastinate was installed when the store
was last upgraded. A job carries no state and may be lost or repeated: who is still to be mailed is
in the ledger alone.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.errors import StoreError
from newsletter.store import locks, state
from newsletter.store.dialects import is_sqlite

if TYPE_CHECKING:
    from newsletter.store.engine import Store

SENDS = "sends"  # the queue that all workers take from
DRAIN = "drain"  # the task: take part in a send until nothing of it is left to do
PREFIX = "procrastinate_"  # of its tables

SCHEMA = "jobs_schema"  # the name of its version in `state`
_TABLE = "procrastinate_jobs"


def is_installed() -> bool:
    return find_spec("procrastinate") is not None


def installed_schema() -> int:
    """The version of the tables that the installed Procrastinate works with.

    It is the number of its last migration: `03.04.00_50_….sql` is 3040050.
    """
    return migrations()[-1][0]


def schema(connection: Connection) -> int | None:
    """The version of the tables that the store has; None where it has none."""
    return None if is_sqlite(connection) else state.find(connection, SCHEMA)


def told(version: int) -> str:
    """A version as people read it, such as 3.4.0-50."""
    rest, step = divmod(version, 100)
    rest, patch = divmod(rest, 100)
    major, minor = divmod(rest, 100)
    return f"{major}.{minor}.{patch}-{step}"


def upgrade(store: "Store") -> int | None:
    """Make its tables, or bring them to the version of the installed Procrastinate; returns the
    version that the store has then.

    Each step is one transaction; two processes at once take turns. Raises StoreError where the
    tables are newer, or where another program made them.
    """
    if store.is_sqlite or not is_installed():
        with store.read() as connection:
            return schema(connection)
    while True:
        with store.write() as connection:
            locks.migrations(connection)
            if _is_up_to_date(connection):
                return schema(connection)


def _is_up_to_date(connection: Connection) -> bool:
    """Take one step, unless none is left."""
    version = schema(connection)
    if version is None:
        if sa.inspect(connection).has_table(_TABLE):
            raise StoreError(
                "another program keeps its jobs in this database: it has tables of Procrastinate "
                "that no store made",
                hint="Give newsletter a database of its own.",
            )
        _run(connection, _package() / "schema.sql")
        state.put(connection, SCHEMA, installed_schema())
        return False
    if version > installed_schema():
        raise StoreError(
            f"the store's jobs have schema {told(version)}, newer than the "
            f"{told(installed_schema())} of the installed Procrastinate",
            hint="Run: python -m pip install --upgrade 'newsletter-press[cluster]'",
        )
    newer = [(number, file) for number, file in migrations() if number > version]
    for number, file in newer[:1]:
        _run(connection, file)
        state.put(connection, SCHEMA, number)
    return not newer


def _package() -> Path:
    spec = find_spec("procrastinate")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "sql"


def migrations() -> Sequence[tuple[int, Path]]:
    """Its migrations in their order, each with the version that it leads to."""

    def numbered() -> Iterator[tuple[int, Path]]:
        for file in (_package() / "migrations").glob("*.sql"):
            major, minor, patch, step = re.findall(r"\d+", file.name)[:4]
            yield int(f"{major}{minor}{patch}{step}"), file

    return sorted(numbered())


def _run(connection: Connection, file: Path) -> None:
    """Run a script of many statements, which the driver takes only where it has no parameters."""
    connection.exec_driver_sql(file.read_text("utf-8"), execution_options={"no_parameters": True})


# --- deferring ------------------------------------------------------------------------------------


def defer(connection: Connection, send_id: str, workers: int) -> None:
    """Wake that many workers for a new send, one at least, once this transaction is committed."""
    if schema(connection) is not None:
        _defer(connection, send_id, range(max(1, workers)))


def defer_missing(connection: Connection, send_ids: Collection[str], workers: int) -> int:
    """Make the jobs that are missing, so that each send has one for each worker; returns how many.

    One process at a time does so.
    """
    query = sa.text(
        "SELECT queueing_lock FROM procrastinate_jobs "
        "WHERE queue_name = :queue AND status IN ('todo', 'doing')"
    )
    present = set(connection.execute(query, {"queue": SENDS}).scalars())
    deferred = 0
    for send_id in send_ids:
        missing = [slot for slot in range(max(1, workers)) if _lock(send_id, slot) not in present]
        _defer(connection, send_id, missing)
        deferred += len(missing)
    return deferred


def _defer(connection: Connection, send_id: str, slots: Collection[int]) -> None:
    """By its own function, which needs no Procrastinate where a send is planned, and no time to
    load it."""
    statement = sa.text(
        "SELECT procrastinate_defer_jobs_v1(ARRAY[ROW(CAST(:queue AS varchar), :task, 0, NULL, "
        ":lock, jsonb_build_object('send_id', CAST(:send_id AS text)), NULL)"
        "]::procrastinate_job_to_defer_v1[])"
    )
    for slot in slots:
        lock = _lock(send_id, slot)
        job = {"queue": SENDS, "task": DRAIN, "lock": lock, "send_id": send_id}
        connection.execute(statement, job)


def _lock(send_id: str, slot: int) -> str:
    """Of two jobs with the same one, only one waits at a time."""
    return f"{send_id}#{slot}"
