"""The application: its routes, its files, and what errors look like."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from importlib.resources import files

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from newsletter.errors import FindingsError, NewsletterError, UsageError, place_in_code
from newsletter.studio import (
    audience,
    decisions,
    editing,
    gallery,
    health,
    issue,
    issues,
    schedule,
    sends,
    trials,
)
from newsletter.studio.guard import MAIL_POLICY, Guard
from newsletter.studio.pages import page
from newsletter.studio.session import Studio
from newsletter.studio.watching import watch
from newsletter.studio.wishes import fault

# Each adds its routes to the application.
ROUTES: tuple[Callable[[FastAPI, Studio], None], ...] = (
    issues.add,
    issue.add,
    editing.add,
    trials.add,
    gallery.add,
    sends.add,
    decisions.add,
    audience.add,
    schedule.add,
    health.add,
)


def _load() -> None:
    """Load what renders while the first page is already shown, for the first click."""
    import newsletter.desk.standing
    import newsletter.studio.shown  # noqa: F401


def make_app(studio: Studio) -> ASGIApp:
    """The studio of a project; it watches the project's files while it serves."""

    @asynccontextmanager
    async def alive(_: FastAPI) -> AsyncIterator[None]:
        reload = partial(run_in_threadpool, studio.reload)
        watching = asyncio.create_task(
            watch(lambda: studio.project, studio.changes, reload, studio.only)
        )
        threading.Thread(target=_load, name="loading", daemon=True).start()
        try:
            yield
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    app = FastAPI(
        lifespan=alive,
        title="newsletter studio",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    for add in ROUTES:
        add(app, studio)
    static = files("newsletter.studio").joinpath("static")
    app.mount("/static", StaticFiles(directory=str(static)))

    @app.exception_handler(NewsletterError)
    async def refused(request: Request, error: NewsletterError) -> Response:
        status = 404 if isinstance(error, UsageError) and request.method == "GET" else 400
        return _answer(studio, request, error, status)

    @app.exception_handler(RequestValidationError)
    async def senseless(request: Request, error: RequestValidationError) -> Response:
        """Not with what was asked: that may be a whole issue."""
        first = error.errors()[0]
        ours = UsageError(first["msg"], where=".".join(str(part) for part in first["loc"][1:]))
        return _answer(studio, request, ours, 422)

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> Response:
        """Not with its message: that may hold anything."""
        ours = NewsletterError(
            f"an error in newsletter itself: {type(error).__name__}",
            where=place_in_code(error),
            hint="What is on disk is as it was. Reload the page, and report this.",
        )
        return _answer(studio, request, ours, 500)

    return Guard(app, studio.origin, studio.token, studio.rights)


def _answer(studio: Studio, request: Request, error: NewsletterError, status: int) -> Response:
    """What went wrong: a page where somebody looks at it, else JSON."""
    match request.headers.get("sec-fetch-dest"):
        case "document":
            head = studio.project.settings.newsletter
            return page(request, "fault.html", status=status, newsletter=head, error=error)
        case "iframe":
            response = page(request, "frame_fault.html", status=status, error=error)
            response.headers["Content-Security-Policy"] = MAIL_POLICY
            return response
        case _:
            findings = error.findings if isinstance(error, FindingsError) else ()
            lines = [str(finding) for finding in findings]
            return JSONResponse({"error": {**fault(error), "lines": lines}}, status)
