"""A post of another system, and what became of it on its way here."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class ChangeKind(StrEnum):
    """What was done with a part of an archive; the report has a line for each."""

    CONVERTED = "converted"
    DROPPED = "dropped"
    UNKNOWN = "unknown"  # markup that stays as it stands
    KEPT_HTML = "kept-html"
    PICTURE_MISSING = "picture-missing"
    PICTURE_REMOTE = "picture-remote"
    RENAMED = "renamed"
    NOTED = "noted"
    LEFT = "left"  # a post that did not become an issue


@dataclass(frozen=True, slots=True)
class Change:
    """`place` is a file of the archive, and where it can be said its line: `_posts/x.md:7`."""

    place: str
    kind: ChangeKind
    detail: str


@dataclass(frozen=True, slots=True)
class ForeignPost:
    """`name` is its file in the archive. `body` is Markdown, or HTML, whose first line is
    `body_line`; `keys` are front matter in our words, `slug` and `day` name its file here.

    `site` is the address of its web site where that is known; an address such as `/x.png` begins in
    one of the `roots`, folders of the archive.
    """

    name: str
    slug: str
    day: dt.date | None
    keys: Mapping[str, Any]
    body: str
    is_html: bool = False
    body_line: int = 1
    site: str = ""
    roots: tuple[str, ...] = ("",)
    changes: tuple[Change, ...] = field(default=())
