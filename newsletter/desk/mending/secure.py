"""Whether an address that begins with http: is served by https as well: asked politely.

One request at a time goes to each host, a HEAD and, where that is refused, a GET of which nothing
but the header is read. Only public addresses are asked, and the one that a name led to is the one
that is asked: an issue may come from somebody who wants to reach into this network.
"""

import ipaddress
import socket
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urljoin, urlsplit

import urllib3

from newsletter import __version__

_TIMEOUT_SECONDS = 5
_HOSTS_AT_ONCE = 8
_MOST = 200  # addresses of one issue
_HEADERS = {"User-Agent": f"newsletter/{__version__} (lint --fix)", "Accept": "*/*"}
_MOVED = range(300, 400)

Resolve = Callable[[str], Sequence[str]]


def addresses_of(host: str) -> Sequence[str]:
    """The IP addresses of a host. Raises OSError."""
    found = socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for *_, sockaddr in found]


def why_not(
    urls: Iterable[str], *, resolve: Resolve = addresses_of, port: int = 443, authorities: str = ""
) -> Mapping[str, str]:
    """For each http: address why it cannot become https:; empty where it can.

    `resolve`, `port` and `authorities` are those of a test's own server. No address raises.
    """
    by_host: dict[str, list[str]] = defaultdict(list)
    ordered = sorted(set(urls))
    for url in ordered[:_MOST]:
        by_host[urlsplit(url).netloc.lower()].append(url)
    answers = dict.fromkeys(ordered[_MOST:], f"at most {_MOST} of an issue are asked")

    def ask(netloc: str) -> None:
        for url in by_host[netloc]:
            answers[url] = _why_not(url, resolve, port, authorities)

    with ThreadPoolExecutor(_HOSTS_AT_ONCE) as pool:
        list(pool.map(ask, by_host))
    return answers


def _why_not(url: str, resolve: Resolve, port: int, authorities: str) -> str:
    try:
        parts = urlsplit(url)
        host, named_port = parts.hostname or "", parts.port
        if named_port not in (None, 80) or "@" in parts.netloc or "{" in url:
            return "it names a port, a user or a field"
        found = resolve(host)
        if resolve is addresses_of and not all(map(_is_public, found)):
            return "its host has no public address"
    except (OSError, ValueError, UnicodeError):
        return "its host is not found"
    return _answer(url, host, found[0], port, authorities)


def _is_public(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_global


def _answer(url: str, host: str, ip: str, port: int, authorities: str) -> str:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        with urllib3.HTTPSConnectionPool(
            ip,
            port,
            timeout=_TIMEOUT_SECONDS,
            retries=False,
            server_hostname=host,
            assert_hostname=host,
            ca_certs=authorities or None,
            headers=_HEADERS | {"Host": host},
        ) as pool:
            for method in ("HEAD", "GET"):
                reply = pool.request(method, target, redirect=False, preload_content=False)
                status, location = reply.status, reply.headers.get("Location", "")
                reply.close()
                if status < 300:
                    return ""
                if status in _MOVED:
                    leads_to = urljoin(f"https://{host}{target}", location)
                    return "" if leads_to.startswith("https:") else "https leads back to http"
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        return f"https gives no answer ({type(error).__name__})"
    return f"https answers {status}"
