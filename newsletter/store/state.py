"""Facts about the store itself, each a number under a name; 0 where there is none."""

import datetime as dt
import secrets

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.store.dialects import insert_into
from newsletter.store.schema import EPOCH, MICROSECOND, state

COPIED_AT = "copied_at"  # what `db backup` writes into the copy; microseconds since 1970
_ID = "id"
_FORMER_ID = "former_id_"  # with a number behind it
_FORMER_IDS = "former_ids"  # how many there are


def value(connection: Connection, name: str) -> int:
    found = connection.execute(sa.select(state.c.value).where(state.c.name == name)).scalar()
    return int(found or 0)


def time(connection: Connection, name: str) -> dt.datetime | None:
    """A moment that is kept as microseconds since 1970, as all times of the store are."""
    found = value(connection, name)
    return EPOCH + found * MICROSECOND if found else None


def put(connection: Connection, name: str, number: int) -> None:
    made = insert_into(connection, state).values(name=name, value=number)
    connection.execute(
        made.on_conflict_do_update(index_elements=[state.c.name], set_={"value": number})
    )


def remove(connection: Connection, name: str) -> None:
    connection.execute(sa.delete(state).where(state.c.name == name))


def increment(connection: Connection, name: str) -> int:
    """Add one and return the sum; one statement, so that two processes get two numbers."""
    made = insert_into(connection, state).values(name=name, value=1)
    statement = made.on_conflict_do_update(
        index_elements=[state.c.name], set_={"value": state.c.value + 1}
    )
    return int(connection.execute(statement.returning(state.c.value)).scalar_one())


def raise_to(connection: Connection, name: str, least: int) -> int:
    """Make a number at least so high; returns what it is then."""
    reached = max(least, value(connection, name))
    put(connection, name, reached)
    return reached


def store_id(connection: Connection) -> str:
    """Which store this is: random, made by `upgrade`, shared with every copy until it is adopted.

    It is safe in SES tags.
    """
    return f"{value(connection, _ID):x}"


def store_ids(connection: Connection) -> set[str]:
    """The id of this store, and those that it had before it was adopted."""
    query = sa.select(state.c.value).where(
        sa.or_(state.c.name == _ID, state.c.name.startswith(_FORMER_ID, autoescape=True))
    )
    return {f"{number:x}" for number in connection.execute(query).scalars()}


def ensure_id(connection: Connection) -> None:
    """Give a store that has no id one."""
    made = insert_into(connection, state).values(name=_ID, value=_new_id())
    connection.execute(made.on_conflict_do_nothing())


def renew_id(connection: Connection) -> None:
    """Part a store from the one that it was copied from; the id that they shared is kept."""
    former = f"{_FORMER_ID}{increment(connection, _FORMER_IDS)}"
    put(connection, former, value(connection, _ID))
    put(connection, _ID, _new_id())


def _new_id() -> int:
    return 1 + secrets.randbelow(2**63 - 1)
