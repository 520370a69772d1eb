"""The pictures of issues: what `/media/` of the public site shows.

They are kept in the store, so that every web process and every backup has them.
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
    """Add pictures, except those that are there already."""
    for picture in pictures:
        statement = insert_into(connection, media).values(
            name=picture.name, content=picture.content, created_at=now
        )
        connection.execute(statement.on_conflict_do_nothing())


def content(connection: Connection, name: str) -> bytes | None:
    data = connection.execute(sa.select(media.c.content).where(media.c.name == name)).scalar()
    return None if data is None else bytes(data)


def existing(connection: Connection, names: Collection[str]) -> set[str]:
    """Which of some pictures are there, by name; it reads no content."""
    query = sa.select(media.c.name).where(media.c.name.in_(names))
    return set(connection.execute(query).scalars())


def names(connection: Connection) -> Sequence[str]:
    return connection.execute(sa.select(media.c.name).order_by(media.c.name)).scalars().all()
