"""The studio on a port of this machine alone."""

import socket
from collections.abc import Callable

from newsletter.http.server import serve
from newsletter.studio.app import make_app
from newsletter.studio.session import Studio

_LEAVING_SECONDS = 2


def run(studio: Studio, listening: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until the process is asked to stop. `listening` is a socket on a loopback address."""
    serve(
        make_app(studio),
        listening,
        ready,
        leaving=studio.end,
        timeout_graceful_shutdown=_LEAVING_SECONDS,
    )
