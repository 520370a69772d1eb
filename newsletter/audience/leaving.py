"""Leaving a list by one's own link, saying why, and thinking again."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.engine import Connection

from newsletter.model.subscriber import (
    Consent,
    ConsentFact,
    ConsentKind,
    SubscriptionStatus,
)
from newsletter.store import Store, consents, lists, people, subscriptions, suppressions

UNDO_FOR = dt.timedelta(hours=1)
LONGEST_REASON = 500

# How a no of the log was said: by the mail program's button, on the page; a reason follows a no.
ONE_CLICK, PAGE, REASON, UNDO = "one-click", "page", "reason", "undo"


Membership = tuple[int, int]  # a list and a subscriber


class Undone(StrEnum):
    """What came of taking it back."""

    DONE = "undone"
    LATE = "undo_late"  # there is nothing to take back, or not any more
    BLOCKED = "undo_blocked"  # the address was suppressed meanwhile


@dataclass(frozen=True, slots=True)
class Left:
    """`others` are the lists that they still get mail of; both are empty for who never joined or
    was erased."""

    list: str = ""
    others: tuple[str, ...] = ()


def leave(store: Store, leavers: Sequence[tuple[Membership, Consent]]) -> Mapping[Membership, Left]:
    """Unsubscribe each of them, on disk when it returns; again is harmless."""
    leaving = dict(reversed(leavers))  # of two clicks the first counts
    with store.write() as connection:
        known = subscriptions.unsubscribe_each(connection, leaving)
        names = dict(lists.names(connection))
        joined = _joined_by(connection, {subscriber_id for _, subscriber_id in leaving})
    return {
        member: Left(names[member[0]], joined[member[1]])
        if member in known and member[1] in joined
        else Left()
        for member in leaving
    }


def about(store: Store, subscriber_id: int, list_id: int) -> Left:
    """What leaving a list would mean."""
    with store.read() as connection:
        joined = _joined_by(connection, {subscriber_id}).get(subscriber_id, ())
        name = lists.find_name(connection, list_id)
    return Left(name, tuple(other for other in joined if other != name))


def _joined_by(
    connection: Connection, subscriber_ids: Collection[int]
) -> Mapping[int, tuple[str, ...]]:
    """The lists that people get mail of, by name; of those alone who were not erased."""
    found = subscriptions.subscriptions_of(connection, list(subscriber_ids))
    gone = people.erased(connection, subscriber_ids)
    return {
        who: tuple(
            each.list for each in found.get(who, ()) if each.status is SubscriptionStatus.CONFIRMED
        )
        for who in subscriber_ids
        if who not in gone
    }


def undo(store: Store, subscriber_id: int, list_id: int, said: Consent) -> Undone:
    """Take back a leave by this link of the last hour; whoever was pending is pending again."""
    with store.write() as connection:
        standing = subscriptions.find(connection, subscriber_id, list_id)
        person = people.get(connection, subscriber_id)
        if standing is None or person is None:
            return Undone.LATE
        if suppressions.find(connection, person.address) is not None:
            return Undone.BLOCKED
        if standing.status is not SubscriptionStatus.UNSUBSCRIBED:
            return Undone.DONE
        facts = _without_reasons(connection, subscriber_id, list_id)
        last = facts[-1] if facts else None
        if last is None or not _by_link(last) or said.at - last.consent.at > UNDO_FOR:
            return Undone.LATE
        kinds = [fact.kind for fact in facts if fact.kind is not ConsentKind.UNSUBSCRIBED]
        confirmed = kinds and kinds[-1] is ConsentKind.CONFIRMED
        status = SubscriptionStatus.CONFIRMED if confirmed else SubscriptionStatus.PENDING
        subscriptions.subscribe(connection, subscriber_id, list_id, status, said)
    return Undone.DONE


def give_reason(store: Store, subscriber_id: int, list_id: int, reason: str, said: Consent) -> bool:
    """Add why somebody left to the consent log: once for each time that they left by this link.

    False where it is not kept.
    """
    reason = "".join(letter if letter.isprintable() else " " for letter in reason)
    reason = " ".join(reason.split())[:LONGEST_REASON]
    with store.write() as connection:
        facts = consents.of(connection, subscriber_id, list_id)
        is_known = people.get(connection, subscriber_id) is not None
        keeps = bool(reason and is_known and facts and _by_link(facts[-1]))
        if keeps:
            kind = ConsentKind.UNSUBSCRIBED
            consents.append(connection, subscriber_id, list_id, kind, said, reason)
    return keeps


def _by_link(fact: ConsentFact) -> bool:
    return fact.kind is ConsentKind.UNSUBSCRIBED and fact.consent.how in (ONE_CLICK, PAGE)


def _without_reasons(
    connection: Connection, subscriber_id: int, list_id: int
) -> Sequence[ConsentFact]:
    facts = consents.of(connection, subscriber_id, list_id)
    return [fact for fact in facts if fact.consent.how != REASON]
