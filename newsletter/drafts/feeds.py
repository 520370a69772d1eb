"""RSS, Atom and JSON Feed -> entries: https://www.jsonfeed.org/version/1.1/ for the last."""

import calendar
import datetime as dt
import io
import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import feedparser
import lxml.etree
import lxml.html

from newsletter.digest import dates
from newsletter.drafts.converting import blocks_of
from newsletter.drafts.escaping import line_of
from newsletter.drafts.fetching import Fetched
from newsletter.drafts.known import key_of, without_tracking
from newsletter.errors import NewsletterError
from newsletter.languages import shortened
from newsletter.model.walking import inlines_of, plain_text, walk

_JSON_FEED = "jsonfeed.org/version/1"
_FEED_TYPES = ("application/rss+xml", "application/atom+xml", "application/feed+json")
_HARMLESS = feedparser.exceptions.ThingsNobodyCaresAboutButMe  # about encodings and media types
_LONGEST_TITLE = 500
_MOST_OF_A_BODY = 20_000  # characters of it: a draft has only its beginning
_SHOWN_LENGTH = 60
# Of a tag with its attributes: feedparser's time for them grows with the square of their number.
_LONGEST_TAG = 64 * 1024
_LONG_TAG = re.compile(rb"<(?!!)[^<>]{%d}" % _LONGEST_TAG)


@dataclass(frozen=True, slots=True)
class FeedItem:
    """One entry. `title` is plain text and `body` HTML, either maybe empty; `link` is empty where
    there is none, `at` None where no date can be read. `feed` is the title of where it stood."""

    link: str
    id: str
    title: str
    body: str
    at: dt.datetime | None
    category: str
    feed: str

    @property
    def keys(self) -> frozenset[str]:
        """By each of these it is known again, in another feed or in an issue."""
        return frozenset(filter(None, (key_of(self.link) if self.link else "", self.id)))


@dataclass(frozen=True, slots=True)
class Feed:
    """`problem` says what is wrong with a feed that could be read in part."""

    source: str
    title: str
    entries: tuple[FeedItem, ...]
    problem: str = ""


