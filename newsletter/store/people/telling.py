"""What other programs hear of people who join and leave: ids, the list, and how."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy.engine import Connection, Row

from newsletter.model.subscriber import Consent, SubscriptionStatus
from newsletter.model.webhook import WebhookEvent
from newsletter.store import webhooks

Member = tuple[int, int]  # a list, and a subscriber


def joined(connection: Connection, row: Row[Any] | None, member: Member, consent: Consent) -> None:
    """Tell that somebody is confirmed who was not, by the row of before."""
    if row is None or row.status != SubscriptionStatus.CONFIRMED:
        webhooks.tell(connection, WebhookEvent.JOINED, [_fact(member, consent)])


def left(
    connection: Connection, rows: Iterable[Row[Any]], consents: Mapping[Member, Consent]
) -> None:
    """Tell which of these rows of before are of members who are none any more."""
    facts = (
        _fact((member := (row.list_id, row.subscriber_id)), consents[member])
        for row in rows
        if row.status == SubscriptionStatus.CONFIRMED
    )
    webhooks.tell(connection, WebhookEvent.LEFT, facts)


def _fact(member: Member, consent: Consent) -> dict[str, object]:
    list_id, subscriber_id = member
    return {"subscriber": subscriber_id, "list_id": list_id, "how": consent.how}
