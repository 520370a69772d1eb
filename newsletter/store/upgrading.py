"""Making a store, and bringing its tables to this version."""

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.errors import Refused
from newsletter.store import jobs, locks, postgresql, revisions, state
from newsletter.store.dialects import is_sqlite
from newsletter.store.engine import Store, open_any, open_or_make
from newsletter.store.relocation import relocations
from newsletter.store.schema import REVISION


class Upgraded(NamedTuple):
    """Which schemas a store had and has: its own, and that of the jobs that wake workers."""

    before: str | None
    after: str
    jobs: int | None


def upgrade(url: str, root: Path, when_new: Callable[[], object] | None = None) -> Upgraded:
    """Make or migrate the store.

    All migrations are one transaction; two processes at once take turns. What a new store needs
    beside it is made by `when_new` before the commit, so that there is never a store without it.
    Raises Refused while workers take part in a send. Other connections to PostgreSQL are ended once
    it is done, so that a process of the version before notices, whatever it does.
    """
    from alembic import command  # noqa: PLC0415 -- slow to import, needed here alone
    from alembic.config import Config  # noqa: PLC0415

    store = open_or_make(url, root)
    try:
        config = Config()
        config.set_main_option("script_location", "newsletter:store/migrations")
        with store.write() as connection:
            locks.migrations(connection)
            before = revisions.current(connection)
            if before is None:
                revisions.refuse_foreign(connection)
            else:
                revisions.refuse_newer(before)
            if before not in (None, REVISION):
                _refuse_amid_sends(connection)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            relocations.check_whole(connection)
            state.ensure_id(connection)
            if before is None and when_new is not None:
                when_new()
            if before not in (None, REVISION) and not store.is_sqlite:
                state.put(connection, state.OUTDATED_SESSIONS, 1)
        if not store.is_sqlite:
            _end_outdated_sessions(store)
        return Upgraded(before, REVISION, jobs.upgrade(store))
    finally:
        store.close()


def _end_outdated_sessions(store: Store) -> None:
    """Also those that an upgrade was about to end when it was killed, right after its commit."""
    with store.write() as connection:
        if state.find(connection, state.OUTDATED_SESSIONS) is not None:
            postgresql.end_other_sessions(connection)
            state.remove(connection, state.OUTDATED_SESSIONS)


def _refuse_amid_sends(connection: Connection) -> None:
    """Workers of the version before know nothing of the new tables. None begins meanwhile."""
    if not sa.inspect(connection).has_table("tenures"):
        return
    now = time.time_ns() // 1000
    if not is_sqlite(connection):
        connection.execute(sa.text("LOCK TABLE tenures IN SHARE ROW EXCLUSIVE MODE"))
        now = connection.execute(
            sa.text("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")
        ).scalar_one()
    query = sa.text(
        "SELECT DISTINCT id FROM sends JOIN tenures ON send = number WHERE lease_until > :now"
    )
    if under_way := connection.execute(query, {"now": now}).scalars().all():
        raise Refused(
            f"workers are sending {', '.join(sorted(under_way))}",
            hint="Let them finish, or stop them. One that was killed counts for a minute more.",
        )


def open_target(url: str, root: Path) -> Store:
    """The store at `url` that another one is copied into; its tables are made where it has none.

    Raises Refused where it has those of another version, or of another program alone.
    """
    with closing(open_or_make(url, root)) as new, new.read() as connection:
        revision = revisions.current(connection)
        foreign = [] if revision else sorted(sa.inspect(connection).get_table_names())
    if foreign or revision not in (None, REVISION):
        tables = (
            f"a table of another program: {foreign[0]}"
            if foreign
            else f"the tables of a store of schema {revision}"
        )
        raise Refused(
            f"it has {tables}",
            hint="Nothing was changed in it. Name a new database, or a new file.",
        )
    if revision is None:
        upgrade(url, root)
    return open_any(url, root)[0]
