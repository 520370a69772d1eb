"""What stands at a URL that an editor typed: bounded in time and size, with few redirects.

The editor may name a server of the own network. A server of the outside may not: it is not followed
to an address that only this machine's network reaches.
"""

import ipaddress
import re
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from http.client import HTTPException
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from newsletter import __version__
from newsletter.errors import NewsletterError, UsageError
from newsletter.network import addresses_of, is_public, redirected, response_until

MAX_BYTES = 8 * 1024 * 1024
_REDIRECTS = 5
_SECONDS = 30  # for all of it
_SILENCE_SECONDS = 10
_CHUNK = 64 * 1024
_PORTS = {"http": 80, "https": 443}
_MOVED = (301, 302, 303, 307, 308)
_NO_CONNECTION = (NewConnectionError, ConnectTimeoutError)
_HINT = "Open it in a browser, and name the address of the feed itself."
_HINT_AWAY = "Try again later, or save the feed as a file and name that."
_HEADERS = {
    "User-Agent": f"newsletter/{__version__}",
    "Accept": "application/atom+xml, application/rss+xml, application/feed+json, */*;q=0.5",
    "Accept-Encoding": "gzip",
}


@dataclass(frozen=True, slots=True)
class Fetched:
    """`url` is where it was at last, `kind` its media type as its server says."""

    url: str
    content: bytes
    kind: str = ""


@dataclass(frozen=True, slots=True)
class _Place:
    """A URL, and the addresses of its host."""

    url: str
    scheme: str
    host: str
    port: int
    addresses: Sequence[str]

    @property
    def is_inside(self) -> bool:
        """Whether an address of it is one of this machine's own network."""
        return not all(
            is_public(ipaddress.ip_address(address.partition("%")[0])) for address in self.addresses
        )


def is_url(source: str) -> bool:
    """Whether a source is meant as a URL rather than as a file."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*://|feed:", source) is not None


def fetch(
    url: str,
    *,
    is_typed: bool = True,
    most_bytes: int = MAX_BYTES,
    clock: Callable[[], float] = time.monotonic,
) -> Fetched:
    """The content of an http or https URL. Raises UsageError where it is none, and NewsletterError
    where its server does not give it.

    Only a URL that an editor typed may lead into this machine's own network.
    """
    url = re.sub(r"^feed:(?://)?(?=https?:)", "", url, flags=re.IGNORECASE)
    url = re.sub(r"^feed:(?://)?", "https://", url, flags=re.IGNORECASE)
    until = clock() + _SECONDS
    place = _place(url, url, _SECONDS)
    may_be_inside = is_typed and place.is_inside
    for _ in range(_REDIRECTS + 1):
        if place.is_inside and not may_be_inside:
            raise NewsletterError(
                f"it leads to {place.host}, an address of this machine's own network",
                where=url,
                hint="If that is right, name that address itself.",
            )
        answer = _asked(place, url, until, most_bytes, clock)
        if isinstance(answer, Fetched):
            return answer
        place = _place(redirected(place.url, answer), url, until - clock())
    raise NewsletterError(f"more than {_REDIRECTS} redirects", where=url, hint=_HINT)


def _place(url: str, typed: str, seconds: float) -> _Place:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise UsageError("this is not a web address", where=typed) from error
    scheme = parts.scheme.lower()
    if scheme not in _PORTS or not host:
        raise UsageError(
            f"{url[:100]!r} is not a web address" if url != typed else "this is not a web address",
            where=typed,
            hint="Write https://…, or the path of a file.",
        )
    if "@" in parts.netloc:
        raise UsageError(
            "an address with a user's name or password is not fetched",
            where=parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl(),
            hint="Save the feed as a file, and name that.",
        )
    port = port or _PORTS[scheme]
    try:
        addresses = addresses_of(host, port, seconds)
    except TimeoutError as error:
        raise _too_long(typed) from error
    except (OSError, UnicodeError) as error:
        raise NewsletterError(
            f"there is no server {host}", where=typed, hint="Check its name and the network."
        ) from error
    return _Place(url, scheme, host, port, addresses)


def _asked(
    place: _Place, typed: str, until: float, most_bytes: int, clock: Callable[[], float]
) -> Fetched | str:
    """The page at a place, or where its server says it is."""
    parts = urlsplit(place.url)
    path = parts._replace(scheme="", netloc="", fragment="").geturl()
    try:
        connection = _connected(place, until, clock)
        with closing(connection):
            connection.response_class = response_until(until, _SILENCE_SECONDS, clock)
            connection.request(
                "GET",
                path if path.startswith("/") else f"/{path}",
                headers={**_HEADERS, "Host": parts.netloc},
                preload_content=False,
            )
            with closing(connection.getresponse()) as answer:
                return _read(answer, place, typed, until, most_bytes, clock)
    except (HTTPError, HTTPException, OSError) as error:
        if clock() > until:
            raise _too_long(typed) from error
        reason = "takes too long" if "imeout" in type(error).__name__ else "cannot be reached"
        raise NewsletterError(
            f"its server {reason} ({type(error).__name__})", where=typed, hint=_HINT_AWAY
        ) from error


def _connected(place: _Place, until: float, clock: Callable[[], float]) -> HTTPConnection:
    """A connection to the first address that takes one."""
    for address in place.addresses[:-1]:
        with suppress(*_NO_CONNECTION):
            return _connected_to(address, place, until - clock())
    return _connected_to(place.addresses[-1], place, until - clock())


def _connected_to(address: str, place: _Place, seconds: float) -> HTTPConnection:
    """The way to the very address that was looked at: a name may have another next time."""
    timeout = max(0.001, min(_SILENCE_SECONDS, seconds))
    connection = (
        HTTPConnection(address, place.port, timeout=timeout)
        if place.scheme == "http"
        else HTTPSConnection(
            address,
            place.port,
            timeout=timeout,
            server_hostname=place.host,
            assert_hostname=place.host,
        )
    )
    try:
        connection.connect()
    except BaseException:
        connection.close()
        raise
    return connection


def _too_long(typed: str) -> NewsletterError:
    return NewsletterError(
        f"its server takes more than {_SECONDS} seconds", where=typed, hint=_HINT_AWAY
    )


def _read(
    answer: urllib3.BaseHTTPResponse,
    place: _Place,
    typed: str,
    until: float,
    most_bytes: int,
    clock: Callable[[], float],
) -> Fetched | str:
    target = answer.headers.get("Location")
    if answer.status in _MOVED and target:
        return target
    if answer.status != 200:
        answered = f"{answer.status} {answer.reason or ''}".strip()
        raise NewsletterError(f"its server answers with {answered}", where=typed, hint=_HINT)
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return Fetched(place.url, _content(answer, typed, until, most_bytes, clock), kind)


def _content(
    answer: urllib3.BaseHTTPResponse,
    typed: str,
    until: float,
    most_bytes: int,
    clock: Callable[[], float],
) -> bytes:
    """The content as it unpacks, which may be far more than was sent."""
    content = bytearray()
    while chunk := answer.read1(_CHUNK, decode_content=True):
        content += chunk
        if len(content) > most_bytes:
            raise NewsletterError(
                f"it has more than {most_bytes // 1_000_000} MB", where=typed, hint=_HINT
            )
        if clock() > until:
            raise _too_long(typed)
    return bytes(content)
