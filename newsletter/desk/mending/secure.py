"""Whether an address that begins with http: is served by https as well: asked politely.

One request at a time goes to each host, a HEAD and, where that is refused, a GET of which nothing
but the head is read. Only public addresses are asked: an issue may come from somebody who wants to
reach into this network.
"""

import http.client
import socket
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import SplitResult, urlsplit

from newsletter import __version__
from newsletter.desk.tools.addresses import IsAllowed, PrivateAddress, ask
from newsletter.desk.tools.hosts import replies_of
from newsletter.network import is_public

_HTTPS = 443
_MOST = 200  # addresses of one issue
_ALL_SECONDS = 60.0
_NO_TIME = "there was no time to ask"
_AGENT = f"newsletter/{__version__} (lint --fix)"


def why_not(
    urls: Iterable[str],
    *,
    is_allowed: IsAllowed = is_public,
    port: int = _HTTPS,
    all_seconds: float = _ALL_SECONDS,
) -> Mapping[str, str]:
    """For each http: address why it cannot become https:; empty where it can. After `all_seconds`
    none is waited for.

    `is_allowed` and `port` are for a test's own server. No address raises.
    """
    by_host: dict[str, list[str]] = defaultdict(list)
    ordered = sorted(set(urls))
    for url in ordered[:_MOST]:
        by_host[url.split("/")[2].lower()].append(url)
    answers = dict.fromkeys(ordered[:_MOST], _NO_TIME)
    answers |= dict.fromkeys(ordered[_MOST:], f"at most {_MOST} of an issue are asked")

    def ask_each(of_one: Sequence[str]) -> Iterator[tuple[str, str]]:
        for url in of_one:
            yield url, _why_not(url, is_allowed, port)

    answers.update(replies_of(by_host.values(), ask_each, all_seconds))
    return answers


def _why_not(url: str, is_allowed: IsAllowed, port: int) -> str:
    try:
        parts = urlsplit(url)
        named_port, host = parts.port, parts.netloc.partition(":")[0]
    except ValueError:
        return "it is no whole address"
    if named_port not in (None, 80) or "@" in parts.netloc or "{" in url:
        return "it names a port, a user or a field"
    if parts.netloc.startswith("["):
        host = parts.netloc.partition("]")[0] + "]"
    netloc = host if port == _HTTPS else f"{host}:{port}"
    try:
        return _answer(parts._replace(scheme="https", netloc=netloc, fragment=""), is_allowed)
    except PrivateAddress:
        return "its host has no public address"
    except (socket.gaierror, UnicodeError):
        return "its host is not found"
    except (OSError, ValueError, http.client.HTTPException) as error:
        return f"https gives no answer ({type(error).__name__})"


def _answer(url: SplitResult, is_allowed: IsAllowed) -> str:
    status = 0
    for method in ("HEAD", "GET"):
        status, location = ask(method, url, _AGENT, is_allowed)
        if status < http.client.MULTIPLE_CHOICES:
            return ""
        if location:
            return "https leads back to http" if location.lower().startswith("http:") else ""
    return f"https answers {status}"
