"""What source and target of a relocation remember of it.

The order in which they are marked lets a kill come at any time: the source is closed before the
first row is read, the target is in force after the source says that it was moved. So there is never
more than one of them that could send.
"""

import datetime as dt
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection

from newsletter.errors import Refused, StoreClosed, StoreError
from newsletter.store import jobs, locks
from newsletter.store.relocation import closing
from newsletter.store.schema import UtcTime, metadata, relocations
from newsletter.store.schema import state as facts

# What may have rows before anybody did anything.
_OF_A_NEW_STORE = ("state", "limiter", "workers")


@dataclass(frozen=True, slots=True)
class Relocation:
    """`place` is the other store, `last_key` the primary key of the last row that was copied."""

    id: int
    is_source: bool
    place: str
    began_at: dt.datetime
    done_at: dt.datetime | None
    table_name: str | None
    last_key: tuple[int | str, ...] | None

    @property
    def in_words(self) -> str:
        """What happens to the source, for a sentence about it."""
        return f"{'is being' if self.done_at is None else 'was'} moved to {self.place}"


def place_of(url: URL) -> str:
    """The URL of a store for people: where it is and for whom, without anything that may be
    secret."""
    if url.get_backend_name() == "sqlite":
        return f"sqlite:///{url.database}"
    user = f"{url.username}@" if url.username else ""
    port = f":{url.port}" if url.port else ""
    query = "&".join(f"{name}={url.query[name]}" for name in ("host", "port") if name in url.query)
    rest = f"?{query}" if query else ""
    return f"postgresql://{user}{url.host or ''}{port}/{url.database or ''}{rest}"


def outgoing(connection: Connection) -> Relocation | None:
    """Where this store went, or is going."""
    return _find(connection, relocations.c.is_source)


def unfinished(connection: Connection) -> Relocation | None:
    """The move that is filling this store."""
    return _find(
        connection, sa.and_(sa.not_(relocations.c.is_source), relocations.c.done_at.is_(None))
    )


def incoming(
    connection: Connection, relocation_id: int, *, lock: bool = False
) -> Relocation | None:
    """A move that filled this store, or is filling it."""
    is_it = relocations.c.id == relocation_id
    return _find(connection, sa.and_(sa.not_(relocations.c.is_source), is_it), lock=lock)


def hold(connection: Connection, relocation_id: int) -> Relocation:
    """A move that is filling this store, or has filled it, which nobody else ends until the
    commit."""
    found = incoming(connection, relocation_id, lock=True)
    assert found is not None
    return found


def _find(
    connection: Connection, condition: sa.ColumnElement[bool], *, lock: bool = False
) -> Relocation | None:
    query = sa.select(relocations).where(condition)
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    if row is None:
        return None
    last_key = None if row["last_key"] is None else tuple(json.loads(row["last_key"]))
    return Relocation(**{**row, "last_key": last_key})


def check_open(connection: Connection) -> None:
    """Raises StoreClosed where the store was moved, or is being moved."""
    if found := outgoing(connection):
        raise StoreClosed(f"this store {found.in_words}", hint=advice(found))


def advice(source: Relocation) -> str:
    """What to do with a closed store."""
    if source.done_at is None:
        return (
            "Go on with `newsletter db copy --to URL`, or give the move up with "
            "`newsletter db copy --cancel`."
        )
    return "Set [store] url in newsletter.toml to the new one."


def check_whole(connection: Connection) -> None:
    """Raises StoreError where the store is the target of a move that has not ended."""
    if found := unfinished(connection):
        raise StoreError(
            f"this store is an unfinished copy of {found.place}",
            hint="Go on with `newsletter db copy --to URL` in the project of that store.",
        )


def begin(connection: Connection, place: str, now: dt.datetime) -> Relocation:
    """Close the source. The caller holds `closing.lock`."""
    values = {
        "id": 1 + secrets.randbelow(2**63 - 1),
        "is_source": True,
        "place": place,
        "began_at": now,
    }
    connection.execute(sa.insert(relocations).values(values))
    closing.close(connection, place)
    found = outgoing(connection)
    assert found is not None
    return found


def is_copied(table: sa.Table) -> sa.ColumnElement[bool]:
    """Which rows are about the newsletter: all but one of `state`, which is about other tables of
    its database."""
    return facts.c.name != jobs.SCHEMA if table is facts else sa.true()


