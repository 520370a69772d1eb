"""Routes that change an issue's file, or open it elsewhere."""

import difflib
from typing import Any

from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from newsletter.desk.editors import open_at
from newsletter.errors import UsageError
from newsletter.studio.session import Studio
from newsletter.studio.wishes import LineWish, TextWish, fault

_PICTURE_BYTES = 50 * 1024 * 1024  # as large as an issue may show


def add(app: FastAPI, studio: Studio) -> None:
    @app.get("/issues/{stem}/source")
    def source(stem: str) -> dict[str, Any]:
        from newsletter.desk.editing import read_source

        path = studio.path_of(stem)
        there = read_source(path, studio.project.name_of(path))
        return {"text": there.text, "version": there.version}

    @app.put("/issues/{stem}/source")
    def keep(stem: str, edited: TextWish) -> JSONResponse:
        from newsletter.desk.editing import EditConflict, save

        path = studio.path_of(stem)
        try:
            there = save(path, edited.text, edited.version, studio.project.name_of(path))
        except EditConflict as conflict:
            theirs = conflict.source
            body = {
                "error": fault(conflict),
                "theirs": {"text": theirs.text, "version": theirs.version},
                "difference": _difference(theirs.text, edited.text),
            }
            return JSONResponse(body, 409)
        return JSONResponse({"version": there.version})

    @app.post("/issues/{stem}/pictures")
    async def picture(request: Request, stem: str, name: str = "") -> dict[str, str]:
        from newsletter.desk.editing import keep_picture

        content = await _body(request)
        path = await run_in_threadpool(studio.path_of, stem)
        return {"path": await run_in_threadpool(keep_picture, path, name, content)}

    @app.post("/issues/{stem}/open")
    def open_file(stem: str, place: LineWish) -> dict[str, str]:
        return {"editor": open_at(studio.path_of(stem), place.line)}


def _difference(theirs: str, yours: str) -> list[tuple[str, str]]:
    """The lines that differ, and some around them, each with its sign: `-` is in the file."""
    lines = difflib.unified_diff(theirs.split("\n"), yours.split("\n"), n=2, lineterm="")
    return [(line[0], line[1:]) for line in list(lines)[2:]]


async def _body(request: Request) -> bytes:
    """All of it is read, even where it is refused: who still sends cannot hear why."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size <= _PICTURE_BYTES:
            parts.append(part)
    if size > _PICTURE_BYTES:
        raise UsageError("this picture is larger than 50 MB", hint="Save it smaller.")
    return b"".join(parts)
