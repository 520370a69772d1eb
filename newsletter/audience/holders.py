"""Who holds a personal link: the reader to whom it was mailed, or by now somebody else.

Links live long: the reader may have moved to another address, and a restored store may have given
the reader's id to somebody else. So a link carries a key of its reader.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from enum import StrEnum

from sqlalchemy.engine import Connection

from newsletter.links import PersonalLink
from newsletter.model.subscriber import Consent, Subscriber
from newsletter.store.people import former, history, people


class Holder(StrEnum):
    """Who holds a personal link."""

    READER = "reader"
    FORMER = "former"  # whoever reads mail at the reader's former address: they may only leave
    NOBODY = "nobody"  # no reader of this store: they were erased, or the store was restored


def holders(
    connection: Connection, links: Collection[PersonalLink]
) -> Mapping[PersonalLink, Holder]:
    """Who holds each of these links."""
    keys = people.link_keys(connection, {link.subscriber_id for link in links})
    pairs = {(link.subscriber_id, link.link_key) for link in links}
    others = {pair for pair in pairs if pair[0] in keys and keys[pair[0]] != pair[1]}
    left_behind = former.had_link_key(connection, others)

    def holder(link: PersonalLink) -> Holder:
        pair = (link.subscriber_id, link.link_key)
        if pair in left_behind:
            return Holder.FORMER
        return Holder.READER if keys.get(pair[0]) == pair[1] else Holder.NOBODY

    return {link: holder(link) for link in links}


def holder_of(connection: Connection, link: PersonalLink) -> Holder:
    return holders(connection, [link])[link]


def reader_of(connection: Connection, link: PersonalLink) -> Subscriber | None:
    """The reader of a link, if they still have the address it was mailed to."""
    person = people.get(connection, link.subscriber_id)
    return person if person is not None and person.link_key == link.link_key else None


def with_deliveries(
    connection: Connection, clicks: Mapping[PersonalLink, Consent]
) -> dict[PersonalLink, Consent]:
    """Add to the consent by each link the delivery that brought the link, if it is one of
    theirs."""
    brought_by = history.found_deliveries(
        connection, {(link.send_id, link.number) for link in clicks if link.send_id}
    )
    noted = {}
    for link, consent in clicks.items():
        send, subscriber_id = brought_by.get((link.send_id, link.number), (0, 0))
        is_theirs = subscriber_id == link.subscriber_id
        noted[link] = replace(consent, delivery=(send, link.number)) if is_theirs else consent
    return noted
