"""`/subscribe/{list}`: the form, the first half of double opt-in.

The answer is the same for every address, known or not: what differs is decided later, when the
mail is written (newsletter.audience.joining).
"""

import datetime as dt
import hashlib
import secrets
from collections.abc import Mapping

from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from newsletter.audience import joining
from newsletter.audience.address import InvalidAddress, parse
from newsletter.audience.joining import RequestResult
from newsletter.store.people import lists
from newsletter.web.forms import fields, form_body, origin
from newsletter.web.site import Site

OLDEST_FORM = dt.timedelta(hours=24)
YOUNGEST_FORM = dt.timedelta(seconds=1)  # a person takes longer, even one whose browser fills it in
TRAP = "website"  # no person sees this field
_LONGEST_FIELD = 254
_FORM = form_body(
    email="The address that wants to subscribe",
    form="When the form was fetched, signed; without it one more click is needed",
    **{TRAP: "Stays empty"},
)


def add(app: FastAPI, site: Site) -> None:
    @app.get("/subscribe/{list_name}")
    def form(list_name: str) -> Response:
        """The form."""
        return _form(site, _list_id(site, list_name), list_name, {})

    @app.post("/subscribe/{list_name}", openapi_extra=_FORM)
    async def ask(list_name: str, request: Request) -> Response:
        """Note that somebody asked; a mail will ask whether it was them."""
        sent = await fields(request)
        came_from = origin(request, site.settings.web.trusted_proxies)
        return await run_in_threadpool(_ask, site, list_name, sent, came_from)


def wording(site: Site, *of_the_list: str) -> str:
    """The version of the words that a visitor agreed to: it changes with them, and with the title
    and description of the list on the form."""
    texts = site.texts
    texts_shown = (
        texts["subscribe_text"],
        texts["subscribe_promise"],
        texts["subscribe_button"],
        *filter(None, of_the_list),
    )
    return hashlib.sha256("\n".join(texts_shown).encode()).hexdigest()[:8]


def is_open(site: Site, list_name: str) -> bool:
    """Whether anybody may ask to join a list of this name."""
    return site.settings.web.opens(list_name)


def _list_id(site: Site, list_name: str) -> int:
    if is_open(site, list_name) and list_name.isascii() and list_name.isprintable():
        with site.store.read() as connection:
            list_id = lists.find(connection, list_name)
        if list_id is not None:
            return list_id
    raise HTTPException(404)


def _words(site: Site, list_id: int) -> tuple[str, str]:
    """The title and the description of a list."""
    with site.store.read() as connection:
        return lists.described(connection, list_id)


def _ask(
    site: Site, list_name: str, sent: Mapping[str, str], came_from: joining.Origin
) -> Response:
    list_id = _list_id(site, list_name)
    if sent.get(TRAP):
        return _sent(site)
    try:
        address = parse(sent.get("email") or sent.get("address") or "")
    except InvalidAddress:
        return _form(site, list_id, list_name, sent, fault=True)
    form = _form_in_time(site, sent.get("form", ""), list_id)
    if form is None:
        return _form(site, list_id, list_name, sent, again=True)
    web = site.settings.web
    result = joining.ask_to_join(
        site.store,
        address,
        list_id,
        wording=wording(site, *_words(site, list_id)),
        origin=came_from,
        form=form,
        limits=joining.RequestLimits(
            ip=web.requests_per_ip,
            network=web.requests_per_network,
            wide_network=web.requests_per_wide_network,
            domain=web.requests_per_domain,
            all=web.requests_per_hour,
        ),
        now=site.clock(),
    )
    match result:
        case RequestResult.ENOUGH:
            return site.pages.problem(429)
        case RequestResult.AGAIN:
            return _form(site, list_id, list_name, sent, again=True)
        case _:
            return _sent(site)


def _form_in_time(site: Site, token: str, list_id: int) -> int | None:
    """The number of a form of this list, None if it is too young or too old."""
    match site.form(token):
        case (issued, of_list, number) if of_list == list_id:
            age = site.clock().timestamp() - issued
            in_time = YOUNGEST_FORM.total_seconds() <= age <= OLDEST_FORM.total_seconds()
            return number if in_time else None
        case _:
            return None


def _form(
    site: Site,
    list_id: int,
    list_name: str,
    sent: Mapping[str, str],
    *,
    fault: bool = False,
    again: bool = False,
) -> Response:
    title, description = _words(site, list_id)
    return site.pages.page(
        "subscribe.html",
        status=400 if fault else 200,
        title=title,
        description=description,
        email=(sent.get("email") or sent.get("address") or "")[:_LONGEST_FIELD],
        token=site.links.form_token(int(site.clock().timestamp()), list_id, _new_number()),
        trap=TRAP,
        fault=fault,
        again=again,
    )


def _new_number() -> int:
    """A number of 18 digits that tells one form from all others."""
    return 10**17 + secrets.randbelow(9 * 10**17)


def _sent(site: Site) -> Response:
    return site.pages.page("subscribe_sent.html")
