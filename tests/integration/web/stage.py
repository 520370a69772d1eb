"""The public site of a small newsletter, a visitor, and the mails that came of it."""

import asyncio
import datetime as dt
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response

from newsletter.audience import erasing
from newsletter.config import Settings
from newsletter.config.tables import read_table
from newsletter.links import Links, PersonalLink
from newsletter.model.address import Address
from newsletter.model.email import Message
from newsletter.model.subscriber import Consent, ConsentFact, SubscriptionStatus
from newsletter.project import Project
from newsletter.store import Store
from newsletter.store.people import consents, lists, people, subscribing, subscriptions
from newsletter.store.schema import metadata
from newsletter.transports.memory import Memory
from newsletter.web.app import make_app
from newsletter.web.mailer import Mailer
from newsletter.web.pages import Pages
from newsletter.web.site import Site
from newsletter.web.texts import load_texts
from tests.integration.sending import NOW, FixedClock

BASE_URL = "https://news.example.com"
KEYS = ("k" * 32, "an-older-key-of-the-site")
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@dataclass(frozen=True)
class Visitor:
    """Asks the application itself, from an IP address; keeps no cookie, follows no redirect."""

    app: FastAPI
    ip: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def request(self, method: str, path: str, **options: Any) -> Response:
        return asyncio.run(self._request(method, path, options))

    def get(self, path: str, **options: Any) -> Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> Response:
        return self.request("POST", path, **options)

    async def _request(self, method: str, path: str, options: Mapping[str, Any]) -> Response:
        transport = ASGITransport(self.app, client=(self.ip, 4711))
        async with AsyncClient(transport=transport, base_url="http://localhost") as client:
            client.headers.update(self.headers)
            return await client.request(method, path, **options)


@dataclass
class Stage:
    """`ada` is a confirmed reader of `daily`; `weekly` is another list."""

    site: Site
    app: FastAPI
    clock: FixedClock
    transport: Memory
    mailer: Mailer
    ada: int = 0
    daily: int = 0
    weekly: int = 0
    client: Visitor = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.visitor("192.0.2.7")

    @property
    def store(self) -> Store:
        return self.site.store

    @property
    def links(self) -> Links:
        return self.site.links

    def visitor(self, ip: str, **headers: str) -> Visitor:
        return Visitor(self.app, ip, headers)

    # --- links ---

    def link(self, subscriber_id: int, list_id: int) -> PersonalLink:
        """As mails to a reader have it now."""
        with self.store.read() as connection:
            link_key = people.link_keys(connection, [subscriber_id]).get(subscriber_id, 0)
        return PersonalLink(subscriber_id, list_id, link_key)

    def leave_path(self, subscriber_id: int | None = None, list_id: int | None = None) -> str:
        who = self.ada if subscriber_id is None else subscriber_id
        where = self.daily if list_id is None else list_id
        return self.links.unsubscribe_url(self.link(who, where)).removeprefix(BASE_URL)

    def preferences_path(self, subscriber_id: int | None = None) -> str:
        who = self.ada if subscriber_id is None else subscriber_id
        return self.links.preferences_url(self.link(who, self.daily)).removeprefix(BASE_URL)

    # --- what happened ---

    def status(self, who: int | None = None, list_id: int | None = None) -> str | None:
        with self.store.read() as connection:
            found = subscriptions.find(connection, who or self.ada, list_id or self.daily)
        return None if found is None else str(found.status)

    def facts(self, who: int | None = None) -> list[ConsentFact]:
        with self.store.read() as connection:
            return list(consents.of(connection, who or self.ada))

    def kinds(self, who: int | None = None) -> list[str]:
        return [f"{fact.kind}/{fact.consent.how}" for fact in self.facts(who)]

    def id_of(self, address: str) -> int:
        with self.store.read() as connection:
            found = people.find(connection, Address(address))
        assert found is not None
        return found.id

    def is_known(self, address: str) -> bool:
        with self.store.read() as connection:
            return people.find(connection, Address(address)) is not None

    def rows(self) -> dict[str, list[Any]]:
        """All that the store holds: equal before and after, nothing was done."""
        with self.store.read() as connection:
            return {
                table.name: sorted(map(repr, connection.execute(sa.select(table)).all()))
                for table in metadata.sorted_tables
            }

    # --- joining ---

    def subscribe(
        self,
        email: str,
        list_name: str = "daily",
        client: Visitor | None = None,
        **fields: str,
    ) -> Response:
        """Fetch the form, fill it in, take three seconds, send it."""
        client = client or self.client
        token = hidden(client.get(f"/subscribe/{list_name}").text, "form")
        self.clock.forward(3)
        sent = {"email": email, "form": token, **fields}
        return client.post(f"/subscribe/{list_name}", data=sent)

    def mails(self) -> list[Message]:
        """Let the mailer work; the messages that it handed over since the last time."""
        before = len(self.transport.delivered)
        self.mailer.drain()
        return self.transport.delivered[before:]

    def confirmation(self) -> str:
        """The path in the one mail that is due."""
        (message,) = self.mails()
        return link(message)

    def ask(self, **fields: str) -> str:
        """Ask for something on the preferences page; the path in the mail that comes of it."""
        answer = self.client.post(self.preferences_path(), data=fields)
        assert answer.status_code == 200
        return self.confirmation()

    def confirm(self, path: str) -> Response:
        return self.client.post(path, data={"action": "confirm"})

    def ask_to_move(self, to: str) -> str:
        """Ask for a move, and allow it; the path in the mail to the new address."""
        assert self.confirm(self.ask(action="move", email=to)).status_code == 200
        return self.confirmation()

    def erase(self, who: int | None = None) -> None:
        """Let somebody be erased, at their own wish."""
        said = Consent(self.clock(), "form", "confirmation mail")
        hashes, outbox = self.links.address_hashes, self.site.project.outbox
        erasing.erase(self.store, outbox, hashes, who or self.ada, said)

    def join(self, email: str, list_name: str = "daily") -> int:
        assert self.subscribe(email, list_name).status_code == 200
        assert self.client.post(self.confirmation(), data={"action": "confirm"}).status_code == 200
        return self.id_of(email)


