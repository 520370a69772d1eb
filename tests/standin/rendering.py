"""What SES puts into the mailbox: subject, HTML and text, from a template, as given, or from MIME.

Two mails are the same to a reader if these are equal: newlines are LF, and those at the end of a
part, which MIME may add, are left out.
"""

import email
import email.policy
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol

from tests.standin.limits import Invalid

_FIELD = re.compile(r"\{\{\s*([A-Za-z0-9_-]+)\s*\}\}(?!\})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Rendered:
    subject: str
    html: str | None
    text: str | None

    def hashes(self) -> dict[str, str | None]:
        return {
            "subject_sha256": _sha256(self.subject),
            "html_sha256": _sha256(self.html),
            "text_sha256": _sha256(self.text),
        }


def tracked(mail: Rendered, open_tracking: str | None, click_tracking: str | None) -> Rendered:
    """A mail as an account that tracks everything sends it, unless its call says otherwise."""
    html = mail.html
    if html is not None and click_tracking != "DISABLED":
        html = html.replace("https://", "https://r.us-east-1.awstrack.me/L0/https:")
    if html is not None and open_tracking != "DISABLED":
        html += '<img alt="" src="https://r.us-east-1.awstrack.me/I0/1" width="1" height="1">'
    return replace(mail, html=html)


class Content(Protocol):
    """What an entry will be once rendered."""

    @property
    def subject(self) -> str: ...

    def missing(self) -> str | None:
        """A variable without a value: SES takes such a message and never sends it."""
        ...

    def render(self) -> Rendered: ...


@dataclass(frozen=True, slots=True)
class Fixed:
    """Content given as it is to be."""

    subject: str
    html: str | None
    text: str | None

    def missing(self) -> str | None:
        return None

    def render(self) -> Rendered:
        return Rendered(self.subject, _plain(self.html), _plain(self.text))


@dataclass(frozen=True, slots=True)
class Template:
    """An inline template, each part cut at its fields: literal, name, literal, …"""

    subject: tuple[str, ...]
    html: tuple[str, ...] | None
    text: tuple[str, ...] | None
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Filled:
    """A template and the data of one entry."""

    template: Template
    data: Mapping[str, str]
    subject: str

    def missing(self) -> str | None:
        if self.template.names <= self.data.keys():
            return None
        return min(self.template.names - self.data.keys())

    def render(self) -> Rendered:
        html, text = self.template.html, self.template.text
        return Rendered(
            self.subject,
            None if html is None else _plain(_fill(html, self.data)),
            None if text is None else _plain(_fill(text, self.data)),
        )


def filled(template: Template, data: Mapping[str, str]) -> Filled:
    """The template with this data; Invalid if the subject were more than one line."""
    subject = _fill(template.subject, data)
    if _CONTROL.search(subject):
        raise Invalid("a control character in the subject")
    return Filled(template, data, subject)


@dataclass(frozen=True, slots=True)
class Mime:
    """A raw message; read only if somebody asks for its parts."""

    data: bytes
    subject: str

    def missing(self) -> str | None:
        return None

    def render(self) -> Rendered:
        message = email.message_from_bytes(self.data, policy=email.policy.default)
        html, text = message.get_body(("html",)), message.get_body(("plain",))
        return Rendered(
            self.subject,
            None if html is None else _plain(html.get_content()),
            None if text is None else _plain(text.get_content()),
        )


@lru_cache(maxsize=8)
def compile_template(subject: str, html: str | None, text: str | None) -> Template:
    """Cut the parts at their fields; Invalid where there is more than simple substitution."""
    if _CONTROL.search(subject):
        raise Invalid("a control character in the subject")
    parts = tuple(_cut(part) for part in (subject, html, text))
    names = frozenset(name for part in parts if part is not None for name in part[1::2])
    assert parts[0] is not None
    return Template(parts[0], parts[1], parts[2], names)


def _cut(part: str | None) -> tuple[str, ...] | None:
    if part is None:
        return None
    pieces = tuple(_FIELD.split(part))
    for number, literal in enumerate(pieces[::2]):
        if "{{" in literal:
            at = literal.index("{{")
            raise Invalid(f"only simple substitutions are supported: {literal[at : at + 40]!r}")
        if literal.endswith(("\\", "{")) and 2 * number < len(pieces) - 1:
            raise Invalid(f"{literal[-20:]!r} before a field changes its meaning")
    return pieces


def _fill(pieces: tuple[str, ...], data: Mapping[str, str]) -> str:
    if len(pieces) == 1:
        return pieces[0]
    filled = list(pieces)
    filled[1::2] = [data.get(name, "") for name in pieces[1::2]]
    return "".join(filled)


def _plain(part: str | None) -> str | None:
    return None if part is None else part.replace("\r\n", "\n").rstrip("\n")


def _sha256(part: str | None) -> str | None:
    return None if part is None else hashlib.sha256(part.encode()).hexdigest()
