"""The HTTP server below the application: uvicorn, with limits of its own.

It stands behind a proxy that speaks TLS, and must not fall over when it does not.
"""

import errno
import logging
import resource
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial

import uvicorn
from starlette.types import ASGIApp

from newsletter.errors import UsageError
from newsletter.stopping import heeded
from newsletter.web.connections import Crowd, Guarded

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


def run(
    app: ASGIApp,
    listening: socket.socket,
    ready: Callable[[], None],
    trusted_proxies: Sequence[str] = (),
) -> None:
    """Serve until SIGINT, SIGTERM or SIGHUP; what has begun is finished. `ready` is called once it
    serves.

    Requests are not logged: their paths hold tokens, and anybody could fill the log.
    """
    logging.getLogger("python_multipart").setLevel(logging.ERROR)
    _allow_open_files()
    config = uvicorn.Config(
        app,
        http=partial(Guarded, crowd=Crowd(trusted_proxies)),  # type: ignore[arg-type]
        ws="none",
        lifespan="on",
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=_LEAVING_SECONDS,
    )
    _Server(config, ready).run(sockets=[listening])


def _allow_open_files() -> None:
    """Allow an open file for each connection and more, as far as this machine permits."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 2 * _CONNECTIONS
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn's, but without raising the signal again: being asked to stop is not a
        failure."""
        before = {number: signal.signal(number, self.handle_exit) for number in heeded()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
