"""Servers whose answers do not end, and look-ups of names that do not."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest


@contextmanager
def endless(begin: bytes, more: bytes) -> Iterator[int]:
    """The port of a server whose answer begins with something and goes on for ever."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection, suppress(OSError):
                        connection.recv(65536)
                        connection.sendall(begin)
                        while more or connection.recv(65536):
                            connection.sendall(more)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@contextmanager
def endless_look_ups() -> Iterator[None]:
    """Let look-ups take half a minute, as with name servers that are silent."""
    over = threading.Event()

    def look_up(*_: object, **__: object) -> list[object]:
        over.wait(30)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", look_up)
        yield
        over.set()
