"""Approvals: who said yes to which content, and when."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.model.approval import Approval, Editor
from newsletter.store.schema import approvals


def add(connection: Connection, approval: Approval) -> None:
    connection.execute(
        sa.insert(approvals).values(
            content_hash=approval.content_hash,
            slug=approval.slug,
            at=approval.at,
            name=approval.editor.name,
            email=approval.editor.email,
        )
    )


def of_content(connection: Connection, content_hash: str) -> Sequence[Approval]:
    """All approvals of a content, the oldest first."""
    query = (
        sa.select(approvals)
        .where(approvals.c.content_hash == content_hash)
        .order_by(approvals.c.id)
    )
    return [
        Approval(row.content_hash, row.slug, Editor(row.name, row.email), row.at)
        for row in connection.execute(query)
    ]
