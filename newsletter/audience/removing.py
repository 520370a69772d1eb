"""Taking people off lists, moving them to another, and deleting them: one, or many at once."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy.engine import Connection

from newsletter.audience import segments
from newsletter.audience.address import InvalidAddress, named
from newsletter.audience.columns import Choice, columns_of
from newsletter.audience.csvfile import open_csv
from newsletter.audience.spreadsheet import unguard
from newsletter.errors import Refused, UsageError
from newsletter.model.address import Address
from newsletter.model.audit import Deed, DeedKind
from newsletter.model.subscriber import (
    Consent,
    ConsentHow,
    ConsentKind,
    Subscriber,
    SubscriptionStatus,
    SuppressionReason,
)
from newsletter.store import Store, audit, locks
from newsletter.store.people import (
    consents,
    erasure,
    lists,
    people,
    subscribing,
    subscriptions,
    suppressing,
    suppressions,
)
from newsletter.store.people.people import Person
from newsletter.store.people.staging import Hashes
from newsletter.store.segments.conditions import Moment


@dataclass(frozen=True, slots=True)
class Removed:
    """`lists` are those that were left just now; `suppressed` says that the address, which nobody
    had, is never mailed from now on."""

    lists: tuple[str, ...]
    suppressed: bool = False


def addresses_in(path: Path) -> Iterator[Address]:
    """The addresses of a CSV file, or of a bare list of them.

    Raises UsageError where one of them cannot be an address: nothing is done by halves.
    """
    with open_csv(path, bare=True) as file:
        email = columns_of(file, None, Choice(is_vouched=True)).email
        for record in file:
            try:
                text = "" if record.fault else unguard(record.cells[email].strip())
                yield Address(named(text)[0])
            except InvalidAddress as error:
                raise UsageError(
                    record.fault or error.reason,
                    where=f"{path}:{record.line}",
                    hint="Nothing was done. Put the line right, or take it out.",
                ) from error


def addresses_of(
    store: Store, segment: str, list_name: str | None, moment: Moment
) -> Sequence[Address]:
    """The addresses of a segment: confirmed members of a list, or of any."""
    with store.read() as connection:
        list_id = None if list_name is None else lists.id_of(connection, list_name)
        among = segments.members_of(connection, segment, list_id, moment)
        members = people.newest_first(connection, list_id=list_id, where=among)
        return [person.subscriber.address for person in members]


def remove(
    store: Store,
    addresses: Sequence[Address],
    list_name: str | None,
    now: dt.datetime,
    hashes: Hashes,
    who: str = "",
) -> Sequence[Removed]:
    """Let people leave a list, or all; what became of each, once for an address that comes twice.

    The record stays, so that no import brings them back. Somebody who was never seen is recorded
    too: as having left the list, or, without a list, as an address that is never mailed. Who was
    erased is known by a hash, and nothing is written of them. Raises UsageError for an unknown
    list. `who` is the person that does it, here and below, for the audit log.
    """
    consent = Consent(now, ConsentHow.REMOVE, "newsletter subscribers remove")
    with store.write() as connection:
        _hold(connection, addresses)
        list_id = None if list_name is None else lists.id_of(connection, list_name)
        gone = suppressions.erased_hashes(connection)

        def is_erased(address: Address) -> bool:
            return bool(gone) and not gone.isdisjoint(hashes(address.key))

        removed = {
            address: Removed(())
            if is_erased(address)
            else _remove(connection, address, list_name, list_id, consent)
            for address in dict.fromkeys(addresses)
        }
        nobodys = [address for address, each in removed.items() if each is None]
        for address in sorted(nobodys, key=lambda address: address.key):
            manual = SuppressionReason.MANUAL
            is_new = suppressing.add(connection, address.key, manual, consent.source, consent.at)
            removed[address] = Removed((), is_new)
        _audit(connection, Deed(now, who, DeedKind.REMOVE, "", list_name or ""), addresses)
    return [each for each in removed.values() if each is not None]


def _audit(connection: Connection, deed: Deed, addresses: Sequence[Address]) -> None:
    """Write down what was done to people: to one by their id, to many by their number."""
    subject = f"{len(addresses):,} people"
    if len(addresses) == 1:
        person = people.find(connection, addresses[0])
        subject = "an address of nobody" if person is None else f"subscriber {person.id}"
    audit.append(connection, replace(deed, subject=subject))


def _hold(connection: Connection, addresses: Sequence[Address]) -> None:
    """Take the locks that concern these people, in their order."""
    locks.people(connection)
    subscribers = [people.find(connection, address) for address in addresses]
    locks.subscriptions(connection, [each.id for each in subscribers if each is not None])


def _remove(
    connection: Connection,
    address: Address,
    list_name: str | None,
    list_id: int | None,
    consent: Consent,
) -> Removed | None:
    """None where nobody has the address and no list is named: then it has to be suppressed."""
    person = people.person(connection, address)
    if list_id is None or list_name is None:
        if person is None:
            return None
        lists_left = tuple(
            each.list
            for each in person.subscriptions
            if each.status is not SubscriptionStatus.UNSUBSCRIBED
        )
        subscribing.leave(connection, person.subscriber.id, None, consent)
        return Removed(lists_left)
    if person is None:
        subscriber = people.insert(connection, address, "", {}, consent.at)
        subscribing.decline(connection, subscriber.id, list_id, consent)
        return Removed((list_name,))
    if all(each.list != list_name for each in person.subscriptions):
        subscribing.decline(connection, person.subscriber.id, list_id, consent)
        return Removed((list_name,))
    left_now = subscribing.leave(connection, person.subscriber.id, list_id, consent)
    return Removed((list_name,) if left_now else ())


def delete(
    store: Store, addresses: Sequence[Address], now: dt.datetime, who: str = "", *, confirmed: bool
) -> Sequence[bool]:
    """Delete people with all that is known of them, and without a ban: an import may bring them
    back. Whether each was there.

    The ledger of sends keeps its rows, without an address. A suppression of the address stays.
    Raises Refused for who left a list, whose no would be lost, unless `confirmed`.
    """
    deleted = []
    with store.write() as connection:
        locks.people(connection)
        locks.deleting(connection)
        _hold(connection, addresses)
        _audit(connection, Deed(now, who, DeedKind.DELETE, ""), addresses)
        for address in addresses:
            person = people.person(connection, address)
            if person is None:
                deleted.append(False)
                continue
            _check_left(person, confirmed=confirmed)
            erasure.delete(connection, person.subscriber.id, address.key, now)
            deleted.append(True)
    return deleted


def _check_left(person: Person, *, confirmed: bool) -> None:
    lists_left = [
        each for each in person.subscriptions if each.status is SubscriptionStatus.UNSUBSCRIBED
    ]
    if lists_left and not confirmed:
        raise Refused(
            f"this person left {lists_left[0].list!r}, and deleting forgets that: "
            "an import could bring them back",
            hint="To erase them and keep them out: newsletter subscribers forget. "
            "To delete them all the same, add --yes.",
        )


def move(
    store: Store,
    addresses: Sequence[Address],
    source: str,
    target: str,
    now: dt.datetime,
    who: str = "",
) -> Sequence[bool]:
    """Let members of one list be members of another instead, with the consent that they gave.
    Whether each was moved.

    They have then left the first. People who left the second themselves are not moved; those who
    were moved away from it may come back. Raises UsageError for an unknown list.
    """
    if source == target:
        raise UsageError("that is the same list", where="--to", hint="Name another.")
    moved = []
    with store.write() as connection:
        _hold(connection, addresses)
        from_id, to_id = lists.id_of(connection, source), lists.id_of(connection, target)
        consent = Consent(now, ConsentHow.MOVE, f"from {source} to {target}")
        for address in addresses:
            subscriber = people.find(connection, address)
            moved.append(
                subscriber is not None and _move(connection, subscriber, from_id, to_id, consent)
            )
        _audit(connection, Deed(now, who, DeedKind.MOVE, "", consent.source), addresses)
    return moved


def _move(
    connection: Connection, subscriber: Subscriber, from_id: int, to_id: int, consent: Consent
) -> bool:
    here = subscriptions.find(connection, subscriber.id, from_id)
    there = subscriptions.find(connection, subscriber.id, to_id)
    if here is None or here.status is SubscriptionStatus.UNSUBSCRIBED:
        return False
    if there is not None and there.status is SubscriptionStatus.UNSUBSCRIBED:
        facts = consents.of(connection, subscriber.id, to_id)
        noes = [fact for fact in facts if fact.kind is ConsentKind.UNSUBSCRIBED]
        if not noes or noes[-1].consent.how != ConsentHow.MOVE:
            return False
        subscribing.rejoin(connection, subscriber.id, to_id, here.status, here.consent)
    elif there is None or there.status is SubscriptionStatus.PENDING:
        subscribing.subscribe(connection, subscriber.id, to_id, here.status, here.consent)
    subscribing.leave(connection, subscriber.id, from_id, consent)
    return True
