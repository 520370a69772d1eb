"""What all routes of the public site share."""

import zoneinfo
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Self, TypeVar
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException

from newsletter.config import Settings
from newsletter.desk.brand import brand_of
from newsletter.desk.publishing import publish
from newsletter.errors import ConfigurationError
from newsletter.links import Links, PersonalLink, Purpose, load_keys
from newsletter.project import Project, utc_now
from newsletter.store import Store
from newsletter.store.clock import clock_of
from newsletter.supervising import Watch
from newsletter.times import Clock
from newsletter.web.look import Look
from newsletter.web.pages import Pages
from newsletter.web.texts import load_texts
from newsletter.web.traffic import Traffic

T = TypeVar("T")


@dataclass(slots=True)
class Site:
    """A project as its visitors see it."""

    project: Project
    store: Store
    links: Links
    texts: Mapping[str, str]
    pages: Pages
    clock: Clock
    watch: Watch = field(default_factory=Watch)
    traffic: Traffic = field(init=False)
    # For slow work, so that no one-click waits behind it.
    dear: Executor = field(default_factory=partial(ThreadPoolExecutor, 2, "dear"))

    def __post_init__(self) -> None:
        self.traffic = Traffic(self.settings.web.trusted_proxies)

    @classmethod
    def of(cls, project: Project, store: Store) -> Self:
        """The site of a project, by the clock of its store, which other processes go by, too.

        Raises ConfigurationError without a signing secret, or for texts or a brand that cannot
        be read.

        A logo is put into the store, since pages show it before the first mail does.
        """
        newsletter = project.settings.newsletter
        brand, clock = brand_of(project), clock_of(store, utc_now)
        if brand.pictures and project.settings.media.kind == "site":
            publish(brand.pictures, project.settings, store, clock())
        texts = load_texts(newsletter.language, project.templates / "texts")
        return cls(
            project=project,
            store=store,
            links=Links(newsletter.base_url, load_keys(project.root)),
            texts=texts,
            pages=Pages(newsletter, texts, Look.of(project, brand)),
            clock=clock,
        )

    @property
    def settings(self) -> Settings:
        return self.project.settings

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.settings.newsletter.timezone)

    def personal(self, purpose: Purpose, token: str) -> PersonalLink:
        """What a personal link of this purpose says, else the page "nothing here".

        A key that was added since is found: the next mails are signed with it.
        """
        link = self._read(lambda links: links.read_personal(purpose, token))
        if link is None:
            raise HTTPException(404)
        return link

    def request(self, token: str) -> tuple[Purpose, int, int]:
        """What the link of a mail that asks for a yes says: its purpose, the request, and its list.

        Else the page "nothing here", as in `personal`.
        """
        click = self._read(lambda links: _request(links, token))
        if click is None:
            raise HTTPException(404)
        return click

    def form(self, token: str) -> tuple[int, ...] | None:
        """What a form carries: see `Links.read_numbers`. Another process may know a newer key."""
        return self._read(lambda links: links.read_numbers(Purpose.FORM, token))

    def take_over_keys(self) -> None:
        """Take over the keys in their file, if they have changed and can be read."""
        try:
            keys = load_keys(self.project.root)
        except ConfigurationError:
            return
        if keys != self.links.keys:
            self.links = Links(self.settings.newsletter.base_url, keys)

    def _read(self, read: Callable[[Links], T | None]) -> T | None:
        """Read a token; once more where there are other keys by now, whoever took them over."""
        tried = self.links
        found = read(tried)
        if found is None:
            self.take_over_keys()
            if self.links is not tried:
                return read(self.links)
        return found

    def path(self, url: str) -> str:
        """A link of ours as pages write it: without the host, which may differ here."""
        return urlsplit(url).path


def _request(links: Links, token: str) -> tuple[Purpose, int, int] | None:
    for purpose in (Purpose.CONFIRM, Purpose.PERSONAL, Purpose.UNDO):
        numbers = links.read_numbers(purpose, token)
        if numbers is not None:
            return purpose, numbers[0], numbers[1]
    return None
