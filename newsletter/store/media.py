"""The pictures of issues: what `/media/` of the public site shows.

They are kept in the store, so that every web process has them, wherever it runs, and each backup.
None is ever replaced: its name is made of its content.
"""

import datetime as dt
from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.model.picture import Picture
from newsletter.store.dialects import insert_into
from newsletter.store.schema import media


def add(connection: Connection, pictures: Sequence[Picture], now: dt.datetime) -> None:
    """Keep pictures, but for those that are kept already."""
    for picture in pictures:
        made = insert_into(connection, media).values(
            name=picture.name, content=picture.content, created_at=now
        )
        connection.execute(made.on_conflict_do_nothing())


def content(connection: Connection, name: str) -> bytes | None:
    found = connection.execute(sa.select(media.c.content).where(media.c.name == name)).scalar()
    return None if found is None else bytes(found)


def kept(connection: Connection, names: Collection[str]) -> set[str]:
    """Those of some names that are kept; it reads no picture."""
    query = sa.select(media.c.name).where(media.c.name.in_(names))
    return set(connection.execute(query).scalars())


def names(connection: Connection) -> Sequence[str]:
    return connection.execute(sa.select(media.c.name).order_by(media.c.name)).scalars().all()
