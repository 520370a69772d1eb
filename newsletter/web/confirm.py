"""`/confirm/{token}`: the click in the mail, the second half of double opt-in.

GET shows a button, for link scanners follow every link; POST says yes, once.
"""

from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from newsletter.audience import joining
from newsletter.audience.joining import Answer
from newsletter.model.subscriber import Consent
from newsletter.store import lists
from newsletter.web.forms import fields, form_body, origin
from newsletter.web.site import Site
from newsletter.web.subscribe import is_open

_TOO_LATE = (Answer.EXPIRED, Answer.GONE)
_FORM = form_body(action="confirm, as the button of the page sends it")


def add(app: FastAPI, site: Site) -> None:
    @app.get("/confirm/{token}")
    def ask(token: str) -> Response:
        """The page with the button; it changes nothing."""
        _, request_id, list_id = site.request(token)
        if over := joining.look_at(site.store, request_id, list_id, site.clock()):
            return _page(site, list_id, over)
        return site.pages.page("confirm.html", moves=list_id == 0)

    @app.post("/confirm/{token}", openapi_extra=_FORM)
    async def confirm(token: str, request: Request) -> Response:
        """Confirm, once and within a week."""
        _, request_id, list_id = site.request(token)
        sent = await fields(request)
        if sent and sent.get("action") != "confirm":  # a mail program's one click is no yes
            raise HTTPException(400)
        web = site.settings.web
        ip = origin(request, web.trusted_proxies).ip if web.keep_ip else ""
        said = Consent(site.clock(), "form", "confirmation mail", ip=ip)
        return await run_in_threadpool(_confirm, site, request_id, list_id, said)


def _confirm(site: Site, request_id: int, list_id: int, said: Consent) -> Response:
    welcome = bool(site.settings.web.welcome)
    done = joining.confirm(
        site.store, request_id, list_id, site.links.address_hashes, said, welcome=welcome
    )
    preferences = ""
    if done.link is not None:
        preferences = site.path(site.links.preferences_url(done.link))
    return _page(site, list_id, done.answer, preferences)


def _page(site: Site, list_id: int, answer: Answer, preferences: str = "") -> Response:
    """What came of it; who is too late is shown where to ask again."""
    form = ""
    if answer in _TOO_LATE and list_id:
        with site.store.read() as connection:
            name = lists.find_name(connection, list_id)
        form = site.path(site.links.subscribe_url(name)) if name and is_open(site, name) else ""
    return site.pages.page(
        "confirm_done.html",
        status=410 if answer in _TOO_LATE else 200,
        answer=answer,
        form=form,
        preferences=preferences,
    )
