"""What requests to servers of others share: look-ups of their names, which addresses are public,
and an end in time."""

import io
import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")
_COMPATIBLE = ipaddress.IPv6Network("::/96")  # IPv4 addresses as they were once written


def is_public(address: IpAddress) -> bool:
    """Whether an address is one of the public network, in whatever form it is written."""
    if isinstance(address, ipaddress.IPv6Address):
        within = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            within = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if address.teredo or address.is_site_local:
            return False
        if address in _COMPATIBLE or address in _LOCAL_NAT64:
            return False
        if within is not None:
            return is_public(within)
    return address.is_global and not address.is_multicast


def addresses_of(host: str, port: int, seconds: float) -> Sequence[str]:
    """The addresses of a host, in the order in which to try them. Raises OSError or UnicodeError
    where it has none, and TimeoutError once so many seconds are over.

    The system's own look-up ends when it likes, and cannot be ended: a thread is left to it.
    """
    answer: Future[Sequence[str]] = Future()

    def look_up() -> None:
        try:
            infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, ValueError) as error:
            answer.set_exception(error)
        else:
            answer.set_result(tuple(dict.fromkeys(str(address[0]) for *_, address in infos)))

    threading.Thread(target=look_up, name="look-up", daemon=True).start()
    return answer.result(max(0.0, seconds))


def redirected(base: str, target: str) -> str:
    """Where a redirect leads; what cannot be read stays as it is."""
    try:
        return urljoin(base, target)
    except ValueError:
        return target


def response_until(
    until: float, silence_seconds: float, clock: Callable[[], float] = time.monotonic
) -> type[HTTPResponse]:
    """What a connection of http.client reads its answers with, so that they end at a moment: set
    it as `response_class`. Reading raises TimeoutError from then on.

    A timeout of a socket is about one silence alone: a server that sends a byte now and then, or
    heads without end, is never silent for long.
    """

    class ResponseInTime(HTTPResponse):
        def __init__(self, sock: socket.socket, *arguments: Any, **more: Any) -> None:
            super().__init__(sock, *arguments, **more)
            raw = self.fp.detach()
            self.fp = io.BufferedReader(_Reading(raw, sock, until, silence_seconds, clock))

    return ResponseInTime


class _Reading(io.RawIOBase):
    """What comes from a socket until a moment."""

    def __init__(
        self,
        raw: io.RawIOBase,
        sock: socket.socket,
        until: float,
        silence_seconds: float,
        clock: Callable[[], float],
    ) -> None:
        super().__init__()
        self._raw = raw
        self._sock = sock
        self._until = until
        self._silence_seconds = silence_seconds
        self._clock = clock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int | None:
        left = self._until - self._clock()
        if left <= 0:
            raise TimeoutError("its answer does not end")
        self._sock.settimeout(min(self._silence_seconds, left))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()
