"""Merge fields on their way through the pipeline.

MJML and premailer would encode `{{ … }}`, so each field travels as a word of ASCII letters and
digits that occurs nowhere in the issue, and is split out at the very end.
"""

import re
from dataclasses import dataclass, field
from itertools import count

from newsletter.model.email import URL_FIELDS, MergeField, MergeText, Place

_FIELD = re.compile(
    r"\{\{\s*(?P<name>subscriber\.[A-Za-z_]\w*|unsubscribe_url|preferences_url|web_url)\s*"
    r"(?:\|\s*default\(\s*(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)')\s*\)\s*)?\}\}"
)


@dataclass
class Fields:
    """The fields met so far; `prefix` begins each of their tokens."""

    prefix: str
    _found: list[tuple[str, str]] = field(default_factory=list)

    @classmethod
    def apart_from(cls, text: str) -> "Fields":
        """Fields whose tokens cannot be confused with anything in `text`."""
        lowered = text.lower()
        return cls(next(p for n in count() if (p := f"mergefield{n}x") not in lowered))

    def token(self, name: str, default: str = "") -> str:
        """The token of a field; the same field has the same token."""
        if name not in URL_FIELDS and not name.startswith("subscriber."):
            raise ValueError(f"there is no merge field {name!r}")
        known = (name, default)
        if known not in self._found:
            self._found.append(known)
        return f"{self.prefix}{self._found.index(known)}z"

    def tokenised(self, text: str) -> str:
        """An author's text with its merge fields as tokens; any other braces stay as they are."""
        if "{{" not in text:
            return text
        return _FIELD.sub(
            lambda match: self.token(match["name"], match["double"] or match["single"] or ""), text
        )

    def split(self, finished: str, place: Place) -> MergeText:
        """Finished text with its tokens as fields; in HTML each is escaped for where it stands."""
        pieces = re.split(rf"{self.prefix}(\d+)z", finished)
        result: list[str | MergeField] = []
        for index, piece in enumerate(pieces):
            if index % 2 == 0:
                if piece:
                    result.append(piece)
                continue
            name, default = self._found[int(piece)]
            stands = place
            if place is Place.HTML:
                stands = _place(pieces[index - 1], pieces[index + 1], result[-1:] == [])
            result.append(MergeField(name, stands, default))
        return tuple(result)


def _place(before: str, after: str, first: bool) -> Place:
    """Where a token stands in HTML, from the text around it."""
    tag = before.rfind("<")
    if tag <= before.rfind(">") or first:
        return Place.HTML
    if re.search(r"(?:href|src)=[\"']$", before) and after[:1] in "\"'":
        return Place.URL
    if re.search(r"(?:href|src)=[\"'][^\"']*$", before):
        return Place.URL_PART
    return Place.HTML
