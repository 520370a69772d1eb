"""What the page of a send shows beside its counts: its course, who refuses it, alarms."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from newsletter.feedback.alarm import silence
from newsletter.feedback.warning import many_bounces
from newsletter.model.event import Cause, EventType
from newsletter.model.send import OVER, Send
from newsletter.reports.providers import provider_of
from newsletter.store.ledger import course, sends
from newsletter.store.reported import by_mailbox
from newsletter.store.reported import events as log
from newsletter.studio.live import no_send
from newsletter.studio.pages import sentence
from newsletter.studio.session import Studio

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from newsletter.store.ledger.course import CoursePart
    from newsletter.store.reported.by_mailbox import BadReport

PARTS = 120  # of the course of a send
REPORTS = 20_000  # the newest bounces and complaints that are told apart
SAMPLE = 1_000  # recipients, for the share of each keeper of mailboxes
KEEPERS = 12  # are named; what the rest has is summed up
_COUNTING_SECONDS = 30.0
_KEPT_SECONDS = {False: 10.0, True: 60.0}  # of a send under way, and of one that is over


def facts_of(studio: Studio, send_id: str) -> dict[str, Any]:
    """Raises NewsletterError, for a send that is not there too."""
    store, settings = studio.store, studio.project.settings
    send = studio.read(lambda connection: sends.find(connection, send_id))
    if send is None:
        raise no_send(send_id)

    def query(connection: "Connection") -> dict[str, Any]:
        shown = _of_ledger(connection, send)
        return {
            **shown,
            "warning": sentence(many_bounces(store, send, settings.policy) or ""),
            "alarm": sentence(silence(store, settings, studio.clock()) or ""),
        }

    return studio.kept.answer(
        ("facts", send.id),
        lambda: studio.read(query, _COUNTING_SECONDS),
        _KEPT_SECONDS[send.status in OVER],
    )


def _of_ledger(connection: "Connection", send: Send) -> dict[str, Any]:
    number = sends.number_of(connection, send.id)
    reports = by_mailbox.newest_bad(connection, send.id, REPORTS)
    sample = by_mailbox.sample(connection, send.id, send.counts.recipients, SAMPLE)
    return {
        "course": [_part(part) for part in whole(course.course(connection, send.id, PARTS))],
        "mailboxes": mailboxes(reports, sample),
        "unknown_words": dict(log.unknown_words(connection, number)),
    }


def _part(part: "CoursePart") -> dict[str, Any]:
    return {
        "at": part.at.timestamp(),
        "seconds": part.seconds,
        "accepted": part.accepted,
        "rejected": part.rejected,
        "unknown": part.unknown,
    }


def whole(parts: "Sequence[CoursePart]") -> "list[CoursePart]":
    """The course with the parts in which nothing was claimed, as where the send was paused."""
    from datetime import timedelta

    from newsletter.store.ledger.course import CoursePart

    filled: list[CoursePart] = []
    for part in parts:
        while filled and (at := filled[-1].at + timedelta(seconds=part.seconds)) < part.at:
            filled.append(CoursePart(at, part.seconds, 0, 0, 0))
        filled.append(part)
    return filled


def mailboxes(reports: "Iterable[BadReport]", sample: Sequence[str]) -> list[dict[str, Any]]:
    """Hard bounces, other bounces and complaints by who keeps the mailbox, the most first; with
    their estimated share of all recipients, None where no recipient is known any more.

    A delivery counts once in each column.
    """
    counts: dict[str, Counter[str]] = {}
    counted: set[tuple[int, str]] = set()
    for report in reports:
        column = _column(report)
        if (report.number, column) not in counted:
            counted.add((report.number, column))
            counts.setdefault(keeper_of(report.address_key), Counter())[column] += 1
    shares = Counter(keeper_of(key) for key in sample)
    ranked = sorted(
        {*counts, *(keeper for keeper, _ in shares.most_common(KEEPERS))},
        key=lambda keeper: (-sum(counts.get(keeper, Counter()).values()), -shares[keeper], keeper),
    )
    named, rest = ranked[:KEEPERS], ranked[KEEPERS:]
    rows = [(keeper, counts.get(keeper, Counter()), shares[keeper]) for keeper in named]
    others = sum((counts.get(keeper, Counter()) for keeper in rest), Counter())
    of_others = len(sample) - sum(share for _, _, share in rows)
    if others or of_others > 0:
        rows.append(("*", others, of_others))
    return [
        {
            "keeper": keeper,
            "share": share / len(sample) if sample else None,
            **{column: of[column] for column in ("hard", "soft", "complained")},
        }
        for keeper, of, share in rows
    ]


def keeper_of(address: str) -> str:
    """The name of who keeps the mailbox of an address in lower case: one of the big ones, else its
    domain; empty for what is no address.

    A domain of its own may be kept by one of them as well, which only its DNS would tell.
    """
    domain = address.rpartition("@")[2] if "@" in address else ""
    return provider_of(domain) or domain


def _column(report: "BadReport") -> str:
    if report.type is EventType.COMPLAINT:
        return "complained"
    return "hard" if report.cause is Cause.HARD else "soft"
