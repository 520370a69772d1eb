"""The sends as they stand right now: looked at once for all pages that watch them.

Everything is read from the ledger, so it does not matter which process or machine sends.
"""

import asyncio
import datetime as dt
import json
import logging
import time
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool

from newsletter.errors import NewsletterError, UsageError, place_in_code
from newsletter.model.send import Send, State, StoppedBy
from newsletter.studio.session import Studio
from newsletter.times import time_text

if TYPE_CHECKING:
    from newsletter.store.ledger.course import RecentPace

SHOWN = 50  # sends in the list, the newest
_MINUTE = dt.timedelta(seconds=60)
_LEAST_PAUSE_SECONDS = 1.0
_PAUSES = 20  # times what a look takes: counting a large send may take long
_TROUBLE_SECONDS = 5.0

_log = logging.getLogger("newsletter.studio")


@dataclass(frozen=True, slots=True)
class SendsLook:
    """The sends by their ids, newest first, as `record` has them; `trouble` says why there are
    none."""

    sends: Mapping[str, Mapping[str, Any]]
    trouble: str = ""


@dataclass(slots=True)
class Live:
    """Looks while anybody watches, and lets them all have it. It belongs to one event loop.

    `look` is given the ids that single pages watch, and called in a thread.
    """

    look: Callable[[Collection[str]], SendsLook]
    is_over: bool = False
    _viewers: dict["asyncio.Queue[SendsLook | None]", str] = field(default_factory=dict)
    _looking: "asyncio.Task[None] | None" = None
    _latest: SendsLook | None = None

    async def looks(self, send_id: str = "") -> AsyncGenerator[SendsLook]:
        """The latest look, and each from now on. It ends where the studio does, or where looking
        failed."""
        queue: asyncio.Queue[SendsLook | None] = asyncio.Queue(1)
        self._viewers[queue] = send_id
        if self._looking is None or self._looking.done():
            self._latest, self._looking = None, asyncio.create_task(self._keep_looking())
        try:
            if self._latest is not None and (not send_id or send_id in self._latest.sends):
                yield self._latest
            while not self.is_over and (look := await queue.get()) is not None:
                yield look
        finally:
            del self._viewers[queue]

    def end(self) -> None:
        """Let all pages go, so that the server can end."""
        self.is_over = True
        self._give(None)

    def _give(self, look: SendsLook | None) -> None:
        for queue in self._viewers:
            with suppress(asyncio.QueueEmpty):
                queue.get_nowait()  # of a page that is slow: it gets the newest
            queue.put_nowait(look)

    async def _keep_looking(self) -> None:
        try:
            while self._viewers and not self.is_over:
                began = time.monotonic()
                watched = frozenset(filter(None, self._viewers.values()))
                look = await run_in_threadpool(self.look, watched)
                self._latest = look
                self._give(look)
                took = time.monotonic() - began
                pause = _TROUBLE_SECONDS if look.trouble else _PAUSES * took
                await asyncio.sleep(max(_LEAST_PAUSE_SECONDS, pause))
        except Exception as error:  # noqa: BLE001 -- the pages are let go, and ask again
            place = place_in_code(error) or "?"
            _log.error("fail", {"error": type(error).__name__, "at": place})
            self._give(None)


def look_at(studio: Studio, watched: Collection[str]) -> SendsLook:
    """The newest sends and those that are watched, as the ledger has them now."""
    from newsletter.store.ledger import course, sends

    def query(connection: Any) -> SendsLook:
        now = studio.clock()
        newest = list(sends.newest_first(connection, SHOWN))
        known = {send.id for send in newest}
        older = [sends.find(connection, send_id) for send_id in sorted(set(watched) - known)]
        paces = course.lately(connection, now - _MINUTE)
        zone = studio.project.settings.newsletter.timezone
        return SendsLook(
            {
                send.id: record(send, paces.get(send.id), now, zone)
                for send in (*newest, *filter(None, older))
            }
        )

    try:
        return studio.read(query)
    except NewsletterError as error:
        return SendsLook({}, trouble_of(error))


def no_send(send_id: str) -> UsageError:
    return UsageError(f"there is no send {send_id!r}", hint="See all sends.")


def trouble_of(error: NewsletterError) -> str:
    return f"{error.message}. {error.hint or ''}".strip()


def record(send: Send, pace: "RecentPace | None", now: dt.datetime, zone: str) -> Mapping[str, Any]:
    """A send as pages show it: as all commands do, with the speed of the last minute, its times in
    words, and which advice fits."""
    from newsletter.operations import records
    from newsletter.sending.state import activity_of

    activity = activity_of(send, now)
    if activity.state is State.RUNNING and pace is not None and pace.settled:
        rate = pace.settled / max(1.0, (now - pace.since).total_seconds())
        left = dt.timedelta(seconds=send.counts.queued / rate)
        activity = replace(activity, rate=rate, time_left=left)
    times = {
        "created": send.created_at,
        "scheduled": send.scheduled_at,
        "finished": send.finished_at,
        "until": activity.until,
        "since": activity.since,
    }
    in_words = {name: "" if at is None else time_text(at, zone) for name, at in times.items()}
    settled = send.counts.recipients - send.counts.queued
    return {
        **records.send(send, activity),
        "settled": settled,
        "times": in_words,
        "advice": _advice(send, activity.state),
    }


ADVICE = ("begun", "unbegun", "stopped", "unknown")


def _advice(send: Send, state: State | None) -> str:
    """The key of what to do next: see `advice_…` in the words."""
    if state is State.INTERRUPTED and send.stopped_by is StoppedBy.PERSON:
        return "stopped"  # no worker goes on with it by itself
    if state is State.INTERRUPTED:
        return "begun" if send.rests_since is not None else "unbegun"
    if send.counts.unknown and state is None:
        return "unknown"
    return ""


_BRIEF = (
    *("send_id", "status", "state", "waiting_for", "rate", "time_left_seconds", "settled"),
    *("recipients", "accepted", "rejected", "skipped", "unknown", "queued", "times", "advice"),
    *("delivered", "bounced", "complained", "unsubscribed"),
)


async def events(live: Live, send_id: str = "") -> AsyncGenerator[str]:
    """The looks as server-sent events: what changed of all sends, or all about one.

    https://html.spec.whatwg.org/multipage/server-sent-events.html
    """
    yield "retry: 1000\n\n"
    last = ""
    async for look in live.looks(send_id):
        data: dict[str, Any] = {"trouble": look.trouble}
        if send_id:
            data["send"] = look.sends.get(send_id)
        else:
            newest = islice(look.sends.values(), SHOWN)
            data["sends"] = [{name: each[name] for name in _BRIEF} for each in newest]
        text = json.dumps(data)
        yield ":\n\n" if text == last else f"data: {text}\n\n"
        last = text


def in_order(look: SendsLook) -> Sequence[Mapping[str, Any]]:
    """The sends of the list: those under way first, then the newest."""
    under_way = ("sending", "paused", "unresolved", "scheduled")
    return sorted(look.sends.values(), key=lambda send: send["status"] not in under_way)
