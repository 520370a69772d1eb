"""`POST /hooks/sns`: what SNS posts about mail that was sent.

Nothing is believed before it is proven, and nothing that a request names is opened but a
certificate of SNS itself: see newsletter.feedback.ses.sns.
"""

import datetime as dt
import logging
from collections.abc import Callable, Sequence

from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse

from newsletter.errors import ConfigurationError
from newsletter.feedback import chores
from newsletter.feedback.apply import Applied, apply, apply_late
from newsletter.feedback.ses import certificates, subscribing
from newsletter.feedback.ses.certificates import Certificates, NoCertificate, NotFetched
from newsletter.feedback.ses.sns import Envelope, Refusal, prove
from newsletter.feedback.ses.subscribing import NotConfirmed
from newsletter.store import events as log
from newsletter.web.forms import origin
from newsletter.web.site import Site
from newsletter.web.together import Together

# What went wrong is for the log alone: it tells of this machine.
_LATER = "not now"
_LATE_EVERY = dt.timedelta(minutes=1)

_log = logging.getLogger("newsletter.web")


def add(
    app: FastAPI,
    site: Site,
    fetch: Callable[[str], bytes] = certificates.fetch,
    confirm: Callable[[str, str], None] = subscribing.confirm,
) -> None:
    """`fetch` gets a certificate of SNS, `confirm` a topic and a token that confirms it."""
    topics = frozenset(site.settings.events.topic_arns)
    keys = Certificates(fetch, site.clock)
    together = Together(_Applying(site))

    async def _proven(request: Request, body: bytes) -> Envelope | Refusal:
        """What a request proves; for a certificate it waits alone, and with no thread of others."""
        try:
            found = await run_in_threadpool(prove, body, topics, keys.key_of)
        except NotFetched as missing:
            client = origin(request, site.settings.web.trusted_proxies).wide_network
            await keys.fetch(missing.url, client)
            found = await run_in_threadpool(prove, body, topics, keys.key_of)
        if isinstance(found, Envelope):
            keys.trust(found.certificate_url)
        return found

    @app.post("/hooks/sns")
    async def sns(request: Request) -> Response:
        body = await request.body()
        try:
            found = await _proven(request, body)
            if isinstance(found, Refusal):
                return _answer(found.status, found.reason)
            if request.headers.get("x-amz-sns-message-type", found.type) != found.type:
                return _answer(400, "two types")
            if found.is_notification:
                await together(found.message)
            elif found.asks_for_confirmation:
                await run_in_threadpool(_subscribe, site, found, confirm)
        except (NoCertificate, NotConfirmed, ConfigurationError) as error:
            _log.warning("%s", error.message)
            return _answer(503, _LATER)
        return _answer(200, "")


def _answer(status: int, reason: str) -> Response:
    headers = {"Cache-Control": "no-store"} | ({"Retry-After": "30"} if status == 503 else {})
    return PlainTextResponse(reason, status, headers)


class _Applying:
    """Applies what topics carry and, once a minute, what came before it could be understood."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._late_at = self._chores_at = site.clock()

    def __call__(self, texts: Sequence[str]) -> None:
        site, now = self._site, self._site.clock()
        placed = [("/hooks/sns", text) for text in texts]
        apply(site.store, placed, now, Applied(), site.settings.policy)
        if self._late_at <= now:
            self._late_at = now + _LATE_EVERY
            apply_late(site.store, now, site.settings.policy)
        if self._chores_at <= now:
            self._chores_at = now + chores.EVERY
            chores.do_chores(site.store, site.settings, now)


def _subscribe(site: Site, envelope: Envelope, confirm: Callable[[str, str], None]) -> None:
    """Confirm a subscription while that is armed; else write down that it was not."""
    now = site.clock()
    if subscribing.is_armed(site.store, now):
        confirm(envelope.topic_arn, envelope.token)
        return
    reason = "a subscription that was not confirmed: newsletter events arm, then request it again"
    with site.store.write() as connection:
        key = f"subscription {envelope.message_id}"
        log.set_aside(connection, key, reason, envelope.topic_arn, now)
