"""What the store knows about one person beside their subscriptions; each query uses an index."""

import datetime as dt
from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from newsletter.model.send import Delivery
from newsletter.store.ledger import archived
from newsletter.store.ledger.deliveries import delivery_of
from newsletter.store.ledger.packing import Kept
from newsletter.store.schema import (
    deliveries,
    events,
    lists,
    receipts,
    requests,
    sends,
    subscribers,
)

Mailing = tuple[Delivery, Row[Any]]  # with the send's slug, list_name, segment, status, created_at

_SEND: list[sa.ColumnElement[Any]] = [
    sends.c.id.label("send_id"),
    sends.c.slug,
    sends.c.segment,
    sends.c.status.label("send_status"),
    sends.c.created_at,
    sends.c.scheduled_at,
    sends.c.frozen,
    lists.c.name.label("list_name"),
]
_EVENT: list[sa.ColumnElement[Any]] = [
    events.c.type,
    events.c.at,
    events.c.detail,
    events.c.cause,
    events.c.word,
    events.c.reporter,
    sends.c.id.label("send_id"),
    events.c.number,
]


def subscriber_of_delivery(connection: Connection, send_id: str, number: int) -> int | None:
    """The subscriber of a delivery, by the header X-Newsletter-Ref."""
    send = connection.execute(sa.select(sends.c.number).where(sends.c.id == send_id)).scalar()
    query = sa.select(deliveries.c.subscriber_id).where(
        deliveries.c.send == send, deliveries.c.number == number
    )
    if send is None:
        return None
    kept = archived.at(connection, [(send, number)]).get((send, number))
    return connection.execute(query).scalar() if kept is None else kept.subscriber_id


def found_deliveries(
    connection: Connection, references: Collection[tuple[str, int]]
) -> dict[tuple[str, int], tuple[int, int]]:
    """For deliveries named by send id and number: the send's number and the subscriber."""
    if not references:
        return {}
    numbers = {
        row.id: row.number
        for row in connection.execute(
            sa.select(sends.c.id, sends.c.number).where(
                sends.c.id.in_({name for name, _ in references})
            )
        )
    }
    keys = {(numbers[name], number): name for name, number in references if name in numbers}
    if not keys:
        return {}
    query = sa.select(deliveries.c.send, deliveries.c.number, deliveries.c.subscriber_id).where(
        sa.tuple_(deliveries.c.send, deliveries.c.number).in_(list(keys))
    )
    owners = {(row.send, row.number): row.subscriber_id for row in connection.execute(query)}
    theirs = {send for send, _ in keys}
    for send in archived.among(connection, theirs):
        of_send = [key for key in keys if key[0] == send]
        kept = archived.at(connection, of_send)
        owners |= {key: each.subscriber_id for key, each in kept.items()}
    return {(keys[send, number], number): (send, owner) for (send, number), owner in owners.items()}


def deliveries_of(connection: Connection, subscriber_id: int) -> Sequence[Mailing]:
    """All deliveries of a person, oldest send first."""
    query = (
        sa.select(deliveries, subscribers.c.address, *_SEND)
        .join(subscribers, subscribers.c.id == deliveries.c.subscriber_id)
        .join(sends, sends.c.number == deliveries.c.send)
        .join(lists, lists.c.id == sends.c.list_id)
        .where(deliveries.c.subscriber_id == subscriber_id)
        .order_by(deliveries.c.send)
    )
    theirs = {row.send: (delivery_of(row), row) for row in connection.execute(query)}
    theirs |= _archived_of(connection, subscriber_id)
    return [theirs[send] for send in sorted(theirs)]


def _archived_of(connection: Connection, subscriber_id: int) -> dict[int, Mailing]:
    """What is kept of their deliveries by archived sends, by the number of each."""
    kept = dict(archived.of_person(connection, subscriber_id))
    address = sa.select(subscribers.c.address).where(subscribers.c.id == subscriber_id)
    query = (
        sa.select(sends.c.number, address.scalar_subquery().label("address"), *_SEND)
        .join(lists, lists.c.id == sends.c.list_id)
        .where(sends.c.number.in_(kept))
    )
    return {
        row.number: (_delivery_of(kept[row.number], row), row)
        for row in (connection.execute(query) if kept else ())
    }


def _delivery_of(kept: Kept, row: Row[Any]) -> Delivery:
    return Delivery(
        send_id=row.send_id,
        number=kept.number,
        subscriber_id=kept.subscriber_id,
        address=row.address,
        status=kept.status,
        attempts=kept.attempts,
        message_id=None,
        reason=kept.reason,
        reported=kept.reported,
        at=None,
    )


def sends_of(connection: Connection, slug: str) -> Sequence[Row[Any]]:
    """All sends of an issue, oldest first, as `deliveries_of` shows them."""
    query = (
        sa.select(*_SEND)
        .join(lists, lists.c.id == sends.c.list_id)
        .where(sends.c.slug == slug)
        .order_by(sends.c.number)
    )
    return connection.execute(query).all()


def events_of(connection: Connection, subscriber_id: int) -> Sequence[Row[Any]]:
    """What the provider reported of a person's deliveries: type, at, detail, cause, word, reporter,
    send_id, number."""
    query = (
        sa.select(*_EVENT)
        .join(sends, sends.c.number == events.c.send)
        .where(events.c.subscriber_id == subscriber_id)
        .order_by(events.c.at, events.c.id)
    )
    return connection.execute(query).all()


def requests_of(
    connection: Connection, key: str, mailbox: str, subscriber_id: int | None
) -> Sequence[Row[Any]]:
    """Requests made on a page with an address, or by its subscriber."""
    theirs = [sa.and_(requests.c.mailbox == mailbox, sa.func.lower(requests.c.address) == key)]
    if subscriber_id is not None:
        theirs.append(requests.c.subscriber_id == subscriber_id)
    query = (
        sa.select(requests, lists.c.name.label("list_name"))
        .outerjoin(lists, lists.c.id == requests.c.list_id)
        .where(sa.or_(*theirs))
        .order_by(requests.c.at, requests.c.id)
    )
    return connection.execute(query).all()


def tests_of(connection: Connection, key: str) -> Sequence[tuple[dt.datetime, str]]:
    """The test mails to an address: when, and of which issue; there are few receipts in all."""
    text = sa.func.lower(sa.cast(receipts.c.addresses, sa.Text))
    query = (
        sa.select(receipts.c.at, receipts.c.slug, receipts.c.addresses)
        .where(text.contains(key, autoescape=True))
        .order_by(receipts.c.id)
    )
    return [
        (row.at, row.slug)
        for row in connection.execute(query)
        if key in [address.lower() for address in row.addresses]
    ]
