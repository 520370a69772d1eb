"""What an address got, and why, in a sentence or two."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, assert_never

from sqlalchemy.engine import Row

from newsletter.audience.facts import became, why
from newsletter.audience.known import Known
from newsletter.model.send import Delivery, DeliveryStatus, Reported, SkipReason
from newsletter.model.subscriber import (
    ConsentKind,
    SubscriptionStatus,
)
from newsletter.times import day, time_text

# The statuses of an issue's deliveries, the most telling first.
_TELLING = (
    DeliveryStatus.ACCEPTED,
    DeliveryStatus.UNKNOWN,
    DeliveryStatus.SENDING,
    DeliveryStatus.QUEUED,
    DeliveryStatus.REJECTED,
    DeliveryStatus.SKIPPED,
)


def summary_of(known: Known, now: dt.datetime) -> str:
    """Which mail they get now, and what keeps mail from them."""
    joined = known.person.subscriptions if known.person else ()
    confirmed, pending, unsubscribed = (
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
    if unsubscribed:
        sentences.append(f"Left: {unsubscribed}.")
    return " ".join(sentences)


def _obstacles(known: Known, now: dt.datetime) -> Iterator[str]:
    if (suppression := known.suppression) is not None:
        since = day(suppression.created_at, known.timezone)
        cause = why(suppression.reason, suppression.source)
        yield f"the address is suppressed since {since} ({cause})"
    until = known.person.subscriber.paused_until if known.person else None
    if until is not None and until > now:
        yield f"they paused all mail until {day(until, known.timezone)}"


def of_issue(known: Known, sends: Sequence[Row[Any]]) -> str:
    """Whether an issue reached them, and why or why not, in one sentence."""
    if not sends:
        return "Did not get it: it was not sent to anybody."
    send_ids = {send.send_id for send in sends}
    theirs = [mailing for mailing in known.mailings if mailing[0].send_id in send_ids]
    if theirs:
        decisive = min(theirs, key=lambda mailing: _TELLING.index(mailing[0].status))
        return _of_delivery(*decisive, known.timezone)
    return f"Did not get it: {'; '.join(_absence(known, send) for send in sends)}."


def _of_delivery(delivery: Delivery, send: Row[Any], timezone: str) -> str:
    where = f"send {delivery.send_id} to {send.list_name}"
    at = f" on {time_text(delivery.at, timezone)}" if delivery.at else ""
    match delivery.status:
        case DeliveryStatus.ACCEPTED:
            verb = "Was sent it, but it did not arrive" if _failed(delivery) else "Got it"
            return f"{verb}: {where}, {became(delivery)}{at}."
        case DeliveryStatus.UNKNOWN:
            return f"May have got it, nobody can tell: {where}, {became(delivery)}."
        case DeliveryStatus.QUEUED | DeliveryStatus.SENDING:
            return f"Has not got it yet: {where} is {send.send_status}."
        case DeliveryStatus.REJECTED:
            return f"Did not get it: {where}, {became(delivery)}{at}."
        case DeliveryStatus.SKIPPED:
            why = _SKIPPED.get(delivery.reason or "", "for an unknown reason")
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


def _absence(known: Known, send: Row[Any]) -> str:
    """Why a send has no delivery for them: their standing on its list when it was planned."""
    planned = send.scheduled_at or send.created_at
    where = f"{send.list_name} on {time_text(planned, known.timezone)}"
    if not send.frozen:
        return f"send {send.send_id} has not begun"
    facts = [fact for fact in known.yes_and_no if fact.list == send.list_name]
    before = [fact for fact in facts if fact.consent.at <= planned]
    if not before:
        if not facts:
            return f"they were never on {send.list_name}"
        first = min(fact.consent.at for fact in facts)
        return f"it went to {where}, and they only joined on {time_text(first, known.timezone)}"
    last = before[-1]
    match last.kind:
        case ConsentKind.UNSUBSCRIBED:
            why = f"they had left on {time_text(last.consent.at, known.timezone)}"
        case ConsentKind.REQUESTED:
            why = "they had not said yes yet"
        case _ if send.segment:
            why = f"they were not in the segment {send.segment}"
        case _:
            why = "they were not a confirmed member then"
    return f"it went to {where}, and {why}"
