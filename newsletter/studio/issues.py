"""Routes of the list of issues."""

from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from newsletter.errors import NewsletterError
from newsletter.studio.pages import page
from newsletter.studio.session import Studio
from newsletter.studio.wishes import fault


def add(app: FastAPI, studio: Studio) -> None:
    @app.get("/")
    async def index(request: Request) -> Response:
        """The files by their names, at once; what is in them follows with `/rows`."""
        if studio.only is not None:
            return RedirectResponse(path_of(studio.only.stem), 303)
        files = await run_in_threadpool(studio.issue_files)
        return page(
            request,
            "issues.html",
            here="issues",
            newsletter=studio.project.settings.newsletter,
            rows=[{"stem": file.stem, "path": path_of(file.stem)} for file in files],
        )

    @app.get("/rows")
    def rows() -> dict[str, Any]:
        """The title, day and stage of each issue, and what keeps us from saying which were sent."""
        from newsletter.desk.standing import stages_of_sent

        entries = list(studio.shelf.entries(studio.issue_files()))
        try:
            stages, trouble = studio.read(lambda store: stages_of_sent(store, entries)), ""
        except NewsletterError as error:
            stages, trouble = {}, f"{error.message}. {error.hint}".strip()
        issues = {
            entry.stem: {
                "title": entry.title,
                "day": entry.day,
                "stage": stages.get(entry.path),
            }
            for entry in entries
        }
        return {"issues": issues, "trouble": trouble}

    @app.get("/issues/{stem}/standing")
    def standing(stem: str) -> dict[str, Any]:
        """Where one issue stands, and how many findings it has: it has to be rendered for that."""
        from newsletter.desk.prepare import prepare
        from newsletter.desk.standing import Stage
        from newsletter.studio.shown import counts, stage_in

        path = studio.path_of(stem)
        try:
            with studio.rendering:
                prepared = prepare(studio.project, str(path))
        except NewsletterError as error:
            return {"stage": Stage.FAULTY, "counts": {"error": 1}, "error": fault(error)}
        return {
            "stage": stage_in(studio, prepared),
            "counts": counts(prepared),
            "title": prepared.digest.title_text,
        }


def path_of(stem: str) -> str:
    return f"/issues/{quote(stem, safe='')}"
