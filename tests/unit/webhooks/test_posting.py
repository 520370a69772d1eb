"""A request to a server of others ends in time, reads next to nothing, and goes nowhere else."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from newsletter.webhooks.posting import post
from tests.endless import endless, endless_look_ups

CERTIFICATE = Path(__file__).parents[2] / "data" / "tls" / "good.pem"
OK = b"HTTP/1.1 204 No Content\r\n\r\n"


@contextmanager
def answering(
    answer: bytes, context: ssl.SSLContext | None = None
) -> Iterator[tuple[int, list[bytes]]]:
    """The port of a server that answers once, and what it was sent."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                connection, _ = server.accept()
                with (
                    context.wrap_socket(connection, server_side=True)
                    if context
                    else connection as on
                ):
                    request = b""
                    while not request.endswith(b"}"):
                        request += on.recv(65536)
                    heard.append(request)
                    on.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1], heard
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def said(url: str, *, allow_private: bool = True) -> str:
    return str(post(url, b'{"type": "ping"}', {"webhook-id": "msg_1"}, allow_private=allow_private))


def test_a_body_is_posted_as_json_with_its_headers() -> None:
    with answering(OK) as (port, heard):
        assert said(f"http://localhost:{port}/hook?key=1#part") == "204"

    [request] = heard
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /hook?key=1 HTTP/1.1\r\n")
    for line in (f"Host: localhost:{port}", "Content-Type: application/json", "webhook-id: msg_1"):
        assert line.encode() in head.split(b"\r\n")
    assert body == b'{"type": "ping"}'


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"", "no answer (RemoteDisconnected)"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n" + b"x" * 100_000, "200"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\n\r\n", "302"),
        (b"HTTP/1.1 410 Gone\r\n\r\n", "410"),
        (b"nonsense\r\n\r\n", "no answer (BadStatusLine)"),
    ],
    ids=["nothing", "10 MB", "redirect", "gone", "nonsense"],
)
def test_what_a_server_answers_is_a_status_or_a_reason(answer: bytes, status: str) -> None:
    with answering(answer) as (port, _):
        assert said(f"http://127.0.0.1:{port}/") == status


@pytest.mark.parametrize(
    ("begin", "more"),
    [(b"", b""), (b"HTTP/1.1 200 OK\r\nX: ", b"x"), (b"HTTP/1.1 100 Continue\r\n\r\n" * 9, b"")],
    ids=["silence", "a head without end", "no answer"],
)
def test_a_server_that_never_ends_is_left(begin: bytes, more: bytes) -> None:
    with endless(begin, more) as port:
        answer = post(f"http://127.0.0.1:{port}/", b"{}", {}, allow_private=True, seconds=0.3)

    assert answer.reason.startswith("no answer")


def test_a_name_that_nobody_tells_is_left() -> None:
    """The system's look-up takes as long as it likes."""
    with endless_look_ups():
        answer = post("https://news.example.com/", b"{}", {}, seconds=0.1)

    assert answer.reason == "its name is not found in time"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/",
        "http://localhost:9/",
        "http://169.254.169.254/latest/",
        "http://[::1]:9/",
        "http://10.0.0.1/",
        "http://2130706433:9/",
    ],
)
def test_the_own_network_is_closed_unless_the_settings_open_it(url: str) -> None:
    assert said(url, allow_private=False) == "it leads into this machine's own network"


def test_a_name_that_is_none_and_a_port_that_is_closed_are_reasons() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = server.getsockname()[1]

    assert said("https://nowhere.invalid/") == "its name is not found"
    assert said(f"http://127.0.0.1:{closed}/") == "no answer (NewConnectionError)"


def test_a_certificate_that_nobody_signed_is_refused() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)

    with answering(OK, context) as (port, heard):
        status = said(f"https://localhost:{port}/")

    assert status == "no answer (SSLCertVerificationError)"
    assert heard == []
