"""The whole story of one address: what it joined, what it was sent, and why not."""

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, assert_never

from sqlalchemy.engine import Connection, Row

from newsletter.audience.address import parse
from newsletter.audience.joining import mailbox
from newsletter.audience.subscribers import suppression_of
from newsletter.errors import UsageError
from newsletter.model.address import Address
from newsletter.model.event import Cause, EventType
from newsletter.model.send import Delivery, DeliveryStatus, Reported, SkipReason
from newsletter.model.subscriber import (
    ConsentFact,
    ConsentKind,
    RequestState,
    Subscriber,
    Subscription,
    SubscriptionStatus,
    Suppression,
    SuppressionReason,
)
from newsletter.store import Store
from newsletter.store.people import consents, former, history, people, suppressions
from newsletter.store.people.former import FormerAddress
from newsletter.store.people.history import Mailing
from newsletter.store.people.people import Person
from newsletter.store.people.staging import Hashes
from newsletter.times import day, shown

_DELIVERY = re.compile(
    r"(\d{8}-[a-z0-9]{6})-(\d{1,9})(?:\.\d{1,5})?"
)  # X-Newsletter-Ref, or its tag
_ID = re.compile(r"\d{1,18}")
_SAID = {
    ConsentKind.REQUESTED: "asked to join",
    ConsentKind.CONFIRMED: "said yes to",
    ConsentKind.UNSUBSCRIBED: "left",
    ConsentKind.PAUSED: "paused all mail",
    ConsentKind.CONTINUED: "ended the pause",
    ConsentKind.RENAMED: "changed the name",
    ConsentKind.MOVED: "changed the address",
    ConsentKind.ERASED: "was erased",
}
# What is told of a report beside its own words, by its cause.
_CAUSES = {
    Cause.LISTED: "on a list of {reporter}, which did not try; it counts in no rate",
    Cause.DOUBTED: "a guess of {reporter}, which did not try; nothing follows",
    Cause.TIMEOUT: "our own limit of time ran out; nothing follows",
    Cause.UNKNOWN: "a word that is not known here; nothing follows",
}
_NO_NOTES: Mapping[str, str] = {}
# Of several deliveries of an issue the first of these tells most.
_TELLING = (
    DeliveryStatus.ACCEPTED,
    DeliveryStatus.UNKNOWN,
    DeliveryStatus.SENDING,
    DeliveryStatus.QUEUED,
    DeliveryStatus.REJECTED,
    DeliveryStatus.SKIPPED,
)


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that happened; `kind` is consent, former_address, suppression, request, test,
    delivery or event.

    `details` are what programs want of it, by kind: see docs/commands.md.
    """

    at: dt.datetime
    kind: str
    text: str
    details: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Explanation:
    """`address` is None for somebody who was erased; `facts` are in the order of time."""

    address: str | None
    summary: str
    subscriptions: tuple[Subscription, ...] = ()
    suppression: Suppression | None = None
    facts: tuple[Fact, ...] = ()


def explain(
    store: Store,
    who: str,
    hashes: Hashes,
    now: dt.datetime,
    slug: str | None = None,
    timezone: str = "UTC",
    notes: Mapping[str, str] = _NO_NOTES,
) -> Explanation:
    """All that is known of an address, of a subscriber's id, or of whom a delivery's id names.

    With a `slug` the summary says whether that issue reached them, and why or why not; it shows
    times in `timezone`. `notes` say what some words of the source of events mean. Raises UsageError
    for what is no address, and where nothing is known.
    """
    with store.read() as connection:
        subscriber_id, address, asked = _meant(connection, who)
        if address is None:
            assert subscriber_id is not None
            return _erased_subscriber(connection, subscriber_id, timezone)
        suppression = suppression_of(connection, address, hashes)
        person = people.person(connection, address)
        if suppression is not None and suppression.reason is SuppressionReason.ERASED:
            return _erased(suppression.created_at, timezone)
        known = _Known(
            address,
            person,
            suppression,
            consents.of(connection, person.subscriber.id) if person else (),
            history.deliveries_of(connection, person.subscriber.id) if person else (),
            former.of(connection, person.subscriber.id) if person else (),
            timezone,
            notes,
        )
        facts = sorted(_facts(connection, known), key=lambda fact: fact.at)
        if person is None and suppression is None and not facts:
            raise UsageError(
                "nothing is known of this address",
                hint="Names are told apart by the whole address: newsletter subscribers list "
                "shows all.",
            )
        if slug is None:
            summary = _summary(known, now)
        else:
            summary = _of_issue(known, history.sends_of(connection, slug))
        if asked is not None and asked.key != address.key:
            summary = f"{asked.text} is a former address of {address.text}. {summary}"
    return Explanation(
        address.text, summary, person.subscriptions if person else (), suppression, tuple(facts)
    )


@dataclass(frozen=True, slots=True)
class _Known:
    """What summaries are made of; `person` is None for an address that never joined."""

    address: Address
    person: Person | None
    suppression: Suppression | None
    said: Sequence[ConsentFact]
    mailings: Sequence[Mailing]
    before: Sequence[FormerAddress]
    timezone: str
    notes: Mapping[str, str]

    @property
    def yes_and_no(self) -> Iterator[ConsentFact]:
        """What they said of lists; imports keep theirs with the subscription alone."""
        told = {fact.list for fact in self.said}
        for joined in self.person.subscriptions if self.person else ():
            if joined.list not in told:
                pending = joined.status is SubscriptionStatus.PENDING
                kind = ConsentKind.REQUESTED if pending else ConsentKind.CONFIRMED
                yield ConsentFact(kind, joined.list, joined.consent)
        yield from self.said


def _meant(connection: Connection, who: str) -> tuple[int | None, Address | None, Address | None]:
    """The subscriber's id, if there is one, the address that they have, None for who was erased,
    and the address that was asked for, if it was one: it may be one from before they moved."""
    text = who.strip()
    if match := _DELIVERY.fullmatch(text):
        subscriber_id = history.subscriber_of_delivery(connection, match[1], int(match[2]))
        if subscriber_id is None:
            raise UsageError(f"there is no delivery {text!r}", hint="See: newsletter sends")
    elif _ID.fullmatch(text):
        subscriber_id = int(text)
    else:
        asked = parse(text)
        found = people.find(connection, asked) or _moved_from(connection, asked)
        return (None, asked, asked) if found is None else (found.id, found.address, asked)
    found = people.get(connection, subscriber_id)
    return subscriber_id, None if found is None else found.address, None


def _moved_from(connection: Connection, address: Address) -> Subscriber | None:
    holder = former.holder_of(connection, address.key)
    return None if holder is None else people.get(connection, holder)


def _erased_subscriber(connection: Connection, subscriber_id: int, timezone: str) -> Explanation:
    for fact in consents.of(connection, subscriber_id):
        if fact.kind is ConsentKind.ERASED:
            return _erased(fact.consent.at, timezone)
    raise UsageError(
        f"there is no subscriber {subscriber_id}", hint="See: newsletter subscribers list"
    )


def _erased(at: dt.datetime, timezone: str) -> Explanation:
    """Of an erased person nothing is told but that, and when."""
    summary = (
        f"This person was erased on {day(at, timezone)}, at their own wish. Nothing else is kept."
    )
    return Explanation(None, summary, facts=(Fact(at, "consent", "was erased"),))


# --- facts ----------------------------------------------------------------------------------------


def _facts(connection: Connection, known: _Known) -> Iterator[Fact]:
    subscriber_id = known.person.subscriber.id if known.person else None
    yield from map(_consent, known.yes_and_no)
    for each in known.before:
        if each.address is not None:
            text = f"moved away from {each.address.text}"
            yield Fact(each.at, "former_address", text, {"address": each.address.text})
            if people.find(connection, each.address) is None:
                yield from _of_address(connection, each.address, None)
    yield from _of_address(connection, known.address, subscriber_id)
    yield from map(_delivery, known.mailings)
    if subscriber_id is not None:
        for row in history.events_of(connection, subscriber_id):
            yield _event(row, known.notes)


def _of_address(
    connection: Connection, address: Address, subscriber_id: int | None
) -> Iterator[Fact]:
    """Suppressions, requests and tests of an address, and the requests of its subscriber."""
    key = address.key
    for change in suppressions.history(connection, key):
        done = "never mailed from here on" if change.added else "may be mailed again"
        text = f"{done}: {_why(change.reason, change.source)}"
        yield Fact(
            change.at,
            "suppression",
            text,
            {
                "action": "added" if change.added else "removed",
                "reason": change.reason,
                "source": change.source,
            },
        )
    for request in history.requests_of(connection, key, mailbox(address), subscriber_id):
        yield _request(request)
    for at, slug in history.tests_of(connection, key):
        yield Fact(at, "test", f"a test mail of {slug}", {"slug": slug})


def _consent(fact: ConsentFact) -> Fact:
    said = fact.consent
    what = " ".join(part for part in (_SAID[fact.kind], fact.list) if part)
    text = f"{what} ({', '.join(part for part in (said.how, said.source) if part)})"
    if fact.issue:
        text += f", by the link of {fact.issue} (send {fact.send_id})"
    if fact.detail:
        text += f": {fact.detail}"
    details = {
        "said": fact.kind.value,
        "list": fact.list,
        "how": said.how,
        "source": said.source,
        "wording": said.wording,
        "ip": said.ip,
        "detail": fact.detail,
        "issue": fact.issue or None,
        "send_id": fact.send_id or None,
    }
    return Fact(said.at, "consent", text, details)


def _request(row: Row[Any]) -> Fact:
    what = f"to join {row.list_name}" if row.kind == "join" else f"to move to {row.address}"
    reason = row.reason
    if row.welcome:
        due = "due" if row.welcome == RequestState.WAITING else row.welcome
        reason = f"welcome {due}" + (f": {reason}" if reason else "")
    text = f"somebody asked on a page {what} ({row.state}{', ' if reason else ''}{reason})"
    details = {"list": row.list_name, "state": row.state, "reason": reason, "ip": row.ip}
    return Fact(row.at, "request", text, details)


def _delivery(mailing: Mailing) -> Fact:
    delivery, send = mailing
    text = f"{send.slug} to {send.list_name}: {_became(delivery)}"
    details = {
        "slug": send.slug,
        "list": send.list_name,
        "send_id": delivery.send_id,
        "delivery": delivery.id,
        "status": delivery.status.value,
        "reason": delivery.reason,
        "message_id": delivery.message_id,
        "reported": delivery.reported.value if delivery.reported else None,
    }
    return Fact(delivery.at or send.created_at, "delivery", text, details)


def _event(row: Row[Any], notes: Mapping[str, str]) -> Fact:
    kind = row.word if row.type == EventType.OTHER else row.type
    text = f"{row.reporter} reported {kind}" + (f": {row.detail}" if row.detail else "")
    if note := notes.get(row.word) or _CAUSES.get(row.cause, "").format(reporter=row.reporter):
        text += f" ({note})"
    details = {
        "type": row.type,
        "detail": row.detail,
        "cause": row.cause,
        "word": row.word or None,
        "delivery": f"{row.send_id}-{row.number}",
    }
    return Fact(row.at, "event", text, details)


def _became(delivery: Delivery) -> str:
    """What became of a delivery, in a few words."""
    reason = f": {delivery.reason}" if delivery.reason else ""
    match delivery.status:
        case DeliveryStatus.ACCEPTED:
            later = f", then reported as {delivery.reported}" if delivery.reported else ""
            return f"accepted as {delivery.message_id}{later}"
        case DeliveryStatus.UNKNOWN:
            return f"unknown, it may have been sent{reason}"
        case DeliveryStatus.QUEUED | DeliveryStatus.SENDING:
            return f"{delivery.status}, not sent yet"
        case DeliveryStatus.REJECTED | DeliveryStatus.SKIPPED:
            return f"{delivery.status}{reason}"
        case _:
            assert_never(delivery.status)


def _why(reason: SuppressionReason, source: str) -> str:
    return f"{reason}, by {source}" if source else str(reason)


# --- summaries ------------------------------------------------------------------------------------


def _summary(known: _Known, now: dt.datetime) -> str:
    """What they get now, and what keeps mail from them."""
    joined = known.person.subscriptions if known.person else ()
    confirmed, pending, left = (
        ", ".join(each.list for each in joined if each.status is status)
        for status in (
            SubscriptionStatus.CONFIRMED,
            SubscriptionStatus.PENDING,
            SubscriptionStatus.UNSUBSCRIBED,
        )
    )
    obstacles = list(_obstacles(known, now))
    if obstacles:
        sentences = [f"Is not mailed, because {' and '.join(obstacles)}."]
        if confirmed:
            sentences.append(f"Would get mail from: {confirmed}.")
    elif confirmed:
        sentences = [f"Gets mail from: {confirmed}."]
    else:
        sentences = ["Gets no mail: confirmed on no list."]
    if pending:
        sentences.append(f"Has still to say yes to: {pending}.")
    if left:
        sentences.append(f"Left: {left}.")
    return " ".join(sentences)


def _obstacles(known: _Known, now: dt.datetime) -> Iterator[str]:
    if (found := known.suppression) is not None:
        since = day(found.created_at, known.timezone)
        yield f"the address is suppressed since {since} ({_why(found.reason, found.source)})"
    until = known.person.subscriber.paused_until if known.person else None
    if until is not None and until > now:
        yield f"they paused all mail until {day(until, known.timezone)}"


def _of_issue(known: _Known, sends: Sequence[Row[Any]]) -> str:
    """Whether an issue reached them, and why or why not, in one sentence."""
    if not sends:
        return "Did not get it: it was not sent to anybody."
    send_ids = {send.send_id for send in sends}
    theirs = [mailing for mailing in known.mailings if mailing[0].send_id in send_ids]
    if theirs:
        told = min(theirs, key=lambda mailing: _TELLING.index(mailing[0].status))
        return _of_delivery(*told, known.timezone)
    return f"Did not get it: {'; '.join(_absence(known, send) for send in sends)}."


def _of_delivery(delivery: Delivery, send: Row[Any], timezone: str) -> str:
    where = f"send {delivery.send_id} to {send.list_name}"
    at = f" on {shown(delivery.at, timezone)}" if delivery.at else ""
    match delivery.status:
        case DeliveryStatus.ACCEPTED:
            verb = "Was sent it, but it did not arrive" if _failed(delivery) else "Got it"
            return f"{verb}: {where}, {_became(delivery)}{at}."
        case DeliveryStatus.UNKNOWN:
            return f"May have got it, nobody can tell: {where}, {_became(delivery)}."
        case DeliveryStatus.QUEUED | DeliveryStatus.SENDING:
            return f"Has not got it yet: {where} is {send.send_status}."
        case DeliveryStatus.REJECTED:
            return f"Did not get it: {where}, {_became(delivery)}{at}."
        case DeliveryStatus.SKIPPED:
            why = _SKIPPED.get(delivery.reason or "", "of an unknown reason")
            return f"Did not get it: {where} skipped them{at}, because {why}."
        case _:
            assert_never(delivery.status)


def _failed(delivery: Delivery) -> bool:
    return delivery.reported in (
        Reported.BOUNCED,
        Reported.REJECTED,
        Reported.RENDERING_FAILED,
    )


_SKIPPED: Mapping[str, str] = {
    SkipReason.SUPPRESSED: "the address was suppressed",
    SkipReason.UNSUBSCRIBED: "they had left the list",
    SkipReason.ALREADY_RECEIVED: "they had it through another send",
    SkipReason.CANCELLED: "the send was cancelled before their turn",
    SkipReason.ERASED: "they were erased",
    SkipReason.PAUSED: "they had paused all mail",
}


def _absence(known: _Known, send: Row[Any]) -> str:
    """Why a send has no delivery for them: how they stood on its list when it was planned."""
    planned = send.scheduled_at or send.created_at
    where = f"{send.list_name} on {shown(planned, known.timezone)}"
    if not send.frozen:
        return f"send {send.send_id} has not begun"
    facts = [fact for fact in known.yes_and_no if fact.list == send.list_name]
    before = [fact for fact in facts if fact.consent.at <= planned]
    if not before:
        if not facts:
            return f"they were never on {send.list_name}"
        first = min(fact.consent.at for fact in facts)
        return f"it went to {where}, and they joined only on {shown(first, known.timezone)}"
    last = before[-1]
    match last.kind:
        case ConsentKind.UNSUBSCRIBED:
            why = f"they had left on {shown(last.consent.at, known.timezone)}"
        case ConsentKind.REQUESTED:
            why = "they had not said yes yet"
        case _ if send.segment:
            why = f"they were not in the segment {send.segment}"
        case _:
            why = "they were no confirmed member then"
    return f"it went to {where}, and {why}"
