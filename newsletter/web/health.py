"""Routes for those who watch: `/healthz` and `/metrics`."""

import ipaddress
from urllib.parse import urlsplit

from fastapi import FastAPI, Request, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from newsletter.errors import StoreError
from newsletter.store import figures
from newsletter.web.metrics import Metrics
from newsletter.web.site import Site

_UNCACHED = {"Cache-Control": "no-store"}
# What proxies and delivery networks add; the ends of names stand for all that begin like them.
_PROXIED = frozenset(
    "forwarded via x-real-ip x-client-ip client-ip true-client-ip x-cluster-client-ip "
    "cf-connecting-ip cf-ray cdn-loop fastly-client-ip fly-client-ip x-amzn-trace-id "
    "x-original-forwarded-for x-original-url x-original-host x-proxyuser-ip x-remote-ip "
    "x-remote-addr x-host proxy-connection".split()
)
_PROXIED_BEGINNINGS = ("x-forwarded", "x-envoy-", "x-azure-", "x-appengine-", "x-arr-", "cf-")


def add(app: FastAPI, site: Site) -> None:
    metrics = Metrics(site)

    @app.get("/healthz")
    def healthz() -> Response:
        """Whether the store answers and all side work goes on; the reason why not is for the log.

        It is 503 for what only another process, or a store that is back, can mend.
        """
        try:
            with site.store.read() as connection:
                figures.answers(connection)
        except StoreError:
            return JSONResponse({"status": "failing"}, 503, _UNCACHED)
        troubles = site.watch.troubles()
        if not troubles:
            return JSONResponse({"status": "ok"}, headers=_UNCACHED)
        is_over = any(trouble.is_over for trouble in troubles.values())
        status, code = ("failing", 503) if is_over else ("degraded", 200)
        return JSONResponse({"status": status, "troubles": troubles}, code, _UNCACHED)

    @app.get("/metrics")
    def shown_metrics(request: Request) -> Response:
        if not _may_read(site.settings.web.metrics, request):
            raise HTTPException(404)
        return Response(metrics.text(), headers=_UNCACHED, media_type=CONTENT_TYPE_PLAIN_0_0_4)


def _may_read(readers: str, request: Request) -> bool:
    """`loopback` is a caller on this machine; a proxy on it speaks for the whole world.

    So does a browser on it that came here by a foreign host name, which is why the Host has to name
    this machine.
    """
    if readers != "loopback":
        return readers == "all"
    if request.client is None or _is_proxied(request):
        return False
    return _is_loopback(request.client.host) and _names_this_machine(request.headers["host"])


def _is_proxied(request: Request) -> bool:
    """Whether a proxy has passed it on; one that says nothing asks in HTTP/1.0, as nginx does."""
    if request.scope.get("http_version") == "1.0" or "host" not in request.headers:
        return True
    names = set(request.headers.keys())
    return not _PROXIED.isdisjoint(names) or any(map(_begins_as_of_a_proxy, names))


def _begins_as_of_a_proxy(name: str) -> bool:
    return name.startswith(_PROXIED_BEGINNINGS)


def _names_this_machine(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return name == "localhost" or _is_loopback(name)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
