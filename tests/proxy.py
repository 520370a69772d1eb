"""A TCP proxy between a process and PostgreSQL, by which tests break their connections.

The protocol is in clear here, so that a commit is seen, and what its transaction said before.
"""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from sqlalchemy.engine import URL, make_url

_BYTES = 65_536


@dataclass(eq=False)
class _Connection:
    """Two sockets, and what the client has said since its transaction began."""

    client: socket.socket
    server: socket.socket
    said: bytes = b""

    def reset(self) -> None:
        """End both sides at once; each is told."""
        for end in (self.client, self.server):
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RD)  # wakes the thread that reads, which closes it
        self.close()

    def close(self) -> None:
        for end in (self.client, self.server):
            end.close()


@dataclass(eq=False)
class Proxy:
    """Passes on what comes, unless told otherwise; that holds for open and new connections.

    `commits` counts the commits that came since `cut` was last called.
    """

    target: URL
    port: int = 0
    commits: int = 0
    _cut_at: int = 0
    _arrives: bool = False
    _words: bytes = b""
    _passes: threading.Event = field(default_factory=threading.Event)
    _seconds: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _connections: set[_Connection] = field(default_factory=set)

    @property
    def url(self) -> str:
        """The URL of the store, by way of the proxy."""
        url = self.target.difference_update_query(["host", "port"])
        url = url.set(host="127.0.0.1", port=self.port)
        return url.render_as_string(hide_password=False)

    def cut(self, number: int = 1, *, arrives: bool, words: bytes = b"") -> None:
        """Lose the connection at a commit: the one of this number, counted from now, of those whose
        transaction said `words`. It arrives or not, and is not answered. 0 is none of them."""
        with self._lock:
            self.commits, self._cut_at, self._arrives, self._words = 0, number, arrives, words

    @property
    def has_cut(self) -> bool:
        return self.commits >= self._cut_at

    def drop(self) -> None:
        """Let all vanish, as where a cable is pulled: nobody is told."""
        self._passes.clear()

    def pass_on(self) -> None:
        """Heal; what was underway is delivered late, as TCP does."""
        self._passes.set()
        self._seconds = 0.0

    def stall(self, seconds: float) -> None:
        """Let each piece take that long."""
        self._seconds = seconds

    def reset(self) -> int:
        """End all open connections at once; returns how many."""
        with self._lock:
            broken, self._connections = self._connections, set()
        for connection in broken:
            connection.reset()
        return len(broken)

    def _serve(self, listening: socket.socket) -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=self._open, args=(client,), daemon=True).start()

    def _open(self, client: socket.socket) -> None:
        self._passes.wait()
        try:
            connection = _Connection(client, _connected(self.target))
        except OSError:
            client.close()
            return
        with self._lock:
            self._connections.add(connection)
        answering = threading.Thread(target=self._answer, args=(connection,), daemon=True)
        answering.start()
        with suppress(OSError):
            self._ask(connection)
        with suppress(OSError):
            connection.server.shutdown(socket.SHUT_WR)
        answering.join()
        with self._lock:
            self._connections.discard(connection)
        connection.close()

    def _ask(self, connection: _Connection) -> None:
        while data := connection.client.recv(_BYTES):
            self._delay()
            if self._is_cut(connection, data):
                connection.client.shutdown(socket.SHUT_RDWR)  # no answer comes through from here on
                if self._arrives:
                    connection.server.sendall(data)
                return
            connection.server.sendall(data)
        self._passes.wait()  # its end does not come through either

    def _answer(self, connection: _Connection) -> None:
        """Until the server closes, which it does after it has worked off all that it was sent."""
        with suppress(OSError):
            while data := connection.server.recv(_BYTES):
                self._delay()
                with suppress(OSError):
                    connection.client.sendall(data)
        self._passes.wait()
        with suppress(OSError):
            connection.client.shutdown(socket.SHUT_RDWR)

    def _delay(self) -> None:
        self._passes.wait()
        threading.Event().wait(self._seconds)

    def _is_cut(self, connection: _Connection, data: bytes) -> bool:
        connection.said += data
        if b"COMMIT" not in data:
            return False
        said, connection.said = connection.said, b""
        with self._lock:
            self.commits += self._words in said
            return self._words in said and self.commits == self._cut_at


def _connected(target: URL) -> socket.socket:
    port = int(target.port or str(target.query.get("port", 5432)))
    folder = target.query.get("host")
    if folder is None:
        return socket.create_connection((target.host, port))
    server = socket.socket(socket.AF_UNIX)
    server.connect(f"{folder}/.s.PGSQL.{port}")
    return server


def listen() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


@contextmanager
def proxied(url: str, listen: Callable[[], socket.socket] = listen) -> Iterator[Proxy]:
    """A proxy before the store at `url`."""
    with listen() as listening:
        proxy = Proxy(make_url(url), listening.getsockname()[1])
        proxy.pass_on()
        serving = threading.Thread(target=proxy._serve, args=(listening,), daemon=True)
        serving.start()
        try:
            yield proxy
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            serving.join()
            proxy.pass_on()
            proxy.reset()
