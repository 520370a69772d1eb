"""Routes of one issue: its page, what it shows, and what has changed."""

import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, StreamingResponse

from newsletter.desk.editors import editor_of
from newsletter.model.picture import media_type
from newsletter.studio.guard import MAIL_POLICY
from newsletter.studio.issues import path_of
from newsletter.studio.pages import page
from newsletter.studio.recipients import remembered
from newsletter.studio.session import Studio
from newsletter.studio.wishes import ViewWish

_FRAME = "<!DOCTYPE html><html><head><title></title></head><body></body></html>"


def add(app: FastAPI, studio: Studio) -> None:
    @app.get("/issues/{stem}")
    async def issue(request: Request, stem: str) -> Response:
        path = await run_in_threadpool(studio.path_of, stem)
        return page(
            request,
            "issue.html",
            newsletter=studio.project.settings.newsletter,
            stem=stem,
            file=studio.project.name_of(path),
            alone=studio.only is not None,
            reader=studio.reader,
            has_editor=bool(editor_of()),
            addresses=remembered(studio.project),
        )

    @app.post("/issues/{stem}/shown")
    def show(stem: str, wish: ViewWish) -> dict[str, Any]:
        from newsletter.studio.shown import shown

        return shown(studio, stem, wish)

    @app.get("/issues/{stem}/frame")
    async def frame(stem: str) -> Response:
        """The empty page into which a mail is written. Nothing in it can run, whatever a mail
        holds, since this policy goes with it."""
        return HTMLResponse(_FRAME, headers={"Content-Security-Policy": MAIL_POLICY})

    @app.get("/issues/{stem}/media/{name}")
    def picture(stem: str, name: str) -> Response:
        return picture_of(studio, path_of(stem), name)

    @app.get("/changes")
    async def changes() -> Response:
        return StreamingResponse(_events(studio), media_type="text/event-stream")


def picture_of(studio: Studio, page: str, name: str) -> Response:
    """A picture of what was shown last at this path."""
    for picture in studio.pictures.get(page, ()):
        if picture.name == name:
            return Response(picture.content, media_type=media_type(name))
    return Response(status_code=404)


async def _events(studio: Studio) -> AsyncIterator[str]:
    """https://html.spec.whatwg.org/multipage/server-sent-events.html"""
    yield "retry: 1000\n\n"
    async for change in studio.changes.heard():
        if change is None:
            yield ":\n\n"
            continue
        data = {"stems": sorted(change.stems), "everything": change.everything}
        yield f"data: {json.dumps(data)}\n\n"
