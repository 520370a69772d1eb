"""Changing keys of a newsletter.toml, and nothing else of it: comments and layout stay.

The change is made in the text, and believed only where reading it again proves that exactly these
keys have changed.
"""

import copy
import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any

SettingValue = str | tuple[str, ...]
SettingValues = Mapping[tuple[str, str] | tuple[str, str, str], SettingValue]
"""By its tables and its own name, the value of each key."""

_MARK = "\ufeff"
_HEADER = re.compile(r"\s*\[(?P<name>[^\[\]]+)\]\s*(?:#.*)?")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_AFTER_VALUE = re.compile(r"[ \t]*(?:#[^\n]*)?\r?(?:\n|\Z)")


def edited(source: str, values: SettingValues) -> str | None:
    """The text with these values; None where its layout does not let that be done safely."""
    mark = _MARK if source.startswith(_MARK) else ""
    text = source.removeprefix(_MARK)
    try:
        wanted = _with(tomllib.loads(text), values)
        for location, value in values.items():
            text = _put(text, location[:-1], location[-1], value)
        return mark + text if tomllib.loads(text) == wanted else None
    except (tomllib.TOMLDecodeError, TypeError):
        return None


def written(values: SettingValues) -> str:
    """The keys as people write them, table by table."""
    lines: list[str] = []
    table: tuple[str, ...] = ()
    for location, value in sorted(values.items()):
        if location[:-1] != table:
            table = location[:-1]
            lines += [*([""] if lines else []), f"[{'.'.join(table)}]"]
        lines.append(f"{location[-1]} = {value_text(value)}")
    return "\n".join(lines)


def value_text(value: SettingValue) -> str:
    """A value as TOML: JSON writes text and lists of text alike, but for DEL."""
    plain = value if isinstance(value, str) else list(value)
    return json.dumps(plain, ensure_ascii=False).replace("\x7f", "\\u007f")


def _with(document: dict[str, Any], values: SettingValues) -> dict[str, Any]:
    changed = copy.deepcopy(document)
    for (*tables, key), value in values.items():
        table = changed
        for name in tables:
            table = table.setdefault(name, {})
        table[key] = value if isinstance(value, str) else list(value)
    return changed


def _put(text: str, tables: tuple[str, ...], key: str, value: SettingValue) -> str:
    end_of_line = "\r\n" if "\r\n" in text else "\n"
    lines = _LINE.findall(text)
    line = f"{key} = {value_text(value)}{end_of_line}"
    section = _section(lines, tables)
    if section is None:
        place = _place_of_new(lines, tables[0])
        before = lines[:place]
        if before and not before[-1].endswith("\n"):
            before[-1] += end_of_line
        blank = [end_of_line] if before and before[-1].strip() else []
        after = [end_of_line] if lines[place:] and lines[place].strip() else []
        header = f"[{'.'.join(tables)}]{end_of_line}"
        return "".join([*before, *blank, header, line, *after, *lines[place:]])
    start, end = section
    for number in range(start, end):
        if match := re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=[ \t]*", lines[number]):
            at = sum(map(len, lines[:number])) + match.end()
            return text[:at] + value_text(value) + text[at + _length_of_value(text[at:]) :]
    place = _end_of_keys(lines, start, end)
    if not lines[place - 1].endswith("\n"):
        lines[place - 1] += end_of_line
    return "".join([*lines[:place], line, *lines[place:]])


def _end_of_keys(lines: list[str], start: int, end: int) -> int:
    """Behind the last key of a table and the comments that follow it at once, but for those of the
    next table."""
    keys = [
        place
        for place in range(start, end)
        if lines[place].strip() and not _is_comment(lines[place])
    ]
    last = max(keys, default=start - 1)
    behind = last + 1
    while behind < end and _is_comment(lines[behind]):
        behind += 1
    return last + 1 if behind == end < len(lines) else behind


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _section(lines: list[str], tables: tuple[str, ...]) -> tuple[int, int] | None:
    """Where the keys of a table begin and end; None where it has no header."""
    start: int | None = None
    for number, line in enumerate(lines):
        if line.lstrip().startswith("["):
            if start is not None:
                return start, number
            header = _HEADER.fullmatch(line.rstrip("\r\n"))
            names = [name.strip(" \t\"'") for name in header["name"].split(".")] if header else []
            start = number + 1 if names == list(tables) else None
    return None if start is None else (start, len(lines))


def _place_of_new(lines: list[str], first: str) -> int:
    """Where a new table goes: behind those that begin alike, else at the end."""
    place, is_alike = len(lines), False
    for number, line in enumerate(lines):
        if header := _HEADER.fullmatch(line.rstrip("\r\n")):
            if is_alike:
                place = number
            is_alike = header["name"].split(".")[0].strip(" \t\"'") == first
            if is_alike:
                place = len(lines)
    while place > 0 and place < len(lines) and _is_comment(lines[place - 1]):
        place -= 1  # the comment of the next table
    return place


def _length_of_value(rest: str) -> int:
    """Of the value that a text begins with: the shortest piece that TOML takes, before a comment or
    the end of a line."""
    for length in range(1, len(rest) + 1):
        if _AFTER_VALUE.match(rest, length):
            try:
                tomllib.loads(f"x = {rest[:length]}")
            except tomllib.TOMLDecodeError:
                continue
            return length
    return 0
