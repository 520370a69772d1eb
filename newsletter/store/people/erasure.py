"""Removing a person from every table; what the ledger counts stays, without an address."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.store import webhooks
from newsletter.store.ledger import archived
from newsletter.store.people import requesting, subscribing
from newsletter.store.schema import (
    consents,
    deliveries,
    events,
    former_addresses,
    import_changes,
    import_people,
    is_personal,
    receipts,
    sends,
    subscribers,
    subscriptions,
)

GONE = "erased"  # stands where an address stood in a receipt
WITHHELD = "withheld: it named the address of an erased person"


def blank(connection: Connection, subscriber_id: int, now: dt.datetime) -> None:
    """Leave only the row of a subscriber that the ledger points to."""
    webhooks.forget(connection, subscriber_id)
    connection.execute(
        sa.update(subscribers)
        .where(subscribers.c.id == subscriber_id)
        .values({column: _nothing(column) for column in subscribers.c if is_personal(column)})
        .values(updated_at=now)
    )
    connection.execute(
        sa.update(subscriptions)
        .where(subscriptions.c.subscriber_id == subscriber_id)
        .values(consent_ip="")
    )
    for table in (import_changes, import_people):  # what an import replaced
        connection.execute(sa.delete(table).where(table.c.subscriber_id == subscriber_id))


def _nothing(column: sa.Column[Any]) -> Any:
    """What stands in a column of which nothing is known."""
    if column.nullable:
        return None
    return {} if isinstance(column.type, sa.JSON) else ""


def delete(connection: Connection, subscriber_id: int, key: str, now: dt.datetime) -> None:
    """Remove a subscriber from every table, and keep nothing that would recognise them.

    Where the ledger or the event log points to them, the blank row stays. The caller holds
    `locks.deleting`.
    """
    webhooks.forget(connection, subscriber_id)
    connection.execute(sa.delete(consents).where(consents.c.subscriber_id == subscriber_id))
    subscribing.delete_of(connection, subscriber_id)
    requesting.delete_of(connection, subscriber_id)
    for table in (former_addresses, import_changes, import_people):
        connection.execute(sa.delete(table).where(table.c.subscriber_id == subscriber_id))
    is_needed = any(
        connection.execute(
            sa.select(sa.literal(1)).where(table.c.subscriber_id == subscriber_id).limit(1)
        ).first()
        for table in (deliveries, events)
    ) or archived.has(connection, subscriber_id)
    if is_needed:
        blank(connection, subscriber_id, now)
        blank_events(connection, key, subscriber_id)
    else:
        connection.execute(sa.delete(subscribers).where(subscribers.c.id == subscriber_id))


def blank_receipts(connection: Connection, key: str) -> int:
    """Remove an address from the receipts of test mails; how many were mailed stays."""
    text = sa.cast(receipts.c.addresses, sa.Text)
    query = sa.select(receipts.c.id, receipts.c.addresses).where(names(text, key))
    changed = 0
    for row in connection.execute(query).all():
        addresses = [GONE if address.lower() == key else address for address in row.addresses]
        if addresses != row.addresses:
            changed += 1
            connection.execute(
                sa.update(receipts).where(receipts.c.id == row.id).values(addresses=addresses)
            )
    return changed


def blank_events(connection: Connection, key: str, subscriber_id: int | None) -> int:
    """Empty the reports about a person's mails, and those about no delivery that name the address.

    The former are found by the ledger, the latter through ix_events_not_applied.
    """
    about = [sa.and_(sa.text("verdict <> 'applied'"), _named_in_event(key))]
    if subscriber_id is not None:
        mails = sa.select(deliveries.c.send, deliveries.c.number).where(
            deliveries.c.subscriber_id == subscriber_id
        )
        has_text = sa.or_(events.c.payload.is_not(None), names(events.c.detail, key))
        about += [
            sa.and_(sa.tuple_(events.c.send, events.c.number).in_(mails), has_text),
            sa.and_(events.c.subscriber_id == subscriber_id, has_text),
        ]
    detail = sa.case((names(events.c.detail, key), ""), else_=events.c.detail)
    return sum(
        connection.execute(
            sa.update(events).where(condition).values(payload=None, detail=detail)
        ).rowcount
        for condition in about
    )


def withhold(connection: Connection, keys: Sequence[str], subscriber_id: int | None) -> None:
    """Remove their addresses from what others wrote about a person: the source of a consent, and a
    provider's refusal, which sometimes names the address. All at once, since sends are held before
    deliveries."""
    texts: list[tuple[sa.Column[str], sa.ColumnElement[bool]]] = [
        (sends.c.pause_reason, sends.c.number.in_(_held_that_name(connection, keys)))
    ]
    if subscriber_id is not None:
        texts += [
            (column, table.c.subscriber_id == subscriber_id)
            for table, column in (
                (deliveries, deliveries.c.reason),
                (consents, consents.c.source),
                (subscriptions, subscriptions.c.consent_source),
            )
        ]
    for column, theirs in texts:
        connection.execute(
            sa.update(column.table)
            .where(theirs, _names_any(column, keys))
            .values({column: WITHHELD})
        )


def _held_that_name(connection: Connection, keys: Sequence[str]) -> Sequence[int]:
    """The numbers of the sends that were paused with an address in the reason, held in their
    order."""
    query = sa.select(sends.c.number).where(_names_any(sends.c.pause_reason, keys))
    return (
        connection.execute(query.order_by(sends.c.number).with_for_update(key_share=True))
        .scalars()
        .all()
    )


def _names_any(text: sa.ColumnElement[str], keys: Sequence[str]) -> sa.ColumnElement[bool]:
    return sa.or_(*(names(text, key) for key in keys))


def _named_in_event(key: str) -> sa.ColumnElement[bool]:
    return sa.or_(names(events.c.payload, key), names(events.c.detail, key))


def names(text: sa.ColumnElement[str], key: str) -> sa.ColumnElement[bool]:
    """Whether a text holds an address key, however it is spelt."""
    return sa.func.lower(text).contains(key, autoescape=True)
