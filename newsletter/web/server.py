"""The HTTP server below the public site: uvicorn, with limits of its own.

It stands behind a proxy that speaks TLS, and must not fall over when it does not.
"""

import logging
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from starlette.types import ASGIApp

from newsletter.http.server import serve
from newsletter.web.connections import Crowd, Guarded

_IDLE_SECONDS = 15
_CONNECTIONS = 1000
_LEAVING_SECONDS = 10


def run(
    app: ASGIApp,
    listening: socket.socket,
    ready: Callable[[], None],
    trusted_proxies: Sequence[str] = (),
) -> None:
    """Serve as `newsletter.http.server.serve` does."""
    logging.getLogger("python_multipart").setLevel(logging.ERROR)
    _allow_open_files()
    serve(
        app,
        listening,
        ready,
        http=partial(Guarded, crowd=Crowd(trusted_proxies)),
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=_LEAVING_SECONDS,
    )


def _allow_open_files() -> None:
    """Allow an open file for each connection and more, as far as this machine permits."""
    import resource  # noqa: PLC0415 -- Windows has no limits, and no such module

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 2 * _CONNECTIONS
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
