"""The click in a mail that asks whether it was really them: it does what was asked for, once."""

import datetime as dt
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from sqlalchemy.engine import Connection

from newsletter.audience import moving
from newsletter.audience.joining import mailbox, new_id
from newsletter.audience.subscribers import suppression_of
from newsletter.links import PersonalLink, Purpose
from newsletter.model.address import Address
from newsletter.model.subscriber import (
    Consent,
    ConsentKind,
    Request,
    RequestKind,
    RequestState,
    Subscriber,
    SubscriptionStatus,
)
from newsletter.store import Store, locks
from newsletter.store.people import (
    consents,
    people,
    requesting,
    requests,
    subscribing,
    subscriptions,
)
from newsletter.store.people.staging import Hashes

_WEEK, _DAY = dt.timedelta(days=7), dt.timedelta(days=1)
# The purpose of the link in each kind of mail, and how long it is good.
LINKS = {
    RequestKind.JOIN: (Purpose.CONFIRM, _WEEK),
    RequestKind.MOVE: (Purpose.CONFIRM, _WEEK),
    RequestKind.ALLOW_MOVE: (Purpose.PERSONAL, _DAY),
    RequestKind.DATA: (Purpose.PERSONAL, _DAY),
    RequestKind.ERASE: (Purpose.PERSONAL, _DAY),
    RequestKind.UNDO_MOVE: (Purpose.UNDO, _WEEK),
}


class ClickResult(StrEnum):
    """The result of a click in the mail."""

    JOINED = "joined"
    ALLOWED = "allowed"  # the new address is asked next
    MOVED = "moved"
    UNDONE = "undone"
    DATA = "data"  # the caller hands it over
    ERASE = "erase"  # the caller erases them
    ALREADY = "already"  # it was confirmed before
    EXPIRED = "expired"
    GONE = "gone"  # they left, moved, were erased or suppressed since, or there is no such request
    TAKEN = "taken"  # the address belongs to somebody


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The result of a click; `link` is one of the reader's, for further decisions."""

    answer: ClickResult
    link: PersonalLink | None = None


# A purpose, a request and its list, as the link of a mail names them.
Named = tuple[Purpose, int, int]


def look_at(store: Store, click: Named, now: dt.datetime) -> Request | ClickResult:
    """The request that a link names, or the only possible result of a click."""
    with store.read() as connection:
        request = _if_fitting(requests.find(connection, click[1]), click)
        if request is None:
            return ClickResult.GONE
        if over := _over(request, now):
            return over
        return request if _subject(connection, request) is not None else ClickResult.GONE


def confirm(
    store: Store, click: Named, hashes: Hashes, consent: Consent, *, welcome: bool = False
) -> Confirmed:
    """A yes from the mailbox, once and in time; `welcome` says whether a mail follows a join.

    It brings back nobody who left, was erased or was suppressed after they had asked.
    """
    with store.write() as connection:
        first = _if_fitting(requests.find(connection, click[1]), click)
        if first is None:
            return Confirmed(ClickResult.GONE)
        if first.kind is not RequestKind.JOIN:
            locks.people(connection)
        request = _if_fitting(requests.hold(connection, click[1]), click)
        if request is None:
            return Confirmed(ClickResult.GONE)
        if over := _over(request, consent.at):
            return Confirmed(over)
        person = _subject(connection, request)
        if person is None:
            return Confirmed(ClickResult.GONE)
        consent = replace(consent, wording=request.wording)
        answer = _do(connection, request, person, hashes, consent)
        if answer not in _DONE:
            return Confirmed(answer)
        if (
            answer is not ClickResult.ERASE
        ):  # erasing may have to be done again, and removes the request itself
            requesting.confirm(connection, request.id)
        if welcome and answer is ClickResult.JOINED:
            requesting.welcome(connection, request.id)
        now = people.get(connection, person.id)
        assert now is not None
        return Confirmed(answer, PersonalLink(now.id, click[2], now.link_key))


_DONE = (
    ClickResult.JOINED,
    ClickResult.ALLOWED,
    ClickResult.MOVED,
    ClickResult.UNDONE,
    ClickResult.DATA,
    ClickResult.ERASE,
)


def _if_fitting(request: Request | None, click: Named) -> Request | None:
    """A request, if it has the purpose and the list of its link."""
    if request is None:
        return None
    purpose, _, list_id = click
    is_it = (LINKS[request.kind][0], request.list_id or 0) == (purpose, list_id)
    return request if is_it else None


