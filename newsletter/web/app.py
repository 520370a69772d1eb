"""The application: its routes, and what errors look like."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from newsletter.errors import StoreError
from newsletter.supervising import SideThread
from newsletter.web import (
    archive,
    assets,
    confirm,
    health,
    hooks,
    media,
    preferences,
    subscribe,
    unsubscribe,
)
from newsletter.web.frame import OWN_PAGES, Frame
from newsletter.web.site import Site

__all__ = ["OWN_PAGES", "ROUTES", "make_app"]

# Each adds its routes to the application.
ROUTES: tuple[Callable[[FastAPI, Site], None], ...] = (
    assets.add,
    unsubscribe.add,
    preferences.add,
    subscribe.add,
    confirm.add,
    archive.add,
    media.add,
    health.add,
    hooks.add,
)


def make_app(site: Site, beside: Sequence[SideThread] = ()) -> FastAPI:
    """The public site of a project; the threads `beside` it work while it serves.

    It never redirects by itself: the target would come from the Host header.
    """

    @asynccontextmanager
    async def alive(_: FastAPI) -> AsyncIterator[None]:
        try:
            for thread in beside:
                site.watch.over(thread.name, thread.trouble)
                thread.start()
            yield
        finally:
            for thread in beside:
                thread.stop.set()
            for thread in beside:
                await run_in_threadpool(thread.leave)

    app = FastAPI(
        lifespan=alive,
        title=site.settings.newsletter.name,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    for add in ROUTES:
        add(app, site)
    app.add_middleware(Frame, problem=site.pages.problem, seen=site.traffic.see)

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        response = site.pages.problem(error.status_code)
        response.headers.update(error.headers or {})
        if error.status_code == 405:
            response.headers["Allow"] = ", ".join(_methods(app, request))
        return response

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return site.pages.problem(400)

    @app.exception_handler(StoreError)
    async def store_failed(request: Request, error: StoreError) -> Response:
        return site.pages.problem(503)

    return app


def _methods(app: FastAPI, request: Request) -> list[str]:
    """What a path can be asked for; two routes may share it."""
    methods = {
        method
        for route in app.routes
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE
        for method in route.methods or ()
    }
    return sorted(methods | ({"HEAD"} if "GET" in methods else set()))
