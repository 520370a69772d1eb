"""What is due each hour wherever events come in."""

import datetime as dt

from newsletter.config import Settings
from newsletter.feedback.apply import apply_late
from newsletter.feedback.retention import clear_old_payloads
from newsletter.store import Store

EVERY = dt.timedelta(hours=1)
# Longer than a process can be held up between a provider's answer and its own record of it.
_AHEAD = dt.timedelta(days=3)


def do_chores(store: Store, settings: Settings, now: dt.datetime) -> None:
    """Forget old payloads, and apply the events that came long before the record of their
    delivery."""
    clear_old_payloads(store, dt.timedelta(days=settings.events.keep_payload_days), now)
    apply_late(store, now, settings.policy, ahead=_AHEAD)
