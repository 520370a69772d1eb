"""Facts about the store itself, each a number under a name; 0 where there is none."""

import datetime as dt
import secrets

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.store.dialects import insert_into
from newsletter.store.schema import EPOCH, MICROSECOND, state

# Times, in microseconds since 1970.
COPIED_AT = "copied_at"  # what `db backup` writes into the copy
BACKED_UP_AT = "backed_up_at"  # when the last whole backup was begun
FORGOT_AT = (
    "forgot_at"  # when a report first named something that this store should know but does not
)
OTHERS = "others"  # how many of the account's mails of a recent day were not this store's
OUTDATED_SESSIONS = "outdated_sessions"  # there while those of before an upgrade are to be ended
_ID = "id"


def value(connection: Connection, name: str) -> int:
    return find(connection, name) or 0


def time(connection: Connection, name: str) -> dt.datetime | None:
    """A moment that is kept as microseconds since 1970, as all times of the store are."""
    microseconds = value(connection, name)
    return EPOCH + microseconds * MICROSECOND if microseconds else None


def find(connection: Connection, name: str) -> int | None:
    """A number that may be 0, None where there is none."""
    return connection.execute(_VALUE, {"name": name}).scalar()


_VALUE = sa.select(state.c.value).where(state.c.name == sa.bindparam("name"))


def put(connection: Connection, name: str, number: int) -> None:
    statement = insert_into(connection, state).values(name=name, value=number)
    connection.execute(
        statement.on_conflict_do_update(index_elements=[state.c.name], set_={"value": number})
    )


def note_time(connection: Connection, name: str, at: dt.datetime) -> None:
    """Keep a moment, unless one is kept there already."""
    statement = insert_into(connection, state).values(name=name, value=(at - EPOCH) // MICROSECOND)
    connection.execute(statement.on_conflict_do_nothing())


def remove(connection: Connection, name: str) -> None:
    connection.execute(sa.delete(state).where(state.c.name == name))


def increment(connection: Connection, name: str) -> int:
    """Add one and return the sum; one statement, so that two processes get two numbers."""
    insert = insert_into(connection, state).values(name=name, value=1)
    statement = insert.on_conflict_do_update(
        index_elements=[state.c.name], set_={"value": state.c.value + 1}
    )
    return int(connection.execute(statement.returning(state.c.value)).scalar_one())


def raise_to(connection: Connection, name: str, least: int) -> int:
    """Raise a number to at least `least`; returns the result. One statement, so that of two
    processes the higher number stays."""
    insert = insert_into(connection, state).values(name=name, value=least)
    higher = sa.case((state.c.value > least, state.c.value), else_=least)
    statement = insert.on_conflict_do_update(index_elements=[state.c.name], set_={"value": higher})
    return int(connection.execute(statement.returning(state.c.value)).scalar_one())


def store_id(connection: Connection) -> str:
    """Which store this is: random, made by `upgrade`, shared with every copy until it is adopted.

    It is safe in tags of mails.
    """
    return f"{value(connection, _ID):x}"


def ensure_id(connection: Connection) -> None:
    """Give a store that has no id one."""
    statement = insert_into(connection, state).values(name=_ID, value=_new_id())
    connection.execute(statement.on_conflict_do_nothing())


def renew_id(connection: Connection) -> None:
    """Give a store another id than that of the store it was copied from."""
    put(connection, _ID, _new_id())


def _new_id() -> int:
    return 1 + secrets.randbelow(2**63 - 1)
