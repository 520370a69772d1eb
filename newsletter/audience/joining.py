"""Double opt-in: asking to join on a page, and saying yes from the mailbox.

Whoever asks learns nothing about an address: all that differs happens later, in `take`, when the
mail is written. The same way leads to another address for a subscriber.
"""

import datetime as dt
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from sqlalchemy.engine import Connection

from newsletter.audience import moving
from newsletter.audience.cells import name_fault
from newsletter.audience.subscribers import suppression_of
from newsletter.links import PersonalLink
from newsletter.model.address import Address
from newsletter.model.subscriber import (
    Consent,
    Request,
    RequestKind,
    RequestState,
    Subscriber,
    SubscriptionStatus,
)
from newsletter.store import Store, consents, lists, people, requests, subscriptions, unconfirmed
from newsletter.store.staging import Hashes

CONFIRM_WITHIN = dt.timedelta(days=7)
TRY_FOR = dt.timedelta(hours=1)
KEPT_FOR = dt.timedelta(days=31)
_HOUR = dt.timedelta(hours=1)
# Mails to one mailbox: at most so many within a time.
_MAILBOX_LIMITS = ((1, dt.timedelta(days=1)), (3, dt.timedelta(days=30)))
_ASKED_A_DAY = 3  # moves of a subscriber, and lists to join
_GMAIL = ("gmail.com", "googlemail.com")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from: an IP address and its network, or empty."""

    ip: str
    network: str


@dataclass(frozen=True, slots=True)
class Limits:
    """How many requests an hour there may be: of one IP address, of one network, of all."""

    ip: int
    network: int
    all: int


class Answer(StrEnum):
    """What came of a click in the mail."""

    JOINED = "joined"
    MOVED = "moved"
    ALREADY = "already"  # it was confirmed before
    EXPIRED = "expired"
    GONE = "gone"  # they left, were erased or suppressed since, or there is no such request
    TAKEN = "taken"  # the new address is somebody's


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What came of a click; `link` leads whoever joined or moved to their preferences."""

    answer: Answer
    link: PersonalLink | None = None


def mailbox(address: Address) -> str:
    """What the spellings of one mailbox share: no +tag, and no dots where Gmail ignores them."""
    local, _, domain = address.key.rpartition("@")
    local = local.partition("+")[0] or local
    if domain in _GMAIL:
        local, domain = local.replace(".", ""), _GMAIL[0]
    return f"{local}@{domain}"


def ask_to_join(
    store: Store,
    address: Address,
    list_id: int,
    *,
    name: str,
    wording: str,
    origin: Origin,
    limits: Limits,
    now: dt.datetime,
) -> bool:
    """Note that somebody asked for this address to join; False over a limit of where they are.

    It does the same for every address: nobody can tell from outside who has subscribed.
    """
    asked = Request(
        id=_new_id(),
        kind=RequestKind.JOIN,
        list_id=list_id,
        subscriber_id=None,
        address=address,
        mailbox=mailbox(address),
        name="" if name_fault(name) else name,
        wording=wording,
        ip=origin.ip,
        network=origin.network,
        at=now,
    )
    with store.write() as connection:
        recent = requests.recent(connection, origin.ip, origin.network, now - _HOUR)
        if recent.all >= limits.all or recent.network >= limits.network or recent.ip >= limits.ip:
            return False
        requests.add(connection, asked)
    return True


def ask_for_list(
    store: Store, subscriber_id: int, list_id: int, *, wording: str, now: dt.datetime
) -> bool:
    """Note that a subscriber asked to join another list; False after a few in a day.

    A mail will ask whether it was them.
    """
    with store.write() as connection:
        if _asked_enough(connection, subscriber_id, RequestKind.JOIN, now):
            return False
        person = people.get(connection, subscriber_id)
        if person is not None:
            asked = _asked(RequestKind.JOIN, person.address, subscriber_id, list_id, wording, now)
            requests.add(connection, asked)
    return True


def ask_to_move(
    store: Store, subscriber_id: int, address: Address, *, wording: str, now: dt.datetime
) -> bool:
    """Note that a subscriber wants their mail at another address; False after a few in a day.

    The new address gets a mail that asks, unless it is somebody's: then nobody gets one.
    """
    with store.write() as connection:
        if _asked_enough(connection, subscriber_id, RequestKind.MOVE, now):
            return False
        if people.get(connection, subscriber_id) is not None:
            asked = _asked(RequestKind.MOVE, address, subscriber_id, None, wording, now)
            requests.add(connection, asked)
    return True


