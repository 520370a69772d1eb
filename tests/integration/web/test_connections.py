"""Connections over real sockets: each ends by itself in whatever state, none crowds out others."""

import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial

import pytest
import uvicorn

from newsletter.http.server import listen
from newsletter.web.connections import Crowd, Guarded
from tests.waiting import PATIENCE_SECONDS

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"
LARGE = 8 * 1024 * 1024


class Impatient(Guarded):
    head_seconds = 0.1
    answer_seconds = 0.3


class Patient(Guarded):
    head_seconds = PATIENCE_SECONDS
    answer_seconds = PATIENCE_SECONDS


class Small(Crowd):
    per_client = 8
    per_network = 12
    per_wide_network = 16
    in_all = 20


async def answers(
    scope: dict[str, object],
    receive: Callable[[], Awaitable[dict[str, object]]],
    send: Callable[..., Awaitable[None]],
) -> None:
    """As many bytes as the path says, in one piece; of /2 once the body has come."""
    while scope["path"] == "/2" and (await receive()).get("more_body"):
        pass
    size = int(str(scope["path"])[1:] or "2")
    headers = [(b"content-length", str(size).encode())]
    if size % 2:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"x" * size})


Connect = Callable[..., socket.socket]


@contextmanager
def serving(
    crowd: Crowd | None = None, protocol: type[Guarded] = Impatient, *, is_forced: bool = True
) -> Iterator[Connect]:
    """A server; what connects to it does so from any address of the loopback network.

    It ends at once, or as when it is told to once, if that is not `is_forced`.
    """
    with listen("127.0.0.1", 0) as listening, ExitStack() as opened:
        config = uvicorn.Config(
            answers,
            http=partial(protocol, crowd=crowd),  # type: ignore[arg-type]
            lifespan="off",
            log_config=None,
            timeout_keep_alive=1,
            limit_concurrency=1000,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()

        def connect(source: str = "127.0.0.1", buffer_bytes: int = 0) -> socket.socket:
            connection = opened.enter_context(socket.socket())
            connection.settimeout(PATIENCE_SECONDS)
            if buffer_bytes:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
            connection.bind((source, 0))
            connection.connect(listening.getsockname())
            return connection

        try:
            yield connect
        finally:
            server.should_exit, server.force_exit = True, is_forced
            thread.join(PATIENCE_SECONDS)
            assert not thread.is_alive()


def ends(connection: socket.socket) -> bool:
    """Whether the server ends it, by itself, within the patience of this test."""
    try:
        while connection.recv(65536):
            pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


def answered(connection: socket.socket) -> bool:
    try:
        connection.sendall(GET)
        return connection.recv(12) == b"HTTP/1.1 200"
    except ConnectionError:
        return False


# --- timers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\r\n",
        b"G",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: ",
        GET,
        GET + b"\r\n",
        GET + b"\r\n\r\n\r\n",
        GET + GET + b"GET / H",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx",
        b"nonsense\r\n\r\n",
    ],
    ids=range(10),
)
def test_an_idle_connection_ends_in_whatever_state_it_is(sent: bytes) -> None:
    """A body that never comes is ended here by the application, which does not wait for it."""
    with serving() as connect:
        connection = connect()
        with suppress(ConnectionError):  # it may be over already
            connection.sendall(sent)

        assert ends(connection)


def test_white_space_between_two_requests_is_no_way_to_stay() -> None:
    """It ends the timer of a kept connection and begins no request."""

    class Unhurried(Impatient):
        head_seconds = 2

    with serving(protocol=Unhurried) as connect:
        connection = connect()
        assert answered(connection)
        with suppress(ConnectionError):
            connection.sendall(b"\r\n")

        assert ends(connection)


@pytest.mark.parametrize("size", [LARGE, LARGE + 1], ids=["kept", "closed"])
@pytest.mark.parametrize("requests", [1, 3])
def test_who_does_not_read_the_answer_is_given_up(size: int, requests: int) -> None:
    """It may be kept open or be closed afterwards; closing waits for what is not sent yet."""
    given_up = threading.Event()

    class Watched(Impatient):
        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            given_up.set()

    with serving(protocol=Watched) as connect:
        connection = connect(buffer_bytes=4096)
        connection.sendall(GET.replace(b"/ ", f"/{size} ".encode()) * requests)
        assert given_up.wait(PATIENCE_SECONDS)

        got = 0
        try:
            while piece := connection.recv(1 << 20):
                got += len(piece)
        except ConnectionError:
            pass

    assert got < size


def test_who_reads_slowly_but_reads_gets_all_of_it() -> None:
    with serving(protocol=Patient) as connect:
        connection = connect(buffer_bytes=4096)
        connection.sendall(GET.replace(b"/ ", b"/1000001 "))
        got = 0
        while piece := connection.recv(16384):
            got += len(piece)

    assert got > 1_000_000


