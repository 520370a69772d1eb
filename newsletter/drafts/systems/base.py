"""What the readers of archives share: texts in whatever encoding, front matter, dates, names."""

import datetime as dt
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Protocol

from newsletter.digest import characters, dates, front_matter
from newsletter.digest.keys import KNOWN
from newsletter.drafts.archives import ForeignArchive, TooLarge
from newsletter.drafts.posts import Change, ChangeKind, ForeignPost
from newsletter.model.digest import day_of
from newsletter.model.slug import slugified

MOST_OF_A_POST = 2 * characters.MAX_BYTES  # characters, as HTML; an issue has less
DATE_IN_NAME = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})-(.+)")
_COMMON = {
    **{key: key for key in ("title", "date", "tags", "category", "description", "excerpt")},
    **{key: key for key in ("image", "cover", "coverImage", "cover_image", "author", "authors")},
    **{key: key for key in ("subtitle", "slug", "draft", "lang", "language", "subject")},
    "preheader": "preheader",
}
_NO_TEXT = "it is no text"


class ForeignSystem(Protocol):
    """One other system: a module here."""

    NAME: str

    def recognises(self, names: frozenset[str], archive: ForeignArchive) -> bool: ...

    def posts(self, archive: ForeignArchive) -> Iterator[ForeignPost | Change]:
        """Each post, and a Change of kind LEFT for each that cannot be one."""
        ...


@dataclass(frozen=True, slots=True)
class Front:
    """The front matter of a file, and the text below it."""

    values: Mapping[str, Any]
    lines: Mapping[str, int]
    body: str
    body_line: int
    problems: tuple[Change, ...]


def text_of(archive: ForeignArchive, name: str) -> tuple[str, tuple[Change, ...]] | Change:
    """A text, and how it had to be read; a Change where it cannot be."""
    try:
        content = archive.read(name)
    except TooLarge:
        return left(name, "it is too large")
    except OSError as error:
        return left(name, f"it cannot be read: {error.strerror}")
    if b"\0" in content and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return left(name, _NO_TEXT)
    for encoding in ("utf-16",) if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig",):
        try:
            return characters.clean(content.decode(encoding)), ()
        except UnicodeDecodeError:
            pass
    text = content.decode("windows-1252", "replace")
    note = Change(name, ChangeKind.CONVERTED, "it is not UTF-8, and was read as windows-1252")
    return characters.clean(text), (note,)


def post_of(archive: ForeignArchive, name: str) -> tuple[str, tuple[Change, ...]] | Change:
    """The text of a file that is one post; a larger one than any issue is left."""
    text = text_of(archive, name)
    if isinstance(text, tuple) and len(text[0]) > MOST_OF_A_POST:
        return left(name, f"it has more than {MOST_OF_A_POST // 1024**2} MB")
    return text


def front_of(text: str, name: str) -> Front:
    """Front matter as YAML, TOML or JSON."""
    if text.startswith("{"):
        return _json_front(text, name)
    front = front_matter.split(text, name)
    problems = tuple(
        Change(str(found.position), ChangeKind.NOTED, found.message)
        for found in front.findings
        if found.rule.startswith("front-matter") and found.rule != "front-matter-hash"
    )
    return Front(front.values, front.lines, front.body, front.body_line, problems)


def _json_front(text: str, name: str) -> Front:
    try:
        values, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return Front(
            {}, {}, text, 1, (Change(name, ChangeKind.NOTED, "its front matter is broken"),)
        )
    line = text.count("\n", 0, end) + 1
    return Front(values if isinstance(values, dict) else {}, {}, text[end:], line, ())


def keys_of(
    front: Front, name: str, own: Mapping[str, str], dropped: Iterable[str] = ()
) -> tuple[dict[str, Any], list[Change]]:
    """Front matter in our words: `own` are those that a system has its own words for.

    What nobody here knows is kept under its own name. What means something else here is left out,
    and told, unless it is `dropped` as of no use outside of its system.
    """
    keys: dict[str, Any] = {}
    changes = list(front.problems)
    names = {**_COMMON, **own}
    for key, value in front.values.items():
        ours = names.get(key, key)
        if value in (None, "", [], {}) or key in dropped:
            continue
        place = f"{name}:{front.lines.get(key, 1)}"
        if key not in names and key in KNOWN:
            changes.append(Change(place, ChangeKind.DROPPED, f"{key}: {_short(value)}"))
        elif ours in keys:
            changes.append(Change(place, ChangeKind.DROPPED, f"{key}: {ours} is there already"))
        else:
            keys[ours] = value
            if ours != key:
                changes.append(Change(place, ChangeKind.CONVERTED, f"{key} is {ours} here"))
    return keys, changes


def words_of(value: object) -> list[str]:
    """Tags as a list, however they are written: with commas, with spaces in Jekyll."""
    if isinstance(value, str):
        return [word.strip() for word in value.split(",") if word.strip()]
    if isinstance(value, Sequence):
        return [str(word).strip() for word in value if str(word).strip()]
    return []


def moment_of(value: object) -> tuple[str, dt.date | None]:
    """A date as front matter has it, and its day; empty where it is none."""
    if isinstance(value, dt.date):
        return str(value), day_of(value)
    text = str(value or "").strip()
    moment = dates.parsed(text)
    return (text, day_of(moment)) if moment is not None else ("", None)


def slug_of(*candidates: object) -> str:
    """The first of some names that makes a slug."""
    for candidate in candidates:
        text = str(candidate or "").strip().strip("/").rpartition("/")[2]
        if slug := slugified(text.removesuffix(".html")):
            return slug
    return "issue"


def stem_of(name: str) -> str:
    path = PurePosixPath(name)
    return path.parent.name if path.stem == "index" else path.stem


def left(name: str, reason: str) -> Change:
    return Change(name, ChangeKind.LEFT, reason)


def _short(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else f"{text[:59]}…"
