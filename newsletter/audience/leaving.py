"""Leaving a list by a personal link, giving a reason, and taking it back."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.engine import Connection

from newsletter.audience import preferences
from newsletter.audience.holders import Holder, holders, reader_of, with_deliveries
from newsletter.audience.preferences import ReaderPreferences
from newsletter.links import PersonalLink
from newsletter.model.subscriber import (
    Consent,
    ConsentFact,
    ConsentHow,
    ConsentKind,
    SubscriptionStatus,
)
from newsletter.store import Store
from newsletter.store.people import consents, lists, subscribing, subscriptions, suppressions

UNDO_FOR = dt.timedelta(hours=1)
LONGEST_REASON = 500


class UndoResult(StrEnum):
    """What came of taking it back."""

    DONE = "undone"
    LATE = "undo_late"  # there is nothing to take back, or not any more
    BLOCKED = "undo_blocked"  # the address was suppressed meanwhile
    ENOUGH = "undo_enough"  # they went to and fro


@dataclass(frozen=True, slots=True)
class Left:
    """`list` is the title of a list, empty for who never joined it. Only the reader themselves is
    told `others`, the titles of the lists that they still get mail of, and `address`, masked."""

    holder: Holder
    list: str = ""
    others: tuple[str, ...] = ()
    address: str = ""

    @property
    def is_reader(self) -> bool:
        return self.holder is Holder.READER


def leave(
    store: Store, leavers: Sequence[tuple[PersonalLink, Consent]]
) -> Mapping[PersonalLink, Left]:
    """Unsubscribe each of them, on disk when it returns; repeating it is harmless.

    A link that was mailed to a former address can do this too; a link without a reader changes
    nothing.
    """
    clicks = dict(reversed(leavers))  # of two clicks the first counts
    with store.write() as connection:
        held_by = holders(connection, clicks)
        good = {
            link: consent for link, consent in clicks.items() if held_by[link] is not Holder.NOBODY
        }
        leaving = {
            (link.list_id, link.subscriber_id): consent
            for link, consent in with_deliveries(connection, good).items()
        }
        members = subscribing.leave_each(connection, leaving)
        titles = lists.titles(connection)
        names = {number: titles[name] for number, name in lists.names(connection)}
        joined = _joined_by(connection, {link.subscriber_id for link in good}, titles)

    def result_of(link: PersonalLink) -> Left:
        holder, is_known = held_by[link], (link.list_id, link.subscriber_id) in members
        if holder is Holder.NOBODY or not is_known:
            return Left(holder)
        is_reader = holder is Holder.READER
        return Left(holder, names[link.list_id], joined[link.subscriber_id] if is_reader else ())

    return {link: result_of(link) for link in clicks}


def about(link: PersonalLink, standing: ReaderPreferences | Holder) -> Left:
    """What leaving the list of a link would mean."""
    if isinstance(standing, Holder):
        return Left(standing)
    names = {number: name for name, number in standing.lists.items()}
    name = names.get(link.list_id, "")
    others = tuple(standing.words[other].title for other in standing.gets if other != name)
    title = standing.words[name].title if name else ""
    return Left(Holder.READER, title, others, standing.reader.address.masked)


def _joined_by(
    connection: Connection, subscriber_ids: Collection[int], titles: Mapping[str, str]
) -> Mapping[int, tuple[str, ...]]:
    """The titles of the lists that people get mail from, in the order of names."""
    by_person = subscriptions.subscriptions_of(connection, list(subscriber_ids))
    return {
        person_id: tuple(
            titles[each.list]
            for each in by_person.get(person_id, ())
            if each.status is SubscriptionStatus.CONFIRMED
        )
        for person_id in subscriber_ids
    }


def undo(
    store: Store, link: PersonalLink, consent: Consent, list_id: int | None = None
) -> UndoResult:
    """Undo leaving by a link within the last hour; somebody who was pending is pending again.

    The list is that of the link, or another one that they left on their preferences page.
    """
    subscriber_id = link.subscriber_id
    list_id = link.list_id if list_id is None else list_id
    with store.write() as connection:
        person = reader_of(connection, link)
        standing = subscriptions.find(connection, subscriber_id, list_id, lock=True)
        if standing is None or person is None:
            return UndoResult.LATE
        if suppressions.find(connection, person.address) is not None:
            return UndoResult.BLOCKED
        if standing.status is not SubscriptionStatus.UNSUBSCRIBED:
            return UndoResult.DONE
        facts = _without_reasons(connection, subscriber_id, list_id)
        last = facts[-1] if facts else None
        if last is None or not _by_link(last, consent) or consent.at - last.consent.at > UNDO_FOR:
            return UndoResult.LATE
        if preferences.changed_enough(connection, subscriber_id, consent.at):
            return UndoResult.ENOUGH
        kinds = [fact.kind for fact in facts if fact.kind is not ConsentKind.UNSUBSCRIBED]
        confirmed = kinds and kinds[-1] is ConsentKind.CONFIRMED
        status = SubscriptionStatus.CONFIRMED if confirmed else SubscriptionStatus.PENDING
        subscribing.rejoin(connection, subscriber_id, list_id, status, consent)
    return UndoResult.DONE


def give_reason(store: Store, link: PersonalLink, reason: str, consent: Consent) -> bool:
    """Add to the consent log why somebody left: once for each time that they left by this link.

    False where it is not kept.
    """
    reason = "".join(letter if letter.isprintable() else " " for letter in reason)
    reason = " ".join(reason.split())[:LONGEST_REASON]
    subscriber_id, list_id = link.subscriber_id, link.list_id
    with store.write() as connection:
        subscriptions.find(connection, subscriber_id, list_id, lock=True)  # one reason, not two
        facts = consents.of(connection, subscriber_id, list_id)
        is_known = reader_of(connection, link) is not None
        keeps = bool(reason and is_known and facts and _by_link(facts[-1], consent))
        if keeps:
            kind = ConsentKind.UNSUBSCRIBED
            consents.append(connection, subscriber_id, list_id, kind, consent, reason)
    return keeps


def _by_link(fact: ConsentFact, consent: Consent) -> bool:
    """Whether they left by such a link, or on the page on which they act now."""
    by_link = {ConsentHow.ONE_CLICK, ConsentHow.PAGE}
    if consent.how == ConsentHow.PREFERENCES:
        by_link.add(ConsentHow.PREFERENCES)
    return fact.kind is ConsentKind.UNSUBSCRIBED and fact.consent.how in by_link


def _without_reasons(
    connection: Connection, subscriber_id: int, list_id: int
) -> Sequence[ConsentFact]:
    facts = consents.of(connection, subscriber_id, list_id)
    return [fact for fact in facts if fact.consent.how != ConsentHow.REASON]
