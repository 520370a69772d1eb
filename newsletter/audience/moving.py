"""Moving a person to another address."""

from sqlalchemy.engine import Connection

from newsletter.model.address import Address
from newsletter.model.subscriber import Consent, ConsentKind, Subscriber
from newsletter.store import consents, former, people, unconfirmed
from newsletter.store.staging import Hashes


def move(
    connection: Connection, person: Subscriber, to: Address, hashes: Hashes, said: Consent
) -> bool:
    """Give a person another address; False where it is somebody's.

    Whoever was only asked for at that address makes room. The address before is kept as one that
    was theirs, with the key of the links that were mailed there: those can only leave from now on.
    """
    people.lock(connection)  # somebody else may be moving there at this moment
    holder = people.find(connection, to)
    if holder is not None and holder.id != person.id:
        if not unconfirmed.is_one(connection, holder.id):
            return False
        unconfirmed.delete(connection, holder.id)
    before = person.address
    newest_hash, *_ = hashes(before.key)
    former.add(connection, person.id, before, newest_hash, person.link_key, said.at)
    people.move(connection, person.id, to, said.at)
    consents.append(connection, person.id, None, ConsentKind.MOVED, said)
    return True
