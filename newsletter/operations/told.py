"""What other programs are told, for people: the endpoints, and whether one of them answers."""

import datetime as dt
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from newsletter.config import Settings
from newsletter.model.webhook import WebhookState
from newsletter.project import Project
from newsletter.store import Store, webhooks
from newsletter.webhooks.delivering import WebhookEndpoint
from newsletter.webhooks.posting import WebhookAnswer


@dataclass(frozen=True, slots=True)
class ToldEndpoint:
    """An endpoint and its messages. `host` is empty for one that the settings have no more: the
    rest of its URL may hold a secret."""

    name: str
    host: str
    events: tuple[str, ...]
    include_address: bool
    waiting: int
    oldest_at: dt.datetime | None
    given_up: int
    delivered: int


def endpoints(settings: Settings, store: Store) -> Sequence[ToldEndpoint]:
    """Those of the settings, then those of which only messages are left, by name."""
    with store.read() as connection:
        counts, waiting = webhooks.counts(connection), webhooks.waiting(connection)
    others = sorted({name for name, _ in counts} - settings.webhooks.keys())
    return [_endpoint(name, settings, counts, waiting) for name in (*settings.webhooks, *others)]


def _endpoint(
    name: str,
    settings: Settings,
    counts: webhooks.MessageCounts,
    waiting: webhooks.WaitingMessages,
) -> ToldEndpoint:
    own = settings.webhooks.get(name)
    return ToldEndpoint(
        name=name,
        host=(urlsplit(own.url).hostname or "") if own else "",
        events=own.events if own else (),
        include_address=own is not None and own.include_address,
        waiting=counts.get((name, WebhookState.WAITING), 0),
        oldest_at=waiting[name][1] if name in waiting else None,
        given_up=counts.get((name, WebhookState.GIVEN_UP), 0),
        delivered=counts.get((name, WebhookState.DELIVERED), 0),
    )


def ping(project: Project, name: str, now: dt.datetime) -> WebhookAnswer:
    """Post a message of the type `ping`, past the outbox.

    Raises ConfigurationError where the endpoint has no secret.
    """
    endpoint = WebhookEndpoint.of(project, name)
    body = {"type": "ping", "timestamp": webhooks.time_of(now), "data": {"endpoint": name}}
    return endpoint.post(f"msg_{secrets.token_hex(16)}", json.dumps(body).encode(), now)
