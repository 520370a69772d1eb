"""Asking for what is then confirmed by mail: to join on a page, or what a personal link may not do.

Whoever asks learns nothing about an address: whatever differs happens later, when the mail is
written (newsletter.audience.mailing). The click in the mail is newsletter.audience.confirming.
"""

import datetime as dt
import secrets
from dataclasses import dataclass
from enum import StrEnum

from newsletter.audience.holders import reader_of
from newsletter.audience.subscribers import suppression_of
from newsletter.links import PersonalLink
from newsletter.model.address import Address
from newsletter.model.subscriber import Request, RequestKind
from newsletter.store import Store, locks
from newsletter.store.people import requesting, requests
from newsletter.store.people.staging import Hashes

_HOUR = dt.timedelta(hours=1)
_MAILS_A_DAY = 3  # to the address on record, caused by the links of one reader
_GMAIL = ("gmail.com", "googlemail.com")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from: an IP address, its network, and a wide one (/48) of IPv6; each is
    empty where it is not known."""

    ip: str
    network: str
    wide_network: str = ""


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """How many requests an hour are allowed: from one IP address, one network, one wide network,
    for the mailboxes of one domain, and in all."""

    ip: int
    network: int
    wide_network: int
    domain: int
    all: int


class RequestResult(StrEnum):
    """The result of a request."""

    NOTED = "noted"
    ENOUGH = "enough"  # over a limit
    AGAIN = "again"  # this form was sent before, for another address
    BLOCKED = "blocked"  # the reader's address is suppressed: no mail can ask them


def mailbox(address: Address) -> str:
    """The common form of a mailbox's spellings: without +tag, and without dots where Gmail ignores
    them."""
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
    wording: str,
    origin: Origin,
    form: int,
    limits: RequestLimits,
    now: dt.datetime,
) -> RequestResult:
    """Note that somebody asked for this address to join; each form counts once.

    It does the same for every address: nobody outside can tell who has subscribed.
    """
    request = Request(
        id=new_id(),
        kind=RequestKind.JOIN,
        list_id=list_id,
        subscriber_id=None,
        address=address,
        mailbox=mailbox(address),
        wording=wording,
        at=now,
        ip=origin.ip,
        network=origin.network,
        wide_network=origin.wide_network,
        form=form,
    )
    with store.write() as connection:
        locks.asking(connection)
        before = requests.by_form(connection, form)
        if before is not None:
            return RequestResult.NOTED if before.mailbox == request.mailbox else RequestResult.AGAIN
        recent = requests.recent(connection, request, now - _HOUR)
        if (
            recent.all >= limits.all
            or recent.domain >= limits.domain
            or recent.wide_network >= limits.wide_network
            or recent.network >= limits.network
            or recent.ip >= limits.ip
        ):
            return RequestResult.ENOUGH
        requesting.ask(connection, request)
    return RequestResult.NOTED


def ask_by_link(
    store: Store,
    link: PersonalLink,
    kind: RequestKind,
    hashes: Hashes,
    *,
    wording: str,
    now: dt.datetime,
    list_id: int | None = None,
    target: Address | None = None,
) -> RequestResult:
    """Note that somebody with a reader's link asked for more than leaving.

    A mail to the address on record will ask whether it was the reader, since anybody may have a
    forwarded mail. Only a few such mails are sent in a day.
    """
    with store.write() as connection:
        locks.asking(connection)
        person = reader_of(connection, link)
        if person is None or suppression_of(connection, person.address, hashes):
            return RequestResult.BLOCKED
        since = now - dt.timedelta(days=1)
        if requests.asked_since(connection, person.id, since) >= _MAILS_A_DAY:
            return RequestResult.ENOUGH
        request = Request(
            id=new_id(),
            kind=kind,
            list_id=list_id,
            subscriber_id=person.id,
            address=person.address,
            mailbox=mailbox(person.address),
            wording=wording,
            at=now,
            target=target,
        )
        requesting.ask(connection, request)
    return RequestResult.NOTED


def new_id() -> int:
    """Random, so that no link of a deleted request fits another one, not even in a restored
    store."""
    return secrets.randbits(62)
