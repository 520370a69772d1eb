"""How long the raw text of events is kept: it holds addresses."""

import datetime as dt

from newsletter.store import Store, locks, state
from newsletter.store.reported import events

_CLEARED = "payloads_cleared_until"  # in microseconds, so that nothing is searched twice
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


def clear_old_payloads(store: Store, keep: dt.timedelta, now: dt.datetime) -> int:
    """Forget the raw text of events older than `keep`; returns how many. Their rows stay.

    Some thousands are one transaction.
    """
    before = now - keep
    cleared = 0
    while True:
        with store.write() as connection:
            locks.events(connection)
            after = _EPOCH + state.value(connection, _CLEARED) * _MICROSECOND
            count = events.clear_payloads(connection, after, before)
            if not count:
                state.raise_to(connection, _CLEARED, (before - _EPOCH) // _MICROSECOND)
                return cleared
        cleared += count
