"""Queries on people who were asked for and never said yes."""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.model.subscriber import ConsentKind, SubscriptionStatus
from newsletter.store.ledger import archived
from newsletter.store.people import requesting, subscribing
from newsletter.store.schema import (
    consents,
    deliveries,
    former_addresses,
    import_changes,
    requests,
    subscribers,
    subscriptions,
)


def is_one(connection: Connection, subscriber_id: int) -> bool:
    """Whether nothing is known of a person but that somebody asked for them, or an import did."""
    joined, log = subscriptions.c, consents.c
    more = sa.or_(
        sa.exists().where(
            joined.subscriber_id == subscriber_id, joined.status != SubscriptionStatus.PENDING
        ),
        sa.exists().where(log.subscriber_id == subscriber_id, log.kind != ConsentKind.REQUESTED),
        sa.exists().where(deliveries.c.subscriber_id == subscriber_id),
    )
    is_more = connection.execute(sa.select(more)).scalar_one()
    return not (is_more or archived.has(connection, subscriber_id))


def delete(connection: Connection, subscriber_id: int) -> None:
    """Delete such a person with all that was asked for them; the caller holds `locks.people` and
    `locks.deleting`."""
    requesting.delete_of(connection, subscriber_id)
    for table in (import_changes, consents):
        connection.execute(sa.delete(table).where(table.c.subscriber_id == subscriber_id))
    subscribing.delete_of(connection, subscriber_id)
    connection.execute(sa.delete(subscribers).where(subscribers.c.id == subscriber_id))


def forget(connection: Connection, list_id: int, subscriber_id: int, before: dt.datetime) -> None:
    """Delete that a person was asked for on a page, last before a time, and never said anything.

    A person of whom nothing else is known goes with it. People whom an operator made pending stay.
    The caller holds `locks.deleting`.
    """
    if not subscribing.forget(connection, list_id, subscriber_id, before):
        return
    connection.execute(
        sa.delete(consents).where(
            consents.c.list_id == list_id, consents.c.subscriber_id == subscriber_id
        )
    )
    if archived.has(connection, subscriber_id):
        return
    is_kept = [
        sa.exists().where(table.c.subscriber_id == subscribers.c.id)
        for table in (
            subscriptions,
            consents,
            requests,
            deliveries,
            former_addresses,
            import_changes,
        )
    ]
    connection.execute(
        sa.delete(subscribers).where(subscribers.c.id == subscriber_id, ~sa.or_(*is_kept))
    )
