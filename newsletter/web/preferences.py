"""`/preferences/{token}`: what a subscriber decides. The token says who; nothing in a body does."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from newsletter.audience import joining, leaving, preferences
from newsletter.audience.address import InvalidAddress, parse
from newsletter.audience.holders import Holder
from newsletter.audience.joining import RequestResult
from newsletter.audience.leaving import UndoResult
from newsletter.audience.preferences import Changed, ReaderPreferences
from newsletter.links import PersonalLink, Purpose
from newsletter.model.address import Address
from newsletter.model.subscriber import (
    Consent,
    ConsentHow,
    RequestKind,
    SubscriptionStatus,
    SuppressionReason,
)
from newsletter.render.dates import written_date
from newsletter.web.forms import fields, form_body
from newsletter.web.site import Site
from newsletter.web.subscribe import is_open, wording
from newsletter.web.together import Together

_SOURCE = "preferences page"
_FORM = form_body(
    action="leave, join, name, pause, continue, move, data, erase",
    list="For leave and join: the name of a list",
    name="For name: the new one",
    days="For pause: 7, 30 or 90",
    until="For pause: a date, YYYY-MM-DD, instead of days",
    email="For move: the new address",
)


@dataclass(frozen=True, slots=True)
class _Visit:
    """One request by the reader of a link."""

    site: Site
    link: PersonalLink
    sent: Mapping[str, str]
    consent: Consent


def add(app: FastAPI, site: Site) -> None:
    looking = Together(partial(preferences.standings, site.store))

    @app.get("/preferences/{token}")
    async def show(token: str) -> Response:
        """What a subscriber can decide; it changes nothing."""
        link = site.personal(Purpose.PREFERENCES, token)
        return _shown(site, link, (await looking(link))[link])

    @app.post("/preferences/{token}", openapi_extra=_FORM)
    async def change(token: str, request: Request) -> Response:
        """Change one thing, and show where it stands."""
        link = site.personal(Purpose.PREFERENCES, token)
        sent = await fields(request)
        action = _ACTIONS.get(sent.get("action", ""))
        if action is None:
            raise HTTPException(400)
        consent = Consent(site.clock(), ConsentHow.PREFERENCES, _SOURCE)
        visit = _Visit(site, link, sent, consent)
        return await run_in_threadpool(_change, action, visit)


def _page(site: Site, link: PersonalLink, note: str = "", status: int = 200) -> Response:
    return _shown(site, link, preferences.standing(site.store, link), note, status)


def _shown(
    site: Site,
    link: PersonalLink,
    reader: ReaderPreferences | Holder,
    note: str = "",
    status: int = 200,
) -> Response:
    """`note` is the key of the text that says what just happened."""
    if link.subscriber_id == 0:
        return site.pages.page("unsubscribe_test.html")
    if isinstance(reader, Holder):
        return _other_holder(site, link, reader)
    rows = [
        (name, reader.words[name], reader.statuses.get(name) is SubscriptionStatus.CONFIRMED)
        for name in reader.lists
        if name in reader.statuses or is_open(site, name)
    ]
    now = site.clock()
    until = reader.reader.paused_until
    paused = until.astimezone(site.zone).date() if until and until > now else None
    return site.pages.page(
        "preferences.html",
        status=status,
        person=reader.reader,
        lists=rows,
        blocked=_blocked(reader),
        paused=paused,
        paused_until=written_date(paused, site.texts["language"]),
        pauses=preferences.PAUSES,
        pause_days=_pause_days(site, now),
        note=note,
        is_fault=status != 200,
    )


def _other_holder(site: Site, link: PersonalLink, holder: Holder) -> Response:
    """What anybody but the reader sees: nothing personal, but they may leave."""
    if holder is Holder.NOBODY:
        return site.pages.page("preferences_nobody.html")
    unsubscribe = site.path(site.links.unsubscribe_url(link))
    return site.pages.page("preferences_former.html", unsubscribe=unsubscribe)


def _blocked(reader: preferences.ReaderPreferences) -> str:
    """The key of the text that says why mail cannot come; empty where it can."""
    if reader.suppressed is None:
        return ""
    by_hand = reader.suppressed is SuppressionReason.MANUAL
    return "note_blocked_here" if by_hand else "note_blocked"


def _change(action: Callable[[_Visit], Response], visit: _Visit) -> Response:
    reader = preferences.standing(visit.site.store, visit.link)
    if not isinstance(reader, Holder):
        return action(visit)
    return _page(visit.site, visit.link)


def _done(visit: _Visit, note: str) -> Response:
    return _page(visit.site, visit.link, note)


def _fault(visit: _Visit, note: str, status: int = 400) -> Response:
    return _page(visit.site, visit.link, note, status)


def _list_id(visit: _Visit) -> tuple[str, int]:
    """The list that a button names: one that they know, or one that is open."""
    site, name = visit.site, visit.sent.get("list", "")
    reader = preferences.standing(site.store, visit.link)
    if isinstance(reader, Holder) or name not in reader.lists:
        raise HTTPException(400)
    if name not in reader.statuses and not is_open(site, name):
        raise HTTPException(400)
    return name, reader.lists[name]


def _leave(visit: _Visit) -> Response:
    _, list_id = _list_id(visit)
    preferences.leave(visit.site.store, visit.link, list_id, visit.consent)
    return _done(visit, "note_left")


def _join(visit: _Visit) -> Response:
    """Take leaving back within the hour; else ask the address on record."""
    _, list_id = _list_id(visit)
    match leaving.undo(visit.site.store, visit.link, visit.consent, list_id):
        case UndoResult.DONE:
            return _done(visit, "note_joined")
        case UndoResult.BLOCKED:
            return _fault(visit, "note_blocked")
        case UndoResult.ENOUGH:
            return _fault(visit, "note_slower", 429)
        case UndoResult.LATE:
            return _ask(visit, RequestKind.JOIN, list_id=list_id)


def _name(visit: _Visit) -> Response:
    name = visit.sent.get("name", "")
    changed = preferences.rename(visit.site.store, visit.link, name, visit.consent)
    return _changed(visit, changed, "note_name")


def _pause(visit: _Visit) -> Response:
    until = _until(visit)
    if until is None:
        return _fault(visit, "note_bad_date")
    changed = preferences.pause(visit.site.store, visit.link, until, visit.consent)
    return _changed(visit, changed, "note_paused")


def _continue(visit: _Visit) -> Response:
    changed = preferences.pause(visit.site.store, visit.link, None, visit.consent)
    return _changed(visit, changed, "note_continued")


def _changed(visit: _Visit, changed: Changed, note: str) -> Response:
    match changed:
        case Changed.DONE:
            return _done(visit, note)
        case Changed.ENOUGH:
            return _fault(visit, "note_slower", 429)
        case Changed.BAD_NAME:
            return _fault(visit, "note_bad_name")


def _until(visit: _Visit) -> dt.datetime | None:
    """The end of the pause that was asked for: the beginning of a day."""
    first, last = _pause_days(visit.site, visit.consent.at)
    days = visit.sent.get("days", "")
    try:
        if days in map(str, preferences.PAUSES):
            day = first + dt.timedelta(days=int(days))
        else:
            day = dt.date.fromisoformat(visit.sent.get("until", ""))
    except ValueError:
        return None
    if not first <= day <= last:
        return None
    return dt.datetime.combine(day, dt.time(), visit.site.zone).astimezone(dt.UTC)


def _pause_days(site: Site, now: dt.datetime) -> tuple[dt.date, dt.date]:
    """The first and the last day that a pause may end at."""
    today = now.astimezone(site.zone).date()
    return today + dt.timedelta(days=1), today + preferences.LONGEST_PAUSE


def _move(visit: _Visit) -> Response:
    try:
        address = parse(visit.sent.get("email", ""))
    except InvalidAddress:
        return _fault(visit, "note_bad_address")
    return _ask(visit, RequestKind.ALLOW_MOVE, target=address)


def _data(visit: _Visit) -> Response:
    return _ask(visit, RequestKind.DATA)


def _erase(visit: _Visit) -> Response:
    return _ask(visit, RequestKind.ERASE)


def _ask(
    visit: _Visit, kind: RequestKind, *, list_id: int | None = None, target: Address | None = None
) -> Response:
    """Ask the address on record, since anybody may have a forwarded mail."""
    site = visit.site
    result = joining.ask_by_link(
        site.store,
        visit.link,
        kind,
        site.links.address_hashes,
        wording=wording(site),
        now=visit.consent.at,
        list_id=list_id,
        target=target,
    )
    match result:
        case RequestResult.NOTED:
            return _done(visit, "note_ask")
        case RequestResult.BLOCKED:
            return _fault(visit, "note_blocked")
        case _:
            return _fault(visit, "note_enough", 429)


_ACTIONS: Mapping[str, Callable[[_Visit], Response]] = {
    "leave": _leave,
    "join": _join,
    "name": _name,
    "pause": _pause,
    "continue": _continue,
    "move": _move,
    "data": _data,
    "erase": _erase,
}
