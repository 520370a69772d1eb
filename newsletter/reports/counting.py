"""A report from the store.

It locks nothing, works while the send runs, and keeps no list of people: what it holds grows with
the number of domains, not with that of readers.
"""

import datetime as dt
import threading
from collections import Counter
from collections.abc import Collection, Sequence

from sqlalchemy.engine import Connection

from newsletter.config import Settings
from newsletter.model.event import Agent, Cause, EventType
from newsletter.model.send import DeliveryStatus, Send, SendStatus
from newsletter.reports import recipients, timelines
from newsletter.reports.figures import (
    Compared,
    LinkClicks,
    ReportedCause,
    SendReport,
    Tracked,
)
from newsletter.store import Store
from newsletter.store.ledger import reporting, sends
from newsletter.store.ledger.reporting import ReportMail
from newsletter.store.reported import counted, events
from newsletter.store.reported.counted import Caused, Followed
from newsletter.times import time_text
from newsletter.transports import kind_of

COMPARED = 5  # earlier sends, where nobody says how many
_MOST_LINKS = 50
_OTHER_LINKS = "all other links"


def count(
    store: Store,
    settings: Settings,
    send_id: str,
    now: dt.datetime,
    *,
    compared: int = 0,
    stop: threading.Event | None = None,
) -> SendReport:
    """The report on a send that is there, beside so many earlier sends to its audience. Raises
    Interrupted where it is asked to stop."""
    with store.read() as connection:
        number = sends.number_of(connection, send_id)
    people = recipients.count(store, number, stop)
    with store.read() as connection:
        send = sends.get(connection, number)
        claims = reporting.claims(connection, number)
        caused = counted.caused(connection, number)
        people.add_causes(caused)
        arrived = timelines.Arrived(send.reports.delivered)
        if send.reports.delivered or send.reports.complained:
            arrived.look(connection, number, send.counts.recipients)
        began_at = claims.first
        tracks_opens, tracks_clicks = reporting.tracking(connection, number)
        clicked = counted.clicked(connection, number) if tracks_clicks else ()
        causes = events.caused(connection, number, None)
        return SendReport(
            newsletter=settings.newsletter.name,
            timezone=settings.newsletter.timezone,
            send=send,
            at=now,
            began_at=began_at,
            last_at=claims.last,
            delayed=people.delayed,
            hard=causes.get(Cause.HARD, 0),
            soft=causes.get(Cause.SOFT, 0),
            rejected=people.reasons(DeliveryStatus.REJECTED),
            skipped=people.reasons(DeliveryStatus.SKIPPED),
            bounces=_causes(caused, EventType.BOUNCE),
            complaints=_causes(caused, EventType.COMPLAINT),
            providers=people.providers(),
            sending=timelines.sending(connection, number, claims, arrived),
            after=timelines.after(connection, number, began_at, now, arrived) if began_at else None,
            speed=arrived.speed,
            opens=_tracked(counted.opened(connection, number)) if tracks_opens else None,
            clicks=_tracked([c for c in clicked if c.link is None]) if tracks_clicks else None,
            links=_links([c for c in clicked if c.link is not None]),
            compared=_compared(connection, number, compared),
            notes=(
                *_notes(settings, send, is_estimate=arrived.is_estimate),
                *_mail_notes(reporting.mail_of(connection, number), now, settings),
            ),
        )


def _causes(caused: Collection[Caused], kind: EventType) -> tuple[ReportedCause, ...]:
    amounts: Counter[tuple[Cause, str]] = Counter()
    for some in caused:
        if some.type is kind:
            amounts[some.cause, some.word] += some.amount
    return tuple(ReportedCause(*what, amount) for what, amount in amounts.most_common())


def _tracked(some: Collection[Followed]) -> Tracked:
    """What several followed, of one link or of all of them together."""
    people = {agent: sum(f.recipients for f in some if f.agent is agent) for agent in Agent}
    times = {agent: sum(f.times for f in some if f.agent is agent) for agent in Agent}
    return Tracked(
        human=people[Agent.HUMAN],
        machine=people[Agent.MACHINE],
        unknown=people[Agent.UNKNOWN],
        human_times=times[Agent.HUMAN],
        machine_times=times[Agent.MACHINE],
        unknown_times=times[Agent.UNKNOWN],
    )


def _links(clicked: Sequence[Followed]) -> tuple[LinkClicks, ...]:
    """The links that most people followed, machines last; all further ones as one."""
    by_link: dict[str, list[Followed]] = {}
    for one in clicked:
        by_link.setdefault(str(one.link), []).append(one)
    links = [LinkClicks(link, _tracked(some)) for link, some in by_link.items()]
    links.sort(key=lambda one: (one.clicks.human, one.clicks.unknown, one.clicks.machine))
    links.reverse()
    if rest := links[_MOST_LINKS:]:
        others = [one for row in rest for one in by_link[row.link]]
        links[_MOST_LINKS:] = [LinkClicks(_OTHER_LINKS, _tracked(others))]
    return tuple(links)


def _compared(connection: Connection, number: int, amount: int) -> tuple[Compared, ...]:
    earlier = reporting.before(connection, number, amount) if amount else ()
    return tuple(_beside(connection, each) for each in (*reversed(earlier), number) if amount)


def _beside(connection: Connection, number: int) -> Compared:
    send = sends.get(connection, number)
    hard = events.caused(connection, number, None).get(Cause.HARD, 0)
    return Compared(
        send_id=send.id,
        slug=send.slug,
        at=send.scheduled_at or send.created_at,
        recipients=send.counts.recipients,
        accepted=send.counts.accepted,
        delivered=send.reports.delivered,
        bounced=send.reports.bounced,
        hard=hard,
        complained=send.reports.complained,
        unsubscribed=send.unsubscribed,
    )


def _notes(settings: Settings, send: Send, *, is_estimate: bool) -> Sequence[str]:
    notes = []
    reported = send.reports.delivered + send.reports.bounced + send.reports.complained
    match send.status:
        case SendStatus.SCHEDULED:
            notes.append("Nothing was sent yet: it waits for its time.")
        case SendStatus.SENDING | SendStatus.PAUSED:
            notes.append("It is not over: these figures change, even while they are counted.")
        case SendStatus.UNRESOLVED:
            notes.append(
                "Of some mails nobody knows whether they were sent. Decide with: "
                f"newsletter resolve {send.id} --unknown resend|accept|reject"
            )
        case SendStatus.CANCELLED:
            notes.append("It was cancelled: who had not been mailed by then was skipped.")
        case SendStatus.FINISHED:
            pass
    kind = kind_of(settings.transport)
    if send.counts.accepted and not reported:
        notes.append(
            "Nothing was reported about its mails so far."
            if kind.reports
            else f"Nothing was reported about its mails: {kind.service} reports nothing."
        )
    if is_estimate:
        notes.append(
            f"When mails arrived is estimated from {timelines.SAMPLE:,} of them, spread evenly."
        )
    if send.archived_at is not None:
        notes.append("It is archived: why mails were rejected is in its archive, not here.")
    return notes


def _mail_notes(mail: ReportMail | None, now: dt.datetime, settings: Settings) -> Sequence[str]:
    """What to know of the mails of this report, where somebody may not have got one."""
    if mail is None or not mail.is_doubtful(now):
        return ()
    if mail.missed:
        who = f"{mail.missed} of those who should get it"
        return (f"This report was not mailed to {who}, as far as anybody knows.",)
    at = time_text(mail.taken_at, settings.newsletter.timezone)
    who = f"whoever took it in hand at {at} noted no end of it"
    return (f"Nobody knows whether this report was mailed: {who}.",)
