"""Moving a person to another address."""

import datetime as dt

from sqlalchemy.engine import Connection

from newsletter.model.address import Address
from newsletter.model.subscriber import Consent, ConsentKind, Subscriber
from newsletter.store import locks
from newsletter.store.people import consents, former, people, unconfirmed
from newsletter.store.people.staging import Hashes


def move(
    connection: Connection, person: Subscriber, to: Address, hashes: Hashes, consent: Consent
) -> bool:
    """Give a person another address; False where it belongs to somebody.

    A person who only exists by a request at that address makes room. The old address is kept as a
    former one, with the key of the links that were mailed there: from now on those can only
    unsubscribe.
    """
    locks.people(connection)  # somebody else may be moving there at this moment
    if not _is_free(connection, person, to):
        return False
    before = person.address
    newest_hash, *_ = hashes(before.key)
    former.add(connection, person.id, before, newest_hash, person.link_key, consent.at)
    people.move(connection, person.id, to, consent.at)
    consents.append(connection, person.id, None, ConsentKind.MOVED, consent)
    return True


def undo(
    connection: Connection,
    person: Subscriber,
    back_to: Address,
    moved_at: dt.datetime,
    consent: Consent,
) -> bool:
    """Give a person back the address that they moved away from at a time; False where it belongs to
    somebody now.

    The addresses since then never were theirs: their links end, and no record of them stays.
    """
    locks.people(connection)
    if not _is_free(connection, person, back_to):
        return False
    former.delete_later(connection, person.id, moved_at)
    people.move(connection, person.id, back_to, consent.at)
    consents.append(connection, person.id, None, ConsentKind.MOVED, consent, "undone")
    return True


def _is_free(connection: Connection, person: Subscriber, address: Address) -> bool:
    """Whether a person can have an address; one who only exists by a request there makes room."""
    holder = people.find(connection, address)
    if holder is None or holder.id == person.id:
        return True
    locks.deleting(connection)
    if not unconfirmed.is_one(connection, holder.id):
        return False
    unconfirmed.delete(connection, holder.id)
    return True
