"""Cells of a file, and what a name and an attribute may hold."""

import datetime as dt
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

from newsletter.errors import UsageError

LONGEST_NAME = 100
LONGEST_ATTRIBUTE = 2000
LONGEST_ATTRIBUTE_NAME = 50

# Names of columns; an attribute of the same name would hide the column.
RESERVED = frozenset({"email", "name"})

# Controls and line separators, which could end a header; lone surrogates are undecoded bytes.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffd]")
_BREAKS = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029]+")


def name_fault(name: str) -> str:
    """Why this cannot be a name, empty if it can."""
    if len(name) > LONGEST_NAME:
        return f"a name of more than {LONGEST_NAME} characters"
    return _unsafe(name, "name")


def attribute_fault(value: str) -> str:
    if len(value) > LONGEST_ATTRIBUTE:
        return f"a value of more than {LONGEST_ATTRIBUTE} characters"
    return _unsafe(value, "value")


def one_line(value: str) -> str:
    """A value of several lines, such as a postal address, as one."""
    return value if value.isprintable() else _BREAKS.sub(" ", value).strip()


quoted = json.encoder.encode_basestring  # the C function: a third of the time of json.dumps


def attribute_name(raw: str) -> str:
    """The name of an attribute in its stored form: lower case, composed letters, `First Name` as
    `first_name`, so that a merge field can name it. Empty where it cannot be one."""
    name = "_".join(unicodedata.normalize("NFC", raw.lower()).split())
    usable = 0 < len(name) <= LONGEST_ATTRIBUTE_NAME and not _UNSAFE.search(name)
    return name if usable else ""


def attributes_in(cell: str) -> dict[str, str] | None:
    """The attributes of a JSON object, flattened by one level; None for what is no such object.

    Raises ValueError for a name or a value that cannot be stored.
    """
    try:
        value = json.loads(cell)
    except (ValueError, RecursionError):
        return None
    return dict(_flattened(value)) if isinstance(value, dict) else None


def _flattened(value: Mapping[str, object], above: str = "") -> Iterator[tuple[str, str]]:
    for key, inner in value.items():
        if isinstance(inner, dict) and not above:
            yield from _flattened(inner, f"{key}_")
            continue
        name = attribute_name(above + key)
        text = one_line(_text_of(inner).strip())
        if not text or name in RESERVED:
            continue
        if not name:
            raise ValueError(f"{key[:50]!r} cannot be the name of an attribute")
        if fault := attribute_fault(text):
            raise ValueError(f"{name}: {fault}")
        yield name, text


def _text_of(value: object) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case list() if all(isinstance(each, str | int | float) for each in value):
            return ", ".join(_text_of(each) for each in value)
        case _:
            return json.dumps(value, ensure_ascii=False)


def checked(name: str | None, attributes: Mapping[str, str]) -> tuple[str | None, dict[str, str]]:
    """A name and attributes as an operator typed them, in the form that is stored.

    Raises UsageError for the first that cannot be stored.
    """
    if name is not None and (fault := name_fault(name := name.strip())):
        raise UsageError(fault, where="--name")
    clean: dict[str, str] = {}
    for raw, value in attributes.items():
        known_as = attribute_name(raw)
        if not known_as or known_as in RESERVED:
            raise UsageError(f"{raw!r} cannot be the name of an attribute", where="--attr")
        clean[known_as] = one_line(value.strip())
        if fault := attribute_fault(clean[known_as]):
            raise UsageError(f"{known_as}: {fault}", where="--attr")
    return name, clean


def _unsafe(text: str, kind: str) -> str:
    if text.isprintable() or not (unsafe := _UNSAFE.search(text)):
        return ""
    character = unsafe.group()
    if "\udc80" <= character <= "\udcff":
        return f"the {kind} holds bytes that are not UTF-8"
    if character == "\ufffd" or "\ud800" <= character <= "\udfff":
        return f"the {kind} holds characters that could not be read"
    return f"the {kind} holds a control character (U+{ord(character):04X})"


def with_json(attributes: str, label: str, cell: str) -> str:
    """Attributes as JSON, with those of a JSON object added; columns win over them. A cell that is
    not an object is itself an attribute."""
    inner = attributes_in(cell)
    if inner is None:
        return ",".join(part for part in (attributes, label + quoted(cell)) if part)
    merged = inner | json.loads(f"{{{attributes}}}")
    return ",".join(f"{quoted(name)}:{quoted(value)}" for name, value in merged.items())


def at(cells: Sequence[str], index: int) -> str:
    return one_line(cells[index].strip()) if index >= 0 else ""


def first(cells: Sequence[str], indexes: Sequence[int]) -> str:
    return next((text for index in indexes if (text := cells[index].strip())), "")


def past(at: dt.datetime | None, now: dt.datetime) -> dt.datetime | None:
    """A time that has passed; one that lies ahead is wrong."""
    return None if at is None or at > now else at
