"""The other side of the web: requests over kept connections, as fast as they are answered.

It runs in a process of its own and parses no more of an answer than where it ends, so that it can
ask for several times what is measured; it says how busy it was.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from urllib.parse import urlsplit

from tests.waiting import PATIENCE_SECONDS


def ask(url: str, requests: Sequence[bytes], at_once: int) -> tuple[float, float]:
    """Send requests over so many connections; returns (answers a second, share of a core used).

    Every answer must be 200.
    """
    remaining, taking = iter(requests), threading.Lock()
    faults: list[BaseException] = []

    def take() -> Iterator[bytes]:
        while True:
            with taking:
                some = list(islice(remaining, 16))
            if not some:
                return
            yield from some

    def work() -> None:
        try:
            _talk(url, take())
        except (OSError, AssertionError) as error:
            faults.append(error)

    threads = [threading.Thread(target=work) for _ in range(at_once)]
    started, busy = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds, busy = time.perf_counter() - started, time.process_time() - busy
    if faults:
        raise faults[0]
    return len(requests) / seconds, busy / seconds


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """The bytes of a request; `content_type` becomes `content-type`."""
    fields = {"host": "news.example.com", "content-length": str(len(body)), **headers}
    lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items()]
    return f"{method} {path} HTTP/1.1\r\n{''.join(lines)}\r\n".encode() + body


def _talk(url: str, requests: Iterator[bytes]) -> None:
    at = urlsplit(url)
    address = (at.hostname or "", at.port or 80)
    with socket.create_connection(address, timeout=PATIENCE_SECONDS) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for one in requests:
            connection.sendall(one)
            _read_answer(connection.recv)


def _read_answer(receive: Callable[[int], bytes]) -> None:
    rest = b""
    while b"\r\n\r\n" not in rest:
        more = receive(65536)
        assert more, "the connection was closed"
        rest += more
    head, _, rest = rest.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head.splitlines()[0]
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
    missing = length - len(rest)
    while missing > 0:
        more = receive(min(missing, 1 << 20))
        assert more, "the connection was closed"
        missing -= len(more)
