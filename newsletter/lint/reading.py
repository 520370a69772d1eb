"""A finished email as one reader gets it, for the rules on its bytes and its words."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from newsletter.model.email import SEND_URLS, URL_FIELDS, Email, fill

# As long as a signed link is with an address of usual length.
_LINK_BYTES = 120


def _link(name: str) -> str:
    return f"https://news.example.com/{name}/".ljust(_LINK_BYTES, "x")


# With all that a mail may have at its foot: a sent one is no longer, unless readers' data is.
_VALUES: Mapping[str, str] = {name: _link(name) for name in sorted(URL_FIELDS | SEND_URLS)} | {
    "list_name": "List",
    "previous_title": "Title of the issue before",
    "in_mail": "yes",
}


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a mail with every field filled in."""

    html: str
    text: str


@lru_cache(maxsize=2)  # each rule asks for the same email
def as_read(email: Email) -> Parts:
    return Parts(fill(email.html, _VALUES), fill(email.text, _VALUES))
