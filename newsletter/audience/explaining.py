"""The whole story of one address: what it joined, what it was sent, and why not."""

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from newsletter.audience.address import parse
from newsletter.audience.facts import Fact, FactKind, facts_of
from newsletter.audience.known import Known
from newsletter.audience.subscribers import suppression_of
from newsletter.audience.summaries import of_issue, summary_of
from newsletter.errors import UsageError
from newsletter.model.address import Address
from newsletter.model.subscriber import (
    ConsentKind,
    Subscriber,
    Subscription,
    Suppression,
    SuppressionReason,
)
from newsletter.store import Store
from newsletter.store.people import consents, former, history, people
from newsletter.store.people.staging import Hashes
from newsletter.times import day

_DELIVERY = re.compile(
    r"(\d{8}-[a-z0-9]{6})-(\d{1,9})(?:\.\d{1,5})?"
)  # X-Newsletter-Ref, or its tag
_ID = re.compile(r"\d{1,18}")


@dataclass(frozen=True, slots=True)
class Explanation:
    """`address` is None for somebody who was erased; `facts` are in the order of time."""

    address: str | None
    summary: str
    subscriptions: tuple[Subscription, ...] = ()
    suppression: Suppression | None = None
    facts: tuple[Fact, ...] = ()


def explain(
    store: Store,
    subject: str,
    hashes: Hashes,
    now: dt.datetime,
    slug: str | None = None,
    timezone: str = "UTC",
    note_of: Callable[[str], str | None] = lambda _word: None,
) -> Explanation:
    """All that is known about an address, a subscriber's id, or the recipient of a delivery's id.

    With a `slug` the summary says whether that issue reached them, and why or why not; it shows
    times in `timezone`. `note_of` explains a word of the source of events. Raises UsageError for a
    text that is not an address, and where nothing is known.
    """
    with store.read() as connection:
        subscriber_id, address, asked_for = _subject(connection, subject)
        if address is None:
            assert subscriber_id is not None
            return _erased_subscriber(connection, subscriber_id, timezone)
        suppression = suppression_of(connection, address, hashes)
        person = people.person(connection, address)
        if suppression is not None and suppression.reason is SuppressionReason.ERASED:
            return _erased(suppression.created_at, timezone)
        known = Known(
            address,
            person,
            suppression,
            consents.of(connection, person.subscriber.id) if person else (),
            history.deliveries_of(connection, person.subscriber.id) if person else (),
            former.of(connection, person.subscriber.id) if person else (),
            timezone,
            note_of,
        )
        facts = sorted(facts_of(connection, known), key=lambda fact: fact.at)
        if person is None and suppression is None and not facts:
            raise UsageError(
                "nothing is known of this address",
                hint="Names are told apart by the whole address: newsletter subscribers list "
                "shows all.",
            )
        if slug is None:
            summary = summary_of(known, now)
        else:
            summary = of_issue(known, history.sends_of(connection, slug))
        if asked_for is not None and asked_for.key != address.key:
            summary = f"{asked_for.text} is a former address of {address.text}. {summary}"
    return Explanation(
        address.text, summary, person.subscriptions if person else (), suppression, tuple(facts)
    )


def _subject(
    connection: Connection, subject: str
) -> tuple[int | None, Address | None, Address | None]:
    """The subscriber's id, if there is one; their address, None once erased; and the address that
    was asked about, if any, which may be a former one."""
    text = subject.strip()
    if match := _DELIVERY.fullmatch(text):
        subscriber_id = history.subscriber_of_delivery(connection, match[1], int(match[2]))
        if subscriber_id is None:
            raise UsageError(f"there is no delivery {text!r}", hint="See: newsletter sends")
    elif _ID.fullmatch(text):
        subscriber_id = int(text)
    else:
        address = parse(text)
        subscriber = people.find(connection, address) or _moved_from(connection, address)
        return (
            (None, address, address)
            if subscriber is None
            else (subscriber.id, subscriber.address, address)
        )
    subscriber = people.get(connection, subscriber_id)
    return subscriber_id, None if subscriber is None else subscriber.address, None


def _moved_from(connection: Connection, address: Address) -> Subscriber | None:
    holder = former.holder_of(connection, address.key)
    return None if holder is None else people.get(connection, holder)


def _erased_subscriber(connection: Connection, subscriber_id: int, timezone: str) -> Explanation:
    for fact in consents.of(connection, subscriber_id):
        if fact.kind is ConsentKind.ERASED:
            return _erased(fact.consent.at, timezone)
    raise UsageError(
        f"there is no subscriber {subscriber_id}", hint="See: newsletter subscribers list"
    )


def _erased(at: dt.datetime, timezone: str) -> Explanation:
    """For an erased person: only that they were erased, and when."""
    summary = (
        f"This person was erased on {day(at, timezone)}, at their own wish. Nothing else is kept."
    )
    return Explanation(None, summary, facts=(Fact(at, FactKind.CONSENT, "was erased"),))
