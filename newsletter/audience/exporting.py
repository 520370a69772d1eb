"""Writing subscribers as CSV, in the form that the import reads back: no yes and no no is lost."""

import csv
import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TextIO

from sqlalchemy.engine import Connection

from newsletter.audience.ownlayout import FACTS, column_of, written, written_former
from newsletter.audience.spreadsheet import guard
from newsletter.model.subscriber import ConsentFact, Subscription, Suppression
from newsletter.store import Store
from newsletter.store.people import consents, former, lists, people, suppressions
from newsletter.store.people.former import FormerAddress
from newsletter.store.people.people import Person
from newsletter.store.segments.conditions import Condition, Moment

_PAGE = 500


def export(
    store: Store,
    out: TextIO,
    *,
    list_name: str | None = None,
    segment: tuple[str, Moment] | None = None,
    raw: bool = False,
) -> int:
    """Write `email,name,list,status,<attributes>,<facts>`, the newest first; returns the number of
    rows.

    One row for each subscription of a list, or of all lists; with a list the column `list` is
    left out. Of a `segment`, as it is at a moment, only its people. Without both, the suppressed
    addresses that nobody has follow, those of erased people as hashes. Cells that a spreadsheet
    would run begin with an apostrophe, unless `raw`. Raises UsageError for an unknown list or
    segment before anything is written.
    """
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    rows = 0
    with store.read() as connection:
        list_id = None if list_name is None else lists.id_of(connection, list_name)
        where = None if segment is None else _in_segment(connection, *segment, list_id)
        names = people.attribute_names(connection)
        joined = ["list"] if list_name is None else []
        header = ["email", "name", *joined, "status", *map(column_of, names), *FACTS]
        writer.writerow(header if raw else map(guard, header))
        found = people.newest_first(connection, list_id=list_id, where=where)
        for row in _rows(connection, found, list_name, list_id, names):
            writer.writerow(row if raw else map(guard, row))
            rows += 1
        if list_name is None and segment is None:
            blank = [""] * (len(header) - len(FACTS) - 1)
            for suppression in suppressions.of_nobody(connection):
                facts = _Facts(suppression=suppression)
                row = [suppression.address, *blank, *facts.cells]
                writer.writerow(row if raw else map(guard, row))
                rows += 1
    return rows


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the columns after the attributes say, in the order of FACTS."""

    subscription: Subscription | None = None
    created_at: dt.datetime | None = None
    paused_until: dt.datetime | None = None
    suppression: Suppression | None = None
    said: Sequence[ConsentFact] = ()
    former: Sequence[FormerAddress] = ()

    @property
    def cells(self) -> list[str]:
        consent = self.subscription.consent if self.subscription else None
        return [
            *(
                (_time(consent.at), consent.how, consent.source, consent.ip)
                if consent
                else [""] * 4
            ),
            _time(self.created_at),
            _time(self.paused_until),
            *_suppression_cells(self.suppression),
            written(self.said),
            written_former(self.former),
        ]


def _rows(
    connection: Connection,
    found: Iterator[Person],
    list_name: str | None,
    list_id: int | None,
    names: Sequence[str],
) -> Iterator[list[str]]:
    while page := list(islice(found, _PAGE)):
        ids = [person.subscriber.id for person in page]
        said, before = consents.of_each(connection, ids), former.of_each(connection, ids)
        suppressed = suppressions.of(connection, [person.subscriber.address.key for person in page])
        for person in page:
            subscriber = person.subscriber
            attributes = [subscriber.attributes.get(name, "") for name in names]
            facts = said.get(subscriber.id, [])
            for number, joined in enumerate(_subscriptions(person, list_name)):
                about = _Facts(
                    joined,
                    person.created_at,
                    subscriber.paused_until,
                    suppressed.get(subscriber.address.key),
                    [fact for fact in facts if _belongs(fact, joined, is_first=number == 0)],
                    before.get(subscriber.id, ()) if number == 0 else (),
                )
                where = [joined.list if joined else ""] if list_id is None else []
                status = joined.status.value if joined else ""
                yield [
                    subscriber.address.text,
                    subscriber.name,
                    *where,
                    status,
                    *attributes,
                    *about.cells,
                ]


def _belongs(fact: ConsentFact, joined: Subscription | None, *, is_first: bool) -> bool:
    """Whether a fact stands in the row of a subscription; what is of no list, in the first."""
    if fact.list is None:
        return is_first
    return joined is not None and fact.list == joined.list


def _suppression_cells(suppression: Suppression | None) -> tuple[str, str, str]:
    if suppression is None:
        return "", "", ""
    return suppression.reason.value, _time(suppression.created_at), suppression.source


def _time(at: dt.datetime | None) -> str:
    return "" if at is None else at.isoformat()


def _in_segment(
    connection: Connection, name: str, moment: Moment, list_id: int | None
) -> Condition:
    from newsletter.audience import segments  # noqa: PLC0415 -- a parser that segments alone need

    return segments.members_of(connection, name, list_id, moment)


def _subscriptions(person: Person, list_name: str | None) -> Iterator[Subscription | None]:
    if not person.subscriptions:
        yield None
    for subscription in person.subscriptions:
        if list_name in (None, subscription.list):
            yield subscription
