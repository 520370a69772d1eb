"""A theme.toml checked against the one that it stands in front of, with the line of each fault."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from newsletter.config import line_of
from newsletter.errors import RenderError
from newsletter.meant import did_you_mean
from newsletter.render import signs
from newsletter.render.colours import COLOUR, faint, in_the_dark

_PALETTES = ("colours", "dark")
_OF_EVERY_THEME = ("name", "column", "fonts", *_PALETTES, *signs.TABLES, "strings")
_HINT = "docs/extending.md lists what a theme.toml may hold."


def check(own: Mapping[str, Any], below: Mapping[str, Any], path: Path, source: str) -> None:
    """Check the settings of one file. `below` are those of the theme that it changes, empty for a
    theme of its own, which may have keys and colours of any name.

    Raises RenderError with `file:line` and the nearest name.
    """

    def fault(message: str, *keys: str, hint: str = _HINT) -> RenderError:
        line = line_of(keys, source)
        return RenderError(message, where=f"{path}:{line}" if line else str(path), hint=hint)

    if below:
        for keys, known in _unknown(own, below):
            raise fault(f"unknown key {'.'.join(keys)}", *keys, hint=did_you_mean(keys[-1], known))
    for table in _PALETTES:
        if not isinstance(own.get(table, {}), Mapping):
            raise fault(f"{table} is no table of colours", table)
        for name, value in own.get(table, {}).items():
            if not isinstance(value, str) or not COLOUR.fullmatch(value):
                raise fault(
                    f"{table}.{name} is no colour: {value!r}",
                    *(table, name),
                    hint='Write six digits, as "#a8321f".',
                )
    for table in signs.TABLES:
        if not isinstance(own.get(table, {}), Mapping):
            raise fault(f"{table} is no table of signs", table)
        for name, value in own.get(table, {}).items():
            if name not in (known := signs.names(table)):
                raise fault(
                    f"unknown key {table}.{name}", table, name, hint=did_you_mean(name, known)
                )
            if not signs.is_sign(value):
                raise fault(
                    f"{table}.{name} is no sign: {value!r}",
                    *(table, name),
                    hint=f'Write 1 to {signs.LONGEST} characters on one line, as "•".',
                )


def check_contrast(merged: Mapping[str, Any], own: Mapping[str, Any], path: Path, src: str) -> None:
    """Raises RenderError for a colour that cannot be told from its ground, where a file of the
    project names one of the two."""
    for table in _PALETTES:
        palette, named = merged.get(table, {}), own.get(table, {}).keys()
        for pair in faint(palette):
            name, ground = pair.name, pair.ground
            if keys := [(table, key) for key in (name, ground) if key in named]:
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


def _unknown(
    own: Mapping[str, Any], below: Mapping[str, Any]
) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Keys that nothing of the theme below reads, each with those that are known in its place."""
    known = sorted({*_OF_EVERY_THEME, *below})
    for key, value in own.items():
        if key not in known:
            yield (key,), known
        elif key in ("fonts", *_PALETTES) and isinstance(value, Mapping):
            names = sorted(
                {*below.get(key, {}), *(below.get("colours", {}) if key == "dark" else ())}
            )
            for name in value:
                if name not in names:
                    yield (key, name), names
