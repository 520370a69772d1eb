"""What the archive knows of an issue beside its mail: tags and cover, and what was corrected."""

import datetime as dt
import re
import unicodedata
from dataclasses import dataclass

from newsletter.model.digest import Digest

_MOST_TAGS, _LONGEST_TAG = 20, 60


@dataclass(frozen=True, slots=True)
class Listing:
    """What the archive shows of an issue, sealed with each send; `cover` is its address, or
    empty."""

    tags: tuple[str, ...] = ()
    cover: str = ""


@dataclass(frozen=True, slots=True)
class Correction:
    """A later web version of what a send sealed; `author` is who ran the command."""

    id: int
    send: int
    at: dt.datetime
    note: str
    author: str
    undone_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Hiding:
    """That an issue was taken off the web, and why."""

    slug: str
    at: dt.datetime
    reason: str
    author: str


def listing_of(digest: Digest) -> Listing:
    """The tags of an issue, each once and on one line, and its cover."""
    tags: dict[str, str] = {}
    for tag in digest.meta.tags:
        one_line = " ".join(tag.split())[:_LONGEST_TAG]
        if tag_key(one_line):
            tags.setdefault(tag_key(one_line), one_line)
    return Listing(tuple(tags.values())[:_MOST_TAGS], digest.meta.cover or "")


def tag_key(tag: str) -> str:
    """A tag as its page is called: one, however it is written; maybe empty.

    "C", "C++" and "C#" differ, and none is a path that leads elsewhere.
    """
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", tag).casefold())
    plain = "".join(sign if _is_kept(sign) else "-" for sign in folded)
    return re.sub("-+", "-", plain).strip("-.")


def _is_kept(sign: str) -> bool:
    """Marks too: in Hindi or Thai they are vowels, and tell one word from another."""
    return sign.isalnum() or sign in "_+#." or unicodedata.category(sign).startswith("M")
