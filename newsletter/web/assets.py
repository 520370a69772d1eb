"""The style sheet of the public pages."""

from importlib.resources import files

from fastapi import FastAPI
from starlette.responses import Response

from newsletter.web.look import Look
from newsletter.web.site import Site

STYLE_PATH = "static/style.css"
# Links of mails are no place for robots; the pages say so too, but only once they are fetched.
_ROBOTS = "User-agent: *\n" + "".join(
    f"Disallow: /{path}/\n" for path in ("u", "preferences", "confirm")
)


def style_sheet(look: Look) -> bytes:
    """The style sheet in the colours of the brand."""
    return look.variables.encode() + (files("newsletter.web") / STYLE_PATH).read_bytes()


def add(app: FastAPI, site: Site) -> None:
    style = style_sheet(site.pages.look)

    @app.get(f"/{STYLE_PATH}", include_in_schema=False)
    async def stylesheet() -> Response:
        return Response(style, media_type="text/css", headers={"Cache-Control": "max-age=3600"})

    @app.get("/robots.txt", include_in_schema=False)
    async def robots() -> Response:
        return Response(_ROBOTS, media_type="text/plain", headers={"Cache-Control": "max-age=3600"})
