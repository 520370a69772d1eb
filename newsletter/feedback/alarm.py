"""The alarm about silence: mail went out, and SES says nothing of it."""

import datetime as dt

from newsletter.config import Settings
from newsletter.store import Store, deliveries, events
from newsletter.times import shown

_LOOKS_BACK = dt.timedelta(days=1)


def silence(store: Store, settings: Settings, now: dt.datetime) -> str | None:
    """What is wrong, in a line, where SES accepted mail longer than `silence_minutes` ago, within
    the last day, and no event came since. None where all is well, or nothing sends through SES."""
    if settings.transport.kind != "ses":
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
    last = "none ever came" if heard is None else f"the last came at {shown(heard, timezone)}"
    return (
        f"no event of SES since mail of {send_id} was accepted ({last}): "
        "check the configuration set's event destination, and that events are fetched"
    )