def check_no_copy(connection: Connection) -> None:
    """Raises Refused where a store is the target of another move that has not ended."""
    if found := unfinished(connection):
        raise Refused(
            f"there is an unfinished copy of {found.place} from a move that was given up",
            hint="Nothing was changed in it. Delete it, or name a new database, or a new file.",
        )


def check_empty(connection: Connection) -> None:
    """Raises Refused where a store has more than a new one."""
    for table in metadata.sorted_tables:
        if table.name in _OF_A_NEW_STORE and table is not relocations:
            continue
        if connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first():
            raise Refused(
                f"there is a store already: {table.name} is not empty",
                hint="Nothing was changed in it. Name a new database, or a new file.",
            )


def receive(connection: Connection, source: Relocation, place: str) -> Relocation:
    """Let an empty store be the target of a move from `place`, unless it is that already. Raises
    Refused where it is not empty."""
    locks.filling(connection)
    if found := incoming(connection, source.id):
        return found
    check_no_copy(connection)
    check_empty(connection)
    for name in _OF_A_NEW_STORE:
        table = metadata.tables[name]
        connection.execute(sa.delete(table).where(is_copied(table)))
    values = {"id": source.id, "is_source": False, "place": place, "began_at": source.began_at}
    connection.execute(sa.insert(relocations).values(values))
    return hold(connection, source.id)


def advance(
    connection: Connection, before: Relocation, table_name: str, last_key: Sequence[object]
) -> Relocation:
    """Note in the target how far it was copied, in the transaction of the rows themselves.

    Raises Refused where somebody else has copied since `before`.
    """
    former = None if before.last_key is None else json.dumps(before.last_key)
    statement = (
        sa.update(relocations)
        .where(
            relocations.c.id == before.id,
            sa.not_(relocations.c.is_source),
            relocations.c.done_at.is_(None),
            relocations.c.table_name.is_not_distinct_from(before.table_name),
            relocations.c.last_key.is_not_distinct_from(former),
        )
        .values(table_name=table_name, last_key=json.dumps(list(last_key)))
    )
    if not connection.execute(statement).rowcount:
        raise Refused("another process copies the same store", hint="Let it finish.")
    found = incoming(connection, before.id)
    assert found is not None
    return found


def leave(connection: Connection, relocation_id: int, now: dt.datetime) -> dt.datetime:
    """Mark the source as moved, for good; returns since when it is. Raises Refused where the move
    was cancelled."""
    statement = (
        sa.update(relocations)
        .where(relocations.c.id == relocation_id, relocations.c.is_source)
        .values(done_at=sa.func.coalesce(relocations.c.done_at, sa.literal(now, UtcTime())))
    )
    connection.execute(statement)
    left = going(connection, relocation_id)
    assert left.done_at is not None
    return left.done_at


def going(connection: Connection, relocation_id: int) -> Relocation:
    """The move of this source. Raises Refused where it was cancelled."""
    found = outgoing(connection)
    if found is None or found.id != relocation_id:
        raise Refused("the move was cancelled meanwhile", hint="Begin again if it is still wanted.")
    return found


def arrive(connection: Connection, relocation_id: int, now: dt.datetime) -> bool:
    """Put the target in force; False where it is already."""
    statement = (
        sa.update(relocations)
        .where(
            relocations.c.id == relocation_id,
            sa.not_(relocations.c.is_source),
            relocations.c.done_at.is_(None),
        )
        .values(done_at=now)
    )
    return bool(connection.execute(statement).rowcount)


def cancel(connection: Connection) -> Relocation:
    """Open a source again whose move has not ended. Its target stays unfinished for ever.

    Raises Refused where it was moved already, or nothing moves it.
    """
    source = outgoing(connection)
    if source is None:
        raise Refused(
            "this store is not being moved", hint="There is nothing to cancel: it stays as it is."
        )
    is_going = sa.and_(relocations.c.id == source.id, relocations.c.done_at.is_(None))
    if not connection.execute(sa.delete(relocations).where(is_going)).rowcount:
        raise Refused(
            f"this store was moved to {source.place}",
            hint="What was written there since would be lost.",
        )
    closing.reopen(connection)
    return source
