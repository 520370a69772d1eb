"""Reads the tables of newsletter.toml into dataclasses, with every fault at once.

The annotation of a field says what its key takes: a type, `Literal` for one of a few words, a
tuple, a mapping, or another table. The functions of an `Annotated` check a value one after the
other; each returns what is kept of it. `field(metadata={"key": …})` names a key that is a word of
Python.

Every command reads its settings, and importing pydantic for that would take a third of the time
that SQLAlchemy takes.
"""

import collections.abc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass, replace
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

from newsletter.meant import meant

_YES = ("true", "t", "yes", "y", "on", "1")
_NO = ("false", "f", "no", "n", "off", "0")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SettingFault:
    """What is wrong at a key; `location` is the names of its tables and its own."""

    location: tuple[str, ...]
    message: str
    is_missing: bool = False


class SettingFaults(ValueError):
    """All that is wrong in a table. No message repeats a value: it may be a secret."""

    def __init__(self, faults: Sequence[SettingFault]) -> None:
        super().__init__("; ".join(f"{'.'.join(one.location)}: {one.message}" for one in faults))
        self.faults = faults


def keys(table: type[Any]) -> dict[str, Field[Any]]:
    """The field of each key of a table."""
    return {field.metadata.get("key", field.name): field for field in fields(table)}


def is_required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def read_table(table: type[T], values: object, location: tuple[str, ...] = ()) -> T:
    """A table, checked. Raises SettingFaults."""
    if not isinstance(values, Mapping):
        raise SettingFaults([SettingFault(location, "must be a table")])
    known = keys(table)
    faults: list[SettingFault] = []
    kept: dict[str, Any] = {}
    for key, field in known.items():
        if key in values:
            try:
                kept[field.name] = _value(field.type, values[key], (*location, key))
            except SettingFaults as error:
                faults += error.faults
        elif is_required(field):
            faults.append(SettingFault((*location, key), "is missing", is_missing=True))
    unknown = [key for key in values if key not in known]
    faults += [SettingFault((*location, key), _advice(key, list(known))) for key in unknown]
    if faults:
        raise SettingFaults(faults)
    try:
        return table(**kept)
    except SettingFaults as error:  # of single keys that it holds
        raise SettingFaults(
            [replace(fault, location=(*location, *fault.location)) for fault in error.faults]
        ) from None
    except ValueError as error:  # of what it checks of its keys together
        raise SettingFaults([SettingFault(location, str(error))]) from None


def _advice(key: str, known: list[str]) -> str:
    close = meant(key, known)
    advice = f"did you mean {close!r}?" if close else f"known: {', '.join(sorted(known))}"
    return f"unknown key; {advice}"


def _value(kind: Any, value: object, location: tuple[str, ...]) -> Any:
    """A value of this kind. Raises SettingFaults."""
    if is_dataclass(kind):
        return read_table(kind, value, location)  # type: ignore[arg-type] # it is a class
    if get_origin(kind) is collections.abc.Mapping:
        return _mapping(kind, value, location)
    try:
        return _plain(kind, value)
    except ValueError as error:
        raise SettingFaults([SettingFault(location, str(error))]) from None


def _mapping(kind: Any, value: object, location: tuple[str, ...]) -> dict[str, object]:
    """A table whose keys are the author's own."""
    if not isinstance(value, Mapping):
        raise SettingFaults([SettingFault(location, "must be a table")])
    of_key, of_value = get_args(kind)
    faults: list[SettingFault] = []
    kept = {}
    for key, inner in value.items():
        try:
            kept[_value(of_key, key, (*location, key))] = _value(of_value, inner, (*location, key))
        except SettingFaults as error:
            faults += error.faults
    if faults:
        raise SettingFaults(faults)
    return kept


def _plain(kind: Any, value: object) -> Any:
    """A value that is no table; raises ValueError, which does not repeat it."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        inner, *checks = arguments
        kept = _plain(inner, value)
        for check in checks:
            kept = check(kept)
        return kept
    if origin is Literal:
        if value not in arguments:
            *others, last = map(repr, arguments)
            raise ValueError(
                f"must be {', '.join(others)} or {last}" if others else f"must be {last}"
            )
        return value
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            raise ValueError("must be a list")
        return tuple(_plain(arguments[0], item) for item in value)
    return _SIMPLE[kind](value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be text")
    return value.strip()


def _number(value: object) -> float:
    """A number, or its text: all that the environment gives is text."""
    if not isinstance(value, (int, float, str)) or isinstance(value, bool):
        raise ValueError("must be a number")
    try:
        return float(value)
    except (ValueError, OverflowError):
        raise ValueError("must be a number") from None


def _whole_number(value: object) -> int:
    number = _number(value)
    if not number.is_integer():
        raise ValueError("must be a whole number")
    return value if isinstance(value, int) else int(number)


def _truth(value: object) -> bool:
    word = str(value).lower()
    if word not in (*_YES, *_NO):
        raise ValueError("must be true or false")
    return word in _YES


_SIMPLE: Mapping[type, Callable[[object], object]] = {
    str: _text,
    int: _whole_number,
    float: _number,
    bool: _truth,
}
