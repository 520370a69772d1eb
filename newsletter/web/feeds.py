"""The newest issues as feeds: Atom (RFC 4287) and JSON Feed 1.1."""

import datetime as dt
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from feedgen.feed import FeedGenerator

# What XML 1.0 cannot hold, however it is written.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Channel:
    """The newsletter as a feed; times are aware."""

    title: str
    language: str
    base_url: str
    updated: dt.datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One issue; its `url` is absolute and its identity."""

    url: str
    title: str
    summary: str
    text: str
    language: str
    published: dt.datetime
    updated: dt.datetime


def atom(channel: Channel, entries: Sequence[Entry]) -> bytes:
    feed = FeedGenerator()
    feed.id(f"{channel.base_url}/archive/")
    feed.title(_legal(channel.title))
    feed.author(name=_legal(channel.title))
    feed.language(channel.language)
    feed.link(href=f"{channel.base_url}/archive/", rel="alternate", type="text/html")
    feed.link(href=f"{channel.base_url}/feed.xml", rel="self", type="application/atom+xml")
    feed.generator("newsletter")
    feed.updated(channel.updated)
    for entry in entries:
        added = feed.add_entry(order="append")
        added.id(entry.url)
        added.title(_legal(entry.title))
        added.link(href=entry.url, rel="alternate", type="text/html")
        added.summary(_legal(entry.summary or entry.title))
        added.content(_legal(entry.text))
        added.published(entry.published)
        added.updated(entry.updated)
    return bytes(feed.atom_str(pretty=True))


def json_feed(channel: Channel, entries: Sequence[Entry]) -> bytes:
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": channel.title,
        "home_page_url": f"{channel.base_url}/archive/",
        "feed_url": f"{channel.base_url}/feed.json",
        "language": channel.language,
        "authors": [{"name": channel.title}],
        "items": [
            {
                "id": entry.url,
                "url": entry.url,
                "title": entry.title,
                "summary": entry.summary or entry.title,
                "content_text": entry.text,
                "language": entry.language,
                "date_published": entry.published.isoformat(),
                "date_modified": entry.updated.isoformat(),
            }
            for entry in entries
        ],
    }
    return json.dumps(feed, ensure_ascii=False, indent=1).encode("utf-8", "replace")


def _legal(text: str) -> str:
    return _ILLEGAL.sub("", text)
