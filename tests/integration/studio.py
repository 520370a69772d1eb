"""A browser at the studio, without a browser: requests as its own pages make them."""

import asyncio
from typing import Any

import httpx

from newsletter.studio.app import make_app
from newsletter.studio.session import Studio

ORIGIN = "http://127.0.0.1:8600"


class Browser:
    """A browser that was given the address with the token, and asks from the studio's pages."""

    def __init__(self, studio: Studio) -> None:
        self.app = make_app(studio)
        self.cookies = httpx.Cookies()
        self.headers = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {**self.headers, **options.pop("headers", {})}

        async def once() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            base = options.pop("base", ORIGIN)
            async with httpx.AsyncClient(
                transport=transport, base_url=base, cookies=self.cookies
            ) as client:
                response = await client.request(method, path, headers=headers, **options)
                self.cookies.update(client.cookies)
                return response

        return asyncio.run(once())

    def json(self, method: str, path: str, body: object = None) -> Any:
        response = self.ask(method, path, **({} if body is None else {"json": body}))
        return {"status": response.status_code, **response.json()}


def opened(studio: Studio) -> Browser:
    """A browser at a studio, with its cookie."""
    browser = Browser(studio)
    assert browser.ask("GET", studio.start_url).status_code == 303
    return browser