def link(message: Message) -> str:
    found = re.search(rf"{re.escape(BASE_URL)}(/confirm/\S+)", message.text)
    assert found is not None
    return found[1]


def hidden(html: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]+)"', html)
    assert found is not None
    return found[1]


def open_site(
    store: Store,
    root: Path,
    links: Links,
    clock: FixedClock,
    *,
    language: str = "en",
    timezone: str = "UTC",
    base_url: str = BASE_URL,
    web: Mapping[str, object] | None = None,
) -> Site:
    """The site of a project on a store, as it is."""
    settings = read_table(
        Settings,
        {
            "newsletter": {
                "name": "The Valley",
                "language": language,
                "timezone": timezone,
                "from": "Valley <valley@news.example.com>",
                "reply_to": "hello@example.com",
                "base_url": base_url,
                "postal_address": "1 Mill Lane\nValley",
            },
            "web": dict(web or {}),
        },
    )
    texts = load_texts(language, root / "templates" / "texts")
    return Site(
        project=Project(root, settings),
        store=store,
        links=links,
        texts=texts,
        pages=Pages(settings.newsletter, texts),
        clock=clock,
    )


def open_stage(
    store: Store,
    root: Path,
    *,
    language: str = "en",
    timezone: str = "UTC",
    base_url: str = BASE_URL,
    web: Mapping[str, object] | None = None,
) -> Stage:
    clock = FixedClock()
    links = Links(base_url, KEYS)
    more = {"language": language, "timezone": timezone, "base_url": base_url}
    site = open_site(store, root, links, clock, web=web, **more)
    transport = Memory()
    mailer = Mailer(site, transport, threading.Event())
    stage = Stage(site, make_app(site), clock, transport, mailer)
    earlier = NOW - dt.timedelta(days=30)
    with store.write() as connection:
        for name in ("daily", "weekly"):
            lists.create(connection, name, earlier)
        stage.daily = lists.id_of(connection, "daily")
        stage.weekly = lists.id_of(connection, "weekly")
        ada = people.insert(connection, Address("ada@example.com"), "Ada", {}, earlier)
        said = Consent(earlier, "import", "people.csv")
        status = SubscriptionStatus.CONFIRMED
        subscribing.subscribe(connection, ada.id, stage.daily, status, said)
    stage.ada = ada.id
    return stage
