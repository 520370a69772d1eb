"""uvicorn on a socket that listens already, until the process is asked to stop."""

import errno
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from newsletter import garbage
from newsletter.errors import UsageError, naming
from newsletter.stopping import heeded

_HANDLES = 16  # of the loop, and for a first request
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


def serve(
    app: ASGIApp,
    listening: socket.socket,
    ready: Callable[[], None],
    leaving: Callable[[], None] = lambda: None,
    **own: Any,
) -> None:
    """Serve until SIGINT, SIGTERM or SIGHUP; what has begun is finished.

    `ready` is called once it serves, `leaving` as soon as it is asked to stop. What `ready` or the
    start of the application raises ends it in good order, and is raised then. `own` are further
    settings of uvicorn. Requests are not logged: their paths hold tokens, and anybody could fill
    the log. Raises OSError where this process may open too few files.
    """
    _see_room(listening)
    starting = _Starting(app)
    config = uvicorn.Config(
        starting,
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        **own,
    )
    server = _Server(config, ready, leaving)
    server.run(sockets=[listening])
    if failure := starting.failure or server.failure:
        raise failure


def _see_room(listening: socket.socket) -> None:
    """uvloop ends the whole process, without a word, where it cannot open what it needs."""
    with naming(url_of(listening)), ExitStack() as room:
        for _ in range(_HANDLES):
            room.enter_context(listening.dup())


class _Starting:
    """An application whose failure to start is kept, for uvicorn has but words for its log."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.failure: BaseException | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return

        async def send_quietly(message: Message) -> None:
            await send({"type": message["type"]})  # without the traceback of a failure

        try:
            await self._app(scope, receive, send_quietly)
        except BaseException as error:
            self.failure = error
            raise


class _Server(uvicorn.Server):
    def __init__(
        self, config: uvicorn.Config, ready: Callable[[], None], leaving: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._ready = ready
        self._leaving = leaving
        self.failure: BaseException | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
            garbage.look_often()
            self._ready()
        except (Exception, SystemExit) as error:  # noqa: BLE001 -- raised again outside of the loop
            self.failure = error
            self._leaving()
            self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._leaving()
        super().handle_exit(sig, frame)

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
