"""Routes of the audience: growth, the story of an address, and who is never mailed.

An address is asked for in the body of a POST: paths and queries end in histories and logs.
"""

import datetime as dt
import zoneinfo
from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from fastapi import FastAPI, Request, Response

from newsletter.errors import NewsletterError, Refused
from newsletter.model.subscriber import Suppression, SuppressionReason
from newsletter.studio.live import trouble_of
from newsletter.studio.pages import page
from newsletter.studio.session import Studio
from newsletter.studio.wishes import AddressWish, SuppressedWish, TypedAddressWish
from newsletter.times import time_text

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

DAYS = 728  # that growth is counted for: two years of whole weeks
SHOWN = 50  # suppressions at once
_COUNTING_SECONDS = 60.0
_KEPT_SECONDS = 60.0
_SERIOUS = (SuppressionReason.COMPLAINT, SuppressionReason.ERASED)  # their owners wished it


class WeekOfAudience(NamedTuple):
    """How many joined, left, and were suppressed in the seven days from the first on."""

    first: dt.date
    joined: int
    left: int
    suppressed: int


def add(app: FastAPI, studio: Studio) -> None:
    if studio.only is not None:
        return

    def counted_growth() -> dict[str, Any]:
        def count() -> dict[str, Any]:
            return studio.read(lambda connection: _growth(connection, studio), _COUNTING_SECONDS)

        return studio.kept.answer("growth", count, _KEPT_SECONDS)

    @app.get("/audience")
    def index(request: Request, tables: Literal["yes"] | None = None) -> Response:
        """With its figures as `tables` where a browser asks for them that runs no scripts, which
        fetch them otherwise: counting may take long."""
        counted: dict[str, Any] | None = None
        trouble = ""
        if tables:
            try:
                counted = counted_growth()
            except NewsletterError as error:
                trouble = trouble_of(error)
        return page(
            request,
            "audience.html",
            newsletter=studio.project.settings.newsletter,
            here="audience",
            reasons=[reason.value for reason in SuppressionReason],
            counted=counted,
            weeks=[] if counted is None else weeks(counted),
            trouble=trouble,
        )

    @app.get("/audience/growth")
    def growth() -> dict[str, Any]:
        return counted_growth()

    @app.post("/audience/explained")
    def explained(wish: AddressWish) -> dict[str, Any]:
        return _explained(studio, wish.address)

    @app.post("/audience/suppressed")
    def suppressed(wish: SuppressedWish) -> dict[str, Any]:
        from newsletter.store.people import suppressions

        reason = SuppressionReason(wish.reason) if wish.reason else None
        after = None if wish.after is None else wish.after.place()
        some = studio.read(
            lambda connection: suppressions.page(connection, after, reason=reason, limit=SHOWN + 1)
        )
        return {
            "suppressions": [_shown(studio, each) for each in some[:SHOWN]],
            "more": len(some) > SHOWN,
        }

    @app.post("/audience/allowed")
    def allowed(wish: TypedAddressWish) -> dict[str, Any]:
        return _allowed(studio, wish)


def _growth(connection: "Connection", studio: Studio) -> dict[str, Any]:
    from newsletter.store.people import growth, lists, suppressions

    zone = zoneinfo.ZoneInfo(studio.project.settings.newsletter.timezone)
    now = studio.clock().astimezone(zone)
    offset = now.utcoffset() or dt.timedelta()
    since = now - dt.timedelta(days=DAYS)
    by_list: dict[str, dict[str, tuple[int, int]]] = defaultdict(dict)
    for query in (growth.of_lists, growth.imported):
        for day in query(connection, since, offset):
            name = day.day.isoformat()
            joined, left = by_list[day.list].get(name, (0, 0))
            by_list[day.list][name] = (joined + day.joined, left + day.left)
    return {
        "today": now.date().isoformat(),
        "lists": [
            {
                "name": counts.name,
                "title": counts.title,
                "confirmed": counts.confirmed,
                "pending": counts.pending,
                "unsubscribed": counts.unsubscribed,
                "days": by_list.get(counts.name, {}),
            }
            for counts in lists.newest_first(connection)
        ],
        "suppressed": [
            [day.isoformat(), reason, amount]
            for day, reason, amount in growth.suppressed(connection, since, offset)
        ],
        "suppressions": dict(suppressions.counts(connection)),
    }


def weeks(counted: Mapping[str, Any]) -> list[WeekOfAudience]:
    """The weeks in which anybody joined, left or was suppressed, the newest first; each has seven
    days, the last of them ends today."""
    today = dt.date.fromisoformat(counted["today"])
    sums: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0])

    def count(day: str, joined: int, left: int, suppressed: int) -> None:
        week = sums[(today - dt.date.fromisoformat(day)).days // 7]
        for place, amount in enumerate((joined, left, suppressed)):
            week[place] += amount

    for each in counted["lists"]:
        for day, (joined, left) in each["days"].items():
            count(day, joined, left, 0)
    for day, _, amount in counted["suppressed"]:
        count(day, 0, 0, amount)
    return [
        WeekOfAudience(today - dt.timedelta(days=7 * number + 6), *sums[number])
        for number in sorted(sums)
    ]


def _explained(studio: Studio, subject: str) -> dict[str, Any]:
    """As `newsletter explain`, with the times in words."""
    from newsletter.audience.explaining import explain
    from newsletter.feedback.sources import source_of
    from newsletter.operations import records
    from newsletter.operations.keys import hashes_of

    settings, zone = studio.project.settings, studio.project.settings.newsletter.timezone
    story = explain(
        studio.store,
        subject.strip(),
        hashes_of(studio.project.root),
        studio.clock(),
        timezone=zone,
        note_of=source_of(settings.events).notes.get,
    )
    shown = records.explanation(story)
    for fact, line in zip(story.facts, shown["facts"], strict=True):
        line["time"] = time_text(fact.at, zone, to_the_second=True)
    if story.suppression is not None:
        asked_for = {"address": story.address or subject.strip()}  # not the hash of an erased one
        shown["suppression"] = _shown(studio, story.suppression) | asked_for
    return shown


def _shown(studio: Studio, suppression: Suppression) -> dict[str, Any]:
    zone = studio.project.settings.newsletter.timezone
    return {
        "address": suppression.address,
        "reason": suppression.reason,
        "source": suppression.source,
        "created_at": suppression.created_at.isoformat(),
        "time": time_text(suppression.created_at, zone),
        "is_serious": suppression.reason in _SERIOUS,
    }


def _allowed(studio: Studio, wish: TypedAddressWish) -> dict[str, Any]:
    """As `newsletter suppressions remove`. Raises Refused where its owner wished it, and nobody
    typed the address once more."""
    from newsletter.audience.address import parse
    from newsletter.audience.subscribers import suppression_of, unsuppress
    from newsletter.operations.keys import hashes_of
    from newsletter.transports import kind_of

    address, hashes = parse(wish.address), hashes_of(studio.project.root)
    with studio.store.read() as connection:
        suppression = suppression_of(connection, address, hashes)
    is_typed = wish.typed.strip().lower() == address.key
    if suppression is not None and suppression.reason in _SERIOUS and not is_typed:
        raise Refused("it was not confirmed", hint="Type the whole address. Nothing was changed.")
    former = unsuppress(studio.store, address, hashes, studio.clock(), studio.who)
    studio.kept.forget()
    kind = kind_of(studio.project.settings.transport)
    listed_by = None if kind.open_account_list is None else kind.service
    return {"removed": former.reason, "listed_by": listed_by}
