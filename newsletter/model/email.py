"""Email and Message: the render of a digest, for everybody and for one reader.

An Email keeps its merge fields open as values between pieces of finished text. Filling them is
one pass over those pieces, so a reader's own data is never read as a template.
"""

import hashlib
import html
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import quote

from newsletter.model.address import Address


class Place(StrEnum):
    """Where a merge field stands, which decides how its value is escaped."""

    HTML = "html"
    URL = "url"  # a whole URL inside an HTML attribute
    URL_PART = "url_part"  # a piece of a URL inside an HTML attribute
    TEXT = "text"
    HEADER = "header"
    # The begin and end of a passage that is only for mails of a send that has this field.
    BEGINS = "begins"
    ENDS = "ends"


@dataclass(frozen=True, slots=True)
class MergeField:
    """`name` is `subscriber.name`, `subscriber.<attribute>`, or of `URL_FIELDS` or `SEND_FIELDS`.

    `default` stands in for a missing or empty value, as the author wrote it.
    """

    name: str
    place: Place
    default: str = ""


URL_FIELDS = frozenset({"unsubscribe_url", "preferences_url", "web_url"})
LIST_NAME = "list_name"
IN_MAIL = "in_mail"  # has a value in mails, and none on a page for everybody
# For themes: the email is the same for every list, and each send fills these for all of its mails.
SEND_URLS = frozenset({"subscribe_url", "previous_url"})
SEND_FIELDS = SEND_URLS | {LIST_NAME, IN_MAIL, "previous_title"}

# How authors write a field.
MERGE_FIELD = re.compile(
    r"\{\{\s*(?P<name>subscriber\.[^\W\d][\w\u0300-\u036f-]*|"
    r"unsubscribe_url|preferences_url|web_url)\s*"
    r"(?:\|\s*default\(\s*(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)')\s*\)\s*)?\}\}"
)
# The target of a link may be one of these alone, which is never empty.
URL_FIELD = re.compile(rf"\{{\{{\s*(?P<name>{'|'.join(sorted(URL_FIELDS))})\s*\}}\}}")

MergeText = tuple[str | MergeField, ...]


def fill(template: MergeText, values: Mapping[str, str]) -> str:
    """The template with each field replaced by its escaped value, in a single pass."""
    return "".join(
        piece if isinstance(piece, str) else escaped(piece, values.get(piece.name) or piece.default)
        for piece in template
    )


# The form that a value takes in each place.
ESCAPES: Mapping[Place, Callable[[str], str]] = {
    Place.HTML: html.escape,
    Place.URL: html.escape,
    Place.URL_PART: partial(quote, safe=""),
    Place.TEXT: str,
    Place.HEADER: lambda value: " ".join(value.split()),
    Place.BEGINS: lambda _: "",
    Place.ENDS: lambda _: "",
}


def escaped(field: MergeField, value: str) -> str:
    """A value in the form that the field's place takes."""
    return ESCAPES[field.place](value)


def for_send(template: MergeText, values: Mapping[str, str]) -> MergeText:
    """The template of one send: fields that have a value are filled, each passage is kept or
    dropped, all else stays open. Passages are not nested."""
    pieces: list[str | MergeField] = []
    is_kept = True
    for piece in template:
        if isinstance(piece, MergeField):
            if piece.place in (Place.BEGINS, Place.ENDS):
                is_kept = piece.place is Place.ENDS or bool(values.get(piece.name))
                continue
            if piece.name in values:
                piece = escaped(piece, values.get(piece.name) or piece.default)
        if not is_kept:
            continue
        if isinstance(piece, str) and pieces and isinstance(pieces[-1], str):
            pieces[-1] += piece
        else:
            pieces.append(piece)
    return tuple(pieces)


@dataclass(frozen=True, slots=True)
class Email:
    """A digest rendered with a theme: the same for everybody, merge fields left open.

    `sender` and `reply_to` are header values such as `AI Daily <daily@news.example.com>`.
    """

    sender: str
    reply_to: str
    language: str
    subject: MergeText
    preheader: MergeText
    html: MergeText
    text: MergeText

    def to_json(self) -> str:
        """The frozen bytes of a send: one canonical text, equal for equal emails."""
        parts: dict[str, Any] = {
            "sender": self.sender,
            "reply_to": self.reply_to,
            "language": self.language,
        }
        for name in ("subject", "preheader", "html", "text"):
            parts[name] = [
                piece if isinstance(piece, str) else [piece.name, piece.place, piece.default]
                for piece in getattr(self, name)
            ]
        return json.dumps(parts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "Email":
        parts = json.loads(text)
        for name in ("subject", "preheader", "html", "text"):
            parts[name] = tuple(
                piece if isinstance(piece, str) else MergeField(piece[0], Place(piece[1]), piece[2])
                for piece in parts[name]
            )
        return cls(**parts)

    def for_send(self, values: Mapping[str, str]) -> "Email":
        """The email of one send: see `for_send` of its parts. It has a hash of its own."""
        return replace(self, html=for_send(self.html, values), text=for_send(self.text, values))

    @property
    def content_hash(self) -> str:
        """SHA-256 over the frozen bytes, in hexadecimal."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    @property
    def fields(self) -> frozenset[str]:
        """The names of all merge fields that stand in it."""
        return frozenset(
            piece.name
            for template in (self.subject, self.preheader, self.html, self.text)
            for piece in template
            if isinstance(piece, MergeField)
        )


class Message(NamedTuple):
    """An Email addressed to one subscriber: `values` fill its merge fields.

    `headers` are those beside From, To, Subject, Date and Message-ID; `ref` is
    `<delivery>.<attempt>` and unique over all sends; `name` tells it from the others of its send
    and is safe as a file name. All messages of a batch share one `email` object.
    """

    ref: str
    name: str
    to: Address
    email: Email
    values: Mapping[str, str]
    headers: tuple[tuple[str, str], ...] = ()
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def sender(self) -> str:
        return self.email.sender

    @property
    def reply_to(self) -> str:
        return self.email.reply_to

    @property
    def subject(self) -> str:
        return fill(self.email.subject, self.values)

    @property
    def html(self) -> str:
        return fill(self.email.html, self.values)

    @property
    def text(self) -> str:
        return fill(self.email.text, self.values)
