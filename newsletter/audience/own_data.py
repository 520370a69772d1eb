"""All data about a reader, for the reader: Article 15 of the GDPR.

https://gdpr-info.eu/art-15-gdpr/
"""

import datetime as dt
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Connection

from newsletter.store import Store
from newsletter.store.people import consents, former, mailed, people, requests, suppressions
from newsletter.store.people.people import Person

_PAGE = 500


def everything(store: Store, subscriber_id: int) -> Iterator[str]:
    """A JSON object in pieces; times are ISO 8601, UTC. Nothing for an erased person.

    Deliveries and events are read in pages, so that many of them need no more memory than a few.
    """
    with store.read() as connection:
        person = people.person(connection, subscriber_id)
        if person is None:
            return
        head = _head(connection, person)
    yield "{\n"
    for name, value in head.items():
        yield f"{_json(name)}: {_json(value)},\n"
    yield '"deliveries": ['
    yield from _rows(store, subscriber_id, mailed.deliveries_of)
    yield '],\n"events": ['
    yield from _rows(store, subscriber_id, mailed.events_of)
    yield "]\n}\n"


def _rows(
    store: Store,
    subscriber_id: int,
    page_of: Callable[[Connection, int, int, int], Sequence[tuple[int, Mapping[str, Any]]]],
) -> Iterator[str]:
    after, separator = 0, "\n"
    while True:
        with store.read() as connection:
            page = page_of(connection, subscriber_id, after, _PAGE)
        for number, row in page:
            yield separator + _json(row)
            after, separator = number, ",\n"
        if len(page) < _PAGE:
            return


def _head(connection: Connection, person: Person) -> dict[str, Any]:
    subscriber = person.subscriber
    suppression = suppressions.find(connection, subscriber.address)
    return {
        **people.own_data(connection, subscriber.id),
        "since": person.created_at,
        "former_addresses": [
            {"address": each.address.text if each.address else None, "until": each.at}
            for each in former.of(connection, subscriber.id)
        ],
        "subscriptions": [
            {
                "list": each.list,
                "status": each.status,
                "changed": each.updated_at,
                "consent": {
                    "at": each.consent.at,
                    "how": each.consent.how,
                    "source": each.consent.source,
                },
            }
            for each in person.subscriptions
        ],
        "suppression": None
        if suppression is None
        else {
            "reason": suppression.reason,
            "source": suppression.source,
            "at": suppression.created_at,
        },
        "consents": [
            {
                "at": fact.consent.at,
                "kind": fact.kind,
                "list": fact.list,
                "how": fact.consent.how,
                "source": fact.consent.source,
                "wording": fact.consent.wording,
                "ip": fact.consent.ip,
                "issue": fact.issue,
                "detail": fact.detail,
            }
            for fact in consents.of(connection, subscriber.id)
        ],
        "requests": [
            {
                "at": request.at,
                "kind": request.kind,
                "address": request.address.text,
                "new_address": request.target.text if request.target else None,
                "state": request.state,
                "ip": request.ip,
            }
            for request in requests.of(connection, subscriber.id)
        ],
    }


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=dt.datetime.isoformat)
