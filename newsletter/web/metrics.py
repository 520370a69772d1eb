"""What Prometheus reads: the store's own counts, without anybody's address.

They are counted when they are asked for. Counts that take longer with more people are kept for a
minute, all others for ten seconds.
"""

import datetime as dt
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.engine import Connection

from newsletter import __version__
from newsletter.feedback.alarm import silence
from newsletter.model.send import Send
from newsletter.safekeeping.record import last_backup
from newsletter.sending.state import activity_of
from newsletter.store import figures, webhooks
from newsletter.store.ledger import limiter, sends, workers
from newsletter.store.people import suppressions
from newsletter.store.reported import events
from newsletter.times import Clock
from newsletter.web.site import Site

_SOON = dt.timedelta(seconds=10)
_LATER = dt.timedelta(seconds=60)
_SENDS = 10
_REPORTS = ("delivered", "bounced", "complained")
_COUNTS = ("accepted", "rejected", "skipped", "unknown", "queued")

T = TypeVar("T")


class Metrics:
    """The text of `/metrics`, of one store and the process that asks it."""

    def __init__(self, site: Site) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Counts(site))
        self._text = _Kept(_SOON, site.clock, lambda: generate_latest(self._registry))

    def text(self) -> bytes:
        """In Prometheus' text format. Raises StoreError."""
        return self._text.value()


@dataclass
class _Kept(Generic[T]):
    """A value that is computed again when it is too old; one thread does it, the others wait."""

    age: dt.timedelta
    clock: Clock
    compute: Callable[[], T]
    _found: tuple[dt.datetime, T] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def value(self) -> T:
        with self._lock:
            now = self.clock()
            if self._found is None or not dt.timedelta(0) <= now - self._found[0] < self.age:
                self._found = (now, self.compute())
            return self._found[1]


