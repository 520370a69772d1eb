"""What other programs are told of: see docs/operating.md, Webhooks."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum


class WebhookEvent(StrEnum):
    """What happened to a send, or to a subscriber."""

    SEND_FINISHED = "send.finished"
    SEND_UNRESOLVED = "send.unresolved"
    SEND_PAUSED = "send.paused"
    JOINED = "subscriber.joined"
    LEFT = "subscriber.left"
    BOUNCED = "subscriber.bounced"
    COMPLAINED = "subscriber.complained"


class WebhookState(StrEnum):
    """How far a message to an endpoint is."""

    WAITING = "waiting"  # until it is due, or while it is posted
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True)
class WebhookMessage:
    """One thing that one endpoint is told. `id` is the same at each attempt, `payload` is JSON, and
    `status` is how the last attempt ended: a status code, or what went wrong, empty before the
    first. `leased_until` stands while somebody posts it. `subscriber_id` is None for what is about
    no person, or about one who was erased."""

    number: int
    id: str
    endpoint: str
    event: str
    at: dt.datetime
    payload: str
    subscriber_id: int | None
    attempts: int
    next_at: dt.datetime | None
    leased_until: dt.datetime | None
    delivered_at: dt.datetime | None
    status: str

    @property
    def state(self) -> WebhookState:
        if self.delivered_at is not None:
            return WebhookState.DELIVERED
        return WebhookState.GIVEN_UP if self.next_at is None else WebhookState.WAITING


@dataclass(frozen=True, slots=True)
class WebhookAttempt:
    """How one attempt ended. `next_at` is when the next one is due, None where there is none."""

    message: WebhookMessage
    status: str
    is_delivered: bool
    next_at: dt.datetime | None
