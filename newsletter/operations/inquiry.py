"""Asking a provider what became of the unknown deliveries of a send, where its events were lost.

What it says is applied as its events are: one code decides what settles a delivery.
"""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from newsletter.config import Settings
from newsletter.errors import ConfigurationError, Refused
from newsletter.feedback.apply import Applied, apply, apply_late
from newsletter.feedback.base import Incoming, Unsettled
from newsletter.feedback.sources import source_of
from newsletter.model.audit import Deed, DeedKind
from newsletter.model.event import Event
from newsletter.model.send import DeliveryStatus, Send
from newsletter.store import Store, audit
from newsletter.store.ledger import deliveries, sends
from newsletter.store.pages import stream


@dataclass(frozen=True, slots=True)
class Trace:
    """What a provider has kept of one delivery, and what that makes of it."""

    address: str
    status: DeliveryStatus
    message_id: str
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What a provider knows of all that were asked for; the rest stays unknown."""

    send_id: str
    asked: int
    traces: Sequence[Trace]
    messages: Sequence[Incoming]

    @property
    def counts(self) -> dict[str, int]:
        """How many were asked for, are settled by it either way, and left no trace."""
        settled = Counter(trace.status for trace in self.traces)
        return {
            "asked": self.asked,
            "accepted": settled[DeliveryStatus.ACCEPTED],
            "rejected": settled[DeliveryStatus.REJECTED],
            "no_trace": self.asked - len(self.traces),
        }


def ask(store: Store, settings: Settings, send: Send, now: dt.datetime) -> Inquiry:
    """What the provider knows of the unknown deliveries of a send. Changes nothing.

    Raises ConfigurationError, Refused and RecordsUnreachable.
    """
    source = source_of(settings.events)
    if source.open_records is None:
        raise ConfigurationError(
            f"{source.name} cannot be asked about single mails",
            where="events.kind",
            hint="Decide by hand: newsletter resolve SEND --unknown accept, or resend.",
        )
    unsettled = _unsettled(store, send, now)
    if not unsettled:
        return Inquiry(send.id, 0, (), ())
    records = source.open_records(settings)
    if max(each.until for each in unsettled) < now - records.kept:
        raise Refused(
            f"{source.name} keeps what became of a mail for {records.kept.days} days only",
            hint=f"Decide yourself: newsletter resolve {send.id} --unknown accept",
        )
    messages = tuple(records.find(unsettled))
    return Inquiry(send.id, len(unsettled), _traces(messages, unsettled), messages)


def _unsettled(store: Store, send: Send, now: dt.datetime) -> Sequence[Unsettled]:
    """The unknown deliveries of a send, but those of people who were erased meanwhile."""
    with store.read() as connection:
        number = sends.number_of(connection, send.id)
    since = send.scheduled_at or send.created_at
    page = partial(deliveries.page, send=number, status=DeliveryStatus.UNKNOWN)
    return [
        Unsettled(delivery.id, delivery.address, since, min(now, delivery.at or now))
        for delivery in stream(store, page)
        if delivery.address is not None
    ]


def _traces(messages: Sequence[Incoming], unsettled: Sequence[Unsettled]) -> Sequence[Trace]:
    """What settles each delivery: that it was sent counts more than that it was not."""
    addresses = {each.delivery: each.address for each in unsettled}
    traces: dict[str, Trace] = {}
    for message in messages:
        event = message.report
        if not isinstance(event, Event) or event.ref is None:
            continue
        delivery = f"{event.ref.send_id}-{event.ref.number}"
        never = event.type.says_never_sent
        if delivery in addresses and (delivery not in traces or never):
            status = DeliveryStatus.REJECTED if never else DeliveryStatus.ACCEPTED
            address = addresses[delivery]
            traces[delivery] = Trace(address, status, event.message_id, event.at)
    return list(traces.values())


def settle(
    store: Store, settings: Settings, inquiry: Inquiry, now: dt.datetime, who: str = ""
) -> Applied:
    """Apply what the provider said, as if its events had come. `who` is the person that said yes,
    for the audit log: that is written first, since the rest takes more than one transaction."""
    total, counts = Applied(), inquiry.counts
    service = source_of(settings.events).name
    detail = f"as {service} says: {counts['accepted']:,} accepted, {counts['rejected']:,} rejected"
    with store.write() as connection:
        audit.append(connection, Deed(now, who, DeedKind.RESOLVE, inquiry.send_id, detail))
    apply(store, inquiry.messages, now, total, settings.policy)
    apply_late(store, now, settings.policy)
    return total
