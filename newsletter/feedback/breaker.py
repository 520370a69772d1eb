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
    connection: Connection, told: Collection[tuple[Event, DeliveryState]], policy: PolicySettings
) -> None:
    """Pause the running sends of which events tell too much that is bad."""
    for number in sorted({delivery.send for event, delivery in told if event.cause in _JUDGED}):
        send = sends.record(connection, number, lock=True)
        if send.status is not SendStatus.SENDING:
            continue
        reason = _found(connection, send, None, policy)
        if not reason and send.breaker_from is not None:
            since = _found(connection, send, send.breaker_from, policy)
            reason = since and f"since it was resumed, {since}"
        if reason:
            transitions.pause(connection, send, reason, StoppedBy.BREAKER)


def _found(
    connection: Connection, send: SendRecord, since: dt.datetime | None, policy: PolicySettings
) -> str | None:
    """Why to pause a send for what is reported of the mails that were accepted after `since`.

    What came before `breaker_from` does not count: a person has seen it and gone on. Accepted mails
    are counted no further than decides: all of a large send are a long way for each few events.
    """
    causes = log.caused(connection, send.number, send.breaker_from, since)
    most = most_accepted(causes, policy)
    if not most:
        return None
    return reason_to_pause(causes, balance.accepted(connection, send, since, most + 1), policy)


def reason_to_pause(
    causes: Mapping[Cause, int], accepted: int, policy: PolicySettings
) -> str | None:
    """What is too much, in numbers; None where nothing is. What was not tried is not counted."""
    complaints, bounces = causes.get(Cause.COMPLAINT, 0), causes.get(Cause.HARD, 0)
    if complaints >= LEAST_COMPLAINTS and complaints >= policy.complaint_pause * accepted:
        return _said("complaints", complaints, accepted, policy.complaint_pause)
    if accepted >= LEAST_ACCEPTED and bounces >= policy.bounce_pause * accepted:
        return _said("hard bounces", bounces, accepted, policy.bounce_pause)
    return None


def most_accepted(causes: Mapping[Cause, int], policy: PolicySettings) -> int:
    """Of more accepted mails than this it is not too much; 0 where it is never too much."""
    complaints, bounces = causes.get(Cause.COMPLAINT, 0), causes.get(Cause.HARD, 0)
    of_complaints = complaints / policy.complaint_pause if complaints >= LEAST_COMPLAINTS else 0
    of_bounces = bounces / policy.bounce_pause
    return math.ceil(max(of_complaints, of_bounces if of_bounces >= LEAST_ACCEPTED else 0))


def _said(what: str, count: int, accepted: int, limit: float) -> str:
    share = f"{count / accepted:.2%}" if accepted else "all"
    return f"{count:,} {what} of {accepted:,} accepted: {share}, where {limit:.2%} is the limit"
