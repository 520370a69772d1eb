"""Connections to PostgreSQL: how long each side waits for the other, and poolers between them.

A machine that vanishes closes no connection. So the client looks for its server, and the server for
its client; and a transaction in which nothing happens is ended, for it holds locks that others wait
for. Whatever the URL says of these takes precedence.

A pooler that gives each transaction another connection of the server, as PgBouncer does in
transaction mode, keeps nothing from one transaction to the next: no setting, no prepared statement,
no temporary table. It is recognised by the process that answers, which is not the one that greeted.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine

from newsletter.errors import ConfigurationError
from newsletter.store.faults import source, translated

NAME = "newsletter"  # of our connections, as pg_stat_activity shows them

# Either side notices within half a minute, half of a lease, that the other has vanished silently.
_CLIENT = {
    "fallback_application_name": NAME,
    "client_encoding": "utf8",  # whatever role, database or PGCLIENTENCODING say
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}
_SERVER = {
    "tcp_keepalives_idle": "10s",
    "tcp_keepalives_interval": "5s",
    "tcp_keepalives_count": "4",
    "tcp_user_timeout": "30s",
}
_IDLE = {"idle_in_transaction_session_timeout": "30s"}
# The forms in which the driver reads values; a role or a database may have others.
_FORMS = {
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
}
_IS_POOLED, _IS_SEEN = "is_pooled", "is_seen"

Limits = dict[str, str]  # of a session of the server: names of its settings, and their values


def open_engine(url: URL, busy_seconds: float | None) -> Engine:
    """An engine whose statements wait `busy_seconds` for a lock, or for ever.

    Raises ConfigurationError where the driver is missing, StoreError where there is no connection.
    """
    try:
        engine = sa.create_engine(
            url,
            pool_size=40,
            max_overflow=0,
            pool_pre_ping=True,
            connect_args=_client(url),
            use_native_hstore=False,  # or each new connection looks for that type
        )
    except ImportError as error:
        raise ConfigurationError(
            "a PostgreSQL store needs the extra `postgresql`, which is not installed",
            where=source(),
            hint="Run: python -m pip install 'newsletter-press[postgresql]'",
        ) from error
    waiting = (
        _IDLE if busy_seconds is None else {**_IDLE, "lock_timeout": f"{busy_seconds * 1000:.0f}ms"}
    )
    options = str(url.query.get("options", ""))
    waiting = {name: value for name, value in waiting.items() if name not in options}
    in_transactions = {**waiting, **_FORMS}
    in_sessions = {name: value for name, value in _SERVER.items() if name not in options}
    event.listen(engine, "connect", partial(_prepare, {**in_transactions, **in_sessions}))
    event.listen(engine, "begin", partial(_prepare_pooled, in_transactions))
    event.listen(engine, "checkin", _forget_read_only)
    with translated(engine), engine.connect():
        return engine


def _client(url: URL) -> dict[str, Any]:
    return {name: value for name, value in _CLIENT.items() if name not in url.query}


def driver_arguments(connection: Connection) -> dict[str, Any]:
    """What psycopg needs to connect as the engine of this connection does."""
    url = connection.engine.url
    _, arguments = connection.dialect.create_connect_args(url)
    no_statements = {"prepare_threshold": None} if is_pooled(connection) else {}
    return {**_client(url), **arguments, **no_statements}


def _prepare(limits: Limits, driver: Any, record: Any) -> None:
    [(answers,)] = driver.execute("SELECT pg_backend_pid()").fetchall()
    if answers != driver.info.backend_pid:
        record.info[_IS_POOLED] = True
        driver.prepare_threshold = None
    else:
        driver.execute(_setting(limits, for_transaction=False))
    driver.commit()


def _forget_read_only(driver: Any, record: Any) -> None:
    """Let the server decide whether the next transaction may write. SQLAlchemy leaves a connection
    that has read asking for it, which a server that only follows another refuses by a code that
    says nothing (0A000), and which gets around default_transaction_read_only."""
    if driver is not None:
        driver.read_only = None


def _prepare_pooled(limits: Limits, connection: Connection) -> None:
    if is_pooled(connection):
        connection.exec_driver_sql(_setting(limits, for_transaction=True))


def _setting(limits: Limits, *, for_transaction: bool) -> str:
    calls = [
        f"set_config('{name}', '{limit}', {for_transaction})" for name, limit in limits.items()
    ]
    return f"SELECT {', '.join(calls) or '1'}"


def is_pooled(connection: Connection) -> bool:
    """Whether a pooler may give each transaction another connection of the server."""
    return _IS_POOLED in connection.info


def look_at_each(engine: Engine, look: Callable[[Connection], None]) -> None:
    """Let `look` see each new connection in its first transaction; with a pooler, in each one."""

    def begin(connection: Connection) -> None:
        if _IS_SEEN not in connection.info:
            look(connection)
            if not is_pooled(connection):
                connection.info[_IS_SEEN] = True

    event.listen(engine, "begin", begin)


@contextmanager
def without_idle_limit(connection: Connection) -> Iterator[None]:
    """Let the transaction wait for something outside for as long as that takes."""
    [name] = _IDLE
    setting = sa.select(sa.func.set_config(name, sa.bindparam("value"), True))
    before = connection.execute(sa.select(sa.func.current_setting(name))).scalar_one()
    connection.execute(setting, {"value": "0"})
    yield
    connection.execute(setting, {"value": before})


def end_other_sessions(connection: Connection) -> None:
    """End the connections that other processes of newsletter have to this database."""
    connection.execute(
        sa.text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND usename = current_user "
            "AND application_name = current_setting('application_name') "
            "AND pid <> pg_backend_pid()"
        )
    )
