"""The audit log: who did what, append-only."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.model.audit import Deed, DeedKind
from newsletter.store.schema import audit_log

_PAGE = 1_000


def append(connection: Connection, deed: Deed) -> None:
    """Add a line, in the transaction that does what it says. Without a `who` nothing is written:
    then no person did it, but a worker, or a program that calls the service."""
    if deed.who:
        connection.execute(
            sa.insert(audit_log).values(
                at=deed.at, who=deed.who, kind=deed.kind, subject=deed.subject, detail=deed.detail
            )
        )


def page(
    connection: Connection, after: Deed | None = None, *, subject: str = "", limit: int = _PAGE
) -> Sequence[Deed]:
    """The newest lines, of one subject or of all, or those before a line."""
    query = sa.select(audit_log).order_by(audit_log.c.id.desc()).limit(limit)
    if subject:
        query = query.where(audit_log.c.subject == subject)
    if after is not None:
        query = query.where(audit_log.c.id < after.id)
    return [
        Deed(row.at, row.who, DeedKind(row.kind), row.subject, row.detail, row.id)
        for row in connection.execute(query)
    ]
