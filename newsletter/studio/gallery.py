"""Routes of the gallery: the themes, each with an issue that has every block."""

from typing import Any, Literal
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse

from newsletter.studio.guard import MAIL_POLICY
from newsletter.studio.issue import picture_of
from newsletter.studio.pages import page
from newsletter.studio.session import Studio


def add(app: FastAPI, studio: Studio) -> None:
    if studio.only is not None:
        return

    @app.get("/themes")
    async def gallery(request: Request) -> Response:
        return page(
            request,
            "themes.html",
            newsletter=studio.project.settings.newsletter,
            themes=await run_in_threadpool(_cards, studio),
        )

    @app.get("/themes/{name}/mail")
    def mail(name: str, look: Literal["light", "dark"] = "light") -> Response:
        from newsletter.desk import views
        from newsletter.desk.preview import sample_message
        from newsletter.desk.themes import kitchen_sink
        from newsletter.studio.shown import with_own_pictures

        with studio.rendering:
            prepared = kitchen_sink(studio.project, name)
        studio.pictures[_here(name)] = prepared.pictures
        html = views.coloured(sample_message(prepared, studio.project).html, views.ColourMode(look))
        html = with_own_pictures(studio, prepared, html, _here(name))
        return HTMLResponse(html, headers={"Content-Security-Policy": MAIL_POLICY})

    @app.get("/themes/{theme}/media/{name}")
    def picture(theme: str, name: str) -> Response:
        return picture_of(studio, _here(theme), name)


def _here(name: str) -> str:
    return f"/themes/{quote(name, safe='')}"


def _cards(studio: Studio) -> list[dict[str, Any]]:
    from newsletter.desk.themes import entries

    return [
        {
            "name": entry.name,
            "path": f"{_here(entry.name)}/mail",
            "description": entry.description,
            "extends": entry.extends,
            "is_usual": entry.is_usual,
            "is_own": entry.is_own,
            "issues": entry.issues,
            "fault": entry.fault,
        }
        for entry in entries(studio.project)
    ]
