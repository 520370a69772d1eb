"""What was asked of the public site, and how that went, for those who watch it.

A path may hold a token and a query an address, so only the template of the route is kept:
`/u/{token}`.
"""

import logging
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

from fastapi import Request
from prometheus_client.core import HistogramMetricFamily
from starlette.types import Scope

from newsletter.web.forms import origin

_log = logging.getLogger("newsletter.web")

_METHODS = frozenset(("GET", "HEAD", "POST"))
NO_ROUTE = "none"  # nothing of ours has this path
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_LAST = len(_SECONDS)  # where what took longer is counted

_Kind = tuple[str, str, str]  # method, route, and class of the status


class Traffic:
    """The requests that this process answered: by kind, how many took how long, and how long all
    of them took. Only the loop of the server writes to it."""

    def __init__(self, trusted_proxies: Sequence[str]) -> None:
        self._trusted_proxies = trusted_proxies
        self._amounts: dict[_Kind, list[int]] = {}
        self._seconds: dict[_Kind, float] = {}

    def see(self, method: str, scope: Scope, status: int | None, seconds: float) -> None:
        """Take note of an answer; a client that left before it has no status."""
        route = getattr(scope.get("route"), "path", NO_ROUTE)
        if method not in _METHODS:
            method = "other"
        kind = (method, route, "gone" if status is None else f"{status // 100}xx")
        if kind not in self._amounts:
            self._seconds[kind], self._amounts[kind] = 0.0, [0] * (_LAST + 1)
        self._amounts[kind][bisect_left(_SECONDS, seconds)] += 1
        self._seconds[kind] += seconds
        if _log.isEnabledFor(logging.INFO):
            about = {"method": method, "route": route, "status": status or "gone"}
            milliseconds = round(seconds * 1000, 1)
            network = origin(Request(scope), self._trusted_proxies).network
            _log.info("request", {**about, "milliseconds": milliseconds, "client": network})

    def metrics(self) -> Iterator[HistogramMetricFamily]:
        """A histogram of the seconds that requests took, by kind."""
        histogram = HistogramMetricFamily(
            "newsletter_http_request_seconds",
            "Seconds that requests took, of this process.",
            labels=("method", "route", "status"),
        )
        bounds = [*map(str, _SECONDS), "+Inf"]
        for kind, amounts in list(self._amounts.items()):
            buckets = list(zip(bounds, map(float, accumulate(amounts)), strict=True))
            histogram.add_metric(kind, buckets, self._seconds[kind])
        yield histogram
