"""The locks that transactions take in PostgreSQL, and the one order in which they are taken.

In SQLite a transaction that writes has the whole store to itself. In PostgreSQL two of them would
wait for each other if each held what the other wants, until one is ended. So whoever takes more
than one of these takes them in this order, and leaves out what it does not need:

1. the turn of who applies events: `newsletter.store.events.take_turn`
2. the table of people: `people`, or any statement that makes, changes or deletes a person
3. rows of requests
4. rows of subscriptions, in the order of their primary key (list, subscriber)
5. suppressions, in the order of their address
6. the row of a send, then rows of its deliveries, then of its batches

tests/integration/test_locks.py lets all that concerns people run against each other.
"""

import sqlalchemy as sa
from sqlalchemy.engine import Connection


def people(connection: Connection) -> None:
    """Let nobody else make, change or delete a person until the commit, as on SQLite; leaving a
    list needs another table and does not wait."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("LOCK TABLE subscribers IN SHARE ROW EXCLUSIVE MODE"))
