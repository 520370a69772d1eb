"""Routes of the gallery: the themes, each with an issue that has every block."""

from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse

from newsletter.studio.guard import MAIL_POLICY
from newsletter.studio.issue import picture_of
from newsletter.studio.pages import page
from newsletter.studio.session import Studio

if TYPE_CHECKING:
    from newsletter.desk.themes import ThemeEntry


def add(app: FastAPI, studio: Studio) -> None:
    if studio.only is not None:
        return

    @app.get("/themes")
    async def gallery(request: Request) -> Response:
        return page(
            request,
            "themes.html",
            newsletter=studio.project.settings.newsletter,
            themes=await run_in_threadpool(_themes, studio),
        )

    @app.get("/themes/{name}/mail")
    def mail(name: str, look: Literal["light", "dark"] = "light") -> Response:
        from newsletter.desk import views
        from newsletter.desk.preview import sample_message, with_pictures_in
        from newsletter.desk.themes import kitchen_sink

        with studio.rendering:
            prepared = kitchen_sink(studio.project, name)
        studio.pictures[_here(name)] = prepared.pictures
        html = views.coloured(sample_message(prepared, studio.project).html, views.ColourMode(look))
        html = with_pictures_in(f"{_here(name)}/media", html, prepared, studio.project)
        return HTMLResponse(html, headers={"Content-Security-Policy": MAIL_POLICY})

    @app.get("/themes/{theme}/media/{name}")
    def picture(theme: str, name: str) -> Response:
        return picture_of(studio, _here(theme), name)


def _here(name: str) -> str:
    return f"/themes/{quote(name, safe='')}"


def _themes(studio: Studio) -> "list[tuple[ThemeEntry, str]]":
    """All of them, each with the path of its mail."""
    from newsletter.desk.themes import entries

    return [(entry, f"{_here(entry.name)}/mail") for entry in entries(studio.project)]
