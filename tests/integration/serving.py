"""`newsletter serve` in a process of its own, and what its clients send and get."""

import http.client
import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO
from urllib.parse import urlencode, urlsplit

from tests.waiting import PATIENCE_SECONDS
from tests.warm import Program


@dataclass(frozen=True)
class Server:
    """A server that runs: the first line that it `said`, and where its `errors` go."""

    process: Program
    said: str
    errors: IO[bytes]

    @property
    def url(self) -> str:
        return str(json.loads(self.said)["url"])

    def end(self, number: int) -> tuple[int, str]:
        """Its exit code after a signal, and what it said on standard error."""
        self.process.send_signal(number)
        code = self.process.code
        self.errors.seek(0)
        return code, self.errors.read().decode()

    def post(self, path: str, **fields: str) -> tuple[int, str]:
        """The status and the page that a form of these fields gets."""
        return self._exchange("POST", path, urlencode(fields))

    def get(self, path: str) -> tuple[int, str]:
        return self._exchange("GET", path, "")

    def _exchange(self, method: str, path: str, body: str) -> tuple[int, str]:
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=PATIENCE_SECONDS)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        with closing(connection):
            connection.request(method, path, body, headers)
            answered = connection.getresponse()
            return answered.status, answered.read().decode()

    def connect(self) -> socket.socket:
        parts = urlsplit(self.url)
        return socket.create_connection((parts.hostname, parts.port), PATIENCE_SECONDS)

    def ask(self, request: bytes) -> bytes:
        """All that comes back for raw bytes, until the server closes or has answered once."""
        with self.connect() as connection:
            connection.sendall(request)
            return answer(connection)


@contextmanager
def served(
    project: Path,
    *options: str,
    environment: Mapping[str, str] | None = None,
    first: Callable[[], object] | None = None,
    command: str = "serve",
) -> Iterator[Server]:
    """A server that listens; see `Program` for what is given."""
    out, its_out = os.pipe()
    with open(out, encoding="utf-8") as lines, TemporaryFile() as errors:
        process = Program(
            project,
            *(command, "--port", "0", *options),
            stdout=its_out,
            stderr=errors.fileno(),
            environment=environment,
            first=first,
        )
        os.close(its_out)
        try:
            yield Server(process, lines.readline(), errors)
        finally:
            process.kill()
            process.join()


def answer(connection: socket.socket) -> bytes:
    """One answer: its head, and as much body as it announces."""
    got = b""
    while chunk := connection.recv(65536):
        got += chunk
        head, complete, body = got.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if complete and len(body) >= int(length or b"0"):
            break
    return got