def _asked_enough(
    connection: Connection, subscriber_id: int, kind: RequestKind, now: dt.datetime
) -> bool:
    since = now - dt.timedelta(days=1)
    return requests.asked_since(connection, subscriber_id, kind, since) >= _ASKED_A_DAY


# --- writing the mail -----------------------------------------------------------------------------


def take(
    store: Store,
    request_id: int,
    hashes: Hashes,
    now: dt.datetime,
    *,
    form_url: Callable[[str], str],
    keep_ip: bool,
) -> Request | None:
    """Take a waiting request in hand to mail it, with its subscriber; None if it gets no mail.

    Refused without a word are suppressed and erased addresses, members of the list, a mailbox that
    was mailed enough, and a new address that is somebody's. `form_url` gives the page of a list's
    form, for the consent log.
    """
    with store.write() as connection:
        request = requests.take(connection, request_id)
        if request is None:
            return None
        if reason := _refusal(connection, request, hashes, now):
            requests.settle(connection, request.id, RequestState.REFUSED, reason)
            return None
        if request.kind is RequestKind.MOVE:
            return request
        assert request.list_id is not None
        known = people.find(connection, request.address)
        person = known or people.insert(connection, request.address, "", {}, now)
        ip = request.ip if keep_ip else ""
        source = form_url(lists.find_name(connection, request.list_id))
        said = Consent(request.at, "form", source, request.wording, ip)
        facts = consents.of(connection, person.id, request.list_id)
        if all(fact.consent.at != request.at for fact in facts):  # else it was tried before
            subscriptions.request(connection, person.id, request.list_id, said)
        requests.assign(connection, request.id, person.id)
        return replace(request, subscriber_id=person.id)


def settle(
    store: Store, request: Request, state: RequestState, reason: str, now: dt.datetime
) -> None:
    """Note what the transport said; what waits for longer than an hour has failed.

    A click may have come before its answer did: what was confirmed stays so.
    """
    if state is RequestState.WAITING and now - request.at > TRY_FOR:
        state = RequestState.FAILED
    with store.write() as connection:
        current = requests.find(connection, request.id)
        if current is not None and current.state is not RequestState.CONFIRMED:
            requests.settle(connection, request.id, state, reason)


def clean_up(store: Store, now: dt.datetime) -> None:
    """Forget where requests came from after an hour, and all of them after a month, with the
    people who never confirmed one."""
    before = now - KEPT_FOR
    with store.write() as connection:
        people.lock(connection)
        # In the order in which those who leave hold their rows.
        for list_id, subscriber_id in sorted(requests.delete_older(connection, before)):
            unconfirmed.forget(connection, list_id, subscriber_id, before)
        requests.forget_origins(connection, now - _HOUR)


def _refusal(connection: Connection, request: Request, hashes: Hashes, now: dt.datetime) -> str:
    if suppression_of(connection, request.address, hashes):
        return "suppressed"
    known = people.find(connection, request.address)
    if request.kind is RequestKind.MOVE:
        if known is not None and not unconfirmed.is_one(connection, known.id):
            return "somebody's address"
        if request.subscriber_id is None or people.get(connection, request.subscriber_id) is None:
            return "no subscriber"
    elif known is not None and request.list_id is not None:
        standing = subscriptions.find(connection, known.id, request.list_id)
        if standing and standing.status is SubscriptionStatus.CONFIRMED:
            return "a member"
    for most, span in _MAILBOX_LIMITS:
        if len(requests.mailed_since(connection, request.mailbox, now - span, request.id)) >= most:
            return "mailed enough"
    return ""


# --- the click ------------------------------------------------------------------------------------


def confirm(
    store: Store,
    request_id: int,
    list_id: int,
    hashes: Hashes,
    said: Consent,
    *,
    welcome: bool = False,
) -> Confirmed:
    """A yes from the mailbox, once and within a week; `welcome` says that a mail shall follow.

    Nobody is brought back by it who left, was erased or suppressed after they had asked.
    """
    with store.write() as connection:
        request = _of_link(connection, request_id, list_id)
        if request is None:
            return Confirmed(Answer.GONE)
        answer = _over(request, said.at) or _confirm(connection, request, hashes, said)
        if answer in (Answer.JOINED, Answer.MOVED):
            due = requests.WELCOME_DUE if welcome and answer is Answer.JOINED else ""
            requests.settle(connection, request.id, RequestState.CONFIRMED, due)
            person = people.get(connection, request.subscriber_id or 0)
            assert person is not None
            return Confirmed(answer, PersonalLink(person.id, list_id, person.link_key))
    return Confirmed(answer)


