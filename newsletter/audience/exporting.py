"""Writing subscribers as CSV, in the form that the import reads back."""

import csv
from collections.abc import Iterator
from typing import TextIO

from sqlalchemy.engine import Connection

from newsletter.audience.spreadsheet import guard
from newsletter.model.subscriber import Subscription
from newsletter.store import Store, lists, people
from newsletter.store.conditions import Condition, Moment
from newsletter.store.people import Person

# An attribute so called would be taken for the column that every export has.
_TAKEN = frozenset({"list", "status"})


def export(
    store: Store,
    out: TextIO,
    *,
    list_name: str | None = None,
    segment: tuple[str, Moment] | None = None,
    raw: bool = False,
) -> int:
    """Write `email,name,list,status,<attributes>`, the newest first; returns the number of rows.

    One row for each subscription of a list, or of all lists; with a list the column `list` is
    left out. Of a `segment`, as it is at a moment, only its people. Cells that a spreadsheet would
    run begin with an apostrophe, unless `raw`. Raises UsageError for an unknown list or segment
    before anything is written.
    """
    writer = csv.writer(out, lineterminator="\n")
    rows = 0
    with store.read() as connection:
        list_id = None if list_name is None else lists.id_of(connection, list_name)
        where = None if segment is None else _in_segment(connection, *segment, list_id)
        names = people.attribute_names(connection)
        joined = ["list"] if list_name is None else []
        header = ["email", "name", *joined, "status", *map(_column, names)]
        writer.writerow(header if raw else map(guard, header))
        for person in people.newest_first(connection, list_id=list_id, where=where):
            subscriber = person.subscriber
            attributes = [subscriber.attributes.get(name, "") for name in names]
            for subscription in _rows(person, list_name):
                status = subscription.status.value if subscription else ""
                joined = [subscription.list if subscription else ""] if list_name is None else []
                row = [subscriber.address.text, subscriber.name, *joined, status, *attributes]
                writer.writerow(row if raw else map(guard, row))
                rows += 1
    return rows


def _in_segment(
    connection: Connection, name: str, moment: Moment, list_id: int | None
) -> Condition:
    from newsletter.audience import segments  # noqa: PLC0415 -- a parser that segments alone need

    return segments.members_of(connection, name, list_id, moment)


def _rows(person: Person, list_name: str | None) -> Iterator[Subscription | None]:
    if not person.subscriptions:
        yield None
    for subscription in person.subscriptions:
        if list_name in (None, subscription.list):
            yield subscription


def _column(attribute: str) -> str:
    return f"attribute:{attribute}" if attribute in _TAKEN else attribute
