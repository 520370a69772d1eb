"""Where a request for a link may go: to public addresses alone, whatever names and redirects say.

A name is resolved once and the connection is made to the very address that was judged, so that no
second answer of a name server can lead elsewhere.
"""

import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import SplitResult

from newsletter.network import IpAddress, addresses_of, response_until

IsAllowed = Callable[[IpAddress], bool]

_SILENCE_SECONDS = 10
_REPLY_SECONDS = 30  # for all of an answer: a server may send a byte at a time


class PrivateAddress(Exception):
    """The link leads to a machine that readers cannot reach, and that nobody may ask for them."""


class LinkReply(NamedTuple):
    """`location` is where a redirect leads, empty for none."""

    status: int
    location: str


def ask(
    method: str,
    url: SplitResult,
    agent: str,
    is_allowed: IsAllowed,
    seconds: float = _REPLY_SECONDS,
) -> LinkReply:
    """One request, with nothing of the answer read but its head, in so many seconds or less.

    Raises PrivateAddress, OSError and http.client.HTTPException.
    """
    host, port = url.hostname or "", url.port or (443 if url.scheme == "https" else 80)
    until = time.monotonic() + min(seconds, _REPLY_SECONDS)
    addresses = _resolved(host, port, is_allowed, until)
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    connection = _Connection(host, port, addresses, until, is_secure=url.scheme == "https")
    try:
        connection.request(method, path, headers={"User-Agent": agent, "Accept": "*/*"})
        response = connection.getresponse()
        return LinkReply(response.status, response.getheader("Location") or "")
    finally:
        connection.close()


def _resolved(host: str, port: int, is_allowed: IsAllowed, until: float) -> Sequence[str]:
    """The addresses to connect to. Raises PrivateAddress if any of them is not allowed."""
    found = addresses_of(host, port, until - time.monotonic())
    addresses = [ipaddress.ip_address(address.partition("%")[0]) for address in found]
    for address in addresses:
        if not is_allowed(address):
            raise PrivateAddress(f"{host} is {address}")
    return [str(address) for address in addresses]


class _Connection(http.client.HTTPConnection):
    """A connection to one of the addresses that were judged, for the host of its name."""

    def __init__(
        self, host: str, port: int, addresses: Sequence[str], until: float, *, is_secure: bool
    ) -> None:
        super().__init__(host, port)
        self._addresses = addresses
        self._until = until
        self._is_secure = is_secure
        self.response_class = response_until(until, _SILENCE_SECONDS)
        if is_secure:
            self.default_port = http.client.HTTPS_PORT

    def connect(self) -> None:
        context = ssl.create_default_context() if self._is_secure else None
        self.sock = self._connected()
        self.sock.settimeout(self._patience())
        if context is not None:
            self.sock = context.wrap_socket(self.sock, server_hostname=self.host)

    def _connected(self) -> socket.socket:
        """The first address that takes a connection: this machine may have no way to some."""
        for address in self._addresses[:-1]:
            with suppress(OSError):
                return socket.create_connection((address, self.port), self._patience())
        return socket.create_connection((self._addresses[-1], self.port), self._patience())

    def _patience(self) -> float:
        """How long the next step may take, in seconds."""
        return max(0.001, min(_SILENCE_SECONDS, self._until - time.monotonic()))
