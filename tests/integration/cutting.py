"""A connection to PostgreSQL that is cut at a chosen commit, before it arrives or after it did."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class Cutter:
    """Counts commits; the one numbered `cut_at` loses its connection and so its answer."""

    def __init__(self) -> None:
        self.commits = 0
        self.cut_at = 0
        self.arrives = False
        self._lock = threading.Lock()

    def arm(self, cut_at: int, *, arrives: bool) -> None:
        """Cut the commit of that number, counted from now, once it has arrived or without that."""
        self.commits, self.cut_at, self.arrives = 0, cut_at, arrives

    def is_cut(self, data: bytes) -> bool:
        with self._lock:
            if b"COMMIT" not in data:
                return False
            self.commits += 1
            return self.commits == self.cut_at


@contextmanager
def proxy(folder: Path, target: str) -> Iterator[Cutter]:
    """Listens on a socket in `folder` for the server whose socket is in the folder `target`."""
    cutter = Cutter()
    name = ".s.PGSQL.5432"

    class Connection(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.socket(socket.AF_UNIX) as server:
                server.connect(f"{target}/{name}")
                answering = threading.Thread(target=_pass_on, args=(server, self.request))
                answering.start()
                with suppress(OSError):
                    while data := self.request.recv(65536):
                        if cutter.is_cut(data):
                            self._cut(server, data)
                            break
                        server.sendall(data)
                with suppress(OSError):
                    server.shutdown(socket.SHUT_RDWR)
                answering.join()

        def _cut(self, server: socket.socket, data: bytes) -> None:
            self.request.shutdown(socket.SHUT_RDWR)  # no answer comes through from here on
            if cutter.arrives:
                server.sendall(data)
                server.shutdown(socket.SHUT_WR)

    class Listening(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
        daemon_threads = True

    with Listening(str(folder / name), Connection) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield cutter
        finally:
            listening.shutdown()
            thread.join()


def _pass_on(server: socket.socket, client: socket.socket) -> None:
    """Until the server closes, which it does after it has worked off all that it was sent."""
    with suppress(OSError):
        while data := server.recv(65536):
            with suppress(OSError):
                client.sendall(data)
    with suppress(OSError):
        client.shutdown(socket.SHUT_RDWR)
