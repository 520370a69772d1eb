"""The words of the public pages: one TOML file for each language.

A project adds a language, or other words, by a file of the same name in `templates/texts/`.
"""

import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path

from newsletter.errors import ConfigurationError

_BUILT_IN = Path(str(files("newsletter.web"))) / "texts"
_FALLBACK = "en"


def load_texts(language: str, project_folder: Path) -> Mapping[str, str]:
    """The words for a language tag such as `zh-CN`: of its own file, else of `zh`, else English.

    Words that a file lacks are English. `language` is the one of the words. Raises
    ConfigurationError for a file that cannot be read.
    """
    own = (language.partition("-")[0].lower(), language)
    texts = {"language": _FALLBACK}
    for name in dict.fromkeys((_FALLBACK, *own)):
        for folder in (_BUILT_IN, project_folder):
            if found := dict(_read(folder / f"{name}.toml")):
                texts |= found | ({"language": language} if name in own else {})
    return texts


def _read(path: Path) -> Iterator[tuple[str, str]]:
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"cannot be read: {error}", where=str(path)) from error
    for key, value in values.items():
        if not isinstance(value, str):
            raise ConfigurationError(f"{key} must be a text", where=str(path))
        yield key, value
