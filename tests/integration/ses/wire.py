"""Servers that are no SES: a port where nobody listens, one that speaks TLS, one that only HTTP.

`through` is how a newsletter is led to them.
"""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.waiting import PATIENCE_SECONDS

CERTIFICATES = Path(__file__).parents[2] / "data" / "tls"


@dataclass
class Listener:
    """What a server heard: connections, and bytes that came after the handshake."""

    port: int
    connections: int = 0
    heard: bytes = b""


def through(url: str) -> dict[str, str]:
    """The environment in which a newsletter sends through the SES there."""
    return {
        "NEWSLETTER_TRANSPORT__KIND": "ses",
        "NEWSLETTER_TRANSPORT__SES__REGION": "us-east-1",
        "NEWSLETTER_TRANSPORT__SES__ENDPOINT_URL": url,
        "NEWSLETTER_TRANSPORT__SES__CONFIGURATION_SET": "newsletter",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@contextmanager
def closed_port() -> Iterator[int]:
    """A port of this machine that refuses connections, and that nobody else can take meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@contextmanager
def listening(certificate: Path | None = None) -> Iterator[Listener]:
    """A server that answers nothing and remembers what it heard; with TLS, if it has its own."""
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    server = socket.create_server(("127.0.0.1", 0))
    heard = Listener(server.getsockname()[1])
    thread = threading.Thread(target=_serve, args=(server, context, heard))
    thread.start()
    try:
        yield heard
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(timeout=PATIENCE_SECONDS)


def _serve(server: socket.socket, context: ssl.SSLContext | None, heard: Listener) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        heard.connections += 1
        client.settimeout(PATIENCE_SECONDS)
        try:
            if context is not None:
                client = context.wrap_socket(client, server_side=True)
                heard.heard += client.recv(65_536)
            else:
                client.recv(65_536)
                client.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")
        except OSError:
            pass
        finally:
            client.close()
