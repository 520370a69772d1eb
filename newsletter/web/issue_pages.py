"""The page of an issue: what was mailed, or its corrected version, with bars around it."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from urllib.parse import quote

from newsletter.config import MEDIA_FOLDER
from newsletter.model.email import Email
from newsletter.model.listing import tag_key
from newsletter.render.dates import written_date
from newsletter.store import media
from newsletter.web.published import Issue, Published
from newsletter.web.sealed import (
    PAGE_POLICY,
    Surroundings,
    for_everybody,
    framed,
    picture_names,
    with_own_pictures,
)
from newsletter.web.site import Site
from newsletter.web.texts import load_texts


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The issues beside one, by when they were first sent."""

    older: Issue | None = None
    newer: Issue | None = None


def neighbours(issues: Sequence[Issue], issue: Issue) -> Neighbours:
    """`issues` are the newest first."""
    place = next(at for at, each in enumerate(issues) if each.slug == issue.slug)
    return Neighbours(
        older=issues[place + 1] if place + 1 < len(issues) else None,
        newer=issues[place - 1] if place > 0 else None,
    )


class IssuePages:
    """Makes them; `published` knows what they show."""

    def __init__(self, site: Site, published: Published) -> None:
        self._site = site
        self._published = published

    def page(self, issue: Issue, issues: Sequence[Issue]) -> str:
        """The newest version of an issue, with what was corrected in it; `issues` are all that are
        public, the newest first."""
        email, foot = self._published.email(issue)
        around = self._published.around(issue.slug)
        previous = next((each for each in issues if each.slug == foot.previous_slug), None)
        return self._framed(
            issue,
            email.for_send(
                {
                    "previous_url": f"{around.up}{quote(previous.slug, safe='')}/",
                    "previous_title": previous.title,
                }
                if previous
                else {}
            ),
            around,
            beside=neighbours(issues, issue),
        )

    def original(self, issue: Issue) -> str:
        """What was mailed, of an issue that was corrected since; one level below its page."""
        email, _ = self._published.email(issue, original=True)
        around = replace(self._published.around(issue.slug), here="../", up="../../")
        return self._framed(issue, email.for_send({}), around, is_original=True)

    def texts(self, issue: Issue) -> Mapping[str, str]:
        """The words around an issue, in its own language."""
        return load_texts(issue.language, self._site.project.templates / "texts")

    def date(self, at: dt.datetime, language: str) -> str:
        return written_date(at.astimezone(self._site.zone).date(), language)

    def picture_url(self, issue: Issue | None) -> str:
        """The picture for links to a page: the cover of an issue, else the logo; empty without."""
        look = self._site.pages.look
        for url in (issue.cover if issue else "", look.logo.url if look.logo else ""):
            for name in picture_names(f'src="{url}"') if url else ():
                with self._site.store.read() as connection:
                    if media.existing(connection, {name}):
                        return f"{self._site.settings.newsletter.base_url}/{MEDIA_FOLDER}/{name}"
            if url.startswith("https:"):
                return url
        return ""

    def _framed(
        self,
        issue: Issue,
        email: Email,
        around: Surroundings,
        *,
        beside: Neighbours = Neighbours(),
        is_original: bool = False,
    ) -> str:
        texts = self.texts(issue)
        render = partial(
            self._site.pages.html,
            issue=issue,
            around=around,
            beside=beside,
            policy=PAGE_POLICY,
            picture_url=self.picture_url(issue),
            subscribe_url=self._subscribe_url(issue.list),
            is_original=is_original,
            dated=partial(self.date, language=texts["language"]),
            tags=[(tag, tag_key(tag)) for tag in issue.tags],
            t=texts,
        )
        return framed(
            self._with_own_pictures(for_everybody(email.html, around), f"{around.up}../"),
            first=render("issue_first.html"),
            last=render("issue_last.html"),
            bar=render("issue_bar.html"),
            foot=render("issue_foot.html"),
        )

    def _with_own_pictures(self, html: str, root: str) -> str:
        """A mail's HTML with the pictures of this site, wherever it stands."""
        with self._site.store.read() as connection:
            names = media.existing(connection, picture_names(html))
        return with_own_pictures(html, names, f"{root}{MEDIA_FOLDER}")

    def _subscribe_url(self, list_name: str) -> str:
        return subscribe_url(self._site, list_name)


def subscribe_url(site: Site, list_name: str) -> str:
    """Where to join the list of an issue; empty where its form is closed."""
    return site.links.subscribe_url(list_name) if site.settings.web.opens(list_name) else ""