def read(page: Fetched, source: str) -> Feed:
    """The feed that a page holds; `source` is what an editor calls it. Raises NewsletterError."""
    beginning = page.content[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if beginning.startswith((b"{", b"[")):
        return _json_feed(page, source)
    if beginning.startswith((b"<!doctype html", b"<html")):
        raise _web_page(page, source)
    if tag := _LONG_TAG.search(page.content):
        line = page.content.count(b"\n", 0, tag.start()) + 1
        raise NewsletterError(
            f"a tag of this feed is longer than {_LONGEST_TAG // 1024} KB",
            where=f"{source}:{line}",
            hint="Take its attributes out, and name the file that holds the rest.",
        )
    headers = {"content-location": page.url}
    if page.kind:
        headers["content-type"] = page.kind
    parsed = feedparser.parse(
        io.BytesIO(page.content), response_headers=headers, sanitize_html=False
    )
    if not parsed.get("version") and not parsed.entries:
        raise _no_feed(page, source)
    if not parsed.entries and _problem(parsed):
        raise NewsletterError(
            "this feed is broken, and no entry of it can be read",
            where=source,
            hint="Open it in a browser, or save a whole one as a file and name that.",
        )
    base = page.url or _own_address(
        parsed.feed.get("link"), *(link.get("href") for link in parsed.feed.get("links") or ())
    )
    title = _plain(parsed.feed.get("title_detail")) or _host(base) or source
    entries = tuple(
        entry for each in parsed.entries if (entry := _entry(each, base, title)) is not None
    )
    return Feed(source, title, entries, _problem(parsed))


def _problem(parsed: Mapping[str, Any]) -> str:
    error = parsed.get("bozo_exception")
    if not parsed.get("bozo") or isinstance(error, _HARMLESS):
        return ""
    line = getattr(error, "getLineNumber", lambda: None)()
    place = f" in line {line}" if line else ""
    return f"it is broken{place}: only what could be read is there"


def _entry(each: dict[str, Any], url: str, feed: str) -> FeedItem | None:
    body = _body(each)
    link = _link(str(each.get("link") or ""), url)
    title = _plain(each.get("title_detail"))
    if not (title or body.strip() or link):
        return None
    # Not by the feed's own look-up: that takes one date for another.
    parts = dict.get(each, "published_parsed") or dict.get(each, "updated_parsed")
    tags = [line_of(str(tag.get("label") or tag.get("term") or "")) for tag in _tags(each)]
    return FeedItem(
        link=link,
        id=_id(str(each.get("id") or ""), link, url),
        title=title,
        body=body,
        at=_moment(parts),
        category=next(filter(None, tags), ""),
        feed=feed,
    )


def _tags(each: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from each.get("tags") or ()


def _body(each: Mapping[str, Any]) -> str:
    """The summary of an entry, or its content where it has none, as HTML."""
    parts = [each.get("summary_detail"), *(each.get("content") or ())]
    for part in filter(None, parts):
        value = str(part.get("value") or "")[:_MOST_OF_A_BODY]
        if value.strip():
            return _escaped(value) if part.get("type") == "text/plain" else value
    return ""


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("\n\n", "<p>")


def _plain(detail: Mapping[str, Any] | None) -> str:
    """A title as text: some hold HTML."""
    value = str((detail or {}).get("value") or "")[:_MOST_OF_A_BODY]
    if "plain" in str((detail or {}).get("type")) or not ("<" in value or "&" in value):
        return _title(value)
    blocks, _ = blocks_of(value)
    runs = [plain_text(run) for block in blocks for node in walk(block) for run in inlines_of(node)]
    return _title(" ".join(runs))


def _title(text: str) -> str:
    return shortened(line_of(text), _LONGEST_TITLE)


def _moment(parts: time.struct_time | None) -> dt.datetime | None:
    """The moment of a date that was read, in UTC; None for one that no calendar has."""
    if parts is None:
        return None
    try:
        return dt.datetime.fromtimestamp(calendar.timegm(parts), dt.UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _link(raw: str, url: str) -> str:
    """An absolute link without tracking; empty where it leads to no page."""
    if not raw.strip():
        return ""
    try:
        link = urljoin(url if "://" in url else "", raw.strip())
        is_web = urlsplit(link).scheme in ("http", "https") and bool(urlsplit(link).hostname)
    except ValueError:
        return ""
    return without_tracking(line_of(link)) if is_web else ""


def _own_address(*candidates: object) -> str:
    """Where a feed says that it is at home, for the relative links in it; empty if nowhere."""
    return next((link for each in candidates if (link := _link(str(each or ""), ""))), "")


def _id(raw: str, link: str, url: str) -> str:
    """An id that no other feed has; empty where it says no more than the link."""
    if not raw or (link and key_of(raw) == key_of(link)):
        return ""
    return line_of(raw if ":" in raw else f"{_host(link) or _host(url)}:{raw}")


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def _json_feed(page: Fetched, source: str) -> Feed:
    try:
        facts = json.loads(page.content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise _no_feed(page, source) from error
    items = facts.get("items") if isinstance(facts, dict) else None
    if not isinstance(items, list) or _JSON_FEED not in str(facts.get("version")):
        raise _no_feed(page, source)
    base = _own_address(facts.get("home_page_url"), facts.get("feed_url"), page.url)
    title = line_of(str(facts.get("title") or "")) or _host(base) or source
    entries = tuple(
        entry
        for item in items
        if isinstance(item, dict) and (entry := _json_entry(item, base, title)) is not None
    )
    return Feed(source, title, entries)


def _json_entry(item: Mapping[str, Any], base: str, feed: str) -> FeedItem | None:
    def text(*keys: str) -> str:
        return next((value for key in keys if isinstance(value := item.get(key), str)), "")

    link = _link(text("url", "external_url"), base)
    plain = text("summary", "content_text")[:_MOST_OF_A_BODY]
    body = _escaped(plain) if plain.strip() else text("content_html")[:_MOST_OF_A_BODY]
    title = _title(text("title"))
    if not (title or body.strip() or link):
        return None
    tags = item.get("tags")
    words = [line_of(tag) for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
    raw_id = item.get("id")
    return FeedItem(
        link=link,
        id=_id(str(raw_id) if isinstance(raw_id, str | int | float) else "", link, base),
        title=title,
        body=body,
        at=_json_moment(text("date_published", "date_modified")),
        category=next(filter(None, words), ""),
        feed=feed,
    )


def _json_moment(text: str) -> dt.datetime | None:
    moment = dates.parsed(text)
    if moment is None:
        return None
    if not isinstance(moment, dt.datetime):
        moment = dt.datetime.combine(moment, dt.time())
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
    except OverflowError:
        return None


def _web_page(page: Fetched, source: str) -> NewsletterError:
    """The error for a page that people read: its feed is probably named in it."""
    feeds = list(_feeds_of(page))
    return NewsletterError(
        "this is a web page, not a feed",
        where=source,
        hint=f"Its feed is {feeds[0]}" if feeds else "Name the address of its feed.",
    )


def _feeds_of(page: Fetched) -> Iterator[str]:
    try:
        tree = lxml.html.document_fromstring(page.content)
    except (lxml.etree.ParserError, ValueError):
        return
    for link in tree.iter("link"):
        if "alternate" in (link.get("rel") or "").lower() and link.get("type") in _FEED_TYPES:
            target = urljoin(page.url, link.get("href") or "")
            if target:
                yield target


def _no_feed(page: Fetched, source: str) -> NewsletterError:
    begins = page.content[:_SHOWN_LENGTH].decode("utf-8", "replace").strip().partition("\n")[0]
    kind = f", and its server calls it {page.kind}" if page.kind else ""
    what = f"it begins with {begins!r}{kind}" if begins else "it is empty"
    return NewsletterError(
        f"this is not RSS, Atom or JSON Feed: {what}",
        where=source,
        hint="Name the address of a feed, or a file that holds one.",
    )
