"""Routes for those who watch: `/healthz` and `/metrics`."""

import ipaddress

from fastapi import FastAPI, Request, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from newsletter.errors import StoreError
from newsletter.store import figures
from newsletter.web.metrics import Metrics
from newsletter.web.site import Site

_UNCACHED = {"Cache-Control": "no-store"}
_PROXIED = {"forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"}


def add(app: FastAPI, site: Site) -> None:
    metrics = Metrics(site.store, site.settings, site.clock)

    @app.get("/healthz")
    def healthz() -> Response:
        """Whether the store answers; what is wrong with it is told to nobody here."""
        try:
            with site.store.read() as connection:
                figures.answers(connection)
        except StoreError:
            return JSONResponse({"status": "failing"}, 503, _UNCACHED)
        return JSONResponse({"status": "ok"}, headers=_UNCACHED)

    @app.get("/metrics")
    def shown_metrics(request: Request) -> Response:
        if not _may_read(site.settings.web.metrics, request):
            raise HTTPException(404)
        return Response(metrics.text(), headers=_UNCACHED, media_type=CONTENT_TYPE_PLAIN_0_0_4)


def _may_read(who: str, request: Request) -> bool:
    """`loopback` is a caller on this machine; a proxy on it speaks for the whole world."""
    if who != "loopback":
        return who == "all"
    if request.client is None or not _PROXIED.isdisjoint(request.headers.keys()):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
