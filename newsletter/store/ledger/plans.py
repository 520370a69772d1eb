"""Queries that make the row of a send, and that replace the content of one that has not begun."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.model.approval import Provenance
from newsletter.model.listing import Listing
from newsletter.model.send import Foot, SendStatus
from newsletter.store.schema import sends


@dataclass(frozen=True, slots=True)
class Content:
    """What all mails of a send have in common, sealed; `email` as JSON."""

    subject: str
    sender: str
    email: str
    content_hash: str
    source_hash: str
    provenance: Provenance
    foot: Foot
    listing: Listing = field(default_factory=Listing)


@dataclass(frozen=True, slots=True)
class Plan:
    """A send that is to be made; `repeat` counts those of the same issue to the same audience."""

    id: str
    slug: str
    list_id: int
    segment: str
    segment_rule: str
    repeat: int
    again: str | None
    only_missing: bool
    spread: bool
    rate: int | None
    canary: float | None
    scheduled_at: dt.datetime | None
    content: Content


def insert(connection: Connection, plan: Plan, now: dt.datetime) -> int:
    """Make the row of a send, sending or scheduled; returns its number."""
    statement = sa.insert(sends).values(
        id=plan.id,
        slug=plan.slug,
        list_id=plan.list_id,
        segment=plan.segment,
        segment_rule=plan.segment_rule,
        repeat=plan.repeat,
        again=plan.again,
        only_missing=plan.only_missing,
        spread=plan.spread,
        rate=plan.rate,
        canary=plan.canary,
        scheduled_at=plan.scheduled_at,
        status=SendStatus.SCHEDULED if plan.scheduled_at else SendStatus.SENDING,
        frozen=False,
        created_at=now,
        **_columns(plan.content),
    )
    return int(connection.execute(statement.returning(sends.c.number)).scalar_one())


def replace_content(connection: Connection, number: int, content: Content) -> None:
    """Replace the content of a send that has not begun."""
    connection.execute(sa.update(sends).where(sends.c.number == number).values(_columns(content)))


def _columns(content: Content) -> dict[str, Any]:
    provenance = content.provenance
    approval = provenance.approval
    return {
        "subject": content.subject,
        "sender": content.sender,
        "email": content.email,
        "content_hash": content.content_hash,
        "source_hash": content.source_hash,
        "git_commit": provenance.git_commit,
        "branch": provenance.branch,
        "approved_by": str(approval.editor) if approval else None,
        "approved_at": approval.at if approval else None,
        "list_title": content.foot.list_title,
        "list_is_open": content.foot.is_open,
        "previous_slug": content.foot.previous_slug,
        "previous_title": content.foot.previous_title,
        **listing_columns(content.listing),
    }


def listing_columns(listing: Listing) -> dict[str, str]:
    """What the archive shows beside a mail, as `sends` and `corrections` keep it: a tag a line."""
    return {"tags": "\n".join(listing.tags), "cover": listing.cover}