class _Counts(Collector):
    def __init__(self, site: Site) -> None:
        self._site = site
        self._store = site.store
        self._clock = site.clock
        self._events = figures.EventCounts({}, 0)
        self._people = _Kept(_LATER, site.clock, lambda: list(self._of_people()))
        self._alarm = _Kept(
            _LATER, site.clock, lambda: silence(site.store, site.settings, site.clock())
        )

    def describe(self) -> Iterator[Metric]:
        """Nothing: registering must not count."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        yield _gauge("newsletter_info", "The version that answers.", version={__version__: 1})
        yield self._of_work()
        yield from self._site.traffic.metrics()
        now = self._clock()
        with self._store.read() as connection:
            yield _gauge(
                "newsletter_sends",
                "Sends by status.",
                status=figures.sends_by_status(connection),
            )
            balances = GaugeMetricFamily(
                "newsletter_deliveries",
                "Deliveries of the newest send, and of those that have not ended.",
                labels=("send", "status"),
            )
            newest = sends.newest_and_open(connection, _SENDS)
            for send in newest:
                for name in _COUNTS:
                    balances.add_metric((send.id, name), getattr(send.counts, name))
            yield balances
            yield from _of_sends(newest, now)
            self._events = figures.events_since(connection, self._events)
            last = events.last_applied(connection)
            yield from _of_lags(connection, now)
            yield self._of_waiting(connection, now)
            yield _gauge(
                "newsletter_requests",
                "Requests to join or to move, by state.",
                state=figures.requests_by_state(connection),
            )
            yield GaugeMetricFamily(
                "newsletter_rate_share",
                "The share of the rate that is used since the provider said it was too much.",
                value=limiter.share(connection, now),
            )
        yield from self._of_events()
        if last is not None:
            yield GaugeMetricFamily(
                "newsletter_seconds_since_last_event",
                "Seconds since the last event came.",
                value=(now - last).total_seconds(),
            )
        yield GaugeMetricFamily(
            "newsletter_silence",
            "1 where mail was accepted and no event came since.",
            value=float(self._alarm.value() is not None),
        )
        yield from self._people.value()

    def _of_work(self) -> Metric:
        troubles = GaugeMetricFamily(
            "newsletter_trouble",
            "1 for each trouble of this process's side work.",
            labels=("work", "trouble"),
        )
        for work, trouble in self._site.watch.troubles().items():
            troubles.add_metric((work, trouble), 1)
        return troubles

    def _of_events(self) -> Iterator[Metric]:
        events_by_type = CounterMetricFamily(
            "newsletter_events",
            "Events in the log by type and what became of them at first.",
            labels=("type", "verdict"),
        )
        for labels, amount in self._events.amounts.items():
            events_by_type.add_metric(labels, amount)
        yield events_by_type
        words = CounterMetricFamily(
            "newsletter_unknown_words",
            "Events in words that newsletter does not know: they have no effect.",
            labels=("word",),
        )
        for word, amount in self._events.unknown_words.items():
            words.add_metric((word,), amount)
        yield words

    def _of_people(self) -> Iterator[Metric]:
        with self._store.read() as connection:
            yield _gauge(
                "newsletter_suppressions",
                "Suppressed addresses by reason.",
                reason=suppressions.counts(connection),
            )
            subscribers = GaugeMetricFamily(
                "newsletter_subscribers",
                "People by list and status.",
                labels=("list", "status"),
            )
            for labels, amount in figures.subscriptions_by_list(connection).items():
                subscribers.add_metric(labels, amount)
            yield subscribers
            messages = GaugeMetricFamily(
                "newsletter_webhooks",
                "Messages to other programs by how far they are.",
                labels=("endpoint", "state"),
            )
            for labels, amount in webhooks.counts(connection).items():
                if labels[0] in self._site.settings.webhooks:
                    messages.add_metric(labels, amount)
            yield messages

    def _of_waiting(self, connection: Connection, now: dt.datetime) -> Metric:
        """Only of the endpoints of the settings: nobody could mend that others do not hear."""
        waiting = GaugeMetricFamily(
            "newsletter_webhook_waiting_seconds",
            "How long ago that happened of which an endpoint has not heard for longest.",
            labels=("endpoint",),
        )
        for endpoint, (_, at) in webhooks.waiting(connection).items():
            if endpoint in self._site.settings.webhooks:
                waiting.add_metric((endpoint,), (now - at).total_seconds())
        return waiting


def _of_lags(connection: Connection, now: dt.datetime) -> Iterator[Metric]:
    """What is late, what rests and who is there to change that; what is not known is left out."""
    yield _gauge(
        "newsletter_paused_sends",
        "Sends that rest, by what paused them.",
        by=figures.paused_sends(connection),
    )
    yield GaugeMetricFamily(
        "newsletter_workers",
        "Processes of newsletter worker that live.",
        value=len(workers.heard_of(connection, now)),
    )
    next_at, backup = figures.next_scheduled(connection), last_backup(connection)
    known = {
        "event_lag_seconds": ("From the last event to when it came here.", figures.lag(connection)),
        "seconds_to_next_schedule": (
            "Until the next send is due, negative where it is late.",
            None if next_at is None else next_at - now,
        ),
        "seconds_since_last_backup": (
            "Since the last whole backup was begun.",
            None if backup is None else now - backup,
        ),
    }
    for name, (help_text, span) in known.items():
        if span is not None:
            yield GaugeMetricFamily(f"newsletter_{name}", help_text, value=span.total_seconds())


def _of_sends(newest: Sequence[Send], now: dt.datetime) -> Iterator[Metric]:
    """The reports and states of sends."""
    reports = GaugeMetricFamily(
        "newsletter_reports", "Deliveries of these sends by report.", labels=("send", "report")
    )
    states = GaugeMetricFamily(
        "newsletter_send_state",
        "1 for the state of each of these sends, and what it waits for.",
        labels=("send", "status", "state", "waiting_for"),
    )
    rates = GaugeMetricFamily(
        "newsletter_send_rate", "Recipients a second of those that run.", labels=("send",)
    )
    for send in newest:
        for name in _REPORTS:
            reports.add_metric((send.id, name), getattr(send.reports, name))
        activity = activity_of(send, now)
        state, waiting_for = activity.state or "none", activity.waiting_for or "none"
        states.add_metric((send.id, send.status, state, waiting_for), 1)
        if activity.rate is not None:
            rates.add_metric((send.id,), activity.rate)
    yield from (reports, states, rates)


def _gauge(name: str, help_text: str, **amounts: Mapping[str, int]) -> GaugeMetricFamily:
    """A metric with one label: its name, and the amount of each of its values."""
    ((label, values),) = amounts.items()
    metric = GaugeMetricFamily(name, help_text, labels=(label,))
    for value, amount in values.items():
        metric.add_metric((value,), amount)
    return metric
