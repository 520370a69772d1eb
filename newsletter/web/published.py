"""The issues that were sent and may be on the web, as the ledger has them.

Drafts, tests and schedules are not among them: only sends that reached somebody are known here.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

from sqlalchemy.engine import Connection

from newsletter.config import Settings
from newsletter.links import issue_url
from newsletter.model.email import Email
from newsletter.model.listing import Correction, Hiding
from newsletter.model.send import Foot
from newsletter.store import Store
from newsletter.store.ledger import archive, corrections, sends
from newsletter.web.sealed import Surroundings, for_everybody

# A send and its newest correction, or 0: what is sealed under it never changes.
Version = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue that was sent, its words without merge fields; times are UTC.

    `number` and `list` are those of the send that is shown: see `archive.shown`. `first_send` is
    the id of the first that began, whoever it reached; `published` is when the first that is on the
    web began, `updated` when it was last sent or corrected.
    Its words, `tags` and `cover` are those of the newest of its `corrections`, if it has any.
    """

    number: int
    first_send: str
    slug: str
    list: str
    language: str
    title: str
    preheader: str
    tags: tuple[str, ...]
    cover: str
    published: dt.datetime
    updated: dt.datetime
    corrections: tuple[Correction, ...] = ()  # oldest first
    hiding: Hiding | None = None

    @property
    def correction(self) -> Correction | None:
        return self.corrections[-1] if self.corrections else None

    @property
    def version(self) -> Version:
        return self.number, self.correction.id if self.correction else 0


class Published:
    """Reads them, each sealed email once."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._newsletter = settings.newsletter
        self._web = settings.web
        self._reached: set[int] = set()
        self._known: dict[Version, Issue] = {}

    def read(self) -> tuple[Issue, ...]:
        """All of them, hidden ones too, the newest first. Raises StoreError."""
        with self._store.read() as connection:
            sent = archive.begun(connection)
            begun = [send for send in sent if self._web.shows(send.list)]
            unsure = [send.number for send in begun if send.number not in self._reached]
            self._reached |= archive.reached(connection, unsure)
            first: dict[str, archive.Begun] = {}
            for send in sorted(sent, key=attrgetter("at")):
                first.setdefault(send.slug, send)
            by_slug: dict[str, list[archive.Begun]] = {}
            for send in begun:
                if send.number in self._reached:
                    by_slug.setdefault(send.slug, []).append(send)
            hidden = {hiding.slug: hiding for hiding in corrections.hidden(connection)}
            slugs = {each.number: slug for slug, some in by_slug.items() for each in some}
            changes: dict[str, list[Correction]] = defaultdict(list)
            for change in corrections.all_of_them(connection):
                if slug := slugs.get(change.send):
                    changes[slug].append(change)
            issues = [
                self._issue(connection, first[slug].id, of_issue, changes[slug], hidden.get(slug))
                for slug, of_issue in by_slug.items()
            ]
        return tuple(
            sorted(issues, key=lambda issue: (issue.published, issue.number), reverse=True)
        )

    def email(self, issue: Issue, *, original: bool = False) -> tuple[Email, Foot]:
        """What the web shows of an issue, or what was mailed, with the foot of its mails."""
        with self._store.read() as connection:
            correction = None if original else issue.correction
            text = _email_of(connection, issue.number, correction)
            return Email.from_json(text), sends.record(connection, issue.number).foot

    def around(self, slug: str) -> Surroundings:
        base_url = self._newsletter.base_url
        return Surroundings(
            newsletter=self._newsletter.name,
            web_url=issue_url(base_url, slug),
            archive_url=f"{base_url}/archive/",
        )

    def _issue(
        self,
        connection: Connection,
        first_send: str,
        of_issue: Sequence[archive.Begun],
        of_its: Sequence[Correction],
        hiding: Hiding | None,
    ) -> Issue:
        """What the web says about an issue; an email is read once, since it is sealed."""
        send = archive.shown(of_issue, of_its)
        standing = tuple(
            change for change in of_its if change.send == send.number and change.undone_at is None
        )
        newest = standing[-1] if standing else None
        key = send.number, newest.id if newest else 0
        if key not in self._known:
            email = Email.from_json(_email_of(connection, send.number, newest))
            listing = corrections.content_of(connection, send.number)[1] if newest else send.listing
            around = self.around(send.slug)
            self._known[key] = Issue(
                number=send.number,
                first_send=first_send,
                slug=send.slug,
                list=send.list,
                language=email.language,
                title=" ".join(for_everybody(email.subject, around).split()) or send.slug,
                preheader=" ".join(for_everybody(email.preheader, around).split()),
                tags=listing.tags,
                cover=listing.cover,
                published=send.at,
                updated=send.at,
            )
        moments = [send.at, *(change.undone_at or change.at for change in of_its)]
        return replace(
            self._known[key],
            first_send=first_send,
            published=min(each.at for each in of_issue),
            updated=max(moments),
            corrections=standing,
            hiding=hiding,
        )


def _email_of(connection: Connection, number: int, correction: Correction | None) -> str:
    if correction is None:
        return sends.email_of(connection, number)
    return corrections.email_of(connection, correction.id)
