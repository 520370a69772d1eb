"""Merge fields as other systems write them: here they are text, and every reader sees them."""

import re
from collections.abc import Iterator
from urllib.parse import unquote

from newsletter.lint.visible import Addressed, captions, inbox_texts
from newsletter.model.digest import Digest
from newsletter.model.email import MERGE_FIELD
from newsletter.model.finding import Finding, Position, Severity
from newsletter.model.inline import (
    Span,
    SpanKind,
    Text,
)
from newsletter.model.nodes import nodes_of
from newsletter.model.walking import plain_text

# Between the first two pairs of marks anything is a field; between the others, only names that mean
# something below.
_FIELD = re.compile(
    r"\*\|(?P<stars>[^|\n]{1,100})\|\*|%%(?P<percents>[\w.]{1,60})%%"
    r"|\{{1,3}[$!]?(?P<braces>[^{}%\n][^{}\n]{0,200})\}{1,3}|[$#]\{(?P<sign>[^{}\n]{1,100})\}"
    r"|\$?\[{1,2}(?P<brackets>[^\[\]\n]{1,100})\]{1,2}\$?|<<(?P<angles>[^<>\n]{1,100})>>"
    r"|%(?P<percent>[A-Za-z][\w.]{1,60})%"
)
_DEFAULT = re.compile(r"[|,=\"']|\bdefault\b|\bfallback\b|\bor\b", re.IGNORECASE)
_PEOPLE = frozenset(
    {
        *("subscriber", "contact", "recipient", "user", "person", "customer", "lead", "member"),
        *("reader", "profile", "params", "var", "data", "attributes", "metadata", "custom"),
    }
)
_NAMES_OF = {  # in lower case, without marks
    '{{ subscriber.first_name | default("reader") }}': (
        "fname firstname givenname forename vorname prenom prénom имя"
    ),
    "{{ subscriber.last_name }}": "lname lastname surname familyname nachname",
    '{{ subscriber.name | default("reader") }}': (
        "name fullname yourname displayname subscribername recipientname recipientfname "
        "contactname readername 姓名 名字 昵称 稱呼"
    ),
    "{{ unsubscribe_url }}": (
        "unsub unsubscribe unsubscribeurl unsubscribelink mailinglistunsubscribeurl optout"
    ),
    "{{ preferences_url }}": (
        "updateprofile preferences preferencesurl managepreferences manageurl"
    ),
    "{{ web_url }}": "webversion webversionurl webview viewinbrowser viewonline weburl",
}
_MEANINGS = {name: ours for ours, names in _NAMES_OF.items() for name in names.split()}
_SIGNS_IN_ADDRESS = re.compile(r"%(?![0-9A-F]{2})|%25|%5B|%7B|%3C|[*\[{<]", re.IGNORECASE)
_ADDRESS_ALONE = re.compile(r"https?://\S+", re.IGNORECASE)  # shown as its own link
_ADDRESS = frozenset({"email", "emailaddress"})  # no field of ours holds it


def foreign_merge_field(digest: Digest) -> Iterator[Finding]:
    """A merge field of another system is text here, which every reader sees."""
    for text, place in _texts(digest):
        for field, fix in fields_in(text):
            message = f"{field!r} is not a merge field here: readers see it as it stands"
            yield Finding("foreign-merge-field", Severity.WARNING, place, message, fix)
    for node in nodes_of(digest):
        if isinstance(node, Addressed):
            for field in _fields_of_address(node.url or ""):
                yield Finding(
                    "foreign-merge-field",
                    Severity.WARNING,
                    node.position,
                    f"{field!r} is not a merge field here: the address keeps it as it stands",
                    "Write the address itself: no field is filled in there.",
                )


def _fields_of_address(url: str) -> Iterator[str]:
    """Fields that are a whole part of the address; `?user[name]=` is a parameter. Double braces are
    reported where addresses are read."""
    if not _SIGNS_IN_ADDRESS.search(url):
        return
    for part in re.split(r"[/?&=#]", unquote(url)):
        for field, _ in fields_in(part):
            is_apart = field == part or field.startswith(("*|", "%%"))
            if is_apart and not field.startswith("{{"):
                yield field


def fields_in(text: str) -> Iterator[tuple[str, str]]:
    """Each such field of a text, and what to do about it."""
    for match in _FIELD.finditer(text):
        if fix := _fix(match):
            yield match[0], fix


def _texts(digest: Digest) -> Iterator[tuple[str, Position]]:
    yield from inbox_texts(digest)
    yield from captions(digest)
    for node in nodes_of(digest):
        if isinstance(node, Text) and not _ADDRESS_ALONE.fullmatch(node.text):
            yield node.text, node.position
        elif isinstance(node, Span) and node.kind is SpanKind.EMPHASIS:
            text = plain_text((node,))
            if text.startswith("|"):  # Markdown reads the stars of *|FNAME|* as its own
                yield f"*{text}*", node.position


def _fix(match: re.Match[str]) -> str:
    """What to write for a field; empty where it is not one, or is ours."""
    if MERGE_FIELD.fullmatch(match[0]):
        return ""
    marks = str(match.lastgroup)
    inner = _DEFAULT.split(match[marks])[0].strip()
    names = [name for part in re.split(r"[.:]", inner) if (name := _letters(part))]
    owner, name = names[:-1], names[-1] if names else ""
    if not owner or _PEOPLE.intersection(owner):
        if name in _MEANINGS:
            return f"Write {_MEANINGS[name]}."
        if name in _ADDRESS:
            return "Remove it: no merge field holds the address."
    if marks not in ("stars", "percents"):
        return ""
    if name == "archive":
        return "Write {{ web_url }}."
    if owner or not re.match(r"[^\W\d]", inner):
        return "Remove it: docs/writing.md lists the merge fields."
    attribute = re.sub(r"[^\w-]+", "_", inner.lower())
    return f"Write {{{{ subscriber.{attribute} }}}}."


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).lower()
