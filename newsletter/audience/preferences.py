"""What readers see and decide by their link: lists, name, pauses.

Anybody may hold a mail that was forwarded. So a link changes at once what can be taken back, a few
times an hour; all else asks the address on record (newsletter.audience.joining.ask_by_link).
"""

import datetime as dt
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy.engine import Connection, Row

from newsletter.audience.cells import checked
from newsletter.audience.holders import Holder, holders, reader_of, with_deliveries
from newsletter.errors import UsageError
from newsletter.gate import visible
from newsletter.links import PersonalLink
from newsletter.model.subscriber import (
    Consent,
    ConsentKind,
    Subscriber,
    SubscriptionStatus,
    SuppressionReason,
)
from newsletter.store import Store, locks
from newsletter.store.people import consents, people, subscribing
from newsletter.store.people import standing as query

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
class ListWords:
    """What readers see of a list: its title, which is its name where it has none."""

    title: str
    description: str


@dataclass(frozen=True, slots=True)
class ReaderPreferences:
    """`lists` has the ids of all lists by their names, `words` what readers see of them, `statuses`
    where the reader stands on those that they ever joined, asked to join, or left."""

    reader: Subscriber
    lists: Mapping[str, int]
    words: Mapping[str, ListWords]
    statuses: Mapping[str, SubscriptionStatus]
    suppressed: SuppressionReason | None

    @property
    def gets(self) -> tuple[str, ...]:
        """The lists that they get mail of."""
        confirmed = SubscriptionStatus.CONFIRMED
        return tuple(name for name, status in self.statuses.items() if status is confirmed)


def standing(store: Store, link: PersonalLink) -> ReaderPreferences | Holder:
    """How the reader of a link stands, or who else holds it."""
    return standings(store, [link])[link]


def standings(
    store: Store, links: Collection[PersonalLink]
) -> Mapping[PersonalLink, ReaderPreferences | Holder]:
    """As `standing`, for many at once."""
    with store.read() as connection:
        rows = query.of(connection, {link.subscriber_id for link in links})
        theirs = {link: rows.get(link.subscriber_id, ()) for link in links}
        others = [
            link for link, own in theirs.items() if not own or own[0].link_key != link.link_key
        ]
        held_by = holders(connection, others) if others else {}
    return {
        link: held_by[link] if link in held_by else _standing(own) for link, own in theirs.items()
    }


def _standing(rows: Sequence[Row[Any]]) -> ReaderPreferences:
    first = rows[0]
    return ReaderPreferences(
        people.subscriber_of(first),
        {row.list_name: row.list_id for row in rows if row.list_id is not None},
        {
            row.list_name: ListWords(row.list_title or row.list_name, row.list_description)
            for row in rows
            if row.list_id is not None
        },
        {row.list_name: SubscriptionStatus(row.status) for row in rows if row.status is not None},
        SuppressionReason(first.reason) if first.reason is not None else None,
    )


def leave(store: Store, link: PersonalLink, list_id: int, consent: Consent) -> None:
    """Leave any of the reader's lists."""
    with store.write() as connection:
        if reader_of(connection, link) is not None:
            consent = with_deliveries(connection, {link: consent})[link]
            subscribing.leave(connection, link.subscriber_id, list_id, consent)


def rename(store: Store, link: PersonalLink, name: str, consent: Consent) -> Changed:
    """Change the name, if it is valid: it may appear in mails, so it must not look like a link or
    reverse the text around it."""
    try:
        new_name, _ = checked(name, {})
    except UsageError:
        return Changed.BAD_NAME
    new_name = new_name or ""
    if len(new_name) > LONGEST_NAME or new_name != visible(new_name):
        return Changed.BAD_NAME
    if _LIKE_A_LINK.search(unicodedata.normalize("NFKC", new_name)):
        return Changed.BAD_NAME
    with store.write() as connection:
        locks.people(connection)  # so that the limits count what others change now
        person = reader_of(connection, link)
        if person is None or person.name == new_name:
            return Changed.DONE
        since, renamed = consent.at - dt.timedelta(days=1), ConsentKind.RENAMED
        if consents.count_since(connection, person.id, since, renamed) >= NAMES_A_DAY:
            return Changed.ENOUGH
        if changed_enough(connection, person.id, consent.at):
            return Changed.ENOUGH
        people.update(connection, person.id, new_name, person.attributes, consent.at)
        consents.append(connection, person.id, None, renamed, consent)
    return Changed.DONE


def pause(store: Store, link: PersonalLink, until: dt.datetime | None, consent: Consent) -> Changed:
    """Get nothing before `until`; None goes on at once. A state that is already so is not written
    again."""
    kind = ConsentKind.CONTINUED if until is None else ConsentKind.PAUSED
    with store.write() as connection:
        locks.people(connection)  # so that the limits count what others change now
        person = reader_of(connection, link)
        if person is None or person.paused_until == until:
            return Changed.DONE
        if changed_enough(connection, person.id, consent.at):
            return Changed.ENOUGH
        people.pause(connection, person.id, until)
        detail = "" if until is None else f"until {until.isoformat()}"
        consents.append(connection, person.id, None, kind, consent, detail)
    return Changed.DONE


def changed_enough(connection: Connection, subscriber_id: int, now: dt.datetime) -> bool:
    """Whether the links of a reader have changed more in an hour than a person would."""
    since = now - dt.timedelta(hours=1)
    return consents.count_since(connection, subscriber_id, since) >= CHANGES_AN_HOUR
