"""Whether https serves what http does is asked politely, and of public addresses alone."""

import ssl
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from newsletter.desk.mending.secure import why_not

CERTIFICATE = Path(__file__).parents[2] / "data" / "tls" / "good.pem"
MOVED = {"/to-http": "http://127.0.0.1/x", "/to-https": "https://b.example/x", "/beside": "/x"}


class Site(BaseHTTPRequestHandler):
    """Answers by the path that is asked for, and keeps what was asked."""

    asked: list[str]

    def do_HEAD(self) -> None:
        self._answer({"/no-head": 405, "/gone": 404, "/dead": 503}.get(self.path, 200))

    def do_GET(self) -> None:
        self._answer({"/gone": 404, "/dead": 503}.get(self.path, 200))

    def _answer(self, status: int) -> None:
        self.asked.append(f"{self.command} {self.headers['Host']}{self.path}")
        self.send_response(301 if self.path in MOVED else status)
        if self.path in MOVED:
            self.send_header("Location", MOVED[self.path])
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(autouse=True)
def authority(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who signed the certificate of this site."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))


@pytest.fixture(scope="module")
def site() -> Iterator[int]:
    """The port of a site that speaks TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def ask(port: int, *paths: str) -> dict[str, str]:
    Site.asked = []
    urls = [f"http://127.0.0.1{path}" for path in paths]
    answers = why_not(urls, is_allowed=lambda _: True, port=port)
    return {url.removeprefix("http://127.0.0.1"): why for url, why in answers.items()}


@pytest.mark.parametrize(
    ("path", "why", "asked"),
    [
        ("/x?a=1&b", "", ["HEAD"]),
        ("/no-head", "", ["HEAD", "GET"]),
        ("/to-https", "", ["HEAD"]),
        ("/beside", "", ["HEAD"]),
        ("/to-http", "https leads back to http", ["HEAD"]),
        ("/gone", "https answers 404", ["HEAD", "GET"]),
        ("/dead", "https answers 503", ["HEAD", "GET"]),
    ],
)
def test_a_page_that_https_serves_is_one(site: int, path: str, why: str, asked: list[str]) -> None:
    assert ask(site, path) == {path: why}
    assert Site.asked == [f"{method} 127.0.0.1:{site}{path}" for method in asked]


def test_what_there_is_no_time_for_is_not_asked(site: int) -> None:
    Site.asked = []

    answers = why_not(["http://127.0.0.1/x"], is_allowed=lambda _: True, port=site, all_seconds=-1)

    assert answers == {"http://127.0.0.1/x": "there was no time to ask"}
    assert Site.asked == []


def test_a_host_is_asked_one_page_after_the_other(site: int) -> None:
    paths = [f"/{number}" for number in range(9)]

    assert set(ask(site, *paths).values()) == {""}
    assert Site.asked == [f"HEAD 127.0.0.1:{site}{path}" for path in paths]


def test_a_certificate_of_another_host_is_no_answer(site: int) -> None:
    answers = why_not(["http://127.1/"], is_allowed=lambda _: True, port=site)

    assert answers == {"http://127.1/": "https gives no answer (SSLCertVerificationError)"}


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1/", "its host has no public address"),
        ("http://localhost/", "its host has no public address"),
        ("http://[::1]/", "its host has no public address"),
        ("http://169.254.169.254/latest/meta-data", "its host has no public address"),
        ("http://a.example:8080/", "it names a port, a user or a field"),
        ("http://a@b.example/", "it names a port, a user or a field"),
        ("http://b.example/{{id}}", "it names a port, a user or a field"),
        ("http://b.example:x/", "it is no whole address"),
    ],
)
def test_what_is_not_public_is_never_asked(url: str, why: str) -> None:
    """An issue from elsewhere must not reach into this network."""
    assert why_not([url]) == {url: why}


def test_an_issue_cannot_have_thousands_asked() -> None:
    urls = [f"http://127.0.0.1/{number}" for number in range(300)]

    answers = why_not(urls)

    assert sum("at most 200" in why for why in answers.values()) == 100
