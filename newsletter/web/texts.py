"""The words of the public pages, in the language of their readers.

A project adds a language, or changes words, with a file such as `templates/texts/fr.toml`.
"""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from newsletter.errors import ConfigurationError
from newsletter.languages import FALLBACK, forms, nearest, words


def load_texts(language: str, project_folder: Path) -> Mapping[str, str]:
    """The words for a language tag: those of the nearest language, and the project's own above.

    Where a language has no words they are English. `language` in the result is that of the words.
    Raises ConfigurationError for a file that cannot be read.
    """
    own = _own(language, project_folder)
    english = {} if nearest(language) else _own(FALLBACK, project_folder)
    tag = language if own or nearest(language) else FALLBACK
    return {**words(language, "pages"), **english, **own, "language": tag}


def _own(language: str, folder: Path) -> dict[str, str]:
    """The words of a project for a language, those of the nearest tag above."""
    paths = {path.stem.lower(): path for path in sorted(folder.glob("*.toml"))}
    own: dict[str, str] = {}
    for form in forms(language):
        if form in paths:
            own |= dict(_read(paths[form]))
    return own


def _read(path: Path) -> Iterator[tuple[str, str]]:
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(
            f"cannot be read: {error}",
            where=str(path),
            hint="Mend it, or let the user who runs this read it.",
        ) from error
    for key, value in values.items():
        if not isinstance(value, str):
            raise ConfigurationError(
                f"{key} must be text", where=str(path), hint="Put its value in quotation marks."
            )
        yield key, value
