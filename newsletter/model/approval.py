"""Who stands for the content of a send: where git has it, and who said yes to it."""

import datetime as dt
import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Editor:
    """Somebody who works on the newsletter, as git or they themselves say: no proof of who it is.

    Either part may be empty.
    """

    name: str
    email: str

    def __str__(self) -> str:
        if not self.email:
            return self.name
        return f"{self.name} <{self.email}>" if self.name else self.email

    def is_same_as(self, other: "Editor") -> bool:
        """Whether both have one address or one name: people commit by several addresses."""
        return _is_shared(self.email, other.email) or _is_shared(self.name, other.name)


def _is_shared(one: str, another: str) -> bool:
    return bool(_folded(one)) and _folded(one) == _folded(another)


def _folded(words: str) -> str:
    """As it is read, whatever its letters, spaces and unseen characters are made of."""
    plain = unicodedata.normalize("NFKC", words)
    seen = "".join(sign for sign in plain if unicodedata.category(sign) != "Cf")
    return unicodedata.normalize("NFKC", " ".join(seen.split()).casefold())


@dataclass(frozen=True, slots=True)
class Approval:
    """One person's yes to exactly one content."""

    content_hash: str
    slug: str
    editor: Editor
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a content comes from when it is sealed; `branch` only where one is required."""

    git_commit: str | None = None
    branch: str | None = None
    approval: Approval | None = None
