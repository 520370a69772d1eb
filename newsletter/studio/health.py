"""Routes of the state of things: events and how late they are, alarms, who works, who did what."""

import datetime as dt
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response

from newsletter.errors import NewsletterError
from newsletter.gate import masked
from newsletter.studio.live import trouble_of
from newsletter.studio.pages import page, sentence
from newsletter.studio.session import Studio
from newsletter.times import time_text

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

SHOWN = 50  # of set-aside messages, and of lines of the audit log
_PAYLOAD_CHARACTERS = 2_000
_DELAYS = 200  # of the newest events
_COUNTING_SECONDS = 10.0
_KEPT_SECONDS = 5.0


def add(app: FastAPI, studio: Studio) -> None:
    if studio.only is not None:
        return

    @app.get("/health")
    def index(request: Request) -> Response:
        def look() -> dict[str, Any]:
            return studio.read(lambda connection: _facts(connection, studio), _COUNTING_SECONDS)

        facts: dict[str, Any] | None = None
        trouble = ""
        try:
            facts = studio.kept.answer("health", look, _KEPT_SECONDS)
        except NewsletterError as error:
            trouble = trouble_of(error)
        return page(
            request,
            "health.html",
            newsletter=studio.project.settings.newsletter,
            here="health",
            facts=facts,
            trouble=trouble,
        )


def _facts(connection: "Connection", studio: Studio) -> dict[str, Any]:
    from newsletter.feedback.alarm import silence
    from newsletter.feedback.warning import of_running
    from newsletter.sending import processes, restored
    from newsletter.store.ledger import workers
    from newsletter.store.reported import events
    from newsletter.transports import kind_of

    store, settings, now = studio.store, studio.project.settings, studio.clock()
    zone = settings.newsletter.timezone
    alarms = [
        restored.sign(connection, studio.project.generation, zone),
        silence(store, settings, now),
        *(f"{send}: {line}" for send, line in of_running(store, settings.policy).items()),
    ]
    return {
        "alarms": [sentence(line) for line in alarms if line],
        "reports": kind_of(settings.transport).reports,
        "events": _events(connection, now, zone),
        "workers": [processes.describe(name) for name in workers.heard_of(connection, now)],
        "unknown_words": [
            {"word": each.word, "events": each.events, "time": time_text(each.last_at, zone)}
            for each in events.all_unknown_words(connection)
        ],
        **_logs(connection, zone),
    }


def _events(connection: "Connection", now: dt.datetime, zone: str) -> dict[str, Any]:
    """When the last event came, and how late events are: half of the newest, and nine of ten."""
    from newsletter.store.reported import events, lag

    last = events.last_applied(connection)
    delays = sorted(max(0.0, delay) for delay in lag.newest_delays(connection, _DELAYS))
    return {
        "last": None if last is None else time_text(last, zone, to_the_second=True),
        "age_seconds": None if last is None else max(0.0, (now - last).total_seconds()),
        "delays": len(delays),
        "half_seconds": delays[len(delays) // 2] if delays else None,
        "most_seconds": delays[len(delays) * 9 // 10] if delays else None,
    }


def _logs(connection: "Connection", zone: str) -> dict[str, Any]:
    from newsletter.store import audit
    from newsletter.store.reported import unreadable

    return {
        "set_aside": [
            {
                "time": time_text(each.at, zone),
                "reason": masked(each.reason),
                "payload": masked(each.payload or "")[:_PAYLOAD_CHARACTERS],
            }
            for each in unreadable.page(connection, limit=SHOWN)
        ],
        "deeds": [
            {
                "time": time_text(deed.at, zone),
                "who": deed.who,
                "kind": deed.kind,
                "subject": deed.subject,
                "detail": deed.detail,
            }
            for deed in audit.page(connection, limit=SHOWN)
        ],
    }
