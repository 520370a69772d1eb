"""How people stand: all that a page behind a personal link shows, in one query for many."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from newsletter.store.schema import lists, subscribers, subscriptions, suppressions

# Made once: making it takes longer than running it, and scanners follow the links of every mail.
_STANDING = (
    sa.select(
        subscribers,
        lists.c.id.label("list_id"),
        lists.c.name.label("list_name"),
        lists.c.title.label("list_title"),
        lists.c.description.label("list_description"),
        subscriptions.c.status,
        suppressions.c.reason,
    )
    .select_from(
        subscribers.outerjoin(lists, sa.true())
        .outerjoin(
            subscriptions,
            sa.and_(
                subscriptions.c.list_id == lists.c.id,
                subscriptions.c.subscriber_id == subscribers.c.id,
            ),
        )
        .outerjoin(suppressions, suppressions.c.address == subscribers.c.address_key)
    )
    .where(
        subscribers.c.id.in_(sa.bindparam("who", expanding=True)),
        subscribers.c.address.is_not(None),
    )
    .order_by(subscribers.c.id, lists.c.name)
)


def of(connection: Connection, subscriber_ids: Collection[int]) -> Mapping[int, Sequence[Row[Any]]]:
    """For each person a row for each list, by name: the person's own columns, `list_id`,
    `list_name`, `list_title`, `list_description`, their `status` on it, null where they never
    joined, and the `reason` of a suppression. One without a list where there are none; nothing for
    who was erased or is not known."""
    rows: dict[int, list[Row[Any]]] = {}
    for row in connection.execute(_STANDING, {"who": list(subscriber_ids)}):
        rows.setdefault(row.id, []).append(row)
    return rows
