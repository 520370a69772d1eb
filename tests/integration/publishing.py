"""What the tests of the archive share: a public site over a store, and issues that were sent."""

import asyncio
import http.client
import json
import socket
import threading
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message as Headers
from pathlib import Path
from typing import Any
from unittest import mock

import uvicorn
import uvicorn.server

from newsletter.config import Settings
from newsletter.config.tables import read_table
from newsletter.http.server import listen
from newsletter.links import Links
from newsletter.model.email import Email, MergeField, MergeText, Place
from newsletter.project import Project
from newsletter.sending import run
from newsletter.sending.plan import Order, plan
from newsletter.store import Store
from newsletter.transports import Transport
from newsletter.transports.memory import Memory
from newsletter.web.app import make_app
from newsletter.web.connections import Guarded
from newsletter.web.pages import Pages
from newsletter.web.site import Site
from newsletter.web.texts import load_texts
from tests.integration.sending import FixedClock, worker
from tests.waiting import PATIENCE_SECONDS

BASE_URL = "https://news.example.com"
PAGE: MergeText = (
    "<!DOCTYPE html><html><head><title>The news</title></head><body class='a>b'><p>Dear ",
    MergeField("subscriber.name", Place.HTML),
    ", here it is.</p><a href='",
    MergeField("unsubscribe_url", Place.URL),
    "'>leave</a></body></html>",
)


def letter(subject: str = "The news", html: MergeText = PAGE, language: str = "en") -> Email:
    return Email(
        sender="Daily <daily@news.example.com>",
        reply_to="",
        language=language,
        subject=(subject,),
        preheader=("What is new",),
        html=html,
        text=("The news.\n\nLeave: ", MergeField("unsubscribe_url", Place.TEXT), "\n"),
    )


def site_of(
    store: Store,
    folder: Path,
    *,
    clock: FixedClock | None = None,
    web: Mapping[str, object] = {},
    webhooks: Mapping[str, object] = {},
    **newsletter: str,
) -> Site:
    settings = read_table(
        Settings,
        {
            "newsletter": {
                "name": "The Quiet Machine",
                "from": "Daily <daily@news.example.com>",
                "base_url": BASE_URL,
                "postal_address": "1 Example Street",
                **newsletter,
            },
            "web": web,
            "webhooks": webhooks,
        },
    )
    texts = load_texts(settings.newsletter.language, folder / "templates" / "texts")
    return Site(
        project=Project(folder, settings),
        store=store,
        links=Links(settings.newsletter.base_url, ("a key for the tests alone",)),
        texts=texts,
        pages=Pages(settings.newsletter, texts),
        clock=clock or FixedClock(),
    )


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Headers
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.content)


@dataclass(frozen=True)
class Visitor:
    """Asks a site that listens on this machine; paths go out as they are written."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(
        self,
        path: str,
        headers: Mapping[str, str] = {},
        method: str = "GET",
        body: str | None = None,
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()


class Hasty(uvicorn.Server):
    """A server that ends within hundredths of a second, not tenths."""

    async def main_loop(self) -> None:
        while not await self.on_tick(0):
            await asyncio.sleep(0.01)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        with mock.patch.object(uvicorn.server, "asyncio", _hasty):
            await super().shutdown(sockets)


_hasty = types.SimpleNamespace(
    **{**vars(asyncio), "sleep": lambda seconds: asyncio.sleep(seconds / 20)}
)


@contextmanager
def visiting(site: Site) -> Iterator[Visitor]:
    """The site, served from a thread by the server of `newsletter serve`."""
    with listen("127.0.0.1", 0) as listening:
        config = uvicorn.Config(
            make_app(site), http=Guarded, ws="none", log_level="warning", access_log=False
        )
        server = Hasty(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield Visitor(listening.getsockname()[1])  # connections wait until it accepts them
        finally:
            server.should_exit = True
            thread.join()


def planned(store: Store, slug: str, email: Email, clock: FixedClock, **order: object) -> str:
    """A send to `readers`, of which nothing has left; returns its id."""
    return plan(store, Order(slug, email, **{"list_name": "readers", **order}), clock())  # type: ignore[arg-type]


def sent(
    store: Store,
    slug: str,
    email: Email,
    clock: FixedClock,
    *,
    transport: Transport | None = None,
    **order: object,
) -> str:
    """An issue that was sent to `readers`, who must exist."""
    send_id = planned(store, slug, email, clock, **order)
    run.run(worker(store, transport or Memory(), clock=clock), send_id)
    return send_id