def test_who_does_not_read_holds_up_no_end_of_the_server() -> None:
    """Their requests were once cancelled at the end, each with a traceback in the log."""

    class Leaving(Patient):
        answer_seconds = 10 * PATIENCE_SECONDS
        leaving_seconds = 0.1

    with serving(protocol=Leaving, is_forced=False) as connect:
        connection = connect(buffer_bytes=4096)
        connection.sendall(SLOW_TO_READ)
        assert connection.recv(12) == b"HTTP/1.1 200"


# --- caps -----------------------------------------------------------------------------------------


def test_the_idle_connections_of_one_client_cost_nobody_else_theirs() -> None:
    """Without the cap its 100 would be refused to all others."""
    with serving(Small(), Patient) as connect:
        kept = [connect("127.1.2.3") for _ in range(100)]

        assert answered(connect("127.9.9.9"))
        assert answered(connect("127.1.2.3"))  # it gives up one that is idle
        assert answered(kept[-1])
        assert not answered(kept[0])


def test_the_clients_of_one_network_share_a_limit() -> None:
    with serving(Small(), Patient) as connect:
        kept = [connect(f"127.1.2.{number}") for number in range(1, 40)]
        assert answered(connect("127.1.3.1"))  # and all before it have been taken in by then
        alive = [connection for connection in kept if answered(connection)]

        assert len(alive) == Small.per_network


def test_all_together_the_oldest_idle_ones_go_first() -> None:
    with serving(Small(), Patient) as connect:
        kept = [connect(f"127.1.{number}.1") for number in range(1, 31)]

        assert answered(connect("127.9.9.9"))
        assert not answered(kept[0])
        assert answered(kept[-1])


SLOW_TO_SEND = GET + POST.replace(b"/ ", b"/2 ", 1) + b"x"
SLOW_TO_READ = GET.replace(b"/ ", f"/{LARGE} ".encode())


@pytest.mark.parametrize("sent", [SLOW_TO_SEND, SLOW_TO_READ * 2], ids=["to send", "to read"])
def test_who_is_slow_does_not_fill_the_places_of_all(sent: bytes) -> None:
    """From many networks: the answer to all others, to a one-click too, was once 503."""
    crowd = Small()
    with serving(crowd, Patient) as connect:
        kept = []
        for number in range(30):
            kept.append(connect(f"127.1.{number}.1", buffer_bytes=4096))
            kept[-1].sendall(sent)
            assert kept[-1].recv(12) == b"HTTP/1.1 200"

        assert answered(connect("127.9.9.9"))
        assert len(crowd._of) == Small.in_all
        for connection in kept:
            connection.close()


def test_who_sends_a_body_slowly_is_given_up_after_all_that_is_idle() -> None:
    with serving(Small(), Patient) as connect:
        slow = connect("127.1.0.1")
        slow.sendall(SLOW_TO_SEND)
        assert slow.recv(1024).startswith(b"HTTP/1.1 200")
        kept = [connect(f"127.1.{number}.1") for number in range(1, 31)]
        assert answered(connect("127.9.9.9"))

        slow.sendall(b"x" * 8)

        assert slow.recv(12) == b"HTTP/1.1 200"
        assert not answered(kept[0])


def test_a_proxy_that_is_named_speaks_for_many() -> None:
    with serving(Small(["127.1.2.0/24"]), Patient) as connect:
        kept = [connect("127.1.2.3") for _ in range(15)]

        assert all(map(answered, kept))


class Slow:
    """A client in the middle of a request, as far as a crowd can tell."""

    waits_for_client = False

    def __init__(self, *, is_idle: bool) -> None:
        self.is_idle = is_idle
        self.gone = False

    def abort(self) -> None:
        self.gone = True


@pytest.mark.parametrize(
    ("hosts", "kept"),
    [
        (["192.0.2.1"] * 10, 8),
        ([f"192.0.2.{n}" for n in range(30)], 12),
        ([f"2001:db8:1:2::{n:x}" for n in range(30)], 12),
        ([f"2001:db8:1:{n:x}::1" for n in range(15)], 15),
        ([f"2001:db8:1:{n:x}::1" for n in range(18)], 16),
        ([f"2001:db8:{n:x}::1" for n in range(18)], 18),
        (["::ffff:192.0.2.1"] * 10, 8),
        ([""] * 15, 15),
    ],
)
@pytest.mark.parametrize("is_idle", [True, False])
def test_a_crowd_counts_by_client_and_network(hosts: list[str], kept: int, is_idle: bool) -> None:
    """Who is busy is never given up for a new one; that is refused."""
    crowd = Small()
    clients = [(Slow(is_idle=is_idle), host) for host in hosts]

    stay = [client for client, host in clients if crowd.admit(client, host)]  # type: ignore[arg-type]

    assert len([client for client in stay if not client.gone]) == kept
    assert len(stay) == (len(hosts) if is_idle else kept)
    for client in stay:
        crowd.forget(client)  # type: ignore[arg-type]
    assert not crowd._of
    assert not crowd._groups
