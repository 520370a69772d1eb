"""Leaving a list by one's own link, saying why, and thinking again."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from newsletter.model.subscriber import (
    Consent,
    ConsentFact,
    ConsentKind,
    SubscriptionStatus,
)
from newsletter.store import Store, consents, lists, people, subscriptions

UNDO_FOR = dt.timedelta(hours=1)
LONGEST_REASON = 500

# How a no of the log was said: by the mail program's button, on the page; a reason follows a no.
ONE_CLICK, PAGE, REASON, UNDO = "one-click", "page", "reason", "undo"


Membership = tuple[int, int]  # a list and a subscriber


@dataclass(frozen=True, slots=True)
class Left:
    """`was_member` is False for who never joined the list or was erased."""

    list: str
    was_member: bool


def leave(store: Store, leavers: Sequence[tuple[Membership, Consent]]) -> Mapping[Membership, Left]:
    """Unsubscribe each of them, on disk when it returns; again is harmless."""
    leaving = dict(reversed(leavers))  # of two clicks the first counts
    with store.write() as connection:
        known = subscriptions.unsubscribe_each(connection, leaving)
        gone = people.erased(connection, {subscriber_id for _, subscriber_id in leaving})
        names = dict(lists.names(connection))
    return {
        (list_id, subscriber_id): Left(
            names.get(list_id, ""),
            was_member=(list_id, subscriber_id) in known and subscriber_id not in gone,
        )
        for list_id, subscriber_id in leaving
    }


def undo(store: Store, subscriber_id: int, list_id: int, said: Consent) -> bool:
    """Take back a leave by this link of the last hour; False where there is none to take back.

    Whoever was pending is pending again.
    """
    with store.write() as connection:
        standing = subscriptions.find(connection, subscriber_id, list_id)
        if standing is None or people.get(connection, subscriber_id) is None:
            return False
        if standing.status is not SubscriptionStatus.UNSUBSCRIBED:
            return True
        facts = _without_reasons(connection, subscriber_id, list_id)
        last = facts[-1] if facts else None
        if last is None or not _by_link(last) or said.at - last.consent.at > UNDO_FOR:
            return False
        kinds = [fact.kind for fact in facts if fact.kind is not ConsentKind.UNSUBSCRIBED]
        confirmed = kinds and kinds[-1] is ConsentKind.CONFIRMED
        status = SubscriptionStatus.CONFIRMED if confirmed else SubscriptionStatus.PENDING
        subscriptions.subscribe(connection, subscriber_id, list_id, status, said)
    return True


def give_reason(store: Store, subscriber_id: int, list_id: int, reason: str, said: Consent) -> None:
    """Add why somebody left to the consent log: once for each time that they left by this link."""
    reason = "".join(letter if letter.isprintable() else " " for letter in reason)
    reason = " ".join(reason.split())[:LONGEST_REASON]
    with store.write() as connection:
        facts = consents.of(connection, subscriber_id, list_id)
        is_known = people.get(connection, subscriber_id) is not None
        if reason and is_known and facts and _by_link(facts[-1]):
            kind = ConsentKind.UNSUBSCRIBED
            consents.append(connection, subscriber_id, list_id, kind, said, reason)


def _by_link(fact: ConsentFact) -> bool:
    return fact.kind is ConsentKind.UNSUBSCRIBED and fact.consent.how in (ONE_CLICK, PAGE)


def _without_reasons(
    connection: Connection, subscriber_id: int, list_id: int
) -> Sequence[ConsentFact]:
    facts = consents.of(connection, subscriber_id, list_id)
    return [fact for fact in facts if fact.consent.how != REASON]
