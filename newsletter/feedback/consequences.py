"""What bounces and complaints mean for readers: who is suppressed, and by which event.

A suppression that events caused is a pure function of all events about a person, so neither their
order nor their repetition matters, and a late event takes back what it disproves. What a person or
a provider's own list decided is never touched.
"""

import datetime as dt
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from newsletter.config import PolicySettings
from newsletter.model.audit import Deed, DeedKind
from newsletter.model.event import Cause, Event, EventType
from newsletter.model.subscriber import ConsentHow, ConsentKind, SuppressionReason
from newsletter.store import Store, audit, locks
from newsletter.store.ledger import sends
from newsletter.store.people import consents, former, people, suppressing, suppressions
from newsletter.store.reported import events as log
from newsletter.store.reported.events import LoggedEvent
from newsletter.store.reported.settling import DeliveryState

_log = logging.getLogger(__name__)

_TOLD = (EventType.BOUNCE, EventType.COMPLAINT, EventType.DELIVERY)


@dataclass(frozen=True, slots=True)
class SuppressionDecision:
    """Why an address is to be suppressed, and by which event of the log."""

    reason: SuppressionReason
    source: str
    event_id: int


def obey(
    connection: Connection,
    reports_of_events: Collection[tuple[Event, DeliveryState]],
    now: dt.datetime,
    policy: PolicySettings,
) -> None:
    """Suppress, or allow again, the readers whom events are about, by all that is known about
    them."""
    readers = {
        delivery.subscriber_id for event, delivery in reports_of_events if event.type in _TOLD
    }
    affected = log.with_causes(connection, readers) if readers else ()
    keys = people.address_keys(connection, affected) if affected else {}
    if not keys:
        return
    reports = log.reports_of(connection, keys)
    confirmed = consents.last_said(connection, keys, ConsentKind.CONFIRMED, how=ConsentHow.FORM)
    moved = consents.last_said(connection, keys, ConsentKind.MOVED)
    mailed = {
        key: (mailed_to(reports[reader], moved.get(reader)), confirmed.get(reader))
        for reader, key in keys.items()
    }
    for reader, addresses in former.left_behind(connection, keys).items():
        mailed |= {
            key: (own, None) for key, own in mailed_before(reports[reader], addresses).items()
        }
    removed = suppressions.last_removed(connection, mailed)
    standing = suppressions.standing(connection, mailed)
    for key, (own, shown_good) in sorted(mailed.items()):
        since = max(filter(None, (removed.get(key), shown_good)), default=None)
        decision = decide(own, since, policy.soft_bounce_limit)
        suppression, caused_by = standing.get(key, (None, None))
        if suppression is not None:
            if caused_by is None:  # somebody decided it
                if decision is not None:
                    suppressing.keep(connection, [key])
                continue
            if decision and (decision.reason, decision.event_id) == (suppression.reason, caused_by):
                continue
            source = (
                "a later event disproved it" if decision is None else "another event weighs more"
            )
            suppressing.disprove(connection, key, source, now, caused_by)
            _log.info("allow", {"event_id": caused_by})
        if decision is not None:
            _log.info("suppress", {"event_id": decision.event_id, "reason": decision.reason})
            suppressing.add(
                connection, key, decision.reason, decision.source, now, event_id=decision.event_id
            )


def undo_bounces(store: Store, send_id: str, now: dt.datetime, who: str = "") -> int:
    """Allow all addresses again that bounces of one send suppressed; returns how many.

    For the day on which a provider refuses everybody by mistake. Complaints stay: people made them.
    """
    with store.write() as connection:
        locks.events(connection)
        number, source = sends.number_of(connection, send_id), "suppressions remove --send"
        amount = suppressing.allow_bounced(connection, number, f"newsletter {source}", now)
        detail = f"{amount} addresses that bounced"
        audit.append(connection, Deed(now, who, DeedKind.ALLOW, send_id, detail))
    return amount


def mailed_to(
    reports: Sequence[LoggedEvent], moved_at: dt.datetime | None
) -> Sequence[LoggedEvent]:
    """The reports about mail to the address that a person has now.

    Reports about the former one, however late, say nothing about this one.
    """
    return [report for report in reports if moved_at is None or report.sent_at > moved_at]


def mailed_before(
    reports: Sequence[LoggedEvent], addresses: Sequence[tuple[str, dt.datetime]]
) -> dict[str, Sequence[LoggedEvent]]:
    """The reports about mail to each former address of a person, by its key; `addresses` are in the
    order of time, each with the time of the move."""
    own: dict[str, Sequence[LoggedEvent]] = {}
    since: dt.datetime | None = None
    for key, until in addresses:
        own[key] = [
            report
            for report in reports
            if report.sent_at <= until and (since is None or report.sent_at > since)
        ]
        since = until
    return own


def decide(
    reports: Collection[LoggedEvent], since: dt.datetime | None, soft_bounce_limit: int
) -> SuppressionDecision | None:
    """What the reports about one person add up to; the order in which they are given is nothing.

    Those from `since` and before do not count: a person has allowed the address again then, or
    its owner has shown that mail arrives. A complaint weighs more than a hard bounce, and that
    more than soft ones in a row; of equals the earliest counts.
    """
    counted = sorted(
        (report for report in reports if since is None or report.at > since),
        key=lambda report: (report.at, report.key),
    )
    for reason, kinds in _AT_ONCE:
        for report in counted:
            if report.cause in (Cause.HARD, Cause.COMPLAINT, Cause.LISTED) and report.type is kinds:
                return SuppressionDecision(reason, _named(report), report.id)
    return _soft(counted, soft_bounce_limit)


_AT_ONCE = (
    (SuppressionReason.COMPLAINT, EventType.COMPLAINT),
    (SuppressionReason.HARD_BOUNCE, EventType.BOUNCE),
)


def _soft(counted: Sequence[LoggedEvent], limit: int) -> SuppressionDecision | None:
    """The soft bounce that is one too many in a row.

    A delivery ends a row, but not that of a mail that bounced after all: some servers take a mail
    first and send it back later.
    """
    bounced = {_mail(report) for report in counted if report.cause is Cause.SOFT}
    in_a_row = 0
    for report in counted:
        if report.cause is Cause.SOFT:
            in_a_row += 1
        elif report.type is EventType.DELIVERY and _mail(report) not in bounced:
            in_a_row = 0
        if in_a_row == limit:
            source = f"{limit} soft bounces in a row, the last: {_named(report)}"
            return SuppressionDecision(SuppressionReason.SOFT_BOUNCE, source, report.id)
    return None


def _mail(report: LoggedEvent) -> tuple[str, int]:
    return report.send_id, report.number


def _named(report: LoggedEvent) -> str:
    return f"{report.type} {report.detail}".strip() + f", send {report.send_id}"
