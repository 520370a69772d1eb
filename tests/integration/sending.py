"""What the tests of sending share: an audience in a store, an order, and a worker."""

import datetime as dt
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.links import Links
from newsletter.model.address import Address
from newsletter.model.email import Email, MergeField, Place
from newsletter.model.send import Delivery, DeliveryStatus, Send
from newsletter.model.subscriber import Consent, ConsentKind, SubscriptionStatus
from newsletter.sending import control, run
from newsletter.sending.plan import Order
from newsletter.sending.worker import Worker
from newsletter.store import Store, schema
from newsletter.store.dialects import insert_into
from newsletter.store.ledger import deliveries, sends, tenures
from newsletter.store.people import consents, lists, people, subscribing
from newsletter.transports import Transport

NOW = dt.datetime(2026, 1, 7, 8, 0, tzinfo=dt.UTC)
EMAIL = Email(
    sender="Daily <daily@news.example.com>",
    reply_to="",
    language="en",
    subject=("Hello ", MergeField("subscriber.name", Place.HEADER, "reader")),
    preheader=("Today",),
    html=("<a href='", MergeField("unsubscribe_url", Place.URL), "'>leave</a>"),
    text=("leave: ", MergeField("unsubscribe_url", Place.TEXT)),
)


@dataclass
class FixedClock:
    """Time that moves only when a test says so."""

    now: dt.datetime = field(default=NOW)

    def __call__(self) -> dt.datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += dt.timedelta(seconds=seconds)


@dataclass
class TickingClock(FixedClock):
    """Time that moves on by a few seconds with every look."""

    def __call__(self) -> dt.datetime:
        self.forward(3)
        return self.now


def alter(connection: Connection, number: int, **values: Any) -> None:
    """Write what no transition would into the row of a send."""
    sends_table = schema.sends
    connection.execute(sa.update(sends_table).where(sends_table.c.number == number).values(values))


def open_batches(store: Store, number: int = 1) -> int:
    """How many batches of a send have no outcome yet."""
    batches = schema.batches
    query = sa.select(sa.func.count()).where(batches.c.send == number, batches.c.open)
    with store.read() as connection:
        return int(connection.execute(query).scalar_one())


def end_all(connection: Connection, number: int, now: dt.datetime = NOW) -> None:
    """Give up all who take part in a send."""
    workers = tenures.of(connection, [number])[number]
    tenures.end(connection, number, [tenure.epoch for tenure in workers], now)


def order(slug: str = "news", list_name: str = "readers", again: str | None = None) -> Order:
    return Order(slug=slug, email=EMAIL, list_name=list_name, again=again)


def fill_list(store: Store, size: int, list_name: str = "readers", first: int = 1) -> None:
    """Confirmed subscribers r<first>@example.com … on a list, written all at once."""
    consent = Consent(NOW, "import", "test.csv")
    numbers = range(first, first + size)
    with store.write() as connection:
        lists.create(connection, list_name, NOW)
        list_id = lists.id_of(connection, list_name)
        new = insert_into(connection, schema.subscribers).on_conflict_do_nothing()
        connection.execute(new, [_reader(number) for number in numbers])
        keys = [f"r{number}@example.com" for number in numbers]
        ids = sa.select(schema.subscribers.c.id).where(schema.subscribers.c.address_key.in_(keys))
        readers = connection.execute(ids.order_by(schema.subscribers.c.id)).scalars().all()
        standing = {
            "list_id": list_id,
            "status": SubscriptionStatus.CONFIRMED,
            "consent_at": consent.at,
            "consent_how": consent.how,
            "consent_source": consent.source,
            "updated_at": consent.at,
        }
        rows = [{**standing, "subscriber_id": reader} for reader in readers]
        new = insert_into(connection, schema.subscriptions).on_conflict_do_nothing()
        connection.execute(new, rows)
        confirmed = ConsentKind.CONFIRMED
        consents.append_each(connection, [(list_id, who, confirmed, consent) for who in readers])


def _reader(number: int) -> dict[str, object]:
    address = Address(f"r{number}@example.com")
    return {
        "address": address.text,
        "address_key": address.key,
        "name": f"Reader {number}",
        "attributes": {},
        "created_at": NOW,
        "updated_at": NOW,
        "link_key": people.new_link_key(),
    }


def leave(store: Store, address: str, list_name: str = "readers") -> None:
    with store.write() as connection:
        person = people.find(connection, Address(address))
        assert person is not None
        subscribing.leave(
            connection,
            person.id,
            lists.id_of(connection, list_name),
            Consent(NOW, "test", "test"),
        )


def worker(
    store: Store,
    transport: Transport,
    *,
    clock: Callable[[], dt.datetime] | None = None,
    max_rate: int = 0,
) -> Worker:
    return Worker(
        store=store,
        transport=transport,
        links=Links("https://news.example.com", ("a key for the tests alone",)),
        max_rate=max_rate,
        clock=clock or (lambda: dt.datetime.now(dt.UTC)),
        stop=threading.Event(),
        notify=lambda line: None,
        backoff_seconds=0.001,
        seconds=time.monotonic if clock is None else lambda: clock().timestamp(),
    )


def resume(worker: Worker, send_id: str) -> Send:
    """What `newsletter resume` does."""
    control.reopen(worker.store, send_id, worker.clock)
    return run.run(worker, send_id)


def ledger(store: Store, send_id: str) -> dict[str, Delivery]:
    """The deliveries of a send by address."""
    with store.read() as connection:
        number = sends.number_of(connection, send_id)
        rows = list(deliveries.newest_first(connection, number))
    return {delivery.address or "": delivery for delivery in rows}


def addresses(store: Store, send_id: str, status: DeliveryStatus) -> set[str]:
    return {a for a, delivery in ledger(store, send_id).items() if delivery.status is status}
