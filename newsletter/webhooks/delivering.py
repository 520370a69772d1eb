"""What waits in the store's outbox, posted to its endpoint until it is taken or given up.

Each endpoint has a thread of its own, so that a slow one holds up no other. Several processes may
deliver to one endpoint: the store gives each message to one of them at a time. Messages are posted
at least once, under the same id, and in no promised order.
"""

import datetime as dt
import json
import logging
import random
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from newsletter.config import WebhookSettings
from newsletter.errors import StoreError
from newsletter.model.webhook import WebhookAttempt, WebhookMessage
from newsletter.project import Project
from newsletter.store import Store, state, webhooks
from newsletter.supervising import SideThread
from newsletter.times import Clock
from newsletter.webhooks.posting import WebhookAnswer, post
from newsletter.webhooks.signing import headers, load_keys

_log = logging.getLogger(__name__)

# After each attempt that failed, as Standard Webhooks proposes; then the message is given up.
_AGAIN = tuple(
    dt.timedelta(seconds=seconds)
    for seconds in (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
)
_SPREAD = 0.1  # of that, so that what failed together does not come back together
_AT_ONCE = 8
_LEASE = dt.timedelta(minutes=5)  # longer than all that one attempt can take
_POLL_SECONDS = 2.0
_PAUSE_SECONDS, _MOST_PAUSE_SECONDS = 5.0, 300.0  # of an endpoint that takes nothing
_AWAY_SECONDS = 10.0
_CLEAN_EVERY = dt.timedelta(hours=1)
_GONE = 410


class Posting(Protocol):
    """As `newsletter.webhooks.posting.post`."""

    def __call__(
        self, url: str, body: bytes, headers: Mapping[str, str], *, allow_private: bool
    ) -> WebhookAnswer: ...


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """Another program, and how it knows that we are who posts."""

    name: str
    settings: WebhookSettings
    keys: Sequence[bytes] = field(repr=False)
    posting: Posting = post

    @classmethod
    def of(cls, project: Project, name: str) -> "WebhookEndpoint":
        """The endpoint of this name in the settings. Raises ConfigurationError without a secret."""
        settings = project.settings.webhooks[name]
        return cls(name, settings, load_keys(project.root, name, settings.secret))

    def post(self, message_id: str, body: bytes, now: dt.datetime) -> WebhookAnswer:
        return self.posting(
            self.settings.url,
            body,
            headers(message_id, now, body, self.keys),
            allow_private=self.settings.allow_private,
        )


@dataclass
class WebhookDelivery:
    """Delivers to one endpoint, until it says that it is gone for good."""

    endpoint: WebhookEndpoint
    store: Store
    clock: Clock
    is_gone: bool = False
    _failures: int = 0  # rounds in a row in which nothing was taken
    _cleaned_at: dt.datetime | None = None

    def run(self, side: SideThread) -> None:
        """Deliver until `side` is to stop. The store may be away: then what was claimed is posted
        again."""
        with ThreadPoolExecutor(_AT_ONCE, side.name) as pool:
            while not side.stop.is_set():
                side.beat()
                try:
                    seconds = self.deliver(pool)
                except StoreError as error:
                    _log.info("wait", {"endpoint": self.endpoint.name, "error": error.code})
                    seconds = _AWAY_SECONDS
                side.stop.wait(seconds)

    def deliver(self, pool: ThreadPoolExecutor) -> float:
        """Post what is due, some at once; returns the seconds to wait before the next round."""
        now = self.clock()
        self._clean_up(now)
        messages = self._claim(now)
        if not messages:
            return _POLL_SECONDS
        attempts = list(pool.map(self._attempt, *zip(*messages, strict=True)))
        with self.store.write(durable=False) as connection:
            webhooks.record(connection, attempts, self.clock())
        if any(attempt.is_delivered for attempt in attempts):
            self._failures = 0
            return 0.0
        self._failures += 1
        return min(_MOST_PAUSE_SECONDS, _PAUSE_SECONDS * 2.0 ** min(self._failures - 1, 10))

    def _claim(self, now: dt.datetime) -> Sequence[tuple[WebhookMessage, bytes]]:
        """What is due, each with its body. A copy that nobody has adopted tells nothing: the store
        that it is of may have done so."""
        name = self.endpoint.name
        with self.store.read() as connection:
            if self.is_gone or not webhooks.is_due(connection, name, now):
                return ()
            if state.time(connection, state.COPIED_AT) is not None:
                return ()
        with self.store.write(durable=False) as connection:
            messages = webhooks.claim(connection, name, now, now + _LEASE, _AT_ONCE)
            wanted = self.endpoint.settings.include_address
            addresses = webhooks.addresses(connection, messages) if wanted else None
        return [(message, _body(message, addresses)) for message in messages]

    def _attempt(self, message: WebhookMessage, body: bytes) -> WebhookAttempt:
        posted = self.endpoint.post(message.id, body, self.clock())
        next_at = None if posted.is_taken else _next_at(message, self.clock())
        about = {"endpoint": self.endpoint.name, "message": message.id, "status": str(posted)}
        _log.debug("post", about)
        if posted.code == _GONE and not self.is_gone:
            self.is_gone = True
            _log.error("disable", {**about, "until": "this process starts again"})
        elif not posted.is_taken and next_at is None:
            _log.error("give_up", {**about, "attempts": message.attempts})
        return WebhookAttempt(message, str(posted), posted.is_taken, next_at)

    def _clean_up(self, now: dt.datetime) -> None:
        if self._cleaned_at is None or now - self._cleaned_at >= _CLEAN_EVERY:
            self._cleaned_at = now
            with self.store.write(durable=False) as connection:
                webhooks.clean_up(connection, now)


def deliveries(project: Project, store: Store, clock: Clock) -> Sequence[WebhookDelivery]:
    """To each endpoint of the settings. Raises ConfigurationError where one has no secret."""
    endpoints = [WebhookEndpoint.of(project, name) for name in project.settings.webhooks]
    return [WebhookDelivery(each, store, clock) for each in endpoints]


def threads(every: Sequence[WebhookDelivery]) -> Sequence[SideThread]:
    """A thread for each endpoint, not started yet."""
    return [SideThread(f"webhook {each.endpoint.name}", each.run) for each in every]


@contextmanager
def delivering(every: Sequence[WebhookDelivery]) -> Iterator[None]:
    """Deliver beside what is done meanwhile."""
    beside = threads(every)
    try:
        for thread in beside:
            thread.start()
        yield
    finally:
        for thread in beside:
            thread.stop.set()
        for thread in beside:
            thread.leave()


def deliver_due(every: Sequence[WebhookDelivery]) -> None:
    """Post all that is due now, until an endpoint takes nothing of it."""
    with ThreadPoolExecutor(_AT_ONCE, "webhook") as pool:
        for delivery in every:
            while delivery.deliver(pool) == 0.0:
                pass


def _body(message: WebhookMessage, addresses: Mapping[int, str] | None) -> bytes:
    if addresses is None or message.subscriber_id is None:
        return message.payload.encode()
    told = json.loads(message.payload)
    told["data"]["address"] = addresses.get(message.subscriber_id)
    return json.dumps(told).encode()


def _next_at(message: WebhookMessage, now: dt.datetime) -> dt.datetime | None:
    """When to try again, None where it was tried often enough."""
    if message.attempts > len(_AGAIN):
        return None
    spread = 1 + random.uniform(0, _SPREAD)  # noqa: S311 -- no secret depends on it
    return now + _AGAIN[message.attempts - 1] * spread
