"""`/confirm/{token}`: the click in a mail that asks whether it was really them.

GET shows a button, since link scanners follow every link; POST does it, once. Where the purpose of
the token does not fit the kind of the request, there is nothing here.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from functools import partial

from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from newsletter.audience import confirming, erasing, own_data
from newsletter.audience.confirming import ClickResult, Confirmed, Named
from newsletter.links import PersonalLink
from newsletter.model.subscriber import Consent, ConsentHow
from newsletter.store.people import lists
from newsletter.web.forms import fields, form_body, origin
from newsletter.web.site import Site
from newsletter.web.subscribe import is_open

_TOO_LATE = (ClickResult.EXPIRED, ClickResult.GONE)
_FORM = form_body(action="confirm, as the button of the page sends it")
_PIECE_CHARACTERS = 64 * 1024


def add(app: FastAPI, site: Site) -> None:
    @app.get("/confirm/{token}")
    def ask(token: str) -> Response:
        """The page with the button; it changes nothing."""
        click = site.request(token)
        request = confirming.look_at(site.store, click, site.clock())
        if isinstance(request, ClickResult):
            return _page(site, click, Confirmed(request))
        return site.pages.page("confirm.html", request=request)

    @app.post("/confirm/{token}", openapi_extra=_FORM)
    async def confirm(token: str, request: Request) -> Response:
        """Confirm, once and in time."""
        click = site.request(token)
        sent = await fields(request)
        if sent and sent.get("action") != "confirm":  # a mail program's one click is no yes
            raise HTTPException(400)
        web = site.settings.web
        ip = origin(request, web.trusted_proxies).ip if web.keep_ip else ""
        consent = Consent(site.clock(), ConsentHow.FORM, "confirmation mail", ip=ip)
        confirmed = await run_in_threadpool(
            confirming.confirm,
            site.store,
            click,
            site.links.address_hashes,
            consent,
            welcome=bool(web.welcome),
        )
        if confirmed.answer is ClickResult.DATA and confirmed.link is not None:
            return _download(site, confirmed.link)
        if confirmed.answer is ClickResult.ERASE and confirmed.link is not None:
            return await _erase(site, confirmed.link, consent)
        return await run_in_threadpool(_page, site, click, confirmed)


def _download(site: Site, link: PersonalLink) -> Response:
    pieces = own_data.everything(site.store, link.subscriber_id)
    return StreamingResponse(
        _sent(site, pieces),
        media_type="application/json",
        headers={
            "Cache-Control": "no-store",
            "Content-Disposition": 'attachment; filename="my-data.json"',
        },
    )


async def _sent(site: Site, pieces: Iterator[str]) -> AsyncIterator[bytes]:
    """As fast as the client reads; between two pieces nothing is held."""
    loop = asyncio.get_running_loop()
    while piece := await loop.run_in_executor(site.dear, _piece, pieces):
        yield piece


def _piece(pieces: Iterator[str]) -> bytes:
    parts, size = [], 0
    for part in pieces:
        parts.append(part)
        size += len(part)
        if size >= _PIECE_CHARACTERS:
            break
    return "".join(parts).encode()


async def _erase(site: Site, link: PersonalLink, consent: Consent) -> Response:
    erase = partial(
        erasing.erase,
        site.store,
        site.project.outbox,
        site.links.address_hashes,
        link.subscriber_id,
        consent,
    )
    erased = await asyncio.get_running_loop().run_in_executor(site.dear, erase)
    return site.pages.page("preferences_erased.html", complete=erased.complete)


def _page(site: Site, click: Named, confirmed: Confirmed) -> Response:
    """The result; those who are too late see where to ask again."""
    form = ""
    list_id = click[2]
    if confirmed.answer in _TOO_LATE and list_id:
        with site.store.read() as connection:
            name = lists.find_name(connection, list_id)
        form = site.path(site.links.subscribe_url(name)) if name and is_open(site, name) else ""
    preferences = site.path(site.links.preferences_url(confirmed.link)) if confirmed.link else ""
    return site.pages.page(
        "confirm_done.html",
        status=410 if confirmed.answer in _TOO_LATE else 200,
        answer=confirmed.answer,
        form=form,
        preferences=preferences,
    )
