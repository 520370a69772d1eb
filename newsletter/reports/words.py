"""What figures are called in a report, and its lines about the send itself."""

from collections.abc import Iterator

from newsletter.gate import masked
from newsletter.model.event import Cause
from newsletter.model.send import SendStatus
from newsletter.reports.amounts import NOTHING, duration, percent
from newsletter.reports.figures import Compared, ReportedCause, SendReport
from newsletter.times import time_text

CAUSES = {
    Cause.HARD: "nobody is there",
    Cause.SOFT: "it may pass",
    Cause.COMPLAINT: "called spam",
    Cause.LISTED: "on the provider's list, not tried",
    Cause.DOUBTED: "doubted by the provider, not tried",
    Cause.MESSAGE: "the message was refused",
    Cause.TIMEOUT: "our own time ran out",
    Cause.UNKNOWN: "in words that are not known here",
}
FIGURES = {
    "hard": "hard",
    "soft": "soft",
    "complained": "complaints",
    "unreported": "no report yet",
}
_REASONS = {
    "already_received": "had it already",
    "paused": "paused at their own wish",
}
_LINKS = {
    "{{unsubscribe_url}}": "(to unsubscribe)",
    "{{preferences_url}}": "(to the preferences)",
    "{{web_url}}": "(to the web version)",
    "{{subscribe_url}}": "(to subscribe)",
    "{{previous_url}}": "(to the issue before)",
    "other": "(other links)",
}


def figure(name: str) -> str:
    return FIGURES.get(name, name)


def cause(reported: ReportedCause) -> str:
    """`Permanent/NoEmail: nobody is there`."""
    meaning = CAUSES[reported.cause]
    _, _, word = reported.word.partition("/")
    return f"{word}: {meaning}" if word else meaning


def link(sealed: str) -> str:
    """A link as it was sealed; those that each reader has an own of are described."""
    return _LINKS.get(sealed, sealed)


def rate(row: Compared, name: str) -> str:
    """A share of the accepted mails of a send; none where nothing was reported that it is of."""
    is_known = row.is_reported or name == "unsubscribed"
    return percent(getattr(row, name), row.accepted) if is_known else NOTHING


def reason(word: str) -> str:
    return _REASONS.get(word, word)


def about(report: SendReport) -> Iterator[str]:
    """Which send it is, and when and how fast it went."""
    send = report.send
    to = f"{send.list}, segment {send.segment}" if send.segment else send.list
    yield f"{send.slug} to {to} · {send.id}"
    status = str(send.status)
    if send.status is SendStatus.PAUSED and send.pause_reason:
        status += f" ({masked(send.pause_reason)})"
    if report.began_at is None:
        when = f", at {time_text(send.scheduled_at, report.timezone)}" if send.scheduled_at else ""
        yield f"{status}{when}"
        return
    words = [status, f"began {time_text(report.began_at, report.timezone)}"]
    if report.seconds is not None and report.seconds >= 1:
        took = "took {}" if report.is_final else "for {} so far"
        words.append(took.format(duration(report.seconds)))
        if send.counts.accepted:
            words.append(f"{send.counts.accepted / report.seconds:,.0f} a second")
    yield " · ".join(words)
    if report.speed is not None:
        half, most = duration(report.speed.half), duration(report.speed.most)
        yield f"half of the mails arrived within {half}, 95 of 100 within {most}"
