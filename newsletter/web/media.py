"""Pictures of issues, which mails and the archive show."""

import re

from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from newsletter.config import MEDIA_FOLDER
from newsletter.model.picture import NAME_PATTERN, media_type
from newsletter.store import Store, media
from newsletter.web.site import Site

# A name is made of its content, so a cached copy never gets stale.
_HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}
_NAME = re.compile(NAME_PATTERN)


def add(app: FastAPI, site: Site) -> None:
    @app.get(f"/{MEDIA_FOLDER}/{{name}}")
    async def picture(request: Request, name: str) -> Response:
        if not _NAME.fullmatch(name):
            raise HTTPException(404)
        headers = {**_HEADERS, "ETag": f'"{name}"'}
        if headers["ETag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        content = await run_in_threadpool(_content, site.store, name)
        if content is None:
            raise HTTPException(404)
        return Response(content, media_type=media_type(name), headers=headers)


def _content(store: Store, name: str) -> bytes | None:
    with store.read() as connection:
        return media.content(connection, name)
