"""Requests before and after their mail: who gets one, and what is forgotten."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import assert_never

from sqlalchemy.engine import Connection

from newsletter.audience.subscribers import suppression_of
from newsletter.model.subscriber import (
    Consent,
    ConsentHow,
    RefusalReason,
    Request,
    RequestKind,
    RequestState,
    Subscriber,
    SubscriptionStatus,
)
from newsletter.store import Store, locks
from newsletter.store.people import (
    consents,
    lists,
    people,
    requesting,
    requests,
    subscribing,
    subscriptions,
    unconfirmed,
)
from newsletter.store.people.staging import Hashes

TRY_FOR = dt.timedelta(hours=1)
KEPT_FOR = dt.timedelta(days=31)
_HOUR = dt.timedelta(hours=1)
_DAY = dt.timedelta(days=1)
# Mails that strangers can cause to one mailbox: one a day for each list, and so many within a time.
_A_DAY_AND_LIST = 1
_MAILBOX_LIMITS = ((3, _DAY), (6, dt.timedelta(days=30)))


def take(
    store: Store,
    request_id: int,
    hashes: Hashes,
    now: dt.datetime,
    *,
    form_url: Callable[[str], str],
    keep_ip: bool,
) -> Request | None:
    """Take a waiting request in hand to mail it, with its subscriber; None if it gets no mail, or
    another process was faster.

    Refused without a word are suppressed and erased addresses, members of the list, a mailbox that
    was mailed enough, and a new address that is somebody's. `form_url` gives the page of a list's
    form, for the consent log.
    """
    with store.read() as connection:
        if not requests.is_waiting(connection, request_id):  # nobody has to wait to learn that
            return None
    with store.write() as connection:
        locks.people(connection)  # somebody may be made here, and takers take turns
        request = requesting.take(connection, request_id)
        if request is None:
            return None
        if reason := _refusal(connection, request, hashes, now):
            requesting.refuse(connection, request.id, reason)
            return None
        if request.kind is not RequestKind.JOIN:
            return request
        assert request.list_id is not None
        existing = people.find(connection, request.address)
        person = existing or people.insert(connection, request.address, "", {}, now)
        ip = request.ip if keep_ip else ""
        source = form_url(lists.find_name(connection, request.list_id))
        consent = Consent(request.at, ConsentHow.FORM, source, request.wording, ip)
        facts = consents.of(connection, person.id, request.list_id)
        if all(fact.consent.at != request.at for fact in facts):  # otherwise it was tried before
            subscribing.ask(connection, person.id, request.list_id, consent)
        requesting.assign(connection, request.id, person.id)
        return replace(request, subscriber_id=person.id)


def settle(
    store: Store, request: Request, state: RequestState, reason: str, now: dt.datetime
) -> None:
    """Note what the transport said; what waits for longer than an hour has failed.

    A click may have come before its answer did: what was confirmed stays so, as does what was taken
    back.
    """
    if state is RequestState.WAITING and now - request.at > TRY_FOR:
        state = RequestState.FAILED
    with store.write() as connection:
        requesting.settle(connection, request.id, state, reason)


def clean_up(store: Store, now: dt.datetime) -> None:
    """Forget where requests came from after an hour, and all of them after a month, with the
    people who never confirmed one."""
    before = now - KEPT_FOR
    with store.write() as connection:
        locks.people(connection)
        gone = sorted(requesting.delete_older(connection, before))
        if gone:
            locks.deleting(connection)
        for list_id, subscriber_id in gone:
            unconfirmed.forget(connection, list_id, subscriber_id, before)
        requesting.forget_origins(connection, now - _HOUR)


def _refusal(
    connection: Connection, request: Request, hashes: Hashes, now: dt.datetime
) -> RefusalReason | None:
    """Why a request gets no mail; None where it gets one."""
    if suppression_of(connection, request.address, hashes):
        return RefusalReason.SUPPRESSED
    match request.kind:
        case RequestKind.JOIN:
            return _no_join(connection, request) or _mailed_enough(connection, request, now)
        case RequestKind.MOVE:
            return _no_move(connection, request) or _mailed_enough(connection, request, now)
        case RequestKind.ALLOW_MOVE | RequestKind.DATA | RequestKind.ERASE:
            person = people.get(connection, request.subscriber_id or 0)
            has_moved = person is None or person.address.key != request.address.key
            return RefusalReason.MOVED if has_moved else None
        case RequestKind.UNDO_MOVE:
            person = people.get(connection, request.subscriber_id or 0)
            return None if person is not None else RefusalReason.GONE
        case _:
            assert_never(request.kind)


def _no_join(connection: Connection, request: Request) -> RefusalReason | None:
    person = people.find(connection, request.address)
    if person is None or request.list_id is None:
        return None
    standing = subscriptions.find(connection, person.id, request.list_id)
    is_member = standing is not None and standing.status is SubscriptionStatus.CONFIRMED
    return RefusalReason.MEMBER if is_member else None


def _no_move(connection: Connection, request: Request) -> RefusalReason | None:
    holder = people.find(connection, request.address)
    if holder is not None and not unconfirmed.is_one(connection, holder.id):
        return RefusalReason.TAKEN
    if request.subscriber_id is None or people.get(connection, request.subscriber_id) is None:
        return RefusalReason.GONE
    return None


def _mailed_enough(
    connection: Connection, request: Request, now: dt.datetime
) -> RefusalReason | None:
    longest = max(span for _, span in _MAILBOX_LIMITS)
    mailed = requests.mailed_since(connection, request.mailbox, now - longest, request.id)
    today = [list_id for at, list_id in mailed if at > now - _DAY]
    if today.count(request.list_id) >= _A_DAY_AND_LIST:
        return RefusalReason.DAILY_LIMIT
    for most, span in _MAILBOX_LIMITS:
        if sum(at > now - span for at, _ in mailed) >= most:
            return RefusalReason.LIMIT
    return None


# --- the welcome ----------------------------------------------------------------------------------


def take_welcome(
    store: Store, request_id: int, hashes: Hashes, now: dt.datetime
) -> tuple[Subscriber, int] | None:
    """Take a welcome in hand to mail it: to whom, and of which list.

    None where they are no member any more, or pause, or another process was faster.
    """
    with store.write() as connection:
        request = requesting.take_welcome(connection, request_id)
        if request is None or request.list_id is None:
            return None
        person = people.get(connection, request.subscriber_id or 0)
        if person is None:
            return None
        if reason := _no_welcome(connection, person, request.list_id, hashes, now):
            requesting.refuse_welcome(connection, request_id, reason)
            return None
        return person, request.list_id


def _no_welcome(
    connection: Connection, person: Subscriber, list_id: int, hashes: Hashes, now: dt.datetime
) -> RefusalReason | None:
    """Why somebody is not welcomed; None where they are."""
    if suppression_of(connection, person.address, hashes):
        return RefusalReason.SUPPRESSED
    standing = subscriptions.find(connection, person.id, list_id)
    if standing is None or standing.status is not SubscriptionStatus.CONFIRMED:
        return RefusalReason.LEFT
    if person.paused_until is not None and person.paused_until > now:
        return RefusalReason.PAUSED
    return None


def settle_welcome(store: Store, request_id: int, state: RequestState, reason: str) -> None:
    """Note what became of a welcome; one that provably did not leave waits again."""
    with store.write() as connection:
        requesting.settle_welcome(connection, request_id, state, reason)


def refuse_welcome(store: Store, request_id: int, reason: RefusalReason) -> None:
    """Mail no welcome that is in hand."""
    with store.write() as connection:
        requesting.refuse_welcome(connection, request_id, reason)
