"""Writing subscribers as CSV, in the form that the import reads back: no yes and no no is lost."""

import csv
import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TextIO

from sqlalchemy.engine import Connection

from newsletter.audience.ownlayout import FACTS, column_of, written, written_former
from newsletter.audience.spreadsheet import guard
from newsletter.errors import Refused
from newsletter.model.subscriber import ConsentFact, Subscription, Suppression
from newsletter.store import Store
from newsletter.store.pages import stream
from newsletter.store.people import consents, former, lists, people, suppressions
from newsletter.store.people.former import FormerAddress
from newsletter.store.people.people import Person
from newsletter.store.segments.conditions import Condition, Moment


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

    One row for each subscription of a list, or of all lists; with a list the column `list` is left
    out. With a `segment`, as it is at a moment, only its people. Without both, the suppressed
    addresses that nobody has follow, those of erased people as hashes. Cells that a spreadsheet
    would run begin with an apostrophe, unless `raw`. Raises UsageError for an unknown list or
    segment before anything is written.
    """
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    rows = 0

    def write(row: Sequence[str]) -> None:
        nonlocal rows
        writer.writerow(row if raw else map(guard, row))
        rows += 1

    with store.read() as connection:
        _audience(connection, list_name, segment)
        names = people.attribute_names(connection)
    joined = ["list"] if list_name is None else []
    header = ["email", "name", *joined, "status", *map(column_of, names), *FACTS]
    writer.writerow(header if raw else map(guard, header))

    def page(connection: Connection, after: _Exported | None) -> Sequence[_Exported]:
        list_id, where = _audience(connection, list_name, segment)
        last = None if after is None else after.person
        people_of_page = people.page(connection, last, list_id=list_id, where=where)
        return _exported(connection, people_of_page, list_name, names)

    for exported in stream(store, page):
        for row in exported.rows:
            write(row)
    if list_name is None and segment is None:
        blank = [""] * (len(header) - len(FACTS) - 1)
        for suppression in stream(store, partial(suppressions.page, of_nobody=True)):
            write([suppression.address, *blank, *_Facts(suppression=suppression).cells])
    with store.read() as connection:
        _refuse_newer(names, people.attribute_names(connection))
    return rows


def _refuse_newer(names: Sequence[str], names_now: Sequence[str]) -> None:
    """Raises Refused where people got an attribute that has no column."""
    if new := sorted(set(names_now) - set(names)):
        raise Refused(
            f"an import brought {', '.join(new)} meanwhile, which the file has no column for",
            hint="Export again.",
        )


@dataclass(frozen=True, slots=True)
class _Exported:
    """A person and their rows."""

    person: Person
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the columns after the attributes say, in the order of FACTS."""

    subscription: Subscription | None = None
    created_at: dt.datetime | None = None
    paused_until: dt.datetime | None = None
    suppression: Suppression | None = None
    consents: Sequence[ConsentFact] = ()
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
            written(self.consents),
            written_former(self.former),
        ]


def _exported(
    connection: Connection, page: Sequence[Person], list_name: str | None, names: Sequence[str]
) -> Sequence[_Exported]:
    ids = [person.subscriber.id for person in page]
    consents_of, before = consents.of_each(connection, ids), former.of_each(connection, ids)
    suppressed = suppressions.of(connection, [person.subscriber.address.key for person in page])
    exported = []
    for person in page:
        subscriber = person.subscriber
        attributes = [subscriber.attributes.get(name, "") for name in names]
        facts = consents_of.get(subscriber.id, [])
        rows = []
        for number, joined in enumerate(_subscriptions(person, list_name)):
            about = _Facts(
                joined,
                person.created_at,
                subscriber.paused_until,
                suppressed.get(subscriber.address.key),
                [fact for fact in facts if _belongs(fact, joined, is_first=number == 0)],
                before.get(subscriber.id, ()) if number == 0 else (),
            )
            where = [joined.list if joined else ""] if list_name is None else []
            status = joined.status.value if joined else ""
            identity = (subscriber.address.text, subscriber.name)
            rows.append([*identity, *where, status, *attributes, *about.cells])
        exported.append(_Exported(person, rows))
    return exported


def _belongs(fact: ConsentFact, joined: Subscription | None, *, is_first: bool) -> bool:
    """Whether a fact belongs to the row of a subscription; facts without a list belong to the
    first."""
    if fact.list is None:
        return is_first
    return joined is not None and fact.list == joined.list


def _suppression_cells(suppression: Suppression | None) -> tuple[str, str, str]:
    if suppression is None:
        return "", "", ""
    return suppression.reason.value, _time(suppression.created_at), suppression.source


def _time(at: dt.datetime | None) -> str:
    return "" if at is None else at.isoformat()


def _audience(
    connection: Connection, list_name: str | None, segment: tuple[str, Moment] | None
) -> tuple[int | None, Condition | None]:
    """The list and the condition for the people of an export."""
    list_id = None if list_name is None else lists.id_of(connection, list_name)
    if segment is None:
        return list_id, None
    from newsletter.audience import segments  # noqa: PLC0415 -- a parser that segments alone need

    name, moment = segment
    return list_id, segments.members_of(connection, name, list_id, moment)


def _subscriptions(person: Person, list_name: str | None) -> Iterator[Subscription | None]:
    if not person.subscriptions:
        yield None
    for subscription in person.subscriptions:
        if list_name in (None, subscription.list):
            yield subscription
