"""Where a request for a link may go: to public addresses alone, whatever names and redirects say.

A name is resolved once and the connection is made to the very address that was judged, so that no
second answer of a name server can lead elsewhere.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import SplitResult

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IsAllowed = Callable[[IpAddress], bool]

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")
_COMPATIBLE = ipaddress.IPv6Network("::/96")  # IPv4 addresses as they were once written
_TIMEOUT_SECONDS = 10
_REPLY_SECONDS = 30  # for all of an answer: a server may send a byte at a time


class PrivateAddress(Exception):
    """The link leads to a machine that readers cannot reach, and that nobody may ask for them."""


class LinkReply(NamedTuple):
    """`location` is where a redirect leads, empty for none."""

    status: int
    location: str


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


def ask(method: str, url: SplitResult, agent: str, is_allowed: IsAllowed) -> LinkReply:
    """One request, with nothing of the answer read but its head.

    Raises PrivateAddress, OSError and http.client.HTTPException.
    """
    host, port = url.hostname or "", url.port or (443 if url.scheme == "https" else 80)
    address = _resolved(host, port, is_allowed)
    connection = _Connection(host, port, address, is_secure=url.scheme == "https")
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    cut = threading.Timer(_REPLY_SECONDS, connection.cut)
    cut.daemon = True
    cut.start()
    try:
        connection.request(method, path, headers={"User-Agent": agent, "Accept": "*/*"})
        response = connection.getresponse()
        return LinkReply(response.status, response.getheader("Location") or "")
    finally:
        cut.cancel()
        connection.close()


def _resolved(host: str, port: int, is_allowed: IsAllowed) -> str:
    """The address to connect to. Raises PrivateAddress if any of the name's is not allowed."""
    infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [ipaddress.ip_address(str(info[4][0]).partition("%")[0]) for info in infos]
    for address in addresses:
        if not is_allowed(address):
            raise PrivateAddress(f"{host} is {address}")
    return str(addresses[0])


class _Connection(http.client.HTTPConnection):
    """A connection to an address that was judged, for the host of its name."""

    def __init__(self, host: str, port: int, address: str, *, is_secure: bool) -> None:
        super().__init__(host, port, timeout=_TIMEOUT_SECONDS)
        self._address = address
        self._is_secure = is_secure
        if is_secure:
            self.default_port = http.client.HTTPS_PORT

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self.port), self.timeout)
        if self._is_secure:
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(self.sock, server_hostname=self.host)

    def cut(self) -> None:
        """Break off an answer that does not end."""
        if self.sock is not None:
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)
