"""The application: its routes, and what errors look like."""

from collections.abc import Callable

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from newsletter.errors import StoreError
from newsletter.web import archive, assets
from newsletter.web.frame import OWN_PAGES, Frame
from newsletter.web.site import Site

__all__ = ["OWN_PAGES", "ROUTES", "make_app"]

# Each adds its routes to the application.
ROUTES: tuple[Callable[[FastAPI, Site], None], ...] = (assets.add, archive.add)


def make_app(site: Site) -> FastAPI:
    """The public site of a project.

    It never redirects by itself: where to would come from the Host header.
    """
    app = FastAPI(
        title=site.settings.newsletter.name,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    for add in ROUTES:
        add(app, site)
    app.add_middleware(Frame, problem=site.pages.problem)

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
        response = site.pages.problem(503)
        response.headers["Retry-After"] = "30"
        return response

    return app


def _methods(app: FastAPI, request: Request) -> list[str]:
    """What a path can be asked for; two routes may share it."""
    found = {
        method
        for route in app.routes
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE
        for method in route.methods or ()
    }
    return sorted(found | ({"HEAD"} if "GET" in found else set()))
