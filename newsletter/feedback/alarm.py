"""The alarm about silence: mail went out, and nothing is reported about it."""

import datetime as dt

from newsletter.config import Settings
from newsletter.feedback.sources import source_of
from newsletter.store import Store
from newsletter.store.ledger import deliveries
from newsletter.store.reported import events
from newsletter.times import time_text
from newsletter.transports import kind_of

_LOOKS_BACK = dt.timedelta(days=1)


def silence(store: Store, settings: Settings, now: dt.datetime) -> str | None:
    """The alarm as a line, where mail was accepted within the last day but longer than
    `silence_minutes` ago, and no event came since. None where all is well, or nobody reports."""
    if not kind_of(settings.transport).reports:
        return None
    until = now - dt.timedelta(minutes=settings.events.silence_minutes)
    with store.read() as connection:
        heard = events.last_applied(connection)
        after = max(filter(None, (heard, now - _LOOKS_BACK)))
        if after >= until:
            return None
        send_id = deliveries.send_unheard_of(connection, after, until)
    if send_id is None:
        return None
    timezone = settings.newsletter.timezone
    last = "none ever came" if heard is None else f"the last came at {time_text(heard, timezone)}"
    source = source_of(settings.events)
    return (
        f"no event of {source.name} since mail of {send_id} was accepted ({last}): {source.silence}"
    )
