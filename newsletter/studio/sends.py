"""Routes of the sends: their list, the page of each, and what is going on with them right now."""

from typing import Annotated, Any

from fastapi import FastAPI, Path, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from newsletter.studio import live
from newsletter.studio.pages import page
from newsletter.studio.session import Studio

_ID = r"^[0-9]{8}-[a-z0-9]{6}$"
IdInPath = Annotated[str, Path(pattern=_ID)]


def add(app: FastAPI, studio: Studio) -> None:
    if studio.only is not None:
        return

    @app.get("/sends")
    async def index(request: Request) -> Response:
        look = await run_in_threadpool(live.look_at, studio, ())
        return page(
            request,
            "sends.html",
            newsletter=studio.project.settings.newsletter,
            here="sends",
            sends=live.in_order(look),
            trouble=look.trouble,
        )

    @app.get("/sends/live")
    async def looks(send: Annotated[str, Query(pattern=f"{_ID}|^$")] = "") -> Response:
        return StreamingResponse(live.events(studio.live, send), media_type="text/event-stream")

    @app.get("/sends/{send_id}")
    async def one(request: Request, send_id: IdInPath) -> Response:
        look = await run_in_threadpool(live.look_at, studio, (send_id,))
        send = look.sends.get(send_id)
        if send is None and not look.trouble:
            raise live.no_send(send_id)
        return page(
            request,
            "send.html",
            newsletter=studio.project.settings.newsletter,
            here="sends",
            send_id=send_id,
            send=send,
            trouble=look.trouble,
        )

    @app.get("/sends/{send_id}/facts")
    def facts(send_id: IdInPath) -> dict[str, Any]:
        from newsletter.studio.facts import facts_of

        return facts_of(studio, send_id)
