"""Queries on what people joined, and what they said of it."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from newsletter.model.subscriber import Consent, ConsentKind, Subscription, SubscriptionStatus
from newsletter.store.dialects import insert_into
from newsletter.store.people import consents
from newsletter.store.schema import imports, lists, subscriptions


def find(connection: Connection, subscriber_id: int, list_id: int) -> Subscription | None:
    found = subscriptions_of(connection, [subscriber_id], list_id).get(subscriber_id)
    return found[0] if found else None


def subscribe(
    connection: Connection,
    subscriber_id: int,
    list_id: int,
    status: SubscriptionStatus,
    consent: Consent,
) -> None:
    """Record a yes, over whatever stood there: whether it may is for the caller to decide.

    The consent log gets it too, and before it an earlier yes that only stood here, as those of
    imports do.
    """
    earlier = connection.execute(
        sa.select(subscriptions).where(
            subscriptions.c.list_id == list_id, subscriptions.c.subscriber_id == subscriber_id
        )
    ).first()
    if earlier is not None:
        _keep_earlier(connection, earlier)
    consents.append(connection, subscriber_id, list_id, _SAID[status], consent)
    values = {
        "status": status,
        "consent_at": consent.at,
        "consent_how": consent.how,
        "consent_source": consent.source,
        "consent_ip": consent.ip,
        "updated_at": consent.at,
    }
    statement = insert_into(connection, subscriptions).values(
        list_id=list_id, subscriber_id=subscriber_id, **values
    )
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[subscriptions.c.list_id, subscriptions.c.subscriber_id], set_=values
        )
    )


def request(connection: Connection, subscriber_id: int, list_id: int, consent: Consent) -> None:
    """Record that somebody asked for this person to join; who left stays away until they confirm.

    Anybody can ask for anybody: an import may confirm the pending, and must not those who left.
    """
    earlier = connection.execute(
        sa.select(subscriptions).where(
            subscriptions.c.list_id == list_id, subscriptions.c.subscriber_id == subscriber_id
        )
    ).first()
    if earlier is None or earlier.status == SubscriptionStatus.PENDING:
        subscribe(connection, subscriber_id, list_id, SubscriptionStatus.PENDING, consent)
        return
    _keep_earlier(connection, earlier)
    consents.append(connection, subscriber_id, list_id, ConsentKind.REQUESTED, consent)


def unsubscribe(
    connection: Connection,
    subscriber_id: int,
    list_id: int | None,
    said: Consent,
    detail: str = "",
) -> Sequence[int]:
    """Leave one list, or all; returns the ids of those that were left just now.

    The subscription keeps its consent, for it was given; the log gets the no, with what was said
    about the reason.
    """
    query = sa.select(subscriptions).where(subscriptions.c.subscriber_id == subscriber_id)
    if list_id is not None:
        query = query.where(subscriptions.c.list_id == list_id)
    every = connection.execute(query.order_by(subscriptions.c.list_id).with_for_update()).all()
    _say_again(connection, every, said.at)
    rows = [row for row in every if row.status != SubscriptionStatus.UNSUBSCRIBED]
    for row in rows:
        _keep_earlier(connection, row)
        consents.append(
            connection, subscriber_id, row.list_id, ConsentKind.UNSUBSCRIBED, said, detail
        )
    left = [row.list_id for row in rows]
    if left:
        connection.execute(
            sa.update(subscriptions)
            .where(
                subscriptions.c.subscriber_id == subscriber_id, subscriptions.c.list_id.in_(left)
            )
            .values(status=SubscriptionStatus.UNSUBSCRIBED, updated_at=said.at)
        )
    return left


def leave_unjoined(connection: Connection, subscriber_id: int, list_id: int, said: Consent) -> None:
    """Record that somebody does not want a list that they never joined."""
    consents.append(connection, subscriber_id, list_id, ConsentKind.UNSUBSCRIBED, said)
    connection.execute(
        sa.insert(subscriptions).values(
            list_id=list_id,
            subscriber_id=subscriber_id,
            status=SubscriptionStatus.UNSUBSCRIBED,
            consent_at=said.at,
            consent_how=said.how,
            consent_source=said.source,
            updated_at=said.at,
        )
    )


def unsubscribe_each(
    connection: Connection, leaving: Mapping[tuple[int, int], Consent]
) -> frozenset[tuple[int, int]]:
    """As `unsubscribe`, for many (list, subscriber) at once, each with what they said.

    Returns those that ever joined, whether they left just now or before. A few statements for all
    of them, in the order of the primary key, so that two processes cannot wait for each other.
    """
    table = subscriptions.c
    key = sa.tuple_(table.list_id, table.subscriber_id)
    query = sa.select(subscriptions).where(key.in_(list(leaving)))
    query = query.order_by(table.list_id, table.subscriber_id).with_for_update()
    rows = connection.execute(query).all()
    left = [row for row in rows if row.status != SubscriptionStatus.UNSUBSCRIBED]
    if rows:
        _say_again(connection, rows, max(said.at for said in leaving.values()))
    if left:
        logged = consents.logged(connection, [row.subscriber_id for row in left])
        lines: list[consents.ConsentLine] = []
        for row in left:
            member = (row.list_id, row.subscriber_id)
            if (*member, row.consent_at) not in logged:
                lines.append((*member, *_earlier(row)))
            lines.append((*member, ConsentKind.UNSUBSCRIBED, leaving[member]))
        consents.append_each(connection, lines)
        statement = sa.update(subscriptions).where(
            table.list_id == sa.bindparam("of_list"), table.subscriber_id == sa.bindparam("of")
        )
        connection.execute(
            statement.values(status=SubscriptionStatus.UNSUBSCRIBED, updated_at=sa.bindparam("at")),
            [
                {"of_list": each, "of": who, "at": leaving[each, who].at}
                for each, who in ((row.list_id, row.subscriber_id) for row in left)
            ],
        )
    return frozenset((row.list_id, row.subscriber_id) for row in rows)


def _say_again(connection: Connection, rows: Collection[Row[Any]], at: dt.datetime) -> None:
    """Let the no of an import be also that of those whom it took off: undoing the import does not
    bring them back."""
    key = sa.tuple_(subscriptions.c.list_id, subscriptions.c.subscriber_id)
    left = [row for row in rows if row.status == SubscriptionStatus.UNSUBSCRIBED]
    if not left:
        return
    members = [(row.list_id, row.subscriber_id) for row in left]
    connection.execute(
        sa.update(subscriptions)
        .where(key.in_(members), subscriptions.c.updated_at.in_(sa.select(imports.c.at)))
        .values(updated_at=at)
    )


def stands_on_import(connection: Connection, standing: Subscription) -> bool:
    """Whether nobody but an import has said what a subscription is now."""
    query = sa.select(sa.literal(1)).where(imports.c.at == standing.updated_at)
    return connection.execute(query.limit(1)).first() is not None


def _keep_earlier(connection: Connection, row: Row[Any]) -> None:
    """Write the yes of a subscription into the consent log, if it does not stand there yet."""
    logged = consents.logged(connection, [row.subscriber_id])
    if (row.list_id, row.subscriber_id, row.consent_at) not in logged:
        consents.append(connection, row.subscriber_id, row.list_id, *_earlier(row))


def _earlier(row: Row[Any]) -> tuple[ConsentKind, Consent]:
    """The yes that stands in a subscription."""
    kind = _SAID.get(SubscriptionStatus(row.status), ConsentKind.CONFIRMED)
    return kind, _consent(row)


_SAID = {
    SubscriptionStatus.PENDING: ConsentKind.REQUESTED,
    SubscriptionStatus.CONFIRMED: ConsentKind.CONFIRMED,
}


def subscriptions_of(
    connection: Connection, ids: Sequence[int], list_id: int | None = None
) -> dict[int, list[Subscription]]:
    if not ids:
        return {}
    query = (
        sa.select(subscriptions, lists.c.name.label("list_name"))
        .join(lists, lists.c.id == subscriptions.c.list_id)
        .where(subscriptions.c.subscriber_id.in_(ids))
        .order_by(lists.c.name)
    )
    if list_id is not None:
        query = query.where(subscriptions.c.list_id == list_id)
    found: dict[int, list[Subscription]] = {}
    for row in connection.execute(query):
        found.setdefault(row.subscriber_id, []).append(_subscription(row))
    return found


def _subscription(row: Row[Any]) -> Subscription:
    return Subscription(
        list=row.list_name,
        status=SubscriptionStatus(row.status),
        consent=_consent(row),
        updated_at=row.updated_at,
    )


def _consent(row: Row[Any]) -> Consent:
    return Consent(row.consent_at, row.consent_how, row.consent_source, ip=row.consent_ip)
