"""A theme.toml checked against the one that it overrides, with the line of each fault."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from newsletter.config import line_of
from newsletter.errors import RenderError
from newsletter.meant import did_you_mean
from newsletter.render import signs
from newsletter.render.colours import COLOUR, faint, in_the_dark

_PALETTES = ("colours", "dark")
_TEXTS = ("name", "description", "extends")
_OF_EVERY_THEME = (*_TEXTS, "column", "fonts", *_PALETTES, *signs.TABLES, "strings")
_TABLES = {**dict.fromkeys(_PALETTES, "colours"), **dict.fromkeys(signs.TABLES, "signs")}
_NARROWEST, _WIDEST = 100, 2000  # CSS pixels of a column
_HINT = "docs/extending.md lists what a theme.toml may hold."


@dataclass(frozen=True, slots=True)
class _Fault:
    keys: tuple[str, ...]
    message: str
    hint: str


def check(own: Mapping[str, Any], below: Mapping[str, Any], path: Path, source: str) -> None:
    """Check the settings of one file. `below` are those of the theme that it changes, empty for a
    theme of its own, which may have keys and colours of any name.

    Raises RenderError with `file:line` and the nearest name.
    """
    unknown, tables, width = _unknown(own, below), _of_tables(own), _of_width(own)
    of_values = (_of_texts(own), _of_colours(own), _of_signs(own))
    for fault in chain(unknown, tables, width, *of_values):
        line = line_of(fault.keys, source)
        where = f"{path}:{line}" if line else str(path)
        raise RenderError(fault.message, where=where, hint=fault.hint)


def _of_tables(own: Mapping[str, Any]) -> Iterator[_Fault]:
    for table, of_what in _TABLES.items():
        if not isinstance(own.get(table, {}), Mapping):
            yield _Fault((table,), f"{table} is not a table of {of_what}", _HINT)


def _of_texts(own: Mapping[str, Any]) -> Iterator[_Fault]:
    for key in _TEXTS:
        if not isinstance(own.get(key, ""), str):
            yield _Fault((key,), f"{key} is not a text: {own[key]!r}", f'Write {key} = "…".')


def _of_width(own: Mapping[str, Any]) -> Iterator[_Fault]:
    column = own.get("column", _NARROWEST)
    if type(column) is not int or not _NARROWEST <= column <= _WIDEST:
        hint = f"Write a number between {_NARROWEST} and {_WIDEST}, as column = 568."
        yield _Fault(("column",), f"column is not a width in pixels: {column!r}", hint)


def _of_colours(own: Mapping[str, Any]) -> Iterator[_Fault]:
    for keys, value in _entries(own, _PALETTES):
        if not isinstance(value, str) or not COLOUR.fullmatch(value):
            message = f"{'.'.join(keys)} is not a colour: {value!r}"
            yield _Fault(keys, message, 'Write six digits, as "#a8321f".')


def _of_signs(own: Mapping[str, Any]) -> Iterator[_Fault]:
    for keys, value in _entries(own, signs.TABLES):
        if keys[-1] not in (names := signs.names(keys[0])):
            yield _Fault(keys, f"unknown key {'.'.join(keys)}", did_you_mean(keys[-1], names))
        elif not signs.is_sign(value):
            hint = f'Write 1 to {signs.LONGEST} characters on one line, as "•".'
            yield _Fault(keys, f"{'.'.join(keys)} is not a sign: {value!r}", hint)


def _entries(
    own: Mapping[str, Any], tables: Iterable[str]
) -> Iterator[tuple[tuple[str, str], Any]]:
    """What stands in some tables, with its keys."""
    for table in tables:
        for name, value in own.get(table, {}).items():
            yield (table, name), value


def check_contrast(merged: Mapping[str, Any], own: Mapping[str, Any], path: Path, src: str) -> None:
    """Raises RenderError for a colour that cannot be told from its ground, where a file of the
    project names one of the two."""
    for table in _PALETTES:
        palette, own_names = merged.get(table, {}), own.get(table, {}).keys()
        for pair in faint(palette):
            name, ground = pair.name, pair.ground
            if keys := [(table, key) for key in (name, ground) if key in own_names]:
                line = line_of(keys[0], src)
                raise RenderError(
                    f"{table}: {name} {palette[name]} on {ground} {palette[ground]} has {pair}",
                    where=f"{path}:{line}" if line else str(path),
                    hint="Make one of them darker, or the other lighter.",
                )


def with_dark(own: Mapping[str, Any], below: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a file with a dark form of each light colour that it changes without one."""
    light, dark = own.get("colours", {}), own.get("dark", {})
    missing = {name: colour for name, colour in light.items() if name not in dark}
    if not missing or "dark" not in below:
        return dict(own)
    there = {**below["dark"], **dark}
    for name in sorted(missing, key=_grounds_first):
        there[name] = in_the_dark(name, missing[name], there)
    changed = {name: there[name] for name in missing}
    return {**own, "dark": {**dark, **changed}}


def _grounds_first(name: str) -> tuple[int, str]:
    is_ground = name in ("paper", "sheet", "line") or name.endswith("tint")
    return (0 if is_ground else 2 if name == "on_accent" else 1), name


def _unknown(own: Mapping[str, Any], below: Mapping[str, Any]) -> Iterator[_Fault]:
    """Keys that the theme below does not read."""
    if not below:
        return
    keys = sorted({*_OF_EVERY_THEME, *below})
    for key, value in own.items():
        if key not in keys:
            yield _Fault((key,), f"unknown key {key}", did_you_mean(key, keys))
        elif key in ("fonts", *_PALETTES) and isinstance(value, Mapping):
            lit = below.get("colours", {}) if key == "dark" else ()
            names = sorted({*below.get(key, {}), *lit})
            for name in value:
                if name not in names:
                    hint = did_you_mean(name, names)
                    yield _Fault((key, name), f"unknown key {key}.{name}", hint)
