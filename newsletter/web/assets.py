"""The style sheet of the public pages."""

from importlib.resources import files

from fastapi import FastAPI
from starlette.responses import Response

from newsletter.web.site import Site


def add(app: FastAPI, site: Site) -> None:
    style = (files("newsletter.web") / "static" / "style.css").read_bytes()

    @app.get("/static/style.css", include_in_schema=False)
    async def stylesheet() -> Response:
        return Response(style, media_type="text/css", headers={"Cache-Control": "max-age=3600"})
