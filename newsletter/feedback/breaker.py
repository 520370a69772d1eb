"""The breaker: complaints or hard bounces over the policy pause the send that they are about."""

import datetime as dt
import math
from collections.abc import Collection, Mapping

from sqlalchemy.engine import Connection

from newsletter.config import LEAST_COMPLAINTS, PolicySettings
from newsletter.model.event import Cause, Event
from newsletter.model.record import SendRecord
from newsletter.model.send import SendStatus, StoppedBy
from newsletter.store.ledger import balance, sends, transitions
from newsletter.store.reported import events as log
from newsletter.store.reported.settling import DeliveryState

LEAST_ACCEPTED = 200  # before bounces are judged by their share
_JUDGED = (Cause.HARD, Cause.COMPLAINT)


def check(
    connection: Connection, reports: Collection[tuple[Event, DeliveryState]], policy: PolicySettings
) -> None:
    """Pause the running sends with too many bad reports."""
    for number in sorted({delivery.send for event, delivery in reports if event.cause in _JUDGED}):
        send = sends.record(connection, number, lock=True)
        if send.status is not SendStatus.SENDING:
            continue
        reason = _reason(connection, send, None, policy)
        if not reason and send.breaker_from is not None:
            since = _reason(connection, send, send.breaker_from, policy)
            reason = since and f"since it was resumed, {since}"
        if reason:
            transitions.pause(connection, send, reason, StoppedBy.BREAKER)


def _reason(
    connection: Connection, send: SendRecord, since: dt.datetime | None, policy: PolicySettings
) -> str | None:
    """Why to pause a send because of reports on the mails that were accepted after `since`.

    What came before `breaker_from` does not count: a person has seen it and gone on. Accepted mails
    are counted only as far as the decision needs: counting all of a large send for every few events
    would take long.
    """
    causes = log.caused(connection, send.number, send.breaker_from, since)
    most = most_accepted(causes, policy)
    if not most:
        return None
    return reason_to_pause(causes, balance.accepted(connection, send, since, most + 1), policy)


def reason_to_pause(
    causes: Mapping[Cause, int], accepted: int, policy: PolicySettings
) -> str | None:
    """What is too much, in numbers; None where nothing is. Mails that were not tried do not
    count."""
    complaints, bounces = causes.get(Cause.COMPLAINT, 0), causes.get(Cause.HARD, 0)
    if complaints >= LEAST_COMPLAINTS and complaints >= policy.complaint_pause * accepted:
        return _in_numbers("complaints", complaints, accepted, policy.complaint_pause)
    if accepted >= LEAST_ACCEPTED and bounces >= policy.bounce_pause * accepted:
        return _in_numbers("hard bounces", bounces, accepted, policy.bounce_pause)
    return None


def most_accepted(causes: Mapping[Cause, int], policy: PolicySettings) -> int:
    """With more accepted mails than this the reports are not too many; 0 where they never are."""
    complaints, bounces = causes.get(Cause.COMPLAINT, 0), causes.get(Cause.HARD, 0)
    of_complaints = complaints / policy.complaint_pause if complaints >= LEAST_COMPLAINTS else 0
    of_bounces = bounces / policy.bounce_pause
    return math.ceil(max(of_complaints, of_bounces if of_bounces >= LEAST_ACCEPTED else 0))


def _in_numbers(kind: str, count: int, accepted: int, limit: float) -> str:
    share = f"{count / accepted:.2%}" if accepted else "all"
    return f"{count:,} {kind} of {accepted:,} accepted: {share}, where {limit:.2%} is the limit"
