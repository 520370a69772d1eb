"""Entries of feeds -> a draft: an issue file that an editor goes on with."""

import datetime as dt
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from newsletter import digest
from newsletter.digest import urls
from newsletter.drafts import converting, elements, escaping, feeds, fetching, known, markup
from newsletter.drafts.feeds import Feed, FeedItem
from newsletter.drafts.wishes import MOST_ENTRIES, Grouping, Wishes
from newsletter.errors import UnreadableIssue, UsageError
from newsletter.languages import shortened
from newsletter.model.blocks import Block, Heading, Paragraph
from newsletter.model.finding import Position
from newsletter.model.inline import Image, Inline, InlineNode, Link, Span, SpanKind, Text
from newsletter.model.walking import plain_text
from newsletter.project import Project
from newsletter.render.dates import written_date
from newsletter.scaffold import issue_path, write_issue

_EXCERPT = 280  # characters of it
_ENOUGH = 160  # with as many, no further paragraph is taken
_TITLE = 80  # of an entry without one, from its text
_APPENDED = re.compile(r"The post .+ (?:appeared first on|first appeared on) ")
_NOWHERE = Position("", 1)
_AGO = re.compile(r"(\d{1,5})([hdw])")
_AGO_UNITS = {"h": dt.timedelta(hours=1), "d": dt.timedelta(days=1), "w": dt.timedelta(weeks=1)}

_ISSUE = """\
---
title: {title}
date: {date}
draft: true
summary:
  - "TODO: write what readers find here"
---
"""
_UNTITLED = "TODO: write a title"


def since_of(text: str, timezone: str, now: dt.datetime) -> dt.datetime:
    """The moment of `2026-01-31`, a day in a time zone, or of `7d`, `12h`, `2w` before now.

    Raises UsageError.
    """
    try:
        if ago := _AGO.fullmatch(text.strip()):
            return now - int(ago[1]) * _AGO_UNITS[ago[2]]
        day = dt.date.fromisoformat(text.strip())
        return dt.datetime.combine(day, dt.time(), ZoneInfo(timezone)).astimezone(dt.UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{text[:60]!r} is no day, and no number of days",
            where="--since",
            hint="Write 2026-01-31, or 7d for the last seven days.",
        ) from error


@dataclass(frozen=True, slots=True)
class Draft:
    """`path` is None where there was nothing new to write. The counts say what became of the
    entries of the feeds: in the draft, in an issue already, too old, more than were wanted."""

    path: Path | None
    feeds: tuple[Feed, ...]
    entries: int
    skipped_known: int
    skipped_old: int
    skipped_more: int


def draft(
    project: Project,
    sources: Sequence[str],
    wishes: Wishes,
    now: dt.datetime,
    *,
    fetch: Callable[[str], fetching.Fetched] = fetching.fetch,
) -> Draft:
    """Write the new entries of some feeds, URLs or files, into a new issue.

    Raises UsageError, NewsletterError where a feed cannot be had, and Refused where a file is in
    the way; nothing is written then.
    """
    read = tuple(feeds.read(_page(source, fetch), source) for source in sources)
    settings = project.settings.newsletter
    zone = ZoneInfo(settings.timezone)
    told = set(known.known(project))
    fresh: list[FeedItem] = []
    counts = {"known": 0, "old": 0}
    for entry in (entry for feed in read for entry in feed.entries):
        keys = entry.keys
        if not told.isdisjoint(keys):
            counts["known"] += 1
        elif wishes.since and entry.at and entry.at < wishes.since:
            counts["old"] += 1
        else:
            fresh.append(entry)
        told |= keys
    oldest = dt.datetime.min.replace(tzinfo=dt.UTC)
    fresh.sort(key=lambda entry: entry.at or oldest, reverse=True)
    wanted = fresh[: wishes.limit]
    path = None
    if wanted:
        day = wishes.date or now.astimezone(zone).date()
        path = issue_path(project.issues, day, escaping.line_of(wishes.title or "draft"))
        write_issue(path, _text(wanted, wishes, day, zone, settings.language))
    return Draft(path, read, len(wanted), counts["known"], counts["old"], len(fresh) - len(wanted))


