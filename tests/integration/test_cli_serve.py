"""`newsletter serve` as a process: how it begins and ends, and what a raw socket can do to it."""

import http.client
import resource
import signal
import socket
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, closing
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest
import uvicorn
from fastapi import FastAPI

from newsletter.http import server as http_server
from newsletter.http.server import listen
from newsletter.links import Links, load_keys
from newsletter.store import open_store
from newsletter.web.connections import Guarded
from tests.factories import link_of
from tests.integration.commandline import Call
from tests.integration.serving import Server, answer, served
from tests.limits import limited
from tests.waiting import PATIENCE_SECONDS

Serve = Callable[..., Server]


@pytest.fixture
def serve(project: Path, readers: str) -> Iterator[Serve]:
    with ExitStack() as running:
        yield lambda *options: running.enter_context(served(project, *options))


@pytest.fixture
def server(serve: Serve) -> Server:
    return serve("--json")


def leave_path(project: Path, subscriber_id: int = 1) -> str:
    with closing(open_store(f"sqlite:///{project}/subscribers/newsletter.db", project)) as store:
        link = link_of(store, subscriber_id, "readers")
    return Links("", load_keys(project)).unsubscribe_url(link)


def statuses(project: Path) -> dict[int, str]:
    with closing(sqlite3.connect(project / "subscribers" / "newsletter.db")) as connection:
        return dict(connection.execute("SELECT subscriber_id, status FROM subscriptions"))


# --- beginning and ending -------------------------------------------------------------------------


def test_it_says_where_it_listens(serve: Serve) -> None:
    assert serve().said.startswith("Serving at http://127.0.0.1:")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_without_a_word(server: Server, number: int) -> None:
    with server.connect():  # an idle visitor does not hold it up
        assert server.end(number) == (0, "")


def test_a_port_in_use_is_a_clear_error(server: Server, call: Call) -> None:
    refused = call("serve", "--port", str(urlsplit(server.url).port), "--json")

    assert refused.code == 2
    assert "in use" in refused.error["message"]
    assert "0" in refused.error["hint"]


@pytest.mark.parametrize("host", ["256.0.0.1", "no-such-host.invalid"])
def test_a_host_that_is_none_is_a_clear_error(call: Call, host: str) -> None:
    refused = call("serve", "--host", host, "--port", "0", "--json")

    assert refused.code == 2
    assert host in refused.error["message"]


# --- what a click leaves behind -------------------------------------------------------------------


def test_kill_9_right_after_an_answer_loses_no_unsubscribe(server: Server, project: Path) -> None:
    """The 200 comes after the disk has it."""
    request = Request(
        server.url + leave_path(project), data=b"List-Unsubscribe=One-Click", method="POST"
    )

    with urlopen(request, timeout=PATIENCE_SECONDS) as told:
        assert told.status == 200
        server.process.kill()
    server.process.join()

    assert statuses(project)[1] == "unsubscribed"


# --- requests that are not proper HTTP ------------------------------------------------------------


HEAD = b"HTTP/1.1\r\nHost: a\r\n"
MULTIPART = b"Content-Type: multipart/form-data; boundary=x\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
IMPROPER = (
    b"\r\n\r\n\r\nnonsense\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET /\xff\xfe " + HEAD + b"\r\n",
    b"GET / " + HEAD + b"X: " + b"x" * 100_000 + b"\r\n\r\n",
    b"GET / " + HEAD + b"X: y\r\n" * 20_000 + b"\r\n",
    b"GET /" + b"x" * 100_000 + b" " + HEAD + b"\r\n",
    b"POST / " + HEAD + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
    b"POST / " + HEAD + b"Content-Length: 4\r\n" + CHUNKED + b"\r\n0\r\n\r\n",
    b"POST / " + HEAD + b"Content-Length: -4\r\n\r\n",
    b"POST / " + HEAD + CHUNKED + b"\r\nzz\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    b"GET /x " + HEAD + b"X: a\x00b\r\n\r\n",
    b"CONNECT evil.example:443 " + HEAD + b"\r\n",
    b"OPTIONS * " + HEAD + b"\r\n",
    b"TRACE / " + HEAD + b"\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET /x?" + b"a=b&" * 3000 + b" " + HEAD + b"\r\n",
    b"GET /x?%ff%fe=%00 " + HEAD + b"\r\n",
    b"GET /%00%ff%0d%0aSet-Cookie:%20a=b " + HEAD + b"\r\n",
    b"GET http://evil.example/u/x " + HEAD + b"\r\n",
    b"GET /x " + HEAD + b"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    b"POST /subscribe/x " + HEAD + MULTIPART + b"Content-Length: 1\r\n\r\nx",
)


