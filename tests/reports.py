"""A report to show, without a store."""

import datetime as dt
import math
from typing import Any

from newsletter.model.event import Cause
from newsletter.model.send import Counts, Reports, Send, SendStatus
from newsletter.reports.figures import (
    Compared,
    LinkClicks,
    Provider,
    Reason,
    ReportedCause,
    SendReport,
    Speed,
    TimeLine,
    TimeStep,
    Tracked,
)

AT = dt.datetime(2026, 1, 7, 7, 30, tzinfo=dt.UTC)
_HOUR = dt.timedelta(hours=1)
_MINUTE = dt.timedelta(minutes=1)


def a_send(**changes: Any) -> Send:
    values: dict[str, Any] = {
        "id": "20260107-k3x9p2",
        "slug": "2026-01-07-valley",
        "list": "readers",
        "segment": None,
        "status": SendStatus.FINISHED,
        "subject": "Looms that count threads came to the valley",
        "sender": "Daily <daily@news.example.com>",
        "content_hash": "h",
        "git_commit": None,
        "again": None,
        "rate": None,
        "created_at": AT,
        "scheduled_at": None,
        "finished_at": AT + 12 * _MINUTE,
        "stopped_by": None,
        "pause_reason": None,
        "resume_at": None,
        "counts": Counts(accepted=39_931, rejected=14, skipped=52, unknown=3),
        "reports": Reports(delivered=38_805, bounced=773, complained=6),
        "unsubscribed": 67,
        "rests_since": None,
        "tenures": (),
    }
    return Send(**{**values, **changes})


def a_report(**changes: Any) -> SendReport:
    """A report in which everything happened."""
    values: dict[str, Any] = {
        "newsletter": "AI Daily",
        "timezone": "Europe/Berlin",
        "send": a_send(),
        "at": AT + 25 * _HOUR,
        "began_at": AT,
        "last_at": AT + 12 * _MINUTE,
        "delayed": 159,
        "hard": 508,
        "soft": 195,
        "rejected": (Reason("550 5.1.1 the address is not valid", 14),),
        "skipped": (Reason("suppressed", 30), Reason("unsubscribed", 22)),
        "bounces": (
            ReportedCause(Cause.HARD, "Bounce/Permanent/NoEmail", 508),
            ReportedCause(Cause.SOFT, "Bounce/Transient/MailboxFull", 195),
            ReportedCause(Cause.LISTED, "Bounce/Permanent/OnAccountSuppressionList", 59),
            ReportedCause(Cause.UNKNOWN, "Bounce/Permanent/Odd", 11),
        ),
        "complaints": (ReportedCause(Cause.COMPLAINT, "Complaint/abuse", 6),),
        "providers": (
            Provider("Gmail", 16_686, 16_660, 16_308, 75, 200, 138, 2, 1),
            Provider("Microsoft", 6_484, 6_471, 6_358, 18, 64, 42, 1, 0),
            Provider("QQ", 1_926, 1_925, 1_826, 3, 85, 55, 1, 0),
            Provider("uni-berlin.de", 742, 742, 728, 2, 7, 2, 0, 0),
            Provider("other domains", 14_162, 14_133, 13_585, 61, 417, 271, 2, 2),
        ),
        "sending": TimeLine(_MINUTE, tuple(_sent(minute) for minute in range(13))),
        "after": TimeLine(_HOUR, tuple(_after(hour) for hour in range(26)), later=4),
        "speed": Speed(3.2, 27),
        "opens": Tracked(6_803, 3_381, 3_366, 9_001, 3_500, 3_400),
        "clicks": Tracked(2_056, 675, 12, 2_400, 800, 12),
        "links": (
            LinkClicks("https://example.com/looms", Tracked(1_323, 425, 12, 1_500, 500, 12)),
            LinkClicks("{{unsubscribe_url}}", Tracked(234, 250, 0, 240, 300, 0)),
        ),
        "compared": tuple(_compared(day) for day in range(2, 8)),
        "notes": ("When mails arrived is estimated from 10,000 of them, spread evenly.",),
    }
    return SendReport(**{**values, **changes})


def _sent(minute: int) -> TimeStep:
    amount = 1_200 if 4 < minute < 8 else 3_633
    return TimeStep(AT + minute * _MINUTE, accepted=amount, delivered=max(0, amount - 40 * minute))


def _after(hour: int) -> TimeStep:
    return TimeStep(
        AT + hour * _HOUR,
        delivered=38_805 if hour == 0 else 0,
        bounced=round(600 * math.exp(-hour)),
        complained=int(hour in (0, 3, 4, 7, 8, 12)),
        unsubscribed=round(14 * math.exp(-hour / 5)),
    )


def _compared(day: int) -> Compared:
    accepted = 39_931 - (7 - day) * 1_200
    return Compared(
        *(f"202601{day:02}-k3x9p2", f"2026-01-{day:02}-issue", AT - (7 - day) * 24 * _HOUR),
        *(accepted + 69, accepted, round(accepted * (0.96 + day / 500))),
        *(round(accepted * 0.022), round(accepted * 0.012), day, 8 * day),
    )


def nothing() -> SendReport:
    """The report on a send that waits for its time."""
    send = a_send(
        status=SendStatus.SCHEDULED,
        counts=Counts(),
        reports=Reports(),
        unsubscribed=0,
        scheduled_at=AT,
        finished_at=None,
    )
    empty: dict[str, Any] = dict.fromkeys(("began_at", "last_at", "sending", "after", "speed"))
    empty |= dict.fromkeys(("opens", "clicks"))
    empty |= dict.fromkeys(("delayed", "hard", "soft"), 0)
    empty |= dict.fromkeys(("rejected", "skipped", "bounces", "complaints", "providers"), ())
    empty |= dict.fromkeys(("links", "compared", "notes"), ())
    return a_report(send=send, **empty)
