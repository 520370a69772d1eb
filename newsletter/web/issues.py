"""The archive: the issues that were sent, and the finished files that show them.

`newsletter serve` answers with these files, `newsletter archive build` writes them: their links are
relative, so that they work below any address. Drafts, tests and schedules are not part of it: it
knows only sends that reached somebody.
"""

import datetime as dt
import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from urllib.parse import quote

from sqlalchemy.engine import Connection

from newsletter.config import MEDIA_FOLDER
from newsletter.model.email import Email
from newsletter.render.dates import written_date
from newsletter.store import media
from newsletter.store.ledger import archive as queries
from newsletter.store.ledger import sends
from newsletter.web import feeds
from newsletter.web.readable import readable
from newsletter.web.sealed import (
    PAGE_POLICY,
    Surroundings,
    for_everybody,
    framed,
    picture_names,
    with_own_pictures,
    without_links,
)
from newsletter.web.site import Site
from newsletter.web.texts import load_texts

A_PAGE = 50
IN_FEEDS = 20
_FRESH = dt.timedelta(seconds=1)
_KEPT = 256  # finished files in memory, of 60 KB or so
_HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue that was sent, its words without merge fields; times are UTC.

    `number` and `list` are those of its newest send that reached somebody; `first_send` is the id
    of the first of them, `published` when that began, `updated` when the newest did.
    """

    number: int
    first_send: str
    slug: str
    list: str
    language: str
    title: str
    preheader: str
    published: dt.datetime
    updated: dt.datetime


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
    makers: Mapping[str, Callable[[], File]]
    finished: dict[str, File] = field(default_factory=dict)


class Archive:
    """All files of the archive by their paths, such as `archive/<slug>/index.html`."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._newsletter = site.settings.newsletter
        self._zone = site.zone
        self._started = site.clock()  # a copy from before may be of another version
        self._lock = threading.Lock()
        self._checked: dt.datetime | None = None
        self._reached: set[int] = set()
        self._known: dict[int, Issue] = {}
        self._contents = _Contents((), {})

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

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(self._contents.makers)

    def refresh(self) -> None:
        """Look for what was sent since, at most once a second. Raises StoreError."""
        with self._lock:
            if self.is_fresh:
                return
            issues = self._read()
            if self._checked is None or issues != self._contents.issues:
                self._contents = _Contents(issues, dict(self._makers(issues)))
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

    # --- what there is ----------------------------------------------------------------------------

    def _read(self) -> tuple[Issue, ...]:
        with self._site.store.read() as connection:
            begun = [send for send in queries.begun(connection) if self._is_public(send.list)]
            unsure = [send.number for send in begun if send.number not in self._reached]
            self._reached |= queries.reached(connection, unsure)
            first: dict[str, queries.Begun] = {}
            newest: dict[str, queries.Begun] = {}
            for send in begun:
                if send.number in self._reached:
                    first.setdefault(send.slug, send)
                    newest[send.slug] = send
            issues = [
                replace(
                    self._issue(connection, send),
                    published=first[slug].at,
                    first_send=first[slug].id,
                )
                for slug, send in newest.items()
            ]
        return tuple(
            sorted(issues, key=lambda issue: (issue.published, issue.number), reverse=True)
        )

    def _issue(self, connection: Connection, send: queries.Begun) -> Issue:
        """What the archive says about an issue; its email is read once, since it is sealed."""
        if send.number not in self._known:
            email = Email.from_json(sends.email_of(connection, send.number))
            around = self._around(send.slug)
            self._known[send.number] = Issue(
                number=send.number,
                first_send=send.id,
                slug=send.slug,
                list=send.list,
                language=email.language,
                title=" ".join(for_everybody(email.subject, around).split()) or send.slug,
                preheader=" ".join(for_everybody(email.preheader, around).split()),
                published=send.at,
                updated=send.at,
            )
        return self._known[send.number]

    # --- its files --------------------------------------------------------------------------------

    def _makers(self, issues: Sequence[Issue]) -> Iterator[tuple[str, Callable[[], File]]]:
        for issue in issues:
            yield f"archive/{issue.slug}/index.html", partial(self._issue_page, issue)
        pages = max(1, -(-len(issues) // A_PAGE))
        for number in range(1, pages + 1):
            path = "archive/index.html" if number == 1 else f"archive/page/{number}/index.html"
            yield path, partial(self._index_page, issues, number, pages)
        yield "feed.xml", partial(self._feed, feeds.atom, "application/atom+xml", issues)
        yield "feed.json", partial(self._feed, feeds.json_feed, "application/feed+json", issues)

    def _issue_page(self, issue: Issue) -> File:
        """The mail as it was sent, below a thin bar in its own language."""
        around = self._around(issue.slug)
        texts = load_texts(issue.language, self._site.project.templates / "texts")
        render = partial(
            self._site.pages.html,
            issue=issue,
            around=around,
            policy=PAGE_POLICY,
            subscribe_url=self._subscribe_url(issue.list),
            t=texts,
        )
        html = framed(
            self._with_own_pictures(for_everybody(self._email(issue, on_page=True).html, around)),
            first=render("issue_first.html"),
            last=render("issue_last.html"),
            bar=render("issue_bar.html"),
        )
        return self._made(html.encode(), _HTML, issue.updated)

    def _with_own_pictures(self, html: str) -> str:
        """A mail's HTML with the pictures of this site, wherever it stands."""
        with self._site.store.read() as connection:
            names = media.existing(connection, picture_names(html))
        return with_own_pictures(html, names, f"../../{MEDIA_FOLDER}")

    def _index_page(self, issues: Sequence[Issue], number: int, pages: int) -> File:
        language = self._site.texts["language"]
        html = self._site.pages.html(
            "archive.html",
            base=".." if number == 1 else "../../..",
            shown=[
                (issue, written_date(issue.published.astimezone(self._zone).date(), language))
                for issue in issues[(number - 1) * A_PAGE : number * A_PAGE]
            ],
            number=number,
            pages=pages,
            subscribe_url=self._subscribe_url(issues[0].list) if issues else "",
        )
        return self._made(html.encode(), _HTML, self._changed(issues))

    def _feed(
        self,
        write: Callable[[feeds.Channel, Sequence[feeds.FeedEntry]], bytes],
        media_type: str,
        issues: Sequence[Issue],
    ) -> File:
        changed, look = self._changed(issues), self._site.pages.look
        oldest = min(((issue.published, issue.first_send) for issue in issues), default=None)
        channel = feeds.Channel(
            title=self._newsletter.name,
            language=self._newsletter.language,
            base_url=self._newsletter.base_url,
            updated=changed,
            id=feeds.identity("feed", oldest[1]) if oldest else "",
            description=look.description,
            author=look.author,
            logo=look.logo.url if look.logo else "",
        )
        entries = [
            feeds.FeedEntry(
                id=feeds.identity("issue", issue.first_send, issue.slug),
                url=(around := self._around(issue.slug)).web_url,
                title=issue.title,
                summary=issue.preheader,
                html=readable((email := self._email(issue)).html, around),
                text=for_everybody(without_links(email.text), around).strip(),
                language=issue.language,
                published=issue.published,
                updated=issue.updated,
            )
            for issue in issues[:IN_FEEDS]
        ]
        return self._made(write(channel, entries), media_type, changed)

    def _email(self, issue: Issue, *, on_page: bool = False) -> Email:
        """The sealed email without what only a mail says; `on_page` with a link to the issue
        before, where that is still public."""
        with self._site.store.read() as connection:
            email = Email.from_json(sends.email_of(connection, issue.number))
            foot = sends.record(connection, issue.number).foot
        if not on_page or foot.previous_slug not in {each.slug for each in self.issues}:
            return email.for_send({})
        url = f"../{quote(foot.previous_slug, safe='')}/"
        return email.for_send({"previous_url": url, "previous_title": foot.previous_title})

    def _around(self, slug: str) -> Surroundings:
        return Surroundings(
            newsletter=self._newsletter.name,
            web_url=self._site.links.web_url(slug),
            archive_url=f"{self._newsletter.base_url}/archive/",
        )

    def _is_public(self, list_name: str) -> bool:
        return self._site.settings.web.shows(list_name)

    def _subscribe_url(self, list_name: str) -> str:
        """Where to join the list of an issue; empty where its form is closed."""
        is_open = self._site.settings.web.opens(list_name)
        return self._site.links.subscribe_url(list_name) if is_open else ""

    def _changed(self, issues: Sequence[Issue]) -> dt.datetime:
        return max((issue.updated for issue in issues), default=self._started)

    def _made(self, content: bytes, media_type: str, changed: dt.datetime) -> File:
        etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        return File(content, media_type, etag, max(changed, self._started))