def test_what_is_no_proper_request_gets_4xx(server: Server) -> None:
    answers = {request[:60]: server.ask(request).partition(b"\r\n")[0] for request in IMPROPER}

    assert {line[:10] for line in answers.values()} == {b"HTTP/1.1 4"}, answers
    assert server.ask(b"GET /healthz " + HEAD + b"\r\n").startswith(b"HTTP/1.1 200")
    assert server.end(signal.SIGTERM) == (0, "")  # or anybody could fill the log


@pytest.mark.parametrize("size", [5_000, 10_000_000])
def test_who_writes_a_whole_body_first_still_gets_an_answer(server: Server, size: int) -> None:
    """Most clients do; a connection that is closed under them tells them nothing."""
    client = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=PATIENCE_SECONDS)
    client.request("POST", "/u/x", body=b"x" * size)
    status = client.getresponse().status
    client.close()

    assert status == 413


def test_http_1_0_works(server: Server, project: Path) -> None:
    body = b"List-Unsubscribe=One-Click"
    head = f"POST {leave_path(project)} HTTP/1.0\r\nContent-Length: {len(body)}\r\n\r\n"

    assert server.ask(head.encode() + body).startswith(b"HTTP/1.1 200")
    assert statuses(project)[1] == "unsubscribed"


def test_a_second_request_hides_in_no_body(server: Server, project: Path) -> None:
    """What was too large is not read on as the next request."""
    hidden = f"POST {leave_path(project)} HTTP/1.1\r\nHost: a\r\nContent-Length: 26\r\n\r\n"
    hidden += "List-Unsubscribe=One-Click"
    head = f"POST /u/x HTTP/1.1\r\nHost: a\r\nContent-Length: {5000 + len(hidden)}\r\n\r\n"

    with server.connect() as connection:
        connection.sendall(head.encode() + b"x" * 5000 + hidden.encode())
        got = answer(connection)
        while more := connection.recv(65536):
            got += more

    assert got.count(b"HTTP/1.1 ") == 1
    assert got.startswith(b"HTTP/1.1 413")
    assert statuses(project)[1] == "confirmed"


@pytest.mark.parametrize("trickle", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: a\r\nX: "])
def test_a_head_that_never_ends_is_given_up(trickle: bytes) -> None:
    """Slowloris; the patience of the server is short here, and the test waits for its end."""

    class Impatient(Guarded):
        head_seconds = 0.05

    with listen("127.0.0.1", 0) as listening:
        config = uvicorn.Config(_nothing, http=Impatient, lifespan="off", log_config=None)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        with socket.create_connection(listening.getsockname(), PATIENCE_SECONDS) as connection:
            connection.sendall(trickle)
            got = answer(connection)
        server.should_exit = True
        thread.join()

    assert got.startswith(b"HTTP/1.1 400")


def test_an_application_that_cannot_start_ends_with_its_own_reason(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """No traceback, and nobody is told that it serves."""

    @asynccontextmanager
    async def failing(_: FastAPI) -> AsyncIterator[None]:
        raise RuntimeError("can't start new thread")
        yield

    serves = threading.Event()
    with (
        listen("127.0.0.1", 0) as listening,
        pytest.raises(RuntimeError, match="can't start new thread"),
    ):
        http_server.serve(FastAPI(lifespan=failing), listening, serves.set)

    assert not serves.is_set()
    assert "Traceback" not in caplog.text


def test_a_client_with_1000_idle_connections_keeps_nobody_from_leaving(
    server: Server, project: Path
) -> None:
    """Without a limit for each client they were all there might be, and others got 503."""
    parts = urlsplit(server.url)
    with limited(resource.RLIMIT_NOFILE, 2000), ExitStack() as opened:
        held = []
        for _ in range(1000):
            held.append(opened.enter_context(socket.socket()))
            held[-1].bind(("127.1.2.3", 0))
            held[-1].connect((parts.hostname, parts.port))
        request = Request(
            server.url + leave_path(project), data=b"List-Unsubscribe=One-Click", method="POST"
        )

        with urlopen(request, timeout=PATIENCE_SECONDS) as told:
            status = told.status
        held[0].settimeout(PATIENCE_SECONDS)
        try:
            is_given_up = not held[0].recv(1)
        except ConnectionError:
            is_given_up = True

    assert status == 200
    assert statuses(project)[1] == "unsubscribed"
    assert is_given_up


async def _nothing(scope: object, receive: object, send: object) -> None:
    raise AssertionError
