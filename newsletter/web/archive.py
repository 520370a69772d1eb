"""Routes of the archive and the feeds: files that are the same for everybody."""

from email.utils import format_datetime, parsedate_to_datetime
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from newsletter.web.issues import Archive, File
from newsletter.web.sealed import POLICY
from newsletter.web.search import searching
from newsletter.web.site import Site

_CACHED = "public, max-age=10"  # an issue that was just sent appears within seconds


class _Files:
    """The files of the archive for routes: looked up by their whole paths, never on the disk."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    async def looked_up(self, path: str) -> File | None:
        if not self._archive.is_fresh:
            await run_in_threadpool(self._archive.refresh)
        return self._archive.finished(path) or await run_in_threadpool(self._archive.file, path)

    async def answer(self, request: Request, path: str) -> Response:
        file = await self.looked_up(path)
        if file is None:
            raise HTTPException(404)
        return _answer(request, file)


def add(app: FastAPI, site: Site) -> None:
    archive = Archive(site)
    files = _Files(archive)
    _add_issues(app, files, archive, site)
    _add_indexes(app, files)

    @app.get("/feed.xml")
    async def atom(request: Request) -> Response:
        return await files.answer(request, "feed.xml")

    @app.get("/feed.json")
    async def json_feed(request: Request) -> Response:
        return await files.answer(request, "feed.json")


def _add_indexes(app: FastAPI, files: _Files) -> None:
    @app.get("/")
    @app.get("/archive")
    async def index_from_above() -> Response:
        return _moved("archive")

    @app.get("/archive/")
    async def index(request: Request) -> Response:
        return await files.answer(request, "archive/index.html")

    @app.get("/archive/page/{number}/")
    async def later_index(request: Request, number: str) -> Response:
        return await files.answer(request, f"archive/page/{number}/index.html")

    @app.get("/archive/tags/{tag}/page/{number}/")
    async def later_tagged(request: Request, tag: str, number: str) -> Response:
        return await files.answer(request, f"archive/tags/{tag}/page/{number}/index.html")


def _add_issues(app: FastAPI, files: _Files, archive: Archive, site: Site) -> None:
    search = searching(site, archive)

    async def shown(request: Request, slug: str, path: str) -> Response:
        """Any mail links here, even of an issue that is not for everybody, or not any more."""
        file = await files.looked_up(path)
        if file is None and archive.is_hidden(slug):
            return site.pages.page("archive_hidden.html", status=410)
        if file is None:
            return site.pages.page("archive_absent.html", status=404)
        response = _answer(request, file)
        response.headers["Content-Security-Policy"] = POLICY
        return response

    @app.get("/archive/{slug}/")  # the first of all, since it is asked for most
    async def issue(request: Request, slug: str) -> Response:
        path = f"archive/{slug}/index.html"
        if slug == "search" and await files.looked_up(path) is None:
            return await search(request)  # the form leads here, as on a static site
        return await shown(request, slug, path)

    @app.get("/archive/tags/{tag}/")  # one may be called "original"
    async def tagged(request: Request, tag: str) -> Response:
        return await files.answer(request, f"archive/tags/{tag}/index.html")

    @app.get("/archive/{slug}/original/")
    async def original(request: Request, slug: str) -> Response:
        return await shown(request, slug, f"archive/{slug}/original/index.html")

    @app.get("/archive/search")
    async def found(request: Request) -> Response:
        return await search(request)

    @app.get("/archive/{slug}")
    async def without_slash(slug: str) -> Response:
        if await files.looked_up(f"archive/{slug}/index.html") is None:
            raise HTTPException(404)
        return _moved(slug)


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
