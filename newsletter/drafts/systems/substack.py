"""Substack: `posts.csv`, and each post as HTML in `posts/`. Its pictures are on the web."""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import lxml.etree
import lxml.html

from newsletter.drafts import notes
from newsletter.drafts.archives import ForeignArchive
from newsletter.drafts.posts import Change, ChangeKind, ForeignPost
from newsletter.drafts.systems.base import left, moment_of, post_of, slug_of, text_of

NAME = "substack"

_TABLE = "posts.csv"
_NOT_POSTS = ("restack", "note", "page")
# Forms and buttons of its site, which do nothing elsewhere.
_WIDGETS = (
    *("subscription-widget", "subscribe-widget", "captioned-button-wrap", "share-dialog"),
    *("poll-embed", "image-link-expand", "install-substack-app", "paywall-jump"),
)
_BY_CLASS = " or ".join(f"contains(@class, '{name}')" for name in _WIDGETS)
_OF_THE_SITE = f"descendant::*[{_BY_CLASS} or self::form or self::button]"
_WITHOUT_TARGET = (
    "descendant::*[contains(@class, 'button-wrapper')][.//a[starts-with(@href, '%%')]]"
)
_REFERENCES = "descendant::a[contains(@class, 'footnote-anchor')]"
_NOTES = "descendant::div[contains(concat(' ', @class, ' '), ' footnote ')]"
_NUMBER = re.compile(r"#footnote-(?:anchor-)?(\d{1,4})\b")


def recognises(names: frozenset[str], archive: ForeignArchive) -> bool:
    return _TABLE in names


def posts(archive: ForeignArchive) -> Iterator[ForeignPost | Change]:
    text = text_of(archive, _TABLE)
    if isinstance(text, Change):
        yield text
        return
    files = {PurePosixPath(n).stem: n for n in archive.names if n.endswith(".html")}
    try:
        for row in csv.DictReader(io.StringIO(text[0], newline="")):
            yield _post(archive, row, files)
    except csv.Error as error:
        yield left(_TABLE, f"it is broken: {error}")


def _post(
    archive: ForeignArchive,
    row: Mapping[str, str],
    files: Mapping[str, str],
) -> ForeignPost | Change:
    post_id = row.get("post_id") or ""
    number = post_id.partition(".")[0]
    name = files.get(post_id) or next(
        (name for stem, name in files.items() if number and stem.partition(".")[0] == number), ""
    )
    if (kind := row.get("type") or "newsletter") in _NOT_POSTS:
        return left(f"{_TABLE}#{post_id}", f"it is a {kind}")
    if not name:
        return left(f"{_TABLE}#{post_id}", "there is no file of it in posts")
    text = post_of(archive, name)
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
    """A post without the forms of the site, and with signs for its footnotes."""
    try:
        tree = lxml.html.fragment_fromstring(notes.without_signs(html), create_parent="div")
    except (lxml.etree.ParserError, ValueError):
        return html, []
    changes: list[Change] = []
    for path in (_OF_THE_SITE, _WITHOUT_TARGET):
        for element in tree.xpath(path):
            if element.getparent() is not None and _is_within(element, tree):
                words = " ".join(element.text_content().split())[:60]
                told = f"a form or button of Substack: {words}"
                changes.append(Change(name, ChangeKind.DROPPED, told.rstrip(": ")))
                element.drop_tree()
    for link in tree.xpath(_REFERENCES):
        if number := _NUMBER.search(link.get("href") or ""):
            link.text = notes.reference(int(number[1]))
            link.drop_tag()
    for note in tree.xpath(_NOTES):
        _set_apart(note, tree)
    return lxml.html.tostring(tree, encoding="unicode"), changes


def _is_within(element: Any, tree: Any) -> bool:
    """Whether an element is still there: one around it may have been left out."""
    return any(above is tree for above in element.iterancestors())


def _set_apart(note: Any, tree: Any) -> None:
    """Move a footnote to the end, below a paragraph with the sign of its number."""
    links = note.xpath("./a[contains(@class, 'footnote-number') or contains(@href, '#footnote')]")
    number = _NUMBER.search((links[0].get("href") or "") if links else "")
    if number is None:
        return
    links[0].drop_tree()
    note.drop_tree()
    note.tail = None
    sign = lxml.html.fragment_fromstring(f"<p>{notes.definition(int(number[1]))}</p>")
    tree.append(sign)
    tree.append(note)