def _page(source: str, fetch: Callable[[str], fetching.Fetched]) -> fetching.Fetched:
    if fetching.is_url(source):
        return fetch(source)
    path = Path(source)
    try:
        if path.exists() and not path.is_file():
            raise UsageError("this is not a file", where=source, hint="Name a file, or a URL.")
        with path.open("rb") as file:
            content = file.read(fetching.MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise UsageError(
            "there is no such file", where=source, hint="Name a file, or a URL with https://."
        ) from error
    except ValueError as error:
        raise UsageError("this cannot be the name of a file", where=source) from error
    if len(content) > fetching.MAX_BYTES:
        raise UsageError(
            f"it has more than {fetching.MAX_BYTES // 1024 // 1024} MB",
            where=source,
            hint="Name the feed itself.",
        )
    return fetching.Fetched("", content)


def _text(
    entries: Sequence[FeedItem], wishes: Wishes, day: dt.date, zone: ZoneInfo, language: str
) -> str:
    title = json.dumps(wishes.title or _UNTITLED, ensure_ascii=False)  # JSON is YAML
    pieces = [_ISSUE.format(title=title, date=day)]
    for name, group in _groups(entries, wishes.grouping, zone, language).items():
        if wishes.grouping is not Grouping.NONE:
            pieces.append(_readable(Heading(2, _words(name), position=_NOWHERE)))
        pieces += (_item(entry, wishes.grouping, zone, language) for entry in group)
    text = "\n\n".join(piece.strip("\n") for piece in pieces) + "\n"
    _refuse_too_large(text)
    return text


def _refuse_too_large(text: str) -> None:
    try:
        digest.parse(text.encode(), file="", stem="x", base_url="", section_labels=())
    except UnreadableIssue as error:
        raise UsageError(
            f"so many entries make no issue: it {error.message}",
            where="--limit",
            hint=f"Name a lower one, such as {MOST_ENTRIES}.",
        ) from error


def _groups(
    entries: Iterable[FeedItem], grouping: Grouping, zone: ZoneInfo, language: str
) -> Mapping[str, list[FeedItem]]:
    """Entries by the heading of their section, in the order of the newest of each."""
    groups: dict[str, list[FeedItem]] = {}
    for entry in entries:
        match grouping:
            case Grouping.CATEGORY:
                name = entry.category or entry.feed
            case Grouping.DAY:
                name = _day(entry, zone, language) or entry.feed
            case Grouping.FEED:
                name = entry.feed
            case Grouping.NONE:
                name = ""
        groups.setdefault(name, []).append(entry)
    return groups


def _day(entry: FeedItem, zone: ZoneInfo, language: str) -> str:
    if entry.at is None:
        return ""
    try:
        return written_date(entry.at.astimezone(zone).date(), language)
    except OverflowError:  # at the end of the calendar
        return ""


def _item(entry: FeedItem, grouping: Grouping, zone: ZoneInfo, language: str) -> str:
    blocks, _ = converting.blocks_of(entry.body, base_url=_folder_of(entry.link))
    excerpt = _excerpt(blocks)
    words = entry.title
    if not words and excerpt:
        first = escaping.line_of(plain_text(excerpt[0]))
        words = shortened(first, _TITLE)
        excerpt = excerpt[words == first :]
    url = urls.check(entry.link, "").url if entry.link else None
    heading = _words(words or entry.link)
    if url is not None:
        heading = (Link(url, heading, position=_NOWHERE),)
    level = 2 if grouping is Grouping.NONE else 3
    pieces = [_readable(Heading(level, heading, position=_NOWHERE))]
    if entry.id:
        pieces.append(known.mark_of(entry.id))
    pieces += (_readable(Paragraph(run, position=_NOWHERE)) for run in excerpt)
    feed = "" if grouping is Grouping.FEED else entry.feed
    day = "" if grouping is Grouping.DAY else _day(entry, zone, language)
    if source := " · ".join(filter(None, (feed, day))):
        signed = Span(SpanKind.EMPHASIS, _words(source), position=_NOWHERE)
        pieces.append(_readable(Paragraph((signed,), position=_NOWHERE)))
    return "\n\n".join(pieces)


def _folder_of(link: str) -> str:
    return link.rpartition("/")[0] if link.count("/") > 2 else link


def _words(text: str) -> Inline:
    return (Text(text, position=_NOWHERE),)


def _readable(block: Heading | Paragraph) -> str:
    """The Markdown of a block that is read as it."""
    for careful in (False, True):
        text = markup.markdown((block,), careful=careful)
        if converting.reads_as(text, (block,)):
            return text
    return elements.html((block,))


def _excerpt(blocks: Sequence[Block]) -> list[Inline]:
    """The first words of an entry: whole paragraphs, the last one shortened; no pictures, which may
    count who opens them."""
    runs: list[Inline] = []
    length = 0
    for block in blocks:
        if not isinstance(block, Paragraph) or length >= _ENOUGH:
            continue
        run = _without_pictures(block.inline)
        text = plain_text(run).strip()
        if not text or _APPENDED.match(text):
            continue
        runs.append(_cut(run, _EXCERPT - length))
        length += len(text)
    return runs


def _without_pictures(run: Inline) -> Inline:
    nodes: list[InlineNode] = []
    for node in run:
        match node:
            case Image() | Link(children=()):
                if nodes and isinstance(last := nodes[-1], Text):
                    nodes[-1] = Text(last.text.rstrip(), position=last.position)
            case Span():
                if inner := _without_pictures(node.children):
                    nodes.append(Span(node.kind, inner, position=node.position))
            case Link():
                if inner := _without_pictures(node.children):
                    url = known.without_tracking(node.url)
                    nodes.append(Link(url, inner, node.title, position=node.position))
            case _:
                nodes.append(node)
    return tuple(nodes)


def _cut(run: Inline, length: int) -> Inline:
    """A run of at most so many characters, which ends with a word and `…` where it was cut."""
    nodes: list[InlineNode] = []
    for node in run:
        text = plain_text((node,))
        if len(text) <= length:
            nodes.append(node)
            length -= len(text)
            continue
        if isinstance(node, Text):
            nodes.append(Text(shortened(text, max(2, length)), position=node.position))
        else:
            nodes.append(Text("…", position=node.position))
        break
    return tuple(nodes)
