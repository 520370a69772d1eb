"""`/u/{token}`: leaving a list with one click.

GET changes nothing, since link scanners follow every link of a mail. POST unsubscribes at once, as
RFC 8058 requires: no cookie, no redirect, on disk before the answer.

https://www.rfc-editor.org/rfc/rfc8058
"""

import logging
from collections.abc import Mapping
from functools import partial

from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from newsletter.audience import leaving, preferences
from newsletter.audience.holders import Holder
from newsletter.links import PersonalLink, Purpose
from newsletter.model.subscriber import Consent, ConsentHow
from newsletter.web.forms import fields, form_body
from newsletter.web.site import Site
from newsletter.web.together import Together

_log = logging.getLogger(__name__)

ONE_CLICK = ("List-Unsubscribe", "One-Click")
_SOURCE = "unsubscribe link"
_FORM = form_body(
    **{
        "List-Unsubscribe": "One-Click, as mail programs send it (RFC 8058)",
        "action": "What a button of the page does: leave, reason, undo",
        "reason": "Why somebody left, up to 500 characters",
    }
)


def add(app: FastAPI, site: Site) -> None:
    together = Together(partial(leaving.leave, site.store))
    looking = Together(partial(preferences.standings, site.store))
    site.watch.over("unsubscribes", together.trouble)

    @app.get("/u/{token}")
    async def ask(token: str) -> Response:
        """The page with the button; it changes nothing."""
        link = site.personal(Purpose.UNSUBSCRIBE, token)
        if link.subscriber_id == 0:
            return site.pages.page("unsubscribe_test.html")
        leaves = leaving.about(link, (await looking(link))[link])
        if leaves.holder is Holder.NOBODY:
            return site.pages.page("preferences_nobody.html")
        return site.pages.page("unsubscribe.html", leaves=leaves)

    @app.post("/u/{token}", openapi_extra=_FORM)
    async def leave(token: str, request: Request) -> Response:
        """Leave at once, give a reason, or take it back."""
        link = site.personal(Purpose.UNSUBSCRIBE, token)
        sent = await fields(request)
        action = _action(sent)
        if link.subscriber_id == 0:
            return site.pages.page("unsubscribe_test.html")
        consent = Consent(site.clock(), action, _SOURCE)
        if action in (ConsentHow.ONE_CLICK, ConsentHow.PAGE):
            result = (await together((link, consent)))[link]
            about = {"subscriber": link.subscriber_id, "list": link.list_id, "action": action}
            _log.info("unsubscribe", about)
            if result.holder is Holder.NOBODY:
                return site.pages.page("preferences_nobody.html")
            theirs = site.path(site.links.preferences_url(link))
            return site.pages.page("unsubscribe_done.html", left=result, preferences=theirs)
        return await run_in_threadpool(_think_again, site, link, sent.get("reason", ""), consent)


def _action(sent: Mapping[str, str]) -> ConsentHow:
    name, value = ONE_CLICK
    if sent.get(name, "").strip() == value:  # some send a line end with it
        return ConsentHow.ONE_CLICK
    action = sent.get("action")
    if action == "leave":
        return ConsentHow.PAGE
    if action in (ConsentHow.REASON, ConsentHow.UNDO):
        return ConsentHow(action)
    raise HTTPException(400)


def _think_again(site: Site, link: PersonalLink, reason: str, consent: Consent) -> Response:
    """Take it back, or say why."""
    theirs = site.path(site.links.preferences_url(link))
    if consent.how == ConsentHow.REASON:
        keeps = leaving.give_reason(site.store, link, reason, consent)
        return site.pages.page("unsubscribe_thanks.html", keeps=keeps, preferences=theirs)
    undone = leaving.undo(site.store, link, consent)
    return site.pages.page(
        "unsubscribe_undone.html",
        status=429 if undone is leaving.UndoResult.ENOUGH else 200,
        word=undone,
        preferences=theirs,
    )
