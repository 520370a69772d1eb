"""The slug of an issue, its identity: one, however the letters of a file name are written."""

import re
import unicodedata


def slugified(text: str) -> str:
    """Lower case, runs of anything but letters and digits as one hyphen; maybe empty.

    "ü" is one letter even where it is written as two characters, as macOS does in file names.
    """
    return _hyphened(unicodedata.normalize("NFC", text.lower()))


def spellings(slug: str) -> tuple[str, ...]:
    """The slug, and the one that an earlier version made of the same name with "ü" as two
    characters: an issue that readers had under that slug is the same issue."""
    if unicodedata.is_normalized("NFD", slug):
        return (slug,)
    return slug, _hyphened(unicodedata.normalize("NFD", slug))


def _hyphened(text: str) -> str:
    return re.sub(r"[\W_]+", "-", text).strip("-")
