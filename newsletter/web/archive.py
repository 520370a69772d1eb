"""Routes of the archive and the feeds: files that are the same for everybody."""

from email.utils import format_datetime, parsedate_to_datetime
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from newsletter.web.issues import Archive, File
from newsletter.web.sealed import POLICY
from newsletter.web.site import Site

_CACHED = "public, max-age=10"  # an issue that was just sent appears within seconds


def add(app: FastAPI, site: Site) -> None:
    archive = Archive(site)

    async def looked_up(path: str) -> File | None:
        """A file of the archive; looked up by its whole path, never on the disk."""
        if not archive.is_fresh:
            await run_in_threadpool(archive.refresh)
        return archive.finished(path) or await run_in_threadpool(archive.file, path)

    async def found(path: str) -> File:
        file = await looked_up(path)
        if file is None:
            raise HTTPException(404)
        return file

    @app.get("/archive/")
    async def index(request: Request) -> Response:
        return _answer(request, await found("archive/index.html"))

    @app.get("/archive/page/{number}/")
    async def later_index(request: Request, number: str) -> Response:
        return _answer(request, await found(f"archive/page/{number}/index.html"))

    @app.get("/archive/{slug}/")
    async def issue(request: Request, slug: str) -> Response:
        """Any mail links here, even of an issue that is not for everybody."""
        file = await looked_up(f"archive/{slug}/index.html")
        if file is None:
            return site.pages.page("archive_absent.html", status=404)
        response = _answer(request, file)
        response.headers["Content-Security-Policy"] = POLICY
        return response

    @app.get("/archive/{slug}")
    async def without_slash(slug: str) -> Response:
        await found(f"archive/{slug}/index.html")
        return _moved(slug)

    @app.get("/")
    @app.get("/archive")
    async def index_from_above() -> Response:
        return _moved("archive")

    @app.get("/feed.xml")
    async def atom(request: Request) -> Response:
        return _answer(request, await found("feed.xml"))

    @app.get("/feed.json")
    async def json_feed(request: Request) -> Response:
        return _answer(request, await found("feed.json"))


def _moved(name: str) -> Response:
    """Redirect to the same place with a slash; relative, since anybody can write the Host
    header."""
    return Response(status_code=308, headers={"Location": f"{quote(name, safe='')}/"})


def _answer(request: Request, file: File) -> Response:
    """A file, or 304 where the client's copy is the same (RFC 9110, 13)."""
    headers = {
        "Cache-Control": _CACHED,
        "ETag": file.etag,
        "Last-Modified": format_datetime(file.modified, usegmt=True),
    }
    if _is_known(request, file):
        return Response(status_code=304, headers=headers)
    return Response(file.content, media_type=file.media_type, headers=headers)


def _is_known(request: Request, file: File) -> bool:
    tags = request.headers.get("if-none-match")
    if tags is not None:
        their_tags = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
        return bool(their_tags & {file.etag, "*"})
    try:
        since = parsedate_to_datetime(request.headers["if-modified-since"])
        return file.modified.replace(microsecond=0) <= since
    except (KeyError, TypeError, ValueError, OverflowError):  # a year of twenty digits, say
        return False
