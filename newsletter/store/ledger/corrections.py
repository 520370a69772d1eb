"""Queries of what the archive shows in place of what was sealed, and of what it hides."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.model.listing import Correction, Hiding, Listing
from newsletter.model.slug import spellings
from newsletter.store.dialects import insert_into
from newsletter.store.ledger.plans import listing_columns
from newsletter.store.schema import corrections, hidden_issues, sends

_ALL = sa.select(
    corrections.c.id,
    corrections.c.send,
    corrections.c.at,
    corrections.c.note,
    corrections.c.author,
    corrections.c.undone_at,
).order_by(corrections.c.id)
_HIDDEN = sa.select(
    hidden_issues.c.slug, hidden_issues.c.at, hidden_issues.c.reason, hidden_issues.c.author
)

_SEALED = sa.select(sends.c.slug, sends.c.created_at, sends.c.email).where(
    sends.c.number == sa.bindparam("b_number")
)


def all_of_them(connection: Connection) -> Sequence[Correction]:
    """All corrections, oldest first, those too that were taken back. None of their emails is read,
    so that it can be asked again every second."""
    return [Correction(*row) for row in connection.execute(_ALL)]


def of_send(connection: Connection, send: int) -> Sequence[Correction]:
    """The corrections of one send that were not taken back, oldest first."""
    standing = _ALL.where(corrections.c.send == send, corrections.c.undone_at.is_(None))
    return [Correction(*row) for row in connection.execute(standing)]


def add(
    connection: Connection,
    correction: Correction,
    *,
    email: str,
    content_hash: str,
    source_hash: str,
    git_commit: str | None,
    listing: Listing,
) -> int:
    """Write a correction, whose id is given by the store; `email` is JSON."""
    statement = sa.insert(corrections).values(
        send=correction.send,
        at=correction.at,
        note=correction.note,
        author=correction.author,
        email=email,
        content_hash=content_hash,
        source_hash=source_hash,
        git_commit=git_commit,
        **listing_columns(listing),
    )
    return int(connection.execute(statement.returning(corrections.c.id)).scalar_one())


def undo(connection: Connection, correction_id: int, now: dt.datetime) -> None:
    """Take a correction back; its row stays."""
    connection.execute(
        sa.update(corrections).where(corrections.c.id == correction_id).values(undone_at=now)
    )


def email_of(connection: Connection, correction_id: int) -> str:
    """The email of a correction, as JSON."""
    query = sa.select(corrections.c.email).where(corrections.c.id == correction_id)
    return str(connection.execute(query).scalar_one())


def newest_email_of(connection: Connection, send: int) -> str:
    """The email of a send as it is mailed today, as JSON: corrected, be it by a correction of the
    same issue to another list that came after this one was sealed."""
    sealed = connection.execute(_SEALED, {"b_number": send}).one()
    query = (
        sa.select(corrections.c.email)
        .join(sends, sends.c.number == corrections.c.send)
        .where(sends.c.slug.in_(spellings(sealed.slug)), corrections.c.undone_at.is_(None))
        .where(sa.or_(corrections.c.send == send, corrections.c.at > sealed.created_at))
        .order_by(corrections.c.id.desc())
        .limit(1)
    )
    return str(connection.execute(query).scalar() or sealed.email)


def content_of(connection: Connection, send: int) -> tuple[str, Listing]:
    """The hash and the listing of what the archive shows of a send."""
    row = _shown(connection, send, "content_hash", "tags", "cover")
    return row.content_hash, Listing(tuple(row.tags.splitlines()), row.cover)


def _shown(connection: Connection, send: int, *names: str) -> sa.Row[Any]:
    """Columns of the newest correction of a send, else of what it sealed."""
    of_correction = (
        sa.select(*(corrections.c[name] for name in names))
        .where(corrections.c.send == send, corrections.c.undone_at.is_(None))
        .order_by(corrections.c.id.desc())
        .limit(1)
    )
    of_sealed = sa.select(*(sends.c[name] for name in names)).where(sends.c.number == send)
    return connection.execute(of_correction).first() or connection.execute(of_sealed).one()


def hide(connection: Connection, hiding: Hiding) -> bool:
    """Take an issue off the web; whether it was there."""
    statement = insert_into(connection, hidden_issues).values(
        slug=hiding.slug, at=hiding.at, reason=hiding.reason, author=hiding.author
    )
    added = statement.on_conflict_do_nothing().returning(hidden_issues.c.slug)
    return connection.execute(added).first() is not None


def show(connection: Connection, slug: str) -> bool:
    """Put an issue back on the web; whether it was off."""
    removed = sa.delete(hidden_issues).where(hidden_issues.c.slug == slug)
    return connection.execute(removed.returning(hidden_issues.c.slug)).first() is not None


def hidden(connection: Connection) -> Sequence[Hiding]:
    return [Hiding(*row) for row in connection.execute(_HIDDEN)]
