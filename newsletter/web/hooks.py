"""`POST /hooks/…`: what providers post about mail that was sent.

The source of the events decides what is believed: see newsletter.feedback.base.
"""

import logging
import time
from collections.abc import Callable, Sequence

from fastapi import FastAPI, Request, Response
from starlette.responses import PlainTextResponse

from newsletter.errors import ConfigurationError
from newsletter.feedback import chores
from newsletter.feedback.apply import Applied, apply, apply_late
from newsletter.feedback.base import Hook, Incoming, NotNow, Posted
from newsletter.feedback.sources import source_of
from newsletter.gate import masked
from newsletter.web.forms import origin
from newsletter.web.site import Site
from newsletter.web.together import Together

# What went wrong is for the log alone, since it is about this machine.
_LATER = "not now"
_LATE_SECONDS = 60.0

_log = logging.getLogger("newsletter.web")


def add(app: FastAPI, site: Site, hooks: Sequence[Hook] | None = None) -> None:
    """`hooks` are those of the source of events, unless others are given."""
    together = Together(Applying(site))
    site.watch.over("events", together.trouble)
    if hooks is None:
        hooks = source_of(site.settings.events).hooks(site.settings, site.store, site.clock)
    for hook in hooks:
        _add(app, site, hook, together)


def _add(app: FastAPI, site: Site, hook: Hook, together: Together[Incoming, None]) -> None:
    @app.post(hook.path)
    async def receive(request: Request) -> Response:
        client = origin(request, site.settings.web.trusted_proxies).wide_network
        try:
            reply = await hook.receive(Posted(await request.body(), request.headers, client))
        except (NotNow, ConfigurationError) as error:
            _log.warning("put_off_post", {"hook": hook.path, "error": masked(error.message)})
            return _answer(503, _LATER)
        _log.debug("post", {"hook": hook.path, "status": reply.status})
        if reply.incoming is not None:
            await together(reply.incoming)
        return _answer(reply.status, reply.reason)


def _answer(status: int, reason: str) -> Response:
    headers = {"Cache-Control": "no-store"} | ({"Retry-After": "30"} if status == 503 else {})
    return PlainTextResponse(reason, status, headers)


class Applying:
    """Applies what was posted; once a minute also what came before it could be understood, and once
    an hour what is due wherever events come in. Both by a clock that nobody sets."""

    def __init__(self, site: Site, seconds: Callable[[], float] = time.monotonic) -> None:
        self._site, self._seconds = site, seconds
        self._late_at = self._chores_at = seconds()

    def __call__(self, incoming: Sequence[Incoming]) -> None:
        site, now, moment = self._site, self._site.clock(), self._seconds()
        apply(site.store, incoming, now, Applied(), site.settings.policy)
        if self._late_at <= moment:
            self._late_at = moment + _LATE_SECONDS
            apply_late(site.store, now, site.settings.policy)
        if self._chores_at <= moment:
            self._chores_at = moment + chores.EVERY.total_seconds()
            chores.do_chores(site.store, site.settings, now)
