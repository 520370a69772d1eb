"""The HTTP server below the application: uvicorn, with limits of its own.

It stands behind a proxy that speaks TLS, and must not fall over when it does not.
"""

import asyncio
import errno
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from newsletter.errors import UsageError

_HEAD_BYTES = 16 * 1024
_IDLE_SECONDS = 15
_CONNECTIONS = 1000
_LEAVING_SECONDS = 10

_NO_HOST = ("--host", "Name an address of this machine, such as 127.0.0.1, or 0.0.0.0 for all.")
_NO_PORT = (
    "--port",
    "Another process may use the port: name a free one, or 0 to have one picked.",
)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens already; raises UsageError where it cannot, as for a port in use."""
    try:
        family, _, _, _, at = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(at[:2], family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        is_host = isinstance(error, socket.gaierror) or error.args[0] == errno.EADDRNOTAVAIL
        where, hint = _NO_HOST if is_host else _NO_PORT
        raise UsageError(
            f"cannot listen at {host}:{port}: {reason.partition(' (while')[0]}",
            where=where,
            hint=hint,
        ) from error


def url_of(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run(app: ASGIApp, listening: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM; what has begun is finished. `ready` is called once it serves.

    Nothing is logged of a request: its path holds a token.
    """
    config = uvicorn.Config(
        app,
        http=Guarded,
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=_LEAVING_SECONDS,
    )
    _Server(config, ready).run(sockets=[listening])


class Guarded(HttpToolsProtocol):
    """uvicorn's protocol, which closes on a head that is too long or takes too long to come."""

    head_seconds = 10.0

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._head_bytes = 0
        self._waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._waiting is not None:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._waiting is not None and self._head_bytes > _HEAD_BYTES:
            self._close("The head of the request is too long.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._waiting is None:
            self._wait()

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > _HEAD_BYTES:
            raise ValueError("head too long")  # the parser's caller answers 400
        super().on_headers_complete()

    def _wait(self) -> None:
        self._head_bytes = 0
        self._waiting = self.loop.call_later(
            self.head_seconds, self._close, "The request took too long."
        )

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _close(self, reason: str) -> None:
        self._stop_waiting()
        if not self.transport.is_closing():
            self.send_400_response(reason)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn's, but without raising the signal again: being told to stop is no failure."""
        wanted = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in wanted}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
