"""Queries on what people joined; `subscribing` is what changes it."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from newsletter.model.subscriber import Consent, Subscription, SubscriptionStatus
from newsletter.store.schema import imports, lists, subscriptions

_QUERY = sa.select(subscriptions, lists.c.name.label("list_name")).join(
    lists, lists.c.id == subscriptions.c.list_id
)


def find(
    connection: Connection, subscriber_id: int, list_id: int, *, lock: bool = False
) -> Subscription | None:
    """Where a person stands on a list; `lock` holds that until the end of the transaction, for who
    decides by it: newsletter.store.locks says in which order."""
    query = _QUERY.where(
        subscriptions.c.list_id == list_id, subscriptions.c.subscriber_id == subscriber_id
    )
    row = connection.execute(query.with_for_update(of=subscriptions) if lock else query).first()
    return None if row is None else _subscription(row)


def stands_on_import(connection: Connection, standing: Subscription) -> bool:
    """Whether nobody but an import has said what a subscription is now."""
    query = sa.select(sa.literal(1)).where(imports.c.at == standing.updated_at)
    return connection.execute(query.limit(1)).first() is not None


def subscriptions_of(
    connection: Connection, ids: Sequence[int], list_id: int | None = None
) -> dict[int, list[Subscription]]:
    if not ids:
        return {}
    query = _QUERY.where(subscriptions.c.subscriber_id.in_(ids)).order_by(lists.c.name)
    if list_id is not None:
        query = query.where(subscriptions.c.list_id == list_id)
    by_person: dict[int, list[Subscription]] = {}
    for row in connection.execute(query):
        by_person.setdefault(row.subscriber_id, []).append(_subscription(row))
    return by_person


def _subscription(row: Row[Any]) -> Subscription:
    return Subscription(
        list=row.list_name,
        status=SubscriptionStatus(row.status),
        consent=consent_of(row),
        updated_at=row.updated_at,
    )


def consent_of(row: Row[Any]) -> Consent:
    """The yes that stands in a row of subscriptions."""
    return Consent(row.consent_at, row.consent_how, row.consent_source, ip=row.consent_ip)
