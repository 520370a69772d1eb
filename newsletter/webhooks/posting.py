"""One request to somebody else's server, which ends in time whatever that server does.

No redirect is followed, and nothing of the answer is read but its head. Where the settings do not
allow it, nothing is posted into this machine's own network, whatever a name resolves to.
"""

import ipaddress
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPException
from urllib.parse import SplitResult, urlsplit

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from newsletter import __version__
from newsletter.network import addresses_of, is_public, response_until

SECONDS = 15.0  # for all of it
_PORTS = {"http": 80, "https": 443}
_NO_CONNECTION = (NewConnectionError, ConnectTimeoutError)


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    """How a request ended: by the status code of the answer, or why there was none, without the
    URL, which may hold a secret."""

    code: int | None
    reason: str = ""

    @property
    def is_taken(self) -> bool:
        return self.code is not None and 200 <= self.code < 300

    def __str__(self) -> str:
        return self.reason if self.code is None else str(self.code)


class _NotPosted(Exception):
    """There was no answer; the message says why."""


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    allow_private: bool = False,
    seconds: float = SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> WebhookAnswer:
    """Post a body of JSON."""
    until = clock() + seconds
    try:
        return WebhookAnswer(_code(urlsplit(url), body, headers, until, allow_private, clock))
    except _NotPosted as error:
        return WebhookAnswer(None, str(error))
    except (HTTPError, HTTPException, OSError) as error:
        if clock() >= until or "imeout" in type(error).__name__:
            return WebhookAnswer(None, "no answer in time")
        return WebhookAnswer(None, f"no answer ({type(error).__name__})")


def _code(
    parts: SplitResult,
    body: bytes,
    headers: Mapping[str, str],
    until: float,
    allow_private: bool,
    clock: Callable[[], float],
) -> int:
    addresses = _addresses(parts, until - clock())
    if not allow_private and not all(map(_is_outside, addresses)):
        raise _NotPosted("it leads into this machine's own network")
    with closing(_connected(parts, addresses, until, clock)) as connection:
        connection.response_class = response_until(until, until - clock(), clock)
        connection.request(
            "POST",
            parts._replace(scheme="", netloc="", path=parts.path or "/", fragment="").geturl(),
            body=body,
            headers={
                **headers,
                "Host": parts.netloc,
                "Content-Type": "application/json",
                "User-Agent": f"newsletter/{__version__}",
            },
            preload_content=False,
        )
        with closing(connection.getresponse()) as answer:
            return answer.status


def _addresses(parts: SplitResult, seconds: float) -> Sequence[str]:
    try:
        return addresses_of(parts.hostname or "", parts.port or _PORTS[parts.scheme], seconds)
    except TimeoutError as error:
        raise _NotPosted("its name is not found in time") from error
    except (OSError, UnicodeError) as error:
        raise _NotPosted("its name is not found") from error


def _is_outside(address: str) -> bool:
    return is_public(ipaddress.ip_address(address.partition("%")[0]))


def _connected(
    parts: SplitResult, addresses: Sequence[str], until: float, clock: Callable[[], float]
) -> HTTPConnection:
    """A connection to the first address that takes one: to the very addresses that were looked at,
    since a name may have others next time."""
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    for address in addresses:
        timeout = max(0.001, until - clock())
        connection = (
            HTTPConnection(address, port, timeout=timeout)
            if parts.scheme == "http"
            else HTTPSConnection(
                address, port, timeout=timeout, server_hostname=host, assert_hostname=host
            )
        )
        try:
            connection.connect()
        except _NO_CONNECTION:
            connection.close()
            if address == addresses[-1]:
                raise
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise _NotPosted("its name is not found")
