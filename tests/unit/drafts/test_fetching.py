"""Fetching a feed: bounded, and never led from outside into this machine's own network."""

import gzip
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from newsletter.drafts import fetching
from newsletter.drafts.fetching import Fetched, fetch, is_url
from newsletter.errors import NewsletterError, UsageError
from tests.endless import endless, endless_look_ups

CERTIFICATE = Path(__file__).parents[2] / "data" / "tls" / "good.pem"


class Site(BaseHTTPRequestHandler):
    hosts: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.hosts.append(self.headers["Host"])
        path = self.path
        if path == "/loop" or path.startswith("/hop"):
            self.send_response(302)
            hop = int(path.removeprefix("/hop") or 0) if path != "/loop" else -1
            self.send_header(
                "Location", "/loop" if hop < 0 else f"/hop{hop - 1}" if hop else "/feed"
            )
            self.end_headers()
            return
        if path == "/nowhere":
            self.send_response(302)
            self.send_header("Location", "http://[::1/")
            self.end_headers()
            return
        self.send_response(404 if path == "/gone" else 200)
        self.send_header("Content-Type", "application/rss+xml; charset=utf-8")
        content = b"<rss/>"
        if path == "/large":
            content = b"x" * (fetching.MAX_BYTES + 1)
        if path == "/bomb":
            content = gzip.compress(bytes(fetching.MAX_BYTES * 4))
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        with suppress(OSError):  # who asks hears no more than they want
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_feed_is_fetched_with_its_kind(site: str) -> None:
    assert fetch(f"{site}/feed") == Fetched(f"{site}/feed", b"<rss/>", "application/rss+xml")
    assert Site.hosts[-1] == site.removeprefix("http://")


def test_a_few_redirects_are_followed(site: str) -> None:
    assert fetch(f"{site}/hop3").url == f"{site}/feed"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/loop", "more than 5 redirects"),
        ("/gone", "its server answers with 404 Not Found"),
        ("/large", "it has more than 8 MB"),
        ("/bomb", "it has more than 8 MB"),
    ],
)
def test_what_is_no_answer_is_told(site: str, path: str, message: str) -> None:
    with pytest.raises(NewsletterError) as failed:
        fetch(f"{site}{path}")

    assert failed.value.message == message
    assert failed.value.where == f"{site}{path}"


def test_a_slow_answer_ends(site: str) -> None:
    """The time is that of the whole fetch, not of a single byte."""
    ticks = iter(range(0, 1000, 12))

    with pytest.raises(NewsletterError, match="takes more than 30 seconds"):
        fetch(f"{site}/large", clock=lambda: next(ticks))


@pytest.mark.parametrize(
    ("begin", "more"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nX: ", b""),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0", b""),
    ],
    ids=["heads", "head", "gzip", "chunk"],
)
def test_an_answer_that_does_not_end_is_broken_off(
    begin: bytes, more: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "_SECONDS", 0.3)

    # Python 3.14 counts the answers that announce another one.
    told = r"takes more than|cannot be reached \(HTTPException\)"
    with endless(begin, more) as port, pytest.raises(NewsletterError, match=told):
        fetch(f"http://127.0.0.1:{port}/feed")


def test_a_redirect_to_what_is_no_address_is_told(site: str) -> None:
    with pytest.raises(UsageError, match="not a web address"):
        fetch(f"{site}/nowhere")


@pytest.mark.parametrize("host", ["[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]"])
def test_an_inside_address_is_known_in_whatever_form_it_is_written(host: str) -> None:
    with pytest.raises(NewsletterError, match="own network"):
        fetch(f"http://{host}/feed", is_typed=False)


def test_a_certificate_that_nobody_signed_is_refused() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.handle_request)
    thread.start()

    with pytest.raises(NewsletterError, match="SSLCertVerificationError"):
        fetch(f"https://localhost:{server.server_port}/feed")

    thread.join()
    server.server_close()


def test_a_name_that_nobody_tells_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "_SECONDS", 0.1)

    with endless_look_ups(), pytest.raises(NewsletterError, match="takes more than"):
        fetch("http://slow.example/feed")


def test_a_server_outside_leads_to_none_inside(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is asked again may have another address, so the one that was looked at is
    asked."""
    port = int(site.rpartition(":")[2])
    addresses = {"outside.example": "93.184.215.14", "localhost": "127.0.0.1"}

    def look_up(host: str, at: int, **_: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (addresses[host], at))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(fetching, "_asked", lambda *_: f"http://localhost:{port}/feed")

    with pytest.raises(NewsletterError, match="own network"):
        fetch("http://outside.example/feed")


def test_what_nobody_typed_leads_to_none_inside(site: str) -> None:
    with pytest.raises(NewsletterError, match="own network"):
        fetch(f"{site}/feed", is_typed=False)


@pytest.mark.parametrize(
    "url",
    ["ftp://example.com/x", "file:///etc/passwd", "https://", "http://[", "https://a:b@x.example/"],
)
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(UsageError) as failed:
        fetch(url)

    assert "a:b" not in failed.value.where


def test_a_server_that_is_not_there_is_told() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

    with pytest.raises(NewsletterError, match="cannot be reached"):
        fetch(f"http://127.0.0.1:{port}/")


def test_a_url_is_told_from_a_file() -> None:
    assert [is_url(each) for each in ("https://x", "FTP://x", "feed:https://x")] == [True] * 3
    assert not any(map(is_url, ("feed.xml", "./x/feed.xml", "C:\\feed.xml", "/x:y")))
