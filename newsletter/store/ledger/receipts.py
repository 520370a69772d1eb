"""Receipts of test mails: which content was looked at, when and by whom."""

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.store.schema import receipts


def add(
    connection: Connection,
    *,
    content_hash: str,
    slug: str,
    at: dt.datetime,
    by: str,
    addresses: Sequence[str],
) -> None:
    connection.execute(
        sa.insert(receipts).values(
            content_hash=content_hash, slug=slug, at=at, by=by, addresses=list(addresses)
        )
    )


def exists(connection: Connection, content_hash: str) -> bool:
    query = sa.select(receipts.c.id).where(receipts.c.content_hash == content_hash).limit(1)
    return connection.execute(query).first() is not None


def mails(connection: Connection, content_hash: str) -> int:
    """How many test mails of a content were sent so far."""
    query = sa.select(receipts.c.addresses).where(receipts.c.content_hash == content_hash)
    return sum(len(addresses) for addresses in connection.execute(query).scalars())
