"""The HTTP server below the public site: uvicorn, with limits of its own.

It stands behind a proxy that speaks TLS, and must not fall over when it does not.
"""

import logging
import resource
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

import uvicorn
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
    """Serve as `newsletter.http.server.serve` does.

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
    serve(config, listening, ready)


def _allow_open_files() -> None:
    """Allow an open file for each connection and more, as far as this machine permits."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 2 * _CONNECTIONS
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
