"""Ghost: the JSON that it exports, and its pictures if they lie beside it.

https://docs.ghost.org/migration/custom
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from newsletter.drafts.archives import ForeignArchive
from newsletter.drafts.posts import Change, ChangeKind, ForeignPost
from newsletter.drafts.systems import koenig
from newsletter.drafts.systems.base import left, moment_of, slug_of, text_of

NAME = "ghost"

_SIZE = re.compile(r"(/content/images)/size/[wh0-9]+")


def recognises(names: frozenset[str], archive: ForeignArchive) -> bool:
    return next(_tables(archive), None) is not None


def posts(archive: ForeignArchive) -> Iterator[ForeignPost | Change]:
    for name, tables in _tables(archive):
        yield from _Export(name, tables).posts()


def _tables(archive: ForeignArchive) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name in sorted(archive.names):
        if not name.endswith(".json") or PurePosixPath(name).parent.parts[2:]:
            continue
        text = text_of(archive, name)
        if isinstance(text, Change) or '"posts"' not in text[0]:
            continue
        try:
            facts = json.loads(text[0])
        except (ValueError, RecursionError):
            continue
        if isinstance(facts, dict) and isinstance(databases := facts.get("db"), list) and databases:
            facts = databases[0]
        tables = facts.get("data") if isinstance(facts, dict) else None
        if isinstance(tables, dict) and isinstance(tables.get("posts"), list):
            yield name, tables


class _Export:
    def __init__(self, name: str, tables: Mapping[str, Any]) -> None:
        self._name = name
        self._posts = _rows(tables, "posts")
        self._meta = {str(row.get("post_id")): row for row in _rows(tables, "posts_meta")}
        tags = {str(row.get("id")): str(row.get("name") or "") for row in _rows(tables, "tags")}
        users = {str(row.get("id")): str(row.get("name") or "") for row in _rows(tables, "users")}
        self._tags = _related(tables, "posts_tags", "tag_id", tags)
        self._authors = _related(tables, "posts_authors", "author_id", users)

    def posts(self) -> Iterator[ForeignPost | Change]:
        for number, row in enumerate(self._posts, start=1):
            place = f"{self._name}#{row.get('slug') or number}"
            if str(row.get("type") or "post") == "page" or row.get("page") in (1, True):
                yield left(place, "it is a page, not a post")
                continue
            body, changes = _body(row, place)
            if not body.strip():
                yield left(place, "it has no text")
                continue
            yield self._post(row, place, body, changes)

    def _post(
        self, row: Mapping[str, Any], place: str, body: str, changes: list[Change]
    ) -> ForeignPost:
        post_id = str(row.get("id"))
        meta = self._meta.get(post_id, {})
        tags = [tag for tag in self._tags.get(post_id, ()) if tag and not tag.startswith("#")]
        date, day = moment_of(row.get("published_at") or row.get("created_at"))
        status = str(row.get("status") or "published")
        if (visibility := str(row.get("visibility") or "public")) != "public":
            changes.append(Change(place, ChangeKind.NOTED, f"only {visibility} could read it"))
        keys = {
            "title": row.get("title"),
            "subject": meta.get("email_subject"),
            "date": date,
            "category": tags[0] if tags else None,
            "tags": tags,
            "author": ", ".join(filter(None, self._authors.get(post_id, ()))),
            "description": row.get("custom_excerpt") or meta.get("meta_description"),
            "coverImage": _absolute(str(row.get("feature_image") or "")),
            "draft": True if status in ("draft", "scheduled") else None,
        }
        return ForeignPost(
            place,
            slug_of(row.get("slug"), row.get("title")),
            day,
            {key: value for key, value in keys.items() if value},
            _absolute(body),
            True,
            1,
            "",  # the export leaves it out
            ("", str(PurePosixPath(self._name).parent)),
            tuple(changes),
        )


def _rows(tables: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    rows = tables.get(name)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _related(
    tables: Mapping[str, Any], table: str, key: str, names: Mapping[str, str]
) -> dict[str, list[str]]:
    related: dict[str, list[str]] = {}
    for row in sorted(_rows(tables, table), key=lambda row: str(row.get("sort_order", 0)).zfill(6)):
        related.setdefault(str(row.get("post_id")), []).append(names.get(str(row.get(key)), ""))
    return related


def _body(row: Mapping[str, Any], place: str) -> tuple[str, list[Change]]:
    """A post as HTML; of a draft there may only be what the editor of Ghost keeps."""
    if html := str(row.get("html") or ""):
        return html, []
    for key, read in (("lexical", koenig.lexical), ("mobiledoc", koenig.mobiledoc)):
        if source := str(row.get(key) or ""):
            html, unknown = read(source)
            return html, [Change(place, ChangeKind.DROPPED, f"a card: {name}") for name in unknown]
    return "", []


def _absolute(text: str) -> str:
    return _SIZE.sub(r"\1", text.replace("__GHOST_URL__", ""))
