"""The archive: the issues that were sent, and the finished files that show them.

`newsletter serve` answers with these files, `newsletter archive build` writes them: their links are
relative, so that they work below any address. Drafts, tests and schedules are not part of it: it
knows only sends that reached somebody.
"""

import datetime as dt
import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from html import escape
from urllib.parse import quote

from newsletter.languages import fill
from newsletter.model.listing import tag_key
from newsletter.web import feeds
from newsletter.web.issue_pages import IssuePages, subscribe_url
from newsletter.web.published import Issue, Published
from newsletter.web.readable import readable
from newsletter.web.sealed import for_everybody, without_links
from newsletter.web.site import Site

A_PAGE = 50
IN_FEEDS = 20
_FRESH = dt.timedelta(seconds=1)
_KEPT = 256  # finished files in memory, of 60 KB or so
_HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class File:
    content: bytes
    media_type: str
    etag: str
    modified: dt.datetime


@dataclass(frozen=True, slots=True)
class _Contents:
    """The archive at one moment: how each file is made, and those that were made already."""

    issues: tuple[Issue, ...]
    hidden: frozenset[str]  # slugs
    makers: Mapping[str, Callable[[], File]]
    finished: dict[str, File] = field(default_factory=dict)


class Archive:
    """All files of the archive by their paths, such as `archive/<slug>/index.html`."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._newsletter = site.settings.newsletter
        self.published = Published(site.store, site.settings)
        self.pages = IssuePages(site, self.published)
        # A copy from before may be of another version, or of an issue that is hidden by now.
        self._changed_at = site.clock()
        self._lock = threading.Lock()
        self._checked: dt.datetime | None = None
        self._contents = _Contents((), frozenset(), {})

    @property
    def is_fresh(self) -> bool:
        """Whether the store was asked within the last second."""
        if self._checked is None:
            return False
        return dt.timedelta(0) <= self._site.clock() - self._checked < _FRESH

    @property
    def issues(self) -> tuple[Issue, ...]:
        """The newest first."""
        return self._contents.issues

    def is_hidden(self, slug: str) -> bool:
        """Whether it was on the web once and was taken off."""
        return slug in self._contents.hidden

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(self._contents.makers)

    def refresh(self) -> None:
        """Look for what was sent since, at most once a second. Raises StoreError."""
        with self._lock:
            if self.is_fresh:
                return
            all_of_them = self.published.read()
            issues = tuple(issue for issue in all_of_them if issue.hiding is None)
            hidden = frozenset(issue.slug for issue in all_of_them if issue.hiding)
            if self._checked is None or (issues, hidden) != (self.issues, self._contents.hidden):
                if self._checked is not None:
                    self._changed_at = self._site.clock()
                makers = _first_of_each(self._makers(issues, _feed_id(all_of_them)))
                self._contents = _Contents(issues, hidden, makers)
            self._checked = self._site.clock()

    def finished(self, path: str) -> File | None:
        """A file that was made already, without any waiting."""
        return self._contents.finished.get(path)

    def file(self, path: str) -> File | None:
        """The file of a path, None where there is none. Raises StoreError."""
        with self._lock:
            finished = self._contents.finished
            if path in finished:
                return finished[path]
            maker = self._contents.makers.get(path)
            if maker is None:
                return None
            if len(finished) >= _KEPT:
                del finished[next(iter(finished))]
            finished[path] = maker()
            return finished[path]

    # --- its files --------------------------------------------------------------------------------

    def _makers(
        self, issues: Sequence[Issue], feed_id: str
    ) -> Iterator[tuple[str, Callable[[], File]]]:
        for issue in issues:
            path = f"archive/{issue.slug}"
            yield f"{path}/index.html", partial(self._issue_page, issue)
            if issue.corrections:
                yield f"{path}/original/index.html", partial(self._original, issue)
        yield from self._index_pages("archive", issues)
        for key, (tag, tagged) in _by_tag(issues).items():
            yield from self._index_pages(f"archive/tags/{key}", tagged, tag)
        yield "feed.xml", partial(self._feed, feeds.atom, "application/atom+xml", issues, feed_id)
        yield (
            "feed.json",
            partial(self._feed, feeds.json_feed, "application/feed+json", issues, feed_id),
        )

    def _issue_page(self, issue: Issue) -> File:
        html = self.pages.page(issue, self.issues)
        return self._made(html.encode(), _HTML, issue.updated)

    def _original(self, issue: Issue) -> File:
        return self._made(self.pages.original(issue).encode(), _HTML, issue.updated)

    def _index_pages(
        self, folder: str, issues: Sequence[Issue], tag: str = ""
    ) -> Iterator[tuple[str, Callable[[], File]]]:
        """The pages that list issues: all there are, or those of a tag."""
        pages = max(1, -(-len(issues) // A_PAGE))
        for number in range(1, pages + 1):
            place = folder if number == 1 else f"{folder}/page/{number}"
            make = partial(self._index_page, issues, folder, place, number, pages, tag)
            yield f"{place}/index.html", make

    def _index_page(
        self,
        issues: Sequence[Issue],
        folder: str,
        place: str,
        number: int,
        pages: int,
        tag: str,
    ) -> File:
        language = self._site.texts["language"]
        base_url = self._newsletter.base_url
        html = self._site.pages.html(
            "archive.html",
            base="/".join([".."] * (place.count("/") + 1)),
            folder=quote(folder),
            url=f"{base_url}/{quote(place)}/",
            picture_url=self.pages.picture_url(None),
            tag=tag,
            query="",
            shown=[
                (
                    issue,
                    self.pages.date(issue.published, language),
                    [(each, tag_key(each)) for each in issue.tags],
                )
                for issue in issues[(number - 1) * A_PAGE : number * A_PAGE]
            ],
            number=number,
            pages=pages,
            subscribe_url=subscribe_url(self._site, issues[0].list) if issues else "",
        )
        return self._made(html.encode(), _HTML, self._changed(issues))

    def _feed(
        self,
        write: Callable[[feeds.Channel, Sequence[feeds.FeedEntry]], bytes],
        media_type: str,
        issues: Sequence[Issue],
        feed_id: str,
    ) -> File:
        changed, look = self._changed(issues), self._site.pages.look
        channel = feeds.Channel(
            title=self._newsletter.name,
            language=self._newsletter.language,
            base_url=self._newsletter.base_url,
            updated=changed,
            id=feed_id,
            description=look.description,
            author=look.author,
            logo=look.logo.url if look.logo else "",
        )
        entries = [self._entry(issue) for issue in issues[:IN_FEEDS]]
        return self._made(write(channel, entries), media_type, changed)

    def _entry(self, issue: Issue) -> feeds.FeedEntry:
        """An issue as feeds have it: its newest version, below what was corrected in it."""
        email, _ = self.published.email(issue)
        email, around = email.for_send({}), self.published.around(issue.slug)
        texts = self.pages.texts(issue)
        notes = [
            fill(
                texts["archive_corrected"],
                date=self.pages.date(correction.at, texts["language"]),
            )
            + f" {correction.note}"
            for correction in reversed(issue.corrections)
        ]
        html = "".join(f"<p><strong>{escape(note)}</strong></p>" for note in notes)
        text = "".join(f"{note}\n\n" for note in notes)
        return feeds.FeedEntry(
            id=feeds.identity("issue", issue.first_send, issue.slug),
            url=around.web_url,
            title=issue.title,
            summary=issue.preheader,
            html=html + readable(email.html, around),
            text=text + for_everybody(without_links(email.text), around).strip(),
            language=issue.language,
            tags=issue.tags,
            published=issue.published,
            updated=issue.updated,
        )

    def _changed(self, issues: Sequence[Issue]) -> dt.datetime:
        return max((issue.updated for issue in issues), default=self._changed_at)

    def _made(self, content: bytes, media_type: str, changed: dt.datetime) -> File:
        etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        return File(content, media_type, etag, max(changed, self._changed_at))


def _feed_id(all_of_them: Sequence[Issue]) -> str:
    """Made of the first send of all, even if that issue is hidden by now; empty before there is
    one."""
    first = min(((issue.published, issue.first_send) for issue in all_of_them), default=None)
    return feeds.identity("feed", first[1]) if first else ""


def _by_tag(issues: Sequence[Issue]) -> Mapping[str, tuple[str, list[Issue]]]:
    """The issues of each tag, by the name of its page, and how it was written last."""
    tagged: dict[str, tuple[str, list[Issue]]] = {}
    for issue in issues:
        for tag in issue.tags:
            tagged.setdefault(tag_key(tag), (tag, []))[1].append(issue)
    return tagged


def _first_of_each(
    makers: Iterable[tuple[str, Callable[[], File]]],
) -> Mapping[str, Callable[[], File]]:
    """An issue keeps its path, even if it is called as a page of ours is."""
    first: dict[str, Callable[[], File]] = {}
    for path, make in makers:
        first.setdefault(path, make)
    return first
