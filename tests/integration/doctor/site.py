"""A site on this machine for the doctor to call on: its certificate and its answers may be bad."""

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

TLS = Path(__file__).parents[2] / "data" / "tls"


@dataclass
class DoctoredSite:
    """Answers of the site by method, each a status and a body; `location` is that of redirects."""

    port: int = 0
    certificate: Path = TLS / "good.pem"
    health: tuple[int, str] = (200, json.dumps({"status": "ok"}))
    one_click: int = 200
    picture: tuple[int, str] = (200, "image/png")
    location: str = ""
    date: str = ""
    posted: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    site: DoctoredSite

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.site.certificate)
        return context.wrap_socket(connection, server_side=True), address


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        site = self.server.site
        if self.path == "/healthz":
            self._answer(site.health[0], site.health[1], "application/json")
        else:
            self._answer(site.picture[0], "", site.picture[1])

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.site.posted.append(f"{self.path} {body.decode()}")
        self._answer(self.server.site.one_click, "", "text/html")

    def date_time_string(self, timestamp: float | None = None) -> str:
        return self.server.site.date or super().date_time_string(timestamp)

    def _answer(self, status: int, body: str, kind: str) -> None:
        self.send_response(status)
        if self.server.site.location:
            self.send_header("Location", self.server.site.location)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def running_site() -> Iterator[DoctoredSite]:
    server = _Server(("127.0.0.1", 0), _Handler)
    server.site = DoctoredSite(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
