"""Merge fields on their way through the pipeline.

MJML and premailer would encode `{{ … }}`, so each field travels as a word of ASCII letters and
digits that occurs nowhere in the issue, and is split out at the very end.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from operator import itemgetter

from newsletter.languages import cut, word_end
from newsletter.model.email import (
    MERGE_FIELD,
    SEND_FIELDS,
    SEND_URLS,
    URL_FIELDS,
    MergeField,
    MergeText,
    Place,
)
from newsletter.model.inline import Code, InlineNode, Link, Span
from newsletter.model.walking import plain_text

# Serialised HTML: a bare < begins a tag, never a text, and values are quoted.
_VALUE = r"""(?:"[^"]*"|'[^']*')"""
_TAG = re.compile(rf"<[A-Za-z][\w:-]*(?:\s+[\w:-]+(?:={_VALUE})?)*\s*/?>")
_ATTRIBUTE = re.compile(rf"\s([\w:-]+)=({_VALUE})")
_ADDRESSES = frozenset({"href", "src", "action", "background"})


@dataclass
class Fields:
    """The fields met so far; `prefix` begins each of their tokens."""

    prefix: str
    # Name, default, and the place if it is known before the text is finished; in order.
    _found: dict[tuple[str, str, Place | None], int] = field(default_factory=dict)

    @classmethod
    def apart_from(cls, text: str) -> "Fields":
        """Fields whose tokens cannot be confused with anything in `text`."""
        lowered = text.lower()
        return cls(next(p for n in count() if (p := f"mergefield{n}x") not in lowered))

    def token(self, name: str, default: str = "") -> str:
        """The token of a field; the same field has the same token in whatever Unicode form, since
        attributes are stored in the composed form."""
        name = unicodedata.normalize("NFC", name)
        if name not in URL_FIELDS | SEND_FIELDS and not name.startswith("subscriber."):
            raise ValueError(f"there is no merge field {name!r}")
        return self._token(name, default)

    def passage(self, needs: str, text: str) -> str:
        """A text that is only in mails of a send that has a value for the field `needs`."""
        if needs not in SEND_FIELDS:
            raise ValueError(f"{needs!r} is not a merge field of a send")
        begins, ends = (self._token(needs, "", place) for place in (Place.BEGINS, Place.ENDS))
        return f"{begins}{text}{ends}"

    def _token(self, name: str, default: str, place: Place | None = None) -> str:
        number = self._found.setdefault((name, default, place), len(self._found))
        return f"{self.prefix}{number}z"

    def tokenised(self, text: str) -> str:
        """An author's text with its merge fields as tokens; any other braces stay as they are."""
        if "{{" not in text:
            return text
        return MERGE_FIELD.sub(
            lambda match: self.token(match["name"], match["double"] or match["single"] or ""), text
        )

    def plain(self, inline: Sequence[InlineNode]) -> str:
        """The visible text of a run, its merge fields as tokens; in code they are literal."""
        pieces: list[str] = []
        for node in inline:
            match node:
                case Code():
                    pieces.append(node.text)
                case Span() | Link():
                    pieces.append(self.plain(node.children))
                case _:
                    pieces.append(self.tokenised(plain_text((node,))))
        return "".join(pieces)

    def shortened(self, text: str, length: int) -> str:
        """The beginning of a text with tokens, up to a length: whole words, whole tokens."""
        if len(text) <= length:
            return text
        end = word_end(text, length - 1)
        for token in self._tokens(text):
            if token.start() < end < token.end():
                end = token.start()
        return cut(text, end)

    def split(self, finished: str, place: Place) -> MergeText:
        """Finished text with its tokens as fields; in HTML each is escaped for where it stands."""
        addresses = list(_addresses(finished, self.prefix)) if place is Place.HTML else []
        fields = list(self._found)
        result: list[str | MergeField] = []
        end = 0
        for match in self._tokens(finished):
            name, default, its_place = fields[int(match[1])]
            last = bisect_right(addresses, match.start(), key=itemgetter(0)) - 1
            if its_place is not None:
                stands = its_place
            elif last >= 0 and match.start() < addresses[last][1]:
                stands = _place(name, match.span() == addresses[last])
            else:
                stands = place
            result += [finished[end : match.start()], MergeField(name, stands, default)]
            end = match.end()
        result.append(finished[end:])
        return tuple(piece for piece in result if piece != "")

    def _tokens(self, text: str) -> Iterator[re.Match[str]]:
        return re.finditer(rf"{self.prefix}(\d+)z", text)


def _place(name: str, whole: bool) -> Place:
    """Only our own URLs may be a whole one: a reader's data could name any scheme."""
    return Place.URL if whole and name in URL_FIELDS | SEND_URLS else Place.URL_PART


def _addresses(html: str, prefix: str) -> Iterator[tuple[int, int]]:
    """Where the values of attributes that hold a URL begin and end, in tags with tokens."""
    for tag in _TAG.finditer(html):
        if prefix not in tag[0]:
            continue
        for attribute in _ATTRIBUTE.finditer(html, tag.start(), tag.end()):
            if attribute[1] in _ADDRESSES:
                yield attribute.start(2) + 1, attribute.end(2) - 1
