"""The locks that transactions take in PostgreSQL, and the one order in which they are taken.

https://www.postgresql.org/docs/current/explicit-locking.html

In SQLite a transaction that writes has the whole store to itself. In PostgreSQL two of them would
wait for each other, until one is aborted, if each held what the other wants. So whoever takes more
than one of these takes them in this order, and leaves out what it does not need:

1. the turn to apply events: `events`
2. the table of people: `people`, or any statement that makes, changes or deletes a person
3. rows of requests
4. rows of subscriptions, in the order of their primary key (list, subscriber): `subscriptions`, or
   statements that go in that order
5. suppressions, in the order of their address
6. the row of a send: `newsletter.store.ledger.sends.record`
7. the turn to decide about an issue: `issue`; it comes first where a send is made
8. rows of deliveries, then of batches

The row of a send is held `FOR NO KEY UPDATE` (SQLAlchemy: `key_share`). A stronger lock would let
whoever holds 8 wait for 6: a row that is changed twice in a transaction has its foreign keys looked
up again.

An audience that is frozen takes 6 and 7, then `planning`, and waits for nobody after that but for
others that make a partition. So `deleting`, which waits for it, may come anywhere before 6.

Whoever moves the store away takes all tables (newsletter.store.relocation.closing), in whatever
order, and nothing before: where two then wait for each other, one is aborted, and its step is done
again.

`migrations`, `filling` and `asking` are alone: they are taken where nothing else is held. Nobody
waits for `drilling`.
tests/integration/test_locks.py lets all that concerns people run against each other.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.store.dialects import is_sqlite

# Of no meaning, and each for one purpose.
_MIGRATIONS, _EVENTS, _ASKING, _PLANNING, _FILLING, _DRILLING = 7301, 7302, 7303, 7304, 7305, 7306


def migrations(connection: Connection) -> None:
    """Let only one process at a time bring the tables up to date."""
    _take_turn(connection, _MIGRATIONS)


def filling(connection: Connection) -> None:
    """Let only one process at a time find that a new store is empty, and begin to fill it."""
    _take_turn(connection, _FILLING)


def drilling(connection: Connection) -> bool:
    """Whether this transaction alone has to do with the database of a drill; PostgreSQL only."""
    query = sa.select(sa.func.pg_try_advisory_xact_lock(_DRILLING))
    return bool(connection.execute(query).scalar_one())


def events(connection: Connection) -> None:
    """Let only one transaction at a time apply events, or delete what they are about.

    Two that are about one reader could each miss what the other saw. It comes before anything is
    written: two that set the same messages aside in different orders would wait for each other.
    """
    _take_turn(connection, _EVENTS)


def people(connection: Connection) -> None:
    """Let nobody else make, change or delete a person until the commit, as on SQLite; leaving a
    list needs another table and does not wait."""
    if not is_sqlite(connection):
        connection.execute(sa.text("LOCK TABLE subscribers IN SHARE ROW EXCLUSIVE MODE"))


def asking(connection: Connection) -> None:
    """Let only one transaction at a time add a request that limits may refuse: two would not count
    each other, and together be more than is allowed."""
    _take_turn(connection, _ASKING)


def subscriptions(connection: Connection, subscriber_ids: Sequence[int]) -> None:
    """Hold what these people joined until the commit."""
    if not is_sqlite(connection):
        query = (
            "SELECT count(*) FROM (SELECT 1 FROM subscriptions WHERE subscriber_id = ANY(:ids) "
            "ORDER BY list_id, subscriber_id FOR UPDATE) AS rows"
        )
        connection.execute(sa.text(query), {"ids": list(subscriber_ids)})


def issue(connection: Connection, slug: str) -> None:
    """Let only one transaction at a time decide about an issue: two sends of it to two lists could
    both find that a person has not had it yet."""
    _take_turn(connection, sa.func.hashtext(slug))


def planning(connection: Connection) -> None:
    """Let nobody delete people until the commit: they are about to get deliveries. Any number may
    plan at once."""
    if not is_sqlite(connection):
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock_shared(_PLANNING)))


def deleting(connection: Connection) -> None:
    """Let nobody freeze an audience until the commit, for people are to be deleted who have no
    deliveries: which they have is looked for after this."""
    _take_turn(connection, _PLANNING)


def _take_turn(connection: Connection, key: int | sa.ColumnElement[int]) -> None:
    if not is_sqlite(connection):
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))
