"""What the schema calls personal is what erasing takes out and what a reader's own data shows."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.audience import own_data
from newsletter.model.address import Address
from newsletter.store import Store
from newsletter.store.schema import (
    former_addresses,
    import_changes,
    import_people,
    imports,
    is_copied,
    is_personal,
    metadata,
    requests,
    subscribers,
    subscriptions,
)
from tests.factories import LATER, NOW
from tests.integration.test_erasing import CANARY, fill, forget

COLUMNS = [column for table in metadata.sorted_tables for column in table.c]
PERSONAL = [column for column in COLUMNS if is_personal(column)]
BEFORE = "canary.before@example.com"


def theirs(table: sa.Table, subscriber_id: int) -> sa.ColumnElement[bool]:
    """The rows of a person; all rows of a table that knows no person but may name one."""
    if table is subscribers:
        return subscribers.c.id == subscriber_id
    if "subscriber_id" in table.c:
        return table.c.subscriber_id == subscriber_id
    return sa.true()


def values(connection: Connection, column: sa.Column[Any], subscriber_id: int) -> list[Any]:
    query = sa.select(column).where(theirs(column.table, subscriber_id), column.is_not(None))
    return list(connection.execute(query).scalars())


def known(value: Any) -> bool:
    return isinstance(value, dt.datetime) or "canary" in json.dumps(value).lower()


def fill_every_column(store: Store) -> int:
    """Let every personal column hold something of a person; returns their id."""
    subscriber_id = fill(store)
    with store.write() as connection:
        (row,) = connection.execute(
            sa.select(subscriptions).where(subscriptions.c.subscriber_id == subscriber_id)
        ).all()
        standing = {
            column.name: row._mapping[column.name]
            for column in import_changes.c
            if column.name != "import_id"
        }
        connection.execute(sa.insert(imports).values(id=1, at=NOW, file="readers.csv"))
        connection.execute(sa.insert(import_changes).values({**standing, "import_id": 1}))
        connection.execute(
            sa.insert(import_people).values(
                import_id=1, subscriber_id=subscriber_id, name="", attributes={}, updated_at=NOW
            )
        )
        connection.execute(
            sa.insert(former_addresses).values(
                subscriber_id=subscriber_id, address=BEFORE, address_key=BEFORE, link_key=1, at=NOW
            )
        )
        connection.execute(
            sa.insert(requests).values(
                kind="move",
                subscriber_id=subscriber_id,
                address=CANARY,
                target=BEFORE,
                mailbox="ada@example.com",
                at=NOW,
                state="mailed",
            )
        )
        for column in PERSONAL:
            if not any(map(known, values(connection, column, subscriber_id))):
                connection.execute(
                    sa.update(column.table)
                    .where(theirs(column.table, subscriber_id))
                    .values({column: sample(column)})
                )
    return subscriber_id


def sample(column: sa.Column[Any]) -> Any:
    """Something that is told from what stands in all other columns."""
    text = f"{CANARY} in {column}"
    match column.type:
        case sa.Text():
            return text
        case sa.JSON():
            return {"text": text}
        case _:
            return LATER


def leaves(value: Any) -> Iterator[Any]:
    match value:
        case dict():
            for each in value.values():
                yield from leaves(each)
        case list():
            for each in value:
                yield from leaves(each)
        case dt.datetime():
            yield value.isoformat()
        case _:
            yield value


def test_every_text_says_whether_it_is_personal() -> None:
    """One that says nothing would be forgotten by those who erase."""
    silent = [
        str(column)
        for column in COLUMNS
        if isinstance(column.type, sa.Text | sa.JSON | sa.LargeBinary)
        and "personal" not in {**column.table.info, **column.info}
    ]

    assert silent == []


def test_erasing_takes_out_all_that_is_personal(store: Store, tmp_path: Path) -> None:
    subscriber_id = fill_every_column(store)
    with store.read() as connection:
        filled = {
            column: any(map(known, values(connection, column, subscriber_id)))
            for column in PERSONAL
        }

    forget(store, tmp_path, Address(CANARY))

    with store.read() as connection:
        left = {
            column: any(map(known, values(connection, column, subscriber_id)))
            for column in PERSONAL
        }
    assert [str(column) for column, was_filled in filled.items() if not was_filled] == []
    assert [str(column) for column, is_left in left.items() if is_left] == []


def test_my_data_shows_all_that_is_personal_and_no_copy(store: Store) -> None:
    subscriber_id = fill_every_column(store)

    shown = json.loads("".join(own_data.everything(store, subscriber_id)))

    told = set(leaves(shown))
    with store.read() as connection:
        missing = {
            str(column)
            for column in PERSONAL
            if not is_copied(column)
            for value in values(connection, column, subscriber_id)
            if known(value) and not told.issuperset(leaves(value))
        }
    assert missing == set()
