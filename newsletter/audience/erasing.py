"""Erasing a person: everywhere in the store and the outbox, for good.

What stays is the ledger's row without an address, the facts of consent without anything personal,
and a keyed hash of the address, which keeps imports and forms from bringing the person back. The
right to this: Article 17 of the GDPR, https://gdpr-info.eu/art-17-gdpr/
"""

import email.parser
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy.engine import Connection

from newsletter.audience.joining import mailbox
from newsletter.errors import UsageError
from newsletter.files import part_of
from newsletter.model.address import Address
from newsletter.model.audit import Deed, DeedKind
from newsletter.model.notice import Notice
from newsletter.model.subscriber import Consent, ConsentKind, Subscriber
from newsletter.store import Store, audit, locks
from newsletter.store.ledger import archived
from newsletter.store.people import (
    consents,
    erasure,
    former,
    people,
    requesting,
    subscribing,
    suppressing,
    suppressions,
)
from newsletter.store.people.staging import Hashes

# Folders of the outbox whose files are not named by a subscriber's id.
_MAILED_BY_ADDRESS = (Notice.TEST, Notice.CONFIRM, Notice.REPORT)


@dataclass(frozen=True, slots=True)
class Erased:
    """How much of each there was. `subscriber_id` is None for an address that never joined;
    `files` includes those of people who were erased earlier; `complete` is False where another
    process kept the store's write-ahead log from being emptied.
    """

    subscriber_id: int | None
    subscriptions: int = 0
    requests: int = 0
    receipts: int = 0
    events: int = 0
    files: int = 0
    archives: tuple[str, ...] = ()  # files of archived sends that hold them, and stay
    complete: bool = True


def erase(
    store: Store, outbox: Path, hashes: Hashes, whom: Address | int, consent: Consent, who: str = ""
) -> Erased:
    """Erase a person by their id, or everybody and everything that has an address, else the person
    who had it before they moved. Repeating it is harmless, and finishes what a process that died
    has left.

    A person's former addresses are erased too, unless they belong to somebody else now.

    `consent` is when and how they asked; `hashes` gives the keyed hashes of an address key, the
    newest key first. `who` is the operator that does it, for the audit log. Raises UsageError for
    an address of which nothing at all is known.
    """
    erased = Erased(whom if isinstance(whom, int) else None)
    with store.write() as connection:
        locks.events(connection)  # a report may be about to write the address once more
        locks.people(connection)
        subscriber = _subscriber(connection, whom, hashes)
        if subscriber is not None:
            addresses = [subscriber.address, *_former(connection, subscriber.id)]
            erased = _erase(connection, addresses, subscriber.id, hashes, consent)
        elif isinstance(whom, Address):
            erased = _erase(connection, [whom], None, hashes, consent)
        subject = "an address of nobody" if subscriber is None else f"subscriber {subscriber.id}"
        audit.append(connection, Deed(consent.at, who, DeedKind.FORGET, subject))
    files = _delete_mails(store, outbox, hashes)
    archives = tuple(_with_parts(erased.archives))
    return replace(erased, files=files, archives=archives, complete=store.checkpoint())


def _with_parts(files: Sequence[str]) -> Iterator[str]:
    """Files of archived sends, with what a process that died has left of them beside their
    place."""
    for file in files:
        yield file
        part = part_of(Path(file))
        if part.exists():
            yield str(part)


def _subscriber(connection: Connection, whom: Address | int, hashes: Hashes) -> Subscriber | None:
    """The person who has an address, else the one who had it before they moved."""
    if isinstance(whom, int):
        return people.get(connection, whom)
    holder = people.find(connection, whom)
    if holder is not None:
        return holder
    before = former.holder_of(connection, whom.key, tuple(hashes(whom.key)))
    return None if before is None else people.get(connection, before)


def _erase(
    connection: Connection,
    addresses: Sequence[Address],
    subscriber_id: int | None,
    hashes: Hashes,
    consent: Consent,
) -> Erased:
    known_as = {address: tuple(hashes(address.key)) for address in addresses}
    suppressed = any(suppressions.find(connection, *each) for each in known_as.items())
    requested = sum(
        requesting.delete_about(connection, address.key, mailbox(address), subscriber_id)
        for address in addresses
    )
    erased = Erased(subscriber_id, requests=requested)
    if subscriber_id is not None:
        consent = replace(consent, ip="")
        subscriptions_left = subscribing.leave(connection, subscriber_id, None, consent)
        consents.forget(connection, subscriber_id)
        consents.append(connection, subscriber_id, None, ConsentKind.ERASED, consent)
        erasure.blank(connection, subscriber_id, consent.at)
        erased = replace(
            erased,
            subscriptions=len(subscriptions_left),
            archives=archived.files_with(connection, subscriber_id),
        )
    for address in addresses:
        key = address.key
        erased = replace(
            erased,
            receipts=erased.receipts + erasure.blank_receipts(connection, key),
            events=erased.events + erasure.blank_events(connection, key, subscriber_id),
        )
        former.erase(connection, subscriber_id, key)
    if erased == Erased(None) and not suppressed:
        raise UsageError(
            "nothing is known of this address",
            hint="Names are told apart by the whole address: newsletter subscribers list shows "
            "all. To never mail it: newsletter suppressions add",
        )
    for address, names in sorted(known_as.items(), key=lambda known: known[0].key):
        suppressing.erase(connection, address.key, names, consent.source, consent.at)
    erasure.withhold(connection, [address.key for address in addresses], subscriber_id)
    return erased


def _former(connection: Connection, subscriber_id: int) -> Iterator[Address]:
    """A person's former addresses, except those that belong to somebody else now."""
    for each in former.of(connection, subscriber_id):
        if each.address is not None and people.find(connection, each.address) is None:
            yield each.address


def _delete_mails(store: Store, outbox: Path, hashes: Hashes) -> int:
    """Delete the mails in the outbox to anybody who was ever erased; returns how many.

    Not only to the person just erased: an earlier process may have died before this step, and a
    send that had claimed somebody may have written a mail after it.
    """
    with store.read() as connection:
        people_gone = people.all_erased(connection)
        addresses_gone = suppressions.erased_hashes(connection)
    deleted = 0
    for file in outbox.glob("*/*.eml*"):  # a crash may leave a part of one
        if file.parent.name in _MAILED_BY_ADDRESS:
            is_theirs = not addresses_gone.isdisjoint(hashes(_addressee(file).lower()))
        else:
            name = file.name.removeprefix(".").partition(".")[0]
            is_theirs = name.isdecimal() and int(name) in people_gone
        if is_theirs:
            file.unlink(missing_ok=True)
            deleted += 1
    return deleted


def _addressee(file: Path) -> str:
    """The address in a mail's To; our mails have nothing else there."""
    with file.open("rb") as mail:
        return str(email.parser.BytesHeaderParser().parse(mail)["To"] or "").strip()
