"""A theme: a folder with MJML, CSS and text templates, and theme.toml.

A project's own folder of the same name comes first, file by file: one that holds only a
`theme.toml` or a `style.css` changes just that. A theme that extends another has all of its files
below its own.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import newsletter
from newsletter.config import line_of
from newsletter.errors import RenderError, UsageError
from newsletter.languages import FALLBACK, forms, nearest, words
from newsletter.meant import did_you_mean
from newsletter.render import palette
from newsletter.render.signs import HtmlSigns, TextSigns

_COLUMN = 568


@dataclass(frozen=True, slots=True)
class Theme:
    """`folders` are searched in order for each file; `settings` is theme.toml, merged.

    No file outside all `roots` is read, whatever links there are. `bases` are the themes that it
    extends, each with the folders that are searched for a file of it: `digest/style.css`.
    """

    name: str
    folders: tuple[Path, ...]
    settings: Mapping[str, Any]
    roots: tuple[Path, ...]
    bases: tuple[tuple[str, tuple[Path, ...]], ...] = ()

    @property
    def own_folders(self) -> tuple[Path, ...]:
        """Those of its folders that are of no theme which it extends."""
        below = self.bases[0][1] if self.bases else ()
        return tuple(folder for folder in self.folders if folder not in below)

    @property
    def description(self) -> str:
        """What it says of itself in its own theme.toml; empty where it says nothing."""
        for folder in self.own_folders:
            path = folder / "theme.toml"
            if text := _read(path, _source(path)).get("description"):
                return str(text)
        return ""

    @property
    def column(self) -> int:
        """How many CSS pixels the text of the sheet is wide."""
        column: int = self.settings.get("column", _COLUMN)
        return column

    @property
    def signs(self) -> HtmlSigns:
        return HtmlSigns(**self.settings.get("signs", {}))

    @property
    def text_signs(self) -> TextSigns:
        return TextSigns(**self.settings.get("text_signs", {}))

    def strings(self, language: str) -> Mapping[str, str]:
        """The words of the mail in a language, those of the theme above those that come with
        newsletter; English where neither has any."""
        own, english = self._own(language), self._own(FALLBACK)
        if nearest(language):
            return {**english, **words(language, "mail"), **own}
        return {**words(FALLBACK, "mail"), **english, **own}

    def only_english(self, language: str) -> frozenset[str]:
        """The words that a language lacks, whether a template uses them or not."""
        names = set(self._own(language))
        if nearest(language):
            names |= words(language, "mail").keys()
        return frozenset(self.strings(FALLBACK).keys() - names)

    def _own(self, language: str) -> dict[str, str]:
        """The theme's own words for a language, those of the nearest tag above."""
        tables = {tag.lower(): table for tag, table in self.settings.get("strings", {}).items()}
        own: dict[str, str] = {}
        for form in forms(language):
            own |= _with_sentences(tables.get(form, {}))
        return own


def _with_sentences(own: Mapping[str, str]) -> dict[str, str]:
    """The words of an older theme, whose parts of a sentence become the one word of today."""
    sentences = {}
    if "minutes" in own:
        sentences["reading_time"] = f"{{minutes}} {own['minutes']}"
    if "why" in own:
        sentences["joined"] = f"{own['why']} {{list}}."
    return {**sentences, **own}


def packaged_templates() -> Path:
    """The themes that come with newsletter: inside a wheel, or beside the package in a checkout."""
    package = Path(newsletter.__file__).parent
    inside = package / "templates"
    return inside if inside.is_dir() else package.parent / "templates"


