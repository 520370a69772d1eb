"""Facts about the store itself, each a number under a name; 0 where there is none."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.store.dialects import insert_into
from newsletter.store.schema import state


def value(connection: Connection, name: str) -> int:
    found = connection.execute(sa.select(state.c.value).where(state.c.name == name)).scalar()
    return int(found or 0)


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
    made = insert_into(connection, state).values(name=name, value=reached)
    statement = made.on_conflict_do_update(index_elements=[state.c.name], set_={"value": reached})
    connection.execute(statement)
    return reached
