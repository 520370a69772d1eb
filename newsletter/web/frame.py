"""What stands around every route, as one ASGI middleware.

The whole body is read first, within a size and a time; HEAD is GET without its body; every answer
has the security headers; and an error of ours becomes a page that says nothing about who asked.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from newsletter.errors import place_in_code

OWN_PAGES = (
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "object-src 'none'; script-src 'none'; img-src 'self' https:"  # a logo may be on another site
)
HEADERS = {
    "Content-Security-Policy": OWN_PAGES,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}
BODY_BYTES = 4 * 1024
HOOK_BYTES = 256 * 1024  # the largest message of a provider
BODY_SECONDS = 10.0
SWALLOWED_BYTES = 32 * 1024 * 1024

Seen = Callable[[str, Scope, int | None, float], None]

_log = logging.getLogger("newsletter.web")


class Frame:
    """`problem` makes the page of an error from its status code; `seen` gets each request once it
    is answered: its method, its scope, the status, and the seconds that it took. A client that left
    before has no status.
    """

    def __init__(
        self,
        app: ASGIApp,
        problem: Callable[[int], Response],
        seen: Seen,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        self._app = app
        self._problem = problem
        self._seen = seen
        self._body_seconds = body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        answer = _Answer(send, without_body=scope["method"] == "HEAD")
        inner = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
        try:
            await self._respond(inner, receive, answer)
        finally:  # what routes leave in the scope is there by now
            seconds = time.perf_counter() - began
            self._seen(scope["method"], inner, answer.status, seconds)

    async def _respond(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        try:
            async with asyncio.timeout(self._body_seconds):
                body = await _body(scope, receive)
        except TimeoutError:
            await self._refuse(408, scope, receive, answer)
            return
        except _TooLarge:
            await self._swallow(receive)
            await self._refuse(413, scope, receive, answer)
            return
        except _Gone:
            return
        try:
            await self._app(scope, _Replay(body, receive), answer)
        except Exception as error:  # noqa: BLE001 -- the last resort of a request
            # Not its message: that may hold anything, an address or a token too.
            _log.error("fail", {"error": type(error).__name__, "at": place_in_code(error) or "?"})
            if answer.status is None:
                await self._refuse(500, scope, receive, answer)

    async def _swallow(self, receive: Receive) -> None:
        """Take the rest of a body, within limits: many clients write all of it before
        they read an answer, and would see a lost connection instead."""
        size = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(self._body_seconds):
                while size < SWALLOWED_BYTES:
                    message = await receive()
                    size += len(message.get("body", b""))
                    if not message.get("more_body", False):
                        return

    async def _refuse(self, status: int, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        response = self._problem(status)
        if status in (408, 413):  # what is still to come of the body would be the next request
            response.headers["Connection"] = "close"
        await response(scope, receive, answer)


class _TooLarge(Exception):
    pass


class _Gone(Exception):
    """The client left before its request was complete."""


class _Answer:
    """`send`, with the security headers that the answer does not set itself."""

    def __init__(self, send: Send, *, without_body: bool) -> None:
        self._send = send
        self._without_body = without_body
        self.status: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        elif self._without_body and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await self._send(message)


class _Replay:
    """`receive` of a request whose body is read already."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


async def _body(scope: Scope, receive: Receive) -> bytes:
    limit = HOOK_BYTES if scope["path"].startswith("/hooks/") else BODY_BYTES
    announced = Headers(scope=scope).get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > limit:
        raise _TooLarge
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise _TooLarge
        if not message.get("more_body", False):
            return b"".join(parts)
