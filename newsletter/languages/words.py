"""The words that come with newsletter, one TOML file for each language, and how they are filled."""

import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from babel import Locale, UnknownLocaleError

from newsletter.languages.tags import forms

FALLBACK = "en"
Part = Literal["mail", "pages"]
_PLACE = re.compile(r"\{(\w+)\}")
_FOLDER = Path(str(files("newsletter.languages"))) / "words"


class Counted(str):
    """A word that depends on a number; as text it is its form for many."""

    __slots__ = ("by_category", "language")

    language: str
    by_category: Mapping[str, str]

    @classmethod
    def of(cls, language: str, by_category: Mapping[str, str]) -> "Counted":
        word = cls(by_category["other"])
        word.language, word.by_category = language, by_category
        return word

    def form(self, count: int) -> str:
        category = Locale.parse(self.language, sep="-").plural_form(count)
        return self.by_category.get(category, str(self))


@lru_cache
def available() -> Mapping[str, str]:
    """The languages that have words: each tag in lower case, and as it is written."""
    return MappingProxyType({path.stem.lower(): path.stem for path in _FOLDER.glob("*.toml")})


def nearest(language: str) -> str | None:
    """The language whose words serve a tag best, None where there is none."""
    languages = available()
    matches = [languages[form] for form in forms(language) if form in languages]
    return matches[-1] if matches else None


def words(language: str, part: Part) -> Mapping[str, str]:
    """The words of a part, in the nearest language that has any; English where none is near."""
    return _words(nearest(language) or FALLBACK, part)


def pattern(language: str) -> str:
    """How a language writes a whole date, as a pattern of CLDR; empty where it has no words."""
    own = nearest(language)
    return str(_file(own)["date"]) if own else ""


def fill(word: str, **values: object) -> str:
    """A word with values for its `{name}`s; other braces stay. A number chooses its form."""
    if isinstance(word, Counted):
        word = word.form(next(value for value in values.values() if isinstance(value, int)))
    return _PLACE.sub(lambda place: str(values.get(place[1], place[0])), word)


@lru_cache
def locale(language: str) -> Locale | None:
    """What CLDR knows of a language, with its script and region where it knows them."""
    first, *more = language.replace("_", "-").split("-")
    tags = ["-".join((first, *more[:count])) for count in range(len(more), -1, -1)]
    for tag in (*tags, forms(language)[0]):
        try:
            return Locale.parse(tag, sep="-")
        except (UnknownLocaleError, ValueError):
            continue
    return None


@lru_cache
def _words(language: str, part: Part) -> Mapping[str, str]:
    values = _file(language)
    shared = {key: value for key, value in values.items() if isinstance(value, str)}
    own = {key: _word(language, value) for key, value in values[part].items()}
    return MappingProxyType(shared | own)


def _word(language: str, value: str | Mapping[str, str]) -> str:
    return value if isinstance(value, str) else Counted.of(language, value)


@lru_cache
def _file(language: str) -> Mapping[str, Any]:
    return tomllib.loads((_FOLDER / f"{language}.toml").read_text("utf-8"))
