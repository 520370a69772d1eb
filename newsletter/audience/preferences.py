"""What a reader sees and decides of their own by their link: lists, name, pauses.

Anybody may hold a mail that was forwarded. So a link changes at once what can be taken back, a few
times an hour; all else asks the address on record (newsletter.audience.joining.ask_by_link).
"""

import datetime as dt
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.engine import Connection

from newsletter.audience.cells import checked
from newsletter.audience.holders import Holder, holder_of, reader_of, with_deliveries
from newsletter.audience.subscribers import suppression_of
from newsletter.errors import UsageError
from newsletter.links import PersonalLink
from newsletter.model.subscriber import (
    Consent,
    ConsentKind,
    SubscriptionStatus,
    SuppressionReason,
)
from newsletter.store import (
    Store,
    consents,
    lists,
    people,
    subscriptions,
)
from newsletter.store.people import Person
from newsletter.store.staging import Hashes

HOW = "preferences"
PAUSES = (7, 30, 90)  # days
CHANGES_AN_HOUR = 20
NAMES_A_DAY = 5
LONGEST_NAME = 60
# `https://`, `www.`, an address, or a word with a dot in it: mail programs make links of them.
_LIKE_A_LINK = re.compile(r"://|www\.|@|\w[.。]\w{2}", re.IGNORECASE)
LONGEST_PAUSE = dt.timedelta(days=366)


class Changed(StrEnum):
    """What came of a change."""

    DONE = "done"
    ENOUGH = "enough"  # over a limit
    BAD_NAME = "bad_name"


@dataclass(frozen=True, slots=True)
class Standing:
    """`lists` has the ids of all lists by their names."""

    person: Person
    lists: Mapping[str, int]
    suppressed: SuppressionReason | None

    def is_on(self, name: str) -> bool:
        return any(
            standing.list == name and standing.status is SubscriptionStatus.CONFIRMED
            for standing in self.person.subscriptions
        )

    def joined(self, name: str) -> bool:
        """Whether they ever joined, asked to, or left."""
        return any(standing.list == name for standing in self.person.subscriptions)


def standing(store: Store, link: PersonalLink, hashes: Hashes) -> Standing | Holder:
    """How the reader of a link stands, or who else holds it."""
    with store.read() as connection:
        person = people.person(connection, link.subscriber_id)
        if person is None or person.subscriber.link_key != link.link_key:
            return holder_of(connection, link)
        suppressed = suppression_of(connection, person.subscriber.address, hashes)
        numbers = {name: number for number, name in lists.names(connection)}
        return Standing(person, numbers, suppressed.reason if suppressed else None)


def leave(store: Store, link: PersonalLink, list_id: int, said: Consent) -> None:
    """Leave any of the reader's lists."""
    with store.write() as connection:
        if reader_of(connection, link) is not None:
            said = with_deliveries(connection, {link: said})[link]
            subscriptions.unsubscribe(connection, link.subscriber_id, list_id, said)


def rename(store: Store, link: PersonalLink, name: str, said: Consent) -> Changed:
    """Keep another name, if it is one: it may stand in mails, so it holds nothing like a link."""
    try:
        kept, _ = checked(name, {})
    except UsageError:
        return Changed.BAD_NAME
    kept = kept or ""
    if len(kept) > LONGEST_NAME or _LIKE_A_LINK.search(unicodedata.normalize("NFKC", kept)):
        return Changed.BAD_NAME
    with store.write() as connection:
        person = reader_of(connection, link)
        if person is None or person.name == kept:
            return Changed.DONE
        since, renamed = said.at - dt.timedelta(days=1), ConsentKind.RENAMED
        if consents.count_since(connection, person.id, since, renamed) >= NAMES_A_DAY:
            return Changed.ENOUGH
        if changed_enough(connection, person.id, said.at):
            return Changed.ENOUGH
        people.update(connection, person.id, kept, person.attributes, said.at)
        consents.append(connection, person.id, None, renamed, said)
    return Changed.DONE


def pause(store: Store, link: PersonalLink, until: dt.datetime | None, said: Consent) -> Changed:
    """Get nothing before `until`; None goes on at once. What is so already is not written again."""
    kind = ConsentKind.CONTINUED if until is None else ConsentKind.PAUSED
    with store.write() as connection:
        person = reader_of(connection, link)
        if person is None or person.paused_until == until:
            return Changed.DONE
        if changed_enough(connection, person.id, said.at):
            return Changed.ENOUGH
        people.pause(connection, person.id, until)
        detail = "" if until is None else f"until {until.isoformat()}"
        consents.append(connection, person.id, None, kind, said, detail)
    return Changed.DONE


def changed_enough(connection: Connection, subscriber_id: int, now: dt.datetime) -> bool:
    """Whether the links of a reader have changed so much in an hour that no person does it."""
    since = now - dt.timedelta(hours=1)
    return consents.count_since(connection, subscriber_id, since) >= CHANGES_AN_HOUR
