"""What requests to servers of others share: which addresses are public, and an end in time."""

import ipaddress
import socket
import threading
from contextlib import suppress
from types import TracebackType

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


class Cut:
    """Breaks off the connections that it was given when its time is over.

    A timeout of a socket is about one silence: a server that sends a byte now and then, or heads
    without end, is never silent for long. `is_over` says whether the time was over.
    """

    def __init__(self, seconds: float) -> None:
        self.is_over = False
        self._spares: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._break_off)
        self._timer.daemon = True

    def __enter__(self) -> "Cut":
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        with self._lock:
            for spare in self._spares:
                spare.close()
            self._spares.clear()

    def watch(self, connection: socket.socket) -> None:
        """Break off this connection too; TLS may be put around it afterwards."""
        with self._lock:
            self._spares.append(connection.dup())
        if self.is_over:
            self._break_off()

    def _break_off(self) -> None:
        self.is_over = True
        with self._lock:
            for spare in self._spares:
                with suppress(OSError):
                    spare.shutdown(socket.SHUT_RDWR)
