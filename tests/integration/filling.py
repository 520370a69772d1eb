"""A store with a row in every table, each value made from its column."""

import re
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import JSON

from newsletter.store import Store
from newsletter.store.ledger import partitions
from newsletter.store.schema import UtcTime, deliveries, metadata
from tests.factories import NOW

_WORDS = re.compile(r"^(\w+) IN \('([^']+)'")


def fill(store: Store, *, without: tuple[str, ...] = ()) -> None:
    """Give each table a row, in the order of their foreign keys, so that they hold."""
    made: dict[str, dict[str, Any]] = {}
    with store.write() as connection:
        for table in metadata.sorted_tables:
            if table.name not in without:
                row = {column.name: _value(column, made) for column in table.c}
                if table is deliveries:
                    partitions.make(connection, row["send"])
                connection.execute(sa.insert(table).values(row))
                made[table.name] = row


def _value(column: sa.Column[Any], made: dict[str, dict[str, Any]]) -> Any:
    for key in column.foreign_keys:
        return made[key.column.table.name][key.column.name]
    for constraint in column.table.constraints:
        if isinstance(constraint, sa.CheckConstraint):
            words = _WORDS.match(str(constraint.sqltext))
            if words and words[1] == column.name:
                return words[2]
    match column.type:
        case UtcTime():
            return NOW
        case JSON():
            return {"city": "上海", "empty": ""}
        case sa.Boolean():
            return True
        case sa.Float():
            return 0.1
        case sa.LargeBinary():
            return b"\x00\\\xff\n\t"
        case sa.SmallInteger() | sa.Integer():
            return 7
        case sa.Text():
            return "a\tb\\N\r\n'\"ü"
    raise AssertionError(f"no value for {column}")
