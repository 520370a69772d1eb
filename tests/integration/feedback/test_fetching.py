"""How a certificate is fetched: no redirect, nothing large, no error passes for one."""

import asyncio
import gc
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from newsletter.feedback.ses.certificates import MAX_BYTES, Certificates, NoCertificate, fetch
from tests.integration.feedback.signing import certificate, key_number
from tests.integration.sending import NOW
from tests.waiting import PATIENCE_SECONDS

Serve = Callable[..., str]


@pytest.fixture
def asked() -> list[str]:
    """The paths that were asked for."""
    return []


@pytest.fixture
def serve(asked: list[str]) -> Iterator[Serve]:
    """Starts a server with one answer; returns its URL."""
    servers: list[ThreadingHTTPServer] = []

    def start(status: int, content: bytes, **headers: str) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                pass

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_address[1]}/a.pem"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_certificate_is_fetched(serve: Serve) -> None:
    content = certificate(key_number(0))

    assert fetch(serve(200, content), PATIENCE_SECONDS) == content


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed(serve: Serve, asked: list[str], status: int) -> None:
    url = serve(status, b"", Location="/elsewhere")

    with pytest.raises(NoCertificate):
        fetch(url, PATIENCE_SECONDS)

    assert asked == ["/a.pem"]


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_an_error_is_no_certificate(serve: Serve, asked: list[str], status: int) -> None:
    with pytest.raises(NoCertificate):
        fetch(serve(status, certificate(key_number(0))), PATIENCE_SECONDS)

    assert asked == ["/a.pem"]


def test_nothing_large_is_read(serve: Serve) -> None:
    with pytest.raises(NoCertificate):
        fetch(serve(200, b"x" * (MAX_BYTES + 1)), PATIENCE_SECONDS)


def test_a_host_that_is_away_is_no_certificate() -> None:
    with pytest.raises(NoCertificate):
        fetch("http://127.0.0.1:1/a.pem")


def test_a_fetch_that_breaks_off_when_nobody_waits_is_not_printed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The client left; asyncio would print the message, and a fetch for the next begins anew."""
    began, goes_on, fetched = threading.Event(), threading.Event(), list[str]()

    def break_off(url: str) -> bytes:
        fetched.append(url)
        began.set()
        assert goes_on.wait(PATIENCE_SECONDS)
        raise RuntimeError("ada@example.com")

    certificates = Certificates(break_off, lambda: NOW)

    async def leave() -> None:
        request = asyncio.ensure_future(certificates.fetch("https://sns.example/a.pem", "client"))
        await asyncio.to_thread(began.wait, PATIENCE_SECONDS)
        request.cancel()
        await asyncio.wait({request})
        goes_on.set()
        with pytest.raises(RuntimeError):
            await certificates.fetch("https://sns.example/a.pem", "another")

    asyncio.run(leave())
    gc.collect()

    assert "ada@example.com" not in caplog.text