def take_welcome(
    store: Store, request_id: int, hashes: Hashes, now: dt.datetime
) -> tuple[Subscriber, int] | None:
    """Take a welcome in hand to mail it: to whom, and of which list.

    None where they are no member any more, or pause, or another process was faster.
    """
    with store.write() as connection:
        request = requests.take_welcome(connection, request_id)
        if request is None or request.list_id is None:
            return None
        person = people.get(connection, request.subscriber_id or 0)
        if person is None:
            return None
        if reason := _no_welcome(connection, person, request.list_id, hashes, now):
            _note_welcome(connection, request_id, RequestState.REFUSED, reason)
            return None
        return person, request.list_id


def _no_welcome(
    connection: Connection, person: Subscriber, list_id: int, hashes: Hashes, now: dt.datetime
) -> str:
    """Why somebody is not welcomed; empty where they are."""
    if suppression_of(connection, person.address, hashes):
        return "suppressed"
    standing = subscriptions.find(connection, person.id, list_id)
    if standing is None or standing.status is not SubscriptionStatus.CONFIRMED:
        return "no member any more"
    if person.paused_until is not None and person.paused_until > now:
        return "paused"
    return ""


def settle_welcome(store: Store, request_id: int, state: RequestState, reason: str) -> None:
    """Note what became of a welcome; one that provably did not leave is due again."""
    with store.write() as connection:
        _note_welcome(connection, request_id, state, reason)


def _note_welcome(
    connection: Connection, request_id: int, state: RequestState, reason: str
) -> None:
    noted = f"welcome {state}: {reason}".removesuffix(": ")
    if state is RequestState.WAITING:
        noted = requests.WELCOME_DUE
    requests.settle(connection, request_id, RequestState.CONFIRMED, noted)


def look_at(store: Store, request_id: int, list_id: int, now: dt.datetime) -> Answer | None:
    """What a click on a link can only come to, None where it still waits for a yes."""
    with store.read() as connection:
        request = _of_link(connection, request_id, list_id)
    return Answer.GONE if request is None else _over(request, now)


def _of_link(connection: Connection, request_id: int, list_id: int) -> Request | None:
    """The request that a link names; a link to move names no list."""
    request = requests.find(connection, request_id)
    return request if request is not None and (request.list_id or 0) == list_id else None


def _over(request: Request, now: dt.datetime) -> Answer | None:
    if request.state is RequestState.CONFIRMED:
        return Answer.ALREADY
    if request.state in (RequestState.WAITING, RequestState.REFUSED):
        return Answer.GONE
    return Answer.EXPIRED if now - request.at > CONFIRM_WITHIN else None


def _confirm(connection: Connection, request: Request, hashes: Hashes, said: Consent) -> Answer:
    person = people.get(connection, request.subscriber_id or 0)
    if person is None or suppression_of(connection, request.address, hashes):
        return Answer.GONE
    said = replace(said, wording=request.wording)
    if request.kind is RequestKind.MOVE:
        if requests.is_superseded(connection, request):  # the address before was a slip, say
            return Answer.GONE
        moved = moving.move(connection, person, request.address, hashes, said)
        return Answer.MOVED if moved else Answer.TAKEN
    assert request.list_id is not None
    standing = subscriptions.find(connection, person.id, request.list_id)
    if person.address.key != request.address.key or standing is None:
        return Answer.GONE
    if standing.status is SubscriptionStatus.CONFIRMED:
        return Answer.ALREADY
    if standing.status is SubscriptionStatus.UNSUBSCRIBED and standing.updated_at > request.at:
        return Answer.GONE
    status = SubscriptionStatus.CONFIRMED
    subscriptions.subscribe(connection, person.id, request.list_id, status, said)
    if request.name and not person.name:
        people.update(connection, person.id, request.name, person.attributes, said.at)
    return Answer.JOINED


def _asked(
    kind: RequestKind,
    address: Address,
    subscriber_id: int,
    list_id: int | None,
    wording: str,
    now: dt.datetime,
) -> Request:
    return Request(
        id=_new_id(),
        kind=kind,
        list_id=list_id,
        subscriber_id=subscriber_id,
        address=address,
        mailbox=mailbox(address),
        name="",
        wording=wording,
        ip="",
        network="",
        at=now,
    )


def _new_id() -> int:
    """Random: no link of a request that is gone fits another one, in a restored store neither."""
    return secrets.randbits(62)
