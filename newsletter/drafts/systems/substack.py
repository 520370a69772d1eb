"""Substack: `posts.csv`, and each post as HTML in `posts/`. Its pictures are on the web."""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from newsletter.drafts.archives import ForeignArchive
from newsletter.drafts.posts import Change, ChangeKind, ForeignPost
from newsletter.drafts.systems.base import left, moment_of, slug_of, text_of

NAME = "substack"

_TABLE = re.compile(r"(?:.*/)?posts\.csv")
_NOT_POSTS = ("restack", "note", "page")
# Forms and buttons of its site, which do nothing elsewhere.
_WIDGET = re.compile(
    r"<div class=\"(?:subscription-widget|subscribe-widget|captioned-button-wrap|poll-embed)"
    r"[^\"]*\".*?</form>(?:\s*</div>)*",
    re.DOTALL,
)
_NOTE_MARK = re.compile(
    r"<a\b[^>]*?href=\"[^\"#]*#footnote-(\d+)\"[^>]*>\s*\d+\s*</a>", re.IGNORECASE
)
_NOTE = re.compile(
    r"<div class=\"footnote\"[^>]*>\s*<a\b[^>]*>\s*(\d+)\s*</a>\s*"
    r"<div class=\"footnote-content\">(.*?)</div>\s*</div>",
    re.DOTALL,
)


def recognises(names: frozenset[str], archive: ForeignArchive) -> bool:
    return any(_TABLE.fullmatch(name) for name in names)


def posts(archive: ForeignArchive) -> Iterator[ForeignPost | Change]:
    for table in sorted(name for name in archive.names if _TABLE.fullmatch(name)):
        text = text_of(archive, table)
        if isinstance(text, Change):
            yield text
            continue
        folder = str(PurePosixPath(table).parent / "posts")
        files = {PurePosixPath(n).stem: n for n in archive.names if n.endswith(".html")}
        try:
            for row in csv.DictReader(io.StringIO(text[0], newline="")):
                yield _post(archive, table, row, files, folder)
        except csv.Error as error:
            yield left(table, f"it is broken: {error}")


def _post(
    archive: ForeignArchive,
    table: str,
    row: Mapping[str, str],
    files: Mapping[str, str],
    folder: str,
) -> ForeignPost | Change:
    post_id = row.get("post_id") or ""
    number = post_id.partition(".")[0]
    name = files.get(post_id) or next(
        (name for stem, name in files.items() if number and stem.partition(".")[0] == number), ""
    )
    if (kind := row.get("type") or "newsletter") in _NOT_POSTS:
        return left(f"{table}#{post_id}", f"it is a {kind}")
    if not name:
        return left(f"{table}#{post_id}", f"there is no file of it in {folder}")
    text = text_of(archive, name)
    if isinstance(text, Change):
        return text
    body, changes = _cleaned(text[0], name)
    if not body.strip():
        return left(name, "it has no text")
    if (audience := row.get("audience") or "everyone") != "everyone":
        changes.append(Change(name, ChangeKind.NOTED, f"its audience was {audience}"))
    if kind != "newsletter":
        changes.append(Change(name, ChangeKind.NOTED, f"it was a {kind}"))
    date, day = moment_of(row.get("post_date") or row.get("email_sent_at"))
    keys = {
        "title": row.get("title"),
        "date": date,
        "description": row.get("subtitle"),
        "draft": True if str(row.get("is_published")).lower() == "false" else None,
        "podcast_url": row.get("podcast_url"),
    }
    return ForeignPost(
        name,
        slug_of(post_id.partition(".")[2], row.get("title")),
        day,
        {key: value for key, value in keys.items() if value},
        body,
        True,
        changes=(*text[1], *changes),
    )


def _cleaned(html: str, name: str) -> tuple[str, list[Change]]:
    """A post without the forms of the site, its notes with their numbers in brackets."""
    changes: list[Change] = []

    def line_of(match: re.Match[str]) -> str:
        return f"{name}:{match.string.count(chr(10), 0, match.start()) + 1}"

    def without(match: re.Match[str]) -> str:
        changes.append(Change(line_of(match), ChangeKind.DROPPED, "a form of Substack"))
        return ""

    def note(match: re.Match[str]) -> str:
        changes.append(Change(line_of(match), ChangeKind.CONVERTED, f"note {match[1]}"))
        return f"<p>[{match[1]}]</p>{match[2]}"

    html = _NOTE.sub(note, _WIDGET.sub(without, html))
    return _NOTE_MARK.sub(lambda match: f"[{match[1]}]", html), changes
