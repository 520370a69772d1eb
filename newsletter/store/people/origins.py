"""The IP addresses beside consents, where they are kept: the only part of one that is forgotten."""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.store.schema import consents, import_changes, subscriptions

_AT_ONCE = 5_000
_IPS = (
    (consents.c.ip, consents.c.at),
    (subscriptions.c.consent_ip, subscriptions.c.consent_at),
    (import_changes.c.consent_ip, import_changes.c.consent_at),
)


def forget(connection: Connection, before: dt.datetime) -> int:
    """Forget those of consents older than a time, some thousands at most. Returns how many.

    What somebody else holds is left for the next call, so that nobody waits for the other.
    """
    forgotten = 0
    for ip, at in _IPS:
        key = tuple(ip.table.primary_key.columns)
        old = sa.select(*key).where(ip != "", at < before).limit(_AT_ONCE)
        old = old.with_for_update(skip_locked=True)
        statement = sa.update(ip.table).where(sa.tuple_(*key).in_(old)).values({ip: ""})
        forgotten += connection.execute(statement).rowcount
    return forgotten
