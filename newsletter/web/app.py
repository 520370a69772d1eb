"""The application: its routes, the headers that each answer has, and what errors look like."""

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from newsletter.errors import StoreError
from newsletter.web import assets
from newsletter.web.site import Site

OWN_PAGES = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
_HEADERS = {
    "Content-Security-Policy": OWN_PAGES,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}

# Each adds its routes to the application.
ROUTES: tuple[Callable[[FastAPI, Site], None], ...] = (assets.add,)


def make_app(site: Site) -> FastAPI:
    """The public site of a project."""
    app = FastAPI(title=site.settings.newsletter.name, docs_url=None, redoc_url=None)
    for add in ROUTES:
        add(app, site)

    @app.middleware("http")
    async def headers(
        request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        response = await call_next(request)
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        return site.pages.page("problem.html", status=error.status_code, code=error.status_code)

    @app.exception_handler(StoreError)
    async def store_failed(request: Request, error: StoreError) -> Response:
        response = site.pages.page("problem.html", status=503, code=503)
        response.headers["Retry-After"] = "30"
        return response

    return app
