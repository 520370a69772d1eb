"""What readers left behind is forgotten in time; that they said yes is not."""

import datetime as dt

import sqlalchemy as sa

from newsletter.audience.retention import forget_old
from newsletter.config import WebSettings
from newsletter.model.address import Address
from newsletter.model.subscriber import Consent, SubscriptionStatus
from newsletter.store import Store
from newsletter.store.people import lists, people, subscribing
from newsletter.store.schema import consents as log
from newsletter.store.schema import subscriptions
from tests.integration.sending import NOW

IP = "203.0.113.7"
DAY = dt.timedelta(days=1)


def join(store: Store, name: str, at: dt.datetime) -> None:
    """A yes with an IP address, in the log and beside the subscription."""
    with store.write() as connection:
        person = people.insert(connection, Address(f"{name}@example.com"), "", {}, at)
        lists.create(connection, "weekly", at)
        consent = Consent(at, "form", "/subscribe/weekly", wording="v1", ip=IP)
        list_id = lists.id_of(connection, "weekly")
        status = SubscriptionStatus.CONFIRMED
        subscribing.subscribe(connection, person.id, list_id, status, consent)


def ips(store: Store) -> list[str]:
    with store.read() as connection:
        return [
            *connection.execute(sa.select(log.c.ip).order_by(log.c.at)).scalars(),
            *connection.execute(
                sa.select(subscriptions.c.consent_ip).order_by(subscriptions.c.consent_at)
            ).scalars(),
        ]


def test_an_ip_address_is_forgotten_in_time_and_the_consent_stays(store: Store) -> None:
    join(store, "ada", NOW - 31 * DAY)
    join(store, "lin", NOW - 29 * DAY)
    with store.read() as connection:
        before = connection.execute(sa.select(log.c.at, log.c.how, log.c.wording)).all()

    forget_old(store, WebSettings(), NOW)
    kept = ips(store)
    forget_old(store, WebSettings(keep_ip_days=30), NOW)
    later = ips(store)
    forget_old(store, WebSettings(keep_ip_days=30), NOW + 2 * DAY)

    assert kept == [IP] * 4
    assert later == ["", IP, "", IP]
    assert ips(store) == [""] * 4
    with store.read() as connection:
        assert connection.execute(sa.select(log.c.at, log.c.how, log.c.wording)).all() == before
