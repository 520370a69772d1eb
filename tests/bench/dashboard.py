"""How much a send is slowed down by those who watch it in the studio."""

import http.client
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from tests.bench.audience import import_people, people_file
from tests.bench.bench import Bench
from tests.bench.figures import Figure
from tests.bench.processes import NEWSLETTER, apart, command
from tests.bench.rendering import email_json
from tests.bench.sending import send_everything
from tests.bench.studio import running

_THREADS = 4
_PAGES = 3


def dashboard(bench: Bench) -> Iterator[Figure]:
    """Sends as fast as the core can, to nowhere, one with and one without pages that follow it."""
    folder, size = bench.folder / "watched", bench.rows // 10
    command(NEWSLETTER, "init", str(folder))
    for kind in bench.kinds:
        alone, watched = [], []
        for _ in range(bench.repeats):
            alone.append(_speed(bench, kind, size, None))
            watched.append(_speed(bench, kind, size, folder))
        yield Figure(f"core, {kind}, nobody watches", tuple(alone), "people/s", best=True)
        yield Figure(f"  {_PAGES} pages of the studio do", tuple(watched), "people/s", best=True)
        pairs = zip(watched, alone, strict=True)  # right after each other, on a shared machine
        shares = tuple(one / other for one, other in pairs)
        yield Figure("  against nobody watching", shares, "x", at_least=0.95)


def _speed(bench: Bench, kind: str, size: int, watched_from: Path | None) -> float:
    """The recipients a second of a send to `size` people, from a new store."""
    with bench.stores.new(kind) as url:
        apart(import_people, url, str(people_file(bench.folder, size)))
        if watched_from is None:
            return _send(url)
        environment = {**os.environ, "NEWSLETTER_STORE__URL": url}
        with running(watched_from, environment) as address, _watching(address):
            return _send(url)


def _send(url: str) -> float:
    return float(apart(send_everything, url, email_json(), "", _THREADS)[0])


@contextmanager
def _watching(address: str) -> Iterator[None]:
    """Pages that are open, each of which has had its first look; what they are told is read."""
    host, cookie = urlsplit(address).netloc, _cookie(address)
    sockets, threads = [], []
    for _ in range(_PAGES):
        connection = http.client.HTTPConnection(host)
        connection.request("GET", "/sends/live", headers={"Cookie": cookie})
        sockets.append(connection.sock)
        answer = connection.getresponse()
        while not answer.readline().startswith(b"data:"):
            assert answer.status == 200
        threads.append(threading.Thread(target=_read, args=(answer,)))
        threads[-1].start()
    yield
    for each in sockets:
        each.shutdown(socket.SHUT_RDWR)
    for thread in threads:
        thread.join()


def _read(answer: http.client.HTTPResponse) -> None:
    with suppress(OSError, http.client.HTTPException):
        while answer.readline():
            pass


def _cookie(address: str) -> str:
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.netloc)
    connection.request("GET", f"{parts.path}?{parts.query}")
    cookie = connection.getresponse().headers["Set-Cookie"].partition(";")[0]
    connection.close()
    return cookie
