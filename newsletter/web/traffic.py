"""What was asked of the public site, and how that went, for those who watch it.

A path may hold a token and a query an address, so only the template of the route is kept:
`/u/{token}`.
"""

import logging
from collections.abc import Sequence

from fastapi import Request
from starlette.types import Scope

from newsletter.web.forms import origin

_log = logging.getLogger("newsletter.web")

_METHODS = frozenset(("GET", "HEAD", "POST"))
NO_ROUTE = "none"  # nothing of ours has this path


class Traffic:
    """The requests that this process answered."""

    def __init__(self, trusted_proxies: Sequence[str]) -> None:
        self._trusted_proxies = trusted_proxies

    def see(self, method: str, scope: Scope, status: int | None, seconds: float) -> None:
        """Take note of an answer; a client that left before it has no status."""
        route = getattr(scope.get("route"), "path", NO_ROUTE)
        if method not in _METHODS:
            method = "other"
        if _log.isEnabledFor(logging.INFO):
            about = {"method": method, "route": route, "status": status or "gone"}
            milliseconds = round(seconds * 1000, 1)
            network = origin(Request(scope), self._trusted_proxies).network
            _log.info("request", {**about, "milliseconds": milliseconds, "client": network})
