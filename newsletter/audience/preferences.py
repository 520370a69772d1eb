"""What a subscriber sees and decides of their own: lists, name, pauses, and all that is held."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

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
    held,
    lists,
    people,
    requests,
    subscriptions,
    suppressions,
)
from newsletter.store.people import Person
from newsletter.store.staging import Hashes

HOW = "preferences"
PAUSES = (7, 30, 90)  # days
LONGEST_PAUSE = dt.timedelta(days=366)


class Rejoined(StrEnum):
    JOINED = "joined"
    ASK = "ask"  # they never confirmed this list: a mail has to ask
    BLOCKED = "blocked"  # the address is suppressed


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


def rejoin(
    store: Store, link: PersonalLink, list_id: int, hashes: Hashes, said: Consent
) -> Rejoined:
    """Come back to a list that was once confirmed; any other one asks by mail first."""
    subscriber_id = link.subscriber_id
    with store.write() as connection:
        person = reader_of(connection, link)
        if person is None or suppression_of(connection, person.address, hashes):
            return Rejoined.BLOCKED
        standing = subscriptions.find(connection, subscriber_id, list_id)
        if standing is not None and standing.status is SubscriptionStatus.CONFIRMED:
            return Rejoined.JOINED
        if standing is None or not _once_confirmed(connection, subscriber_id, list_id):
            return Rejoined.ASK
        status = SubscriptionStatus.CONFIRMED
        subscriptions.subscribe(connection, subscriber_id, list_id, status, said)
    return Rejoined.JOINED


def rename(store: Store, link: PersonalLink, name: str, said: Consent) -> str | None:
    """Returns the name that is kept, None where it cannot be one."""
    try:
        kept, _ = checked(name, {})
    except UsageError:
        return None
    with store.write() as connection:
        person = reader_of(connection, link)
        if person is not None and person.name != kept:
            people.update(connection, person.id, kept or "", person.attributes, said.at)
            consents.append(connection, person.id, None, ConsentKind.RENAMED, said)
    return kept


def pause(store: Store, link: PersonalLink, until: dt.datetime | None, said: Consent) -> None:
    """Get nothing before `until`; None goes on at once."""
    kind = ConsentKind.CONTINUED if until is None else ConsentKind.PAUSED
    with store.write() as connection:
        person = reader_of(connection, link)
        if person is not None:
            people.pause(connection, person.id, until)
            detail = "" if until is None else f"until {until.isoformat()}"
            consents.append(connection, person.id, None, kind, said, detail)


def everything(store: Store, subscriber_id: int) -> dict[str, Any] | None:
    """All that is held of a person, as JSON: Article 15 of the GDPR. Times are ISO 8601, UTC."""
    with store.read() as connection:
        person = people.person(connection, subscriber_id)
        if person is None:
            return None
        subscriber = person.subscriber
        found = suppressions.find(connection, subscriber.address)
        return {
            "address": subscriber.address.text,
            "name": subscriber.name,
            "attributes": dict(subscriber.attributes),
            "since": person.created_at.isoformat(),
            "paused_until": _time(subscriber.paused_until),
            "subscriptions": [
                {
                    "list": each.list,
                    "status": each.status,
                    "changed": _time(each.updated_at),
                    "consent": {
                        "at": _time(each.consent.at),
                        "how": each.consent.how,
                        "source": each.consent.source,
                    },
                }
                for each in person.subscriptions
            ],
            "suppression": None
            if found is None
            else {"reason": found.reason, "source": found.source, "at": _time(found.created_at)},
            "consents": [
                {
                    "at": _time(fact.consent.at),
                    "kind": fact.kind,
                    "list": fact.list,
                    "how": fact.consent.how,
                    "source": fact.consent.source,
                    "wording": fact.consent.wording,
                    "ip": fact.consent.ip,
                    "detail": fact.detail,
                }
                for fact in consents.of(connection, subscriber_id)
            ],
            "requests": [
                {
                    "at": _time(request.at),
                    "kind": request.kind,
                    "address": request.address.text,
                    "name": request.name,
                    "state": request.state,
                    "ip": request.ip,
                }
                for request in requests.of(connection, subscriber_id)
            ],
            "deliveries": [
                {**row, "at": _time(row["at"])}
                for row in held.deliveries_of(connection, subscriber_id)
            ],
            "events": [
                {**row, "at": _time(row["at"])} for row in held.events_of(connection, subscriber_id)
            ],
        }


def _once_confirmed(connection: Connection, subscriber_id: int, list_id: int) -> bool:
    facts = consents.of(connection, subscriber_id, list_id)
    return any(fact.kind is ConsentKind.CONFIRMED for fact in facts)


def _time(at: dt.datetime | None) -> str | None:
    return None if at is None else at.isoformat()
