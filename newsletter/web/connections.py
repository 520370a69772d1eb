"""Connections: each has a timer in whatever state it is, and none crowds out others.

uvicorn alone waits for ever for a client that does not read its answer, and counts the idle
connections of one client against all others.
"""

import asyncio
import ipaddress
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_HEAD_BYTES = 16 * 1024


class Crowd:
    """Who is connected. A client or network at its limit gives up its own oldest idle connection,
    else the oldest that waits for its client: nobody holds a place by sending a body slowly.

    `exempt` are the networks of proxies that speak for many clients: only the limit for all counts
    for them. Where no connection waits, the new one is refused; none is closed for another's sake.
    """

    per_client = 64
    per_network = 256  # /24 of IPv4, /64 of IPv6
    per_wide_network = 512  # /48 of IPv6, which one client may have
    in_all = 900

    def __init__(self, exempt: Sequence[str] = ()) -> None:
        self._exempt = [ipaddress.ip_network(network) for network in exempt]
        self._groups: dict[str, dict[Guarded, None]] = {}
        self._of: dict[Guarded, tuple[str, ...]] = {}

    def admit(self, connection: "Guarded", host: str) -> bool:
        """Whether it may stay; makes room for it if it can."""
        limits = dict(self._limits(host))
        for name, most in limits.items():
            group = self._groups.get(name, {})
            if len(group) >= most:
                given_up = _to_be_given_up(group)
                if given_up is not None:
                    self.forget(given_up)
                    given_up.abort()
                elif name:
                    return False
        for name in limits:
            self._groups.setdefault(name, {})[connection] = None
        self._of[connection] = tuple(limits)
        return True

    def forget(self, connection: "Guarded") -> None:
        for name in self._of.pop(connection, ()):
            del self._groups[name][connection]
            if not self._groups[name]:
                del self._groups[name]

    def _limits(self, host: str) -> Iterator[tuple[str, int]]:
        """The groups that a client counts in, each with its limit; all together have no name."""
        try:
            ip = ipaddress.ip_address(host)
        except ValueError:  # a socket of this machine has no address
            ip = None
        if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
            ip = ip.ipv4_mapped
        if ip is not None and not any(ip in network for network in self._exempt):
            yield str(ip), self.per_client
            yield _network(ip, 24 if ip.version == 4 else 64), self.per_network
            if ip.version == 6:
                yield _network(ip, 48), self.per_wide_network
        yield "", self.in_all


def _to_be_given_up(group: Collection["Guarded"]) -> "Guarded | None":
    idle = (connection for connection in group if connection.is_idle)
    waiting = (connection for connection in group if connection.waits_for_client)
    return next(idle, None) or next(waiting, None)


def _network(ip: ipaddress.IPv4Address | ipaddress.IPv6Address, prefix: int) -> str:
    return str(ipaddress.ip_network((ip, prefix), strict=False))


class Guarded(HttpToolsProtocol):
    """uvicorn's protocol, which gives up a client that does not go on.

    A head has limits of time and size, even before it begins; newsletter.web.frame limits the time
    of a body; an answer has to be read in time, even while the connection is closing, and sooner
    when the server ends.
    """

    head_seconds = 10.0
    answer_seconds = 30.0
    leaving_seconds = 8.0

    def __init__(self, *arguments: Any, crowd: Crowd | None = None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._crowd = crowd
        self._head_bytes = 0
        self._waiting: asyncio.TimerHandle | None = None  # for a head
        self._unread: asyncio.TimerHandle | None = None  # for an answer to be read

    @property
    def is_idle(self) -> bool:
        """Whether no request of this connection is being answered."""
        return self.cycle is None or self.cycle.response_complete

    @property
    def waits_for_client(self) -> bool:
        """Whether this connection waits for its client to send more of a body, or to read more of
        an answer."""
        owes_body = self.cycle is not None and self.cycle.more_body and not self.pipeline
        return owes_body or self._unread is not None

    def abort(self) -> None:
        self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        host = self.client[0] if self.client else ""
        if self._crowd is not None and not self._crowd.admit(self, host):
            self.abort()
            return
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._crowd is not None:
            self._crowd.forget(self)
        self._stop_waiting()
        self._stop_timing_the_reader()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        super().shutdown()
        self.loop.call_later(self.leaving_seconds, self.abort)

    def data_received(self, data: bytes) -> None:
        if self._waiting is not None:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._waiting is not None and self._head_bytes > _HEAD_BYTES:
            self._close("The head of the request is too long.")
        elif self._is_untimed:
            self._wait()  # what came began no request, and ended the timer between two

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._waiting is None:
            self._wait()

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > _HEAD_BYTES:
            raise ValueError("head too long")  # the parser's caller answers 400
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._time_the_reader()

    def send_400_response(self, msg: str) -> None:
        super().send_400_response(msg)
        self._time_the_reader()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._time_the_reader()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._time_the_reader()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():
            self._stop_timing_the_reader()

    @property
    def _is_untimed(self) -> bool:
        timed = self._waiting is not None or self.timeout_keep_alive_task is not None
        return self.is_idle and not timed and not self.transport.is_closing()

    def _wait(self) -> None:
        self._head_bytes = 0
        self._waiting = self.loop.call_later(
            self.head_seconds, self._close, "The request took too long."
        )

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _close(self, reason: str) -> None:
        self._stop_waiting()
        if not self.transport.is_closing():
            self.send_400_response(reason)

    def _time_the_reader(self) -> None:
        if self._unread is None:
            self._unread = self.loop.call_later(self.answer_seconds, self.abort)

    def _stop_timing_the_reader(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
