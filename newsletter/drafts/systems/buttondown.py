"""Buttondown: `emails/*.md` with front matter, as its command line has them, or the export's table
of emails as CSV or JSON. https://docs.buttondown.com/api-emails-introduction
"""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from newsletter.drafts.archives import ForeignArchive
from newsletter.drafts.posts import Change, ChangeKind, ForeignPost
from newsletter.drafts.systems.base import (
    Front,
    front_of,
    keys_of,
    left,
    moment_of,
    post_of,
    slug_of,
    text_of,
)

NAME = "buttondown"

_OWN = {"subject": "title", "publish_date": "date"}
_OF_BUTTONDOWN = (
    *("id", "email_type", "status", "filters", "commenting_mode", "related_email_ids", "featured"),
    *("creation_date", "modification_date", "absolute_url", "source", "analytics", "template"),
    *("attachments", "included_tags", "excluded_tags", "secondary_id", "archival_mode", "body"),
    *("is_comments_disabled", "should_trigger_pay_per_email_billing", "suppression_reason"),
)
_MODE = re.compile(r"\A\s*<!--\s*buttondown-editor-mode:\s*(\w+)\s*-->\s*?\n?")
_HTML = re.compile(r"\A\s*<(?:p|div|h[1-6]|table|figure|ul|ol|blockquote|!doctype|html)\b", re.I)
_LIMIT = 1024 * 1024 * 4
_ONE_TABLE = re.compile(r"(?:.*/)?(?:emails|drafts|scheduled_emails)[\w-]*\.(csv|json)")


def recognises(names: frozenset[str], archive: ForeignArchive) -> bool:
    if any(_ONE_TABLE.fullmatch(name) for name in names):
        return True
    emails = [name for name in sorted(names) if _is_email(name)][:5]
    texts = (text_of(archive, name) for name in emails)
    return any(
        isinstance(text, tuple) and "subject" in front_of(text[0], "").values for text in texts
    )


def posts(archive: ForeignArchive) -> Iterator[ForeignPost | Change]:
    for name in sorted(archive.names):
        if _is_email(name):
            text = post_of(archive, name)
            if isinstance(text, Change):
                yield text
            else:
                front = front_of(text[0], name)
                yield _post(name, front, stem_slug=PurePosixPath(name).stem, notes=text[1])
        elif table := _ONE_TABLE.fullmatch(name):
            yield from _table(archive, name, table[1])


def _is_email(name: str) -> bool:
    return name.endswith(".md") and PurePosixPath(name).parent.name in ("emails", "drafts")


def _table(archive: ForeignArchive, name: str, kind: str) -> Iterator[ForeignPost | Change]:
    text = text_of(archive, name)
    if isinstance(text, Change):
        yield text
        return
    for number, row in enumerate(_rows(text[0], kind), start=1):
        place = f"{name}#{number}"
        if not str(row.get("body") or "").strip():
            yield left(place, "it has no body")
            continue
        values = {key: _value(value) for key, value in row.items() if key}
        front = Front(values, {}, str(row["body"]), 1, ())
        yield _post(place, front, stem_slug=f"email-{number}", notes=text[1])


def _rows(text: str, kind: str) -> Iterator[Mapping[str, Any]]:
    """The rows of a table; none where it is broken."""
    if kind == "json":
        try:
            facts = json.loads(text)
        except (ValueError, RecursionError):
            return
        rows = facts.get("results") or facts.get("emails") if isinstance(facts, dict) else facts
        yield from (row for row in rows or () if isinstance(row, dict))
        return
    csv.field_size_limit(_LIMIT)
    try:
        yield from csv.DictReader(io.StringIO(text, newline=""))
    except csv.Error:
        return


def _value(value: object) -> object:
    """A cell of a table: some hold JSON."""
    if isinstance(value, str) and value[:1] in "[{":
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _post(name: str, front: Front, *, stem_slug: str, notes: tuple[Change, ...]) -> ForeignPost:
    values = front.values
    keys, changes = keys_of(front, name, _OWN, _OF_BUTTONDOWN)
    if (slug := keys.pop("slug", None)) is None:
        slug = stem_slug
    _, day = moment_of(keys.get("date"))
    if day is None:
        keys["date"], day = moment_of(values.get("creation_date"))
    if str(values.get("status") or "").lower() in ("draft", "scheduled"):
        keys["draft"] = True
    kind = str(values.get("email_type") or values.get("type") or "public")
    if kind != "public":
        changes.append(Change(name, ChangeKind.NOTED, f"it was {kind} in Buttondown"))
    mode = _MODE.match(front.body)
    body = front.body[mode.end() :] if mode else front.body
    is_html = (mode is not None and mode[1] == "fancy") or bool(_HTML.match(body))
    line = front.body_line + (front.body.count("\n", 0, mode.end()) if mode else 0)
    return ForeignPost(
        name,
        slug_of(slug),
        day,
        {key: value for key, value in keys.items() if key != "type"},
        body,
        is_html,
        line,
        "",
        ("", str(PurePosixPath(name).parent)),
        (*notes, *changes),
    )
