"""What the tables of the store are made of: times, row ids, and whether a column is personal."""

import datetime as dt
from typing import Any, overload

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Index,
    Integer,
    MetaData,
    literal_column,
    type_coerce,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)


@overload
def microseconds(at: dt.datetime) -> int: ...
@overload
def microseconds(at: dt.datetime | None) -> int | None: ...
def microseconds(at: dt.datetime | None) -> int | None:
    """A time as UtcTime keeps it, for rows that are not written through SQLAlchemy."""
    return None if at is None else (at - EPOCH) // MICROSECOND


def from_microseconds(value: int | None) -> dt.datetime | None:
    return None if value is None else EPOCH + value * MICROSECOND


class UtcTime(TypeDecorator[dt.datetime]):
    """An aware UTC datetime, kept as microseconds since 1970: exact, short, equal everywhere."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> int | None:
        return microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> dt.datetime | None:
        return from_microseconds(value)


def step_of(
    time: ColumnElement[dt.datetime], since: dt.datetime, step: dt.timedelta
) -> ColumnElement[int]:
    """In which step of time since a time something was, counted from 0."""
    passed = type_coerce(time, BigInteger) - literal_column(str(microseconds(since)), BigInteger)
    return passed // literal_column(str(step // MICROSECOND), BigInteger)


# Whether a text column is personal; where it does not say, its table does. Erasing a person removes
# what is personal. Their own data shows it too, except for what was only copied or derived from
# another column.
PERSONAL: dict[Any, Any] = {"personal": True, "copied": False}
COPIED: dict[Any, Any] = {"personal": True, "copied": True}
IMPERSONAL: dict[Any, Any] = {"personal": False}


def is_personal(column: Column[Any]) -> bool:
    return bool(column.info.get("personal", column.table.info.get("personal", False)))


def is_copied(column: Column[Any]) -> bool:
    return bool(column.info.get("copied", False))


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index of those rows for which a condition holds.

    Migrations make it. Its condition is in `info`: as `postgresql_where` it would load the dialect
    of PostgreSQL at every start.
    """
    return Index(name, *columns, unique=unique, info={"where": where})


# SQLite's row ids must be INTEGER; PostgreSQL has room for more.
RowId = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