def _over(request: Request, now: dt.datetime) -> ClickResult | None:
    if request.state is RequestState.CONFIRMED:
        return ClickResult.ALREADY
    if request.state in (RequestState.WAITING, RequestState.REFUSED):
        return ClickResult.GONE
    return ClickResult.EXPIRED if now - request.at > LINKS[request.kind][1] else None


def _subject(connection: Connection, request: Request) -> Subscriber | None:
    """The subject of a request, if they still have the address that it was made for, or take back a
    move away from it."""
    person = people.get(connection, request.subscriber_id or 0)
    if person is None:
        return None
    if request.kind is RequestKind.UNDO_MOVE:  # it reaches back over moves that followed
        return person
    has_it = request.kind is RequestKind.MOVE or person.address.key == request.address.key
    has_moved = consents.said_after(connection, person.id, ConsentKind.MOVED, request.at)
    return person if has_it and not has_moved else None


def _do(
    connection: Connection, request: Request, person: Subscriber, hashes: Hashes, consent: Consent
) -> ClickResult:
    match request.kind:
        case RequestKind.JOIN:
            return _join(connection, request, person, hashes, consent)
        case RequestKind.ALLOW_MOVE:
            return _allow(connection, request, consent)
        case RequestKind.MOVE:
            return _move(connection, request, person, hashes, consent)
        case RequestKind.UNDO_MOVE:
            return _undo(connection, request, person, consent)
        case RequestKind.DATA:
            return ClickResult.DATA
        case RequestKind.ERASE:
            return ClickResult.ERASE
        case _:
            assert_never(request.kind)


def _join(
    connection: Connection, request: Request, person: Subscriber, hashes: Hashes, consent: Consent
) -> ClickResult:
    assert request.list_id is not None
    standing = subscriptions.find(connection, person.id, request.list_id, lock=True)
    if standing is None or suppression_of(connection, request.address, hashes):
        return ClickResult.GONE
    member = (person.id, request.list_id)
    match standing.status:
        case SubscriptionStatus.PENDING:
            subscribing.subscribe(connection, *member, SubscriptionStatus.CONFIRMED, consent)
        case SubscriptionStatus.CONFIRMED:
            if not subscriptions.stands_on_import(connection, standing):
                return ClickResult.ALREADY
            subscribing.renew(connection, *member, consent)
        case SubscriptionStatus.UNSUBSCRIBED:
            if standing.updated_at > request.at:
                return ClickResult.GONE
            subscribing.rejoin(connection, *member, SubscriptionStatus.CONFIRMED, consent)
        case _:
            assert_never(standing.status)
    return ClickResult.JOINED


def _allow(connection: Connection, request: Request, consent: Consent) -> ClickResult:
    """The address on record agrees to a move: the new one is asked next."""
    assert request.target is not None
    _ask_next(connection, request, RequestKind.MOVE, request.target, consent)
    return ClickResult.ALLOWED


def _ask_next(
    connection: Connection,
    request: Request,
    kind: RequestKind,
    address: Address,
    consent: Consent,
    target: Address | None = None,
) -> None:
    """Ask another address about what a request has begun, in its subscriber's name."""
    following = Request(
        id=new_id(),
        kind=kind,
        list_id=None,
        subscriber_id=request.subscriber_id,
        address=address,
        mailbox=mailbox(address),
        wording=request.wording,
        at=consent.at,
        target=target,
    )
    requesting.ask(connection, following)


def _move(
    connection: Connection, request: Request, person: Subscriber, hashes: Hashes, consent: Consent
) -> ClickResult:
    if suppression_of(connection, request.address, hashes):
        return ClickResult.GONE
    if requests.is_superseded(connection, request):  # the address before was a slip, say
        return ClickResult.GONE
    if not moving.move(connection, person, request.address, hashes, consent):
        return ClickResult.TAKEN
    _ask_next(
        connection, request, RequestKind.UNDO_MOVE, person.address, consent, target=request.address
    )
    return ClickResult.MOVED


def _undo(
    connection: Connection, request: Request, person: Subscriber, consent: Consent
) -> ClickResult:
    """Take back a move and all that followed it: otherwise whoever moved somebody against their
    will would only have to move them twice."""
    if not moving.undo(connection, person, request.address, request.at, consent):
        return ClickResult.TAKEN
    requesting.take_back_later(connection, request)
    return ClickResult.UNDONE
