"""As much of HTTP/1.1 as boto3 speaks: requests with a length, keep-alive, answers gone wrong."""

import asyncio
import enum
import json
import socket
import struct
import sys
import time
import traceback
import urllib.parse
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from functools import partial

MAX_BODY_BYTES = 60_000_000
SLOW_PIECES = 20


@dataclass(frozen=True, slots=True)
class Request:
    """A request that has arrived whole, at `at` (Unix time) and `monotonic`."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes
    at: float = field(default_factory=time.time)
    monotonic: float = field(default_factory=time.monotonic)


class Manner(enum.Enum):
    """How an answer goes over the wire."""

    WHOLE = enum.auto()
    SLOW = enum.auto()
    """In pieces, over `seconds`."""
    CUT_OFF = enum.auto()
    """Half of the announced body, then the connection ends."""
    DROP = enum.auto()
    """No answer; the connection ends."""
    RESET = enum.auto()
    """No answer; the connection is reset."""
    HANG = enum.auto()
    """No answer; the connection stays."""
    HELD = enum.auto()
    """Whole, once whoever holds it lets it go."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    content_type: str = "application/json"
    error: str | None = None
    manner: Manner = Manner.WHOLE
    seconds: float = 0
    at: float | None = None
    """The moment that its header Date tells, in seconds since 1970."""

    @property
    def sent_status(self) -> int | None:
        """The status that the client can see."""
        silent = self.manner in {Manner.DROP, Manner.RESET, Manner.HANG}
        return None if silent else self.status

    def head(self) -> bytes:
        error = f"x-amzn-ErrorType: {self.error}\r\n" if self.error else ""
        date = f"Date: {formatdate(self.at, usegmt=True)}\r\n" if self.at is not None else ""
        return (
            f"HTTP/1.1 {self.status} {'OK' if self.status == 200 else 'Refused'}\r\n"
            f"Content-Type: {self.content_type}\r\nContent-Length: {len(self.body)}\r\n"
            f"x-amzn-RequestId: {uuid.uuid4()}\r\n{date}{error}\r\n"
        ).encode()


def answer_json(value: object, status: int = 200) -> Answer:
    return Answer(status, json.dumps(value).encode())


class Refusal(Exception):
    """SES refuses a whole call: HTTP status, error code, message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message

    def answer(self) -> Answer:
        body = json.dumps({"message": self.message}).encode()
        return Answer(self.status, body, error=self.code)


Handler = Callable[[Request], tuple[Answer, float]]


class Connection(asyncio.Protocol):
    """One client: hands each whole request to `handle`, sends what it returns after that delay.

    An answer that is to be held back is put into `held`; calling it there sends it.
    """

    def __init__(self, handle: Handler, held: list[Callable[[], None]]) -> None:
        self._handle = handle
        self._held = held
        self._buffer = bytearray()
        self._head: tuple[str, str, Mapping[str, str], int] | None = None
        self._busy = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._busy:
            self._advance()

    def _advance(self) -> None:
        """Serve the next request if all of it is here."""
        try:
            request = self._next_request()
        except ValueError as error:
            self._send(Refusal(400, "MalformedHttpRequestException", str(error)).answer())
            self._end()
            return
        if request is None:
            return
        self._busy = True
        try:
            answer, delay_seconds = self._handle(request)
        except Exception:  # noqa: BLE001 - a defect of the stand-in must not look like a hang
            traceback.print_exc(file=sys.stderr)
            answer, delay_seconds = Refusal(500, "StandInDefect", "see its stderr").answer(), 0.0
        if delay_seconds:
            asyncio.get_running_loop().call_later(delay_seconds, self._send, answer)
        else:
            self._send(answer)

    def _next_request(self) -> Request | None:
        if self._head is None:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return None
            self._head = _read_head(self._buffer[:end].decode("latin-1"))
            del self._buffer[: end + 4]
        method, target, headers, length = self._head
        if len(self._buffer) < length:
            return None
        body = bytes(self._buffer[:length])
        del self._buffer[:length]
        self._head = None
        url = urllib.parse.urlsplit(target)
        return Request(method, url.path, urllib.parse.parse_qs(url.query), headers, body)

    def _send(self, answer: Answer) -> None:
        if self._transport is None:
            return
        match answer.manner:
            case Manner.WHOLE:
                self._transport.write(answer.head() + answer.body)
                self._done()
            case Manner.SLOW:
                self._transport.write(answer.head())
                self._trickle(answer.body, len(answer.body) // SLOW_PIECES + 1, answer.seconds)
            case Manner.CUT_OFF:
                self._transport.write(answer.head() + answer.body[: len(answer.body) // 2])
                self._end()
            case Manner.DROP:
                self._end()
            case Manner.RESET:
                peer: socket.socket = self._transport.get_extra_info("socket")
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self._transport.abort()
            case Manner.HANG:
                pass
            case Manner.HELD:
                self._held.append(partial(self._send, replace(answer, manner=Manner.WHOLE)))

    def _trickle(self, rest: bytes, size_bytes: int, seconds: float) -> None:
        if self._transport is None:
            return
        self._transport.write(rest[:size_bytes])
        if rest := rest[size_bytes:]:
            pause_seconds = seconds / SLOW_PIECES
            loop = asyncio.get_running_loop()
            loop.call_later(pause_seconds, self._trickle, rest, size_bytes, seconds)
        else:
            self._done()

    def _done(self) -> None:
        self._busy = False
        if self._buffer:
            self._advance()

    def _end(self) -> None:
        if self._transport is not None:
            self._transport.close()


def _read_head(head: str) -> tuple[str, str, Mapping[str, str], int]:
    """Method, target, headers by lower-case name, length of the body; ValueError if unreadable."""
    first, *lines = head.split("\r\n")
    method, target, version = first.split(" ")
    if version != "HTTP/1.1":
        raise ValueError(f"{version} is not HTTP/1.1")
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise ValueError(f"a header without a colon: {line!r}")
        headers[name.strip().lower()] = value.strip()
    if "transfer-encoding" in headers:
        raise ValueError("a body needs a Content-Length")
    length = int(headers.get("content-length", "0"))
    if not 0 <= length <= MAX_BODY_BYTES:
        raise ValueError(f"a body of {length} bytes")
    return method, target, headers, length
