"""How long what readers left behind is kept, where nobody needs it any more."""

import datetime as dt

from newsletter.audience.mailing import clean_up
from newsletter.config import WebSettings
from newsletter.store import Store, state
from newsletter.store.people import origins
from newsletter.store.schema import microseconds

_CLEARED = "ips_cleared_at"  # in microseconds since 1970
_DAY = dt.timedelta(days=1)


def forget_old(store: Store, settings: WebSettings, now: dt.datetime) -> None:
    """Forget old requests with all that belongs to them; and, once a day, the IP addresses of
    consents that are older than the settings say. Each consent itself stays."""
    clean_up(store, now)
    if settings.keep_ip_days:
        _forget_ips(store, now - dt.timedelta(days=settings.keep_ip_days), now)


def _forget_ips(store: Store, before: dt.datetime, now: dt.datetime) -> None:
    """Some thousands are one transaction: where one is cut off, the next call goes on."""
    with store.read() as connection:
        cleared_at = state.time(connection, _CLEARED)
    if cleared_at is not None and now - cleared_at < _DAY:
        return
    while True:
        with store.write() as connection:
            if not origins.forget(connection, before):
                state.put(connection, _CLEARED, microseconds(now))
                return