def load_theme(name: str, search: Sequence[Path]) -> Theme:
    """The theme of this name, from all of the `search` folders that hold one.

    Raises UsageError where there is none, RenderError where a theme.toml cannot be read.
    """
    roots = _unique([folder.parent for folder in search])
    folders = _folders(name, search, roots)
    if not folders:
        raise UsageError(
            f"there is no theme {name!r}",
            where="theme",
            hint=did_you_mean(name, theme_names(search)),
        )
    layers = {name: folders}
    while base := _extended(folders):
        name_below, place = base
        folders = _folders(name_below, search, roots)
        if not folders or name_below in layers:
            fault = "extends itself" if folders else f"extends {name_below!r}, which is no theme"
            others = sorted({*theme_names(search)} - layers.keys())
            hint = did_you_mean(name_below, others)
            raise RenderError(f"the theme {fault}", where=place, hint=hint)
        layers[name_below] = folders
    settings: dict[str, Any] = {}
    for layer in reversed(layers.values()):
        settings = _with_files(settings, layer)
    bases = [
        (base, _unique([folder for layer in [*layers.values()][depth:] for folder in layer]))
        for depth, base in enumerate(layers)
    ]
    return Theme(name, bases[0][1], settings, roots, tuple(bases[1:]))


def theme_names(search: Sequence[Path]) -> list[str]:
    """All folders that may be themes."""
    folders = (path for folder in search for path in folder.glob("*/"))
    return sorted({path.name for path in folders if not path.name.startswith(".")})


def _folders(name: str, search: Sequence[Path], roots: Sequence[Path]) -> tuple[Path, ...]:
    """The folders of a theme, the project's own first; none where there is no such theme."""
    plain = Path(name).name == name not in ("", "..")
    folders = [folder / name for folder in search if plain and (folder / name).is_dir()]
    for folder in folders:
        must_stay_inside(folder, roots)
        must_stay_inside(folder / "theme.toml", roots)
    return _unique(folders)


def _extended(folders: Sequence[Path]) -> tuple[str, str] | None:
    """The theme that the first of these folders which says so extends, and where it says that."""
    for folder in folders:
        path = folder / "theme.toml"
        source = _source(path)
        if name := _read(path, source).get("extends"):
            line = line_of(("extends",), source)
            return str(name), f"{path}:{line}" if line else str(path)
    return None


def must_stay_inside(path: Path, roots: Sequence[Path]) -> None:
    """Raises UsageError for a file of a theme that is a link out of the newsletter's folder."""
    if not any(path.resolve().is_relative_to(root) for root in roots):
        raise UsageError(
            "this part of a theme is a link that leads out of the newsletter's folder",
            where=str(path),
            hint="Put the file itself in its place.",
        )


def _unique(folders: Sequence[Path]) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(folder.resolve() for folder in folders))


def _with_files(below: dict[str, Any], folders: Sequence[Path]) -> dict[str, Any]:
    """Settings with those of a theme above them: what is in the last of its folders defines it, and
    may have keys of any name."""
    known: Mapping[str, Any] = {}
    for folder in reversed(folders):
        path = folder / "theme.toml"
        source = _source(path)
        own = _read(path, source)
        palette.check(own, known, path, source)
        merged = _merged(below, palette.with_dark(own, below))
        palette.check_contrast(merged, own, path, source)
        below = known = merged
    return below


def _source(path: Path) -> str:
    """What a theme.toml says; nothing where there is none."""
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as error:
        raise RenderError(f"is not UTF-8: {error}", where=str(path), hint="Mend it.") from error


@lru_cache(maxsize=32)
def _read(path: Path, source: str) -> Mapping[str, Any]:
    try:
        settings = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        where = f"{path}:{line[1]}" if line else str(path)
        raise RenderError(f"is not TOML: {error}", where=where, hint="Mend it.") from error
    if not _are_strings(settings.get("strings", {})):
        raise RenderError(
            "strings are not texts by language",
            where=str(path),
            hint='Write them below [strings.en], as unsubscribe = "Unsubscribe".',
        )
    return settings


def _are_strings(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(words, dict) and all(isinstance(word, str) for word in words.values())
        for words in value.values()
    )


def _merged(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(below)
    for key, value in above.items():
        if isinstance(value, Mapping) and isinstance(result.get(key), dict):
            result[key] = _merged(result[key], value)
        else:
            result[key] = value
    return result
