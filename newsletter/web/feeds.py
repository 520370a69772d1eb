"""The newest issues as feeds: Atom (RFC 4287) and JSON Feed 1.1.

https://www.rfc-editor.org/rfc/rfc4287, https://www.jsonfeed.org/version/1.1/
"""

import datetime as dt
import json
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from feedgen.feed import FeedGenerator

_NAMESPACE = uuid.UUID("5d0f4b6e-8f0c-5a53-9a34-6f3c1d8c2a71")  # of these names alone

# What XML 1.0 cannot hold, however it is written.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Channel:
    """The newsletter as a feed; times are aware. An empty `id` is that of one without issues."""

    title: str
    language: str
    base_url: str
    updated: dt.datetime
    id: str = ""
    description: str = ""
    author: str = ""
    logo: str = ""  # its address


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One issue; its `url` is absolute, its `id` the same wherever the site is."""

    id: str
    url: str
    title: str
    summary: str
    html: str
    text: str
    language: str
    published: dt.datetime
    updated: dt.datetime
    tags: Sequence[str] = ()


def identity(*parts: str) -> str:
    """A name that does not change when the site moves (RFC 4287, 4.2.6), made of what never
    changes.

    Otherwise feed readers would show every issue as new again.
    """
    return uuid.uuid5(_NAMESPACE, "/".join(parts)).urn


def atom(channel: Channel, entries: Sequence[FeedEntry]) -> bytes:
    feed = FeedGenerator()
    feed.id(channel.id or f"{channel.base_url}/archive/")
    feed.title(_legal(channel.title))
    feed.author(name=_legal(channel.author or channel.title))
    if channel.description:
        feed.subtitle(_legal(channel.description))
    if channel.logo:
        feed.logo(channel.logo)
    feed.language(channel.language)
    feed.link(href=f"{channel.base_url}/archive/", rel="alternate", type="text/html")
    feed.link(href=f"{channel.base_url}/feed.xml", rel="self", type="application/atom+xml")
    feed.generator("newsletter")
    feed.updated(channel.updated)
    for entry in entries:
        added = feed.add_entry(order="append")
        added.id(entry.id)
        added.title(_legal(entry.title))
        added.link(href=entry.url, rel="alternate", type="text/html")
        added.summary(_legal(entry.summary or entry.title))
        added.content(_legal(entry.html), type="html")
        for tag in entry.tags:
            added.category(term=_legal(tag))
        added.published(entry.published)
        added.updated(entry.updated)
    return bytes(feed.atom_str(pretty=True))


def json_feed(channel: Channel, entries: Sequence[FeedEntry]) -> bytes:
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": channel.title,
        "home_page_url": f"{channel.base_url}/archive/",
        "feed_url": f"{channel.base_url}/feed.json",
        "language": channel.language,
        "authors": [{"name": channel.author or channel.title}],
        **({"description": channel.description} if channel.description else {}),
        **({"icon": channel.logo} if channel.logo else {}),
        "items": [
            {
                "id": entry.id,
                "url": entry.url,
                "title": entry.title,
                "summary": entry.summary or entry.title,
                "content_html": entry.html,
                "content_text": entry.text,
                "language": entry.language,
                **({"tags": list(entry.tags)} if entry.tags else {}),
                "date_published": entry.published.isoformat(),
                "date_modified": entry.updated.isoformat(),
            }
            for entry in entries
        ],
    }
    return json.dumps(feed, ensure_ascii=False, indent=1).encode("utf-8", "replace")


def _legal(text: str) -> str:
    return _ILLEGAL.sub("", text)
