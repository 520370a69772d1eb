"""One subscriber at a time: joining, leaving, and what is known of them."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from sqlalchemy.engine import Connection

from newsletter.audience.cells import checked
from newsletter.errors import Refused, UsageError
from newsletter.model.address import Address
from newsletter.model.audit import Deed, DeedKind
from newsletter.model.subscriber import (
    Consent,
    ConsentHow,
    Subscriber,
    SubscriptionStatus,
    Suppression,
    SuppressionReason,
)
from newsletter.store import Store, audit, locks
from newsletter.store.people import (
    lists,
    people,
    subscribing,
    subscriptions,
    suppressing,
    suppressions,
)
from newsletter.store.people.lists import ListCounts
from newsletter.store.people.people import Person
from newsletter.store.people.staging import Hashes


class AddResult(StrEnum):
    """What `add` did; the words of the import."""

    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Added:
    outcome: AddResult
    subscriber_id: int
    status: SubscriptionStatus


@dataclass(frozen=True, slots=True)
class Profile:
    """`person` is None for an address that never joined but is suppressed."""

    person: Person | None
    suppression: Suppression | None


@dataclass(frozen=True, slots=True)
class Stats:
    subscribers: int
    lists: tuple[ListCounts, ...]
    suppressions: Mapping[str, int]


def add(
    store: Store,
    address: Address,
    list_name: str,
    *,
    status: SubscriptionStatus,
    now: dt.datetime,
    hashes: Hashes,
    name: str | None = None,
    attributes: Mapping[str, str] | None = None,
    resubscribe: bool = False,
) -> Added:
    """Let a person join a list on an operator's word, as confirmed or pending.

    A name and attributes merge over what is known; a confirmed member stays confirmed. Raises
    Refused for somebody who left the list, unless `resubscribe` says they want to come back, and
    for suppressed people; UsageError for an unknown list or a name that cannot be stored.
    """
    name, attributes = checked(name, attributes or {})
    consent = Consent(now, ConsentHow.ADD, "newsletter subscribers add")
    with store.write() as connection:
        locks.people(connection)
        list_id = lists.id_of(connection, list_name)
        _refuse_suppressed(connection, address, hashes)
        subscriber = people.find(connection, address)
        if subscriber is None:
            created = people.insert(connection, address, name or "", attributes, now)
            subscribing.subscribe(connection, created.id, list_id, status, consent)
            return Added(AddResult.ADDED, created.id, status)
        locks.subscriptions(connection, [subscriber.id])
        standing = subscriptions.find(connection, subscriber.id, list_id)
        if standing and standing.status is SubscriptionStatus.UNSUBSCRIBED and not resubscribe:
            raise Refused(
                f"this person left {list_name!r} on {standing.updated_at:%Y-%m-%d}",
                hint="If they asked to come back, add --resubscribe: it records a new consent.",
            )
        changed = _update(connection, subscriber, name, attributes, now)
        if standing is None:
            subscribing.subscribe(connection, subscriber.id, list_id, status, consent)
            return Added(AddResult.ADDED, subscriber.id, status)
        if standing.status is SubscriptionStatus.UNSUBSCRIBED:
            subscribing.rejoin(connection, subscriber.id, list_id, status, consent)
            return Added(AddResult.ADDED, subscriber.id, status)
        if standing.status is SubscriptionStatus.PENDING and status is SubscriptionStatus.CONFIRMED:
            subscribing.subscribe(connection, subscriber.id, list_id, status, consent)
            return Added(AddResult.UPDATED, subscriber.id, status)
        return Added(
            AddResult.UPDATED if changed else AddResult.UNCHANGED, subscriber.id, standing.status
        )


def profile(store: Store, address: Address, hashes: Hashes) -> Profile:
    """What is known about an address; raises UsageError where that is nothing."""
    with store.read() as connection:
        person = people.person(connection, address)
        suppression = suppression_of(connection, address, hashes)
    if person is None and suppression is None:
        raise _nobody(None)
    return Profile(person, suppression)


def stats(store: Store) -> Stats:
    with store.read() as connection:
        return Stats(
            subscribers=people.count(connection),
            lists=tuple(lists.newest_first(connection)),
            suppressions=suppressions.counts(connection),
        )


def suppress(store: Store, address: Address, now: dt.datetime, who: str = "") -> Suppression:
    """Never mail an address again; returns its suppression, with an earlier reason if any."""
    key, source = address.key, "newsletter suppressions add"
    with store.write() as connection:
        if not suppressing.add(connection, key, SuppressionReason.MANUAL, source, now):
            suppressing.confirm(connection, key, source, now)
        _audit(connection, Deed(now, who, DeedKind.SUPPRESS, ""), address)
        suppression = suppressions.find(connection, address)
    assert suppression is not None
    return suppression


def unsuppress(
    store: Store, address: Address, hashes: Hashes, now: dt.datetime, who: str = ""
) -> Suppression:
    """Allow an address to be mailed again; returns the former suppression. UsageError where there
    was none."""
    with store.write() as connection:
        suppression = suppression_of(connection, address, hashes)
        if suppression is None:
            raise UsageError(
                "this address is not suppressed", hint="See all: newsletter suppressions list"
            )
        source = "newsletter suppressions remove"
        suppressing.allow(connection, suppression.address, source, now)
        detail = f"it was: {suppression.reason}"
        _audit(connection, Deed(now, who, DeedKind.ALLOW, "", detail), address)
    return suppression


def _audit(connection: Connection, deed: Deed, address: Address) -> None:
    """Write down what was done to an address, by the id of its subscriber, if it has one."""
    person = people.find(connection, address)
    subject = "an address of nobody" if person is None else f"subscriber {person.id}"
    audit.append(connection, replace(deed, subject=subject))


def suppression_of(connection: Connection, address: Address, hashes: Hashes) -> Suppression | None:
    """The suppression of an address, even of an erased one; hashes nothing where nobody was
    erased."""
    known_as = hashes(address.key) if suppressions.any_erased(connection) else ()
    return suppressions.find(connection, address, known_as)


def _refuse_suppressed(connection: Connection, address: Address, hashes: Hashes) -> None:
    suppression = suppression_of(connection, address, hashes)
    if suppression is None:
        return
    if suppression.reason is SuppressionReason.ERASED:
        message = "this person was erased at their own wish"
    else:
        message = f"this address is suppressed ({suppression.reason})"
    raise Refused(
        f"{message} since {suppression.created_at:%Y-%m-%d}",
        hint="If that no longer holds: newsletter suppressions remove ADDRESS, then add it.",
    )


def _update(
    connection: Connection,
    subscriber: Subscriber,
    name: str | None,
    attributes: Mapping[str, str],
    now: dt.datetime,
) -> bool:
    merged = {**subscriber.attributes, **attributes}
    name = name or subscriber.name
    if name == subscriber.name and merged == subscriber.attributes:
        return False
    people.update(connection, subscriber.id, name, merged, now)
    return True


def _nobody(suppression: Suppression | None) -> UsageError:
    hint = "Names are told apart by the whole address: newsletter subscribers list shows all."
    if suppression is not None:
        hint = f"It is suppressed all the same ({suppression.reason})."
    return UsageError("nobody has subscribed with this address", hint=hint)
