"""The mails that the public pages cause: asking for a yes, and the welcome after it.

A thread of `newsletter serve` writes them, so that no visitor waits and no answer tells what
became of an address. Each is taken in hand before the transport is called: one that may have left
is never sent again by itself.
"""

import datetime as dt
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from newsletter.audience import mailing
from newsletter.audience.retention import forget_old
from newsletter.errors import (
    NewsletterError,
    QuotaReached,
    Throttled,
    TransportDown,
)
from newsletter.gate import masked
from newsletter.model.email import Message
from newsletter.model.notice import Notice
from newsletter.model.send import Accepted, Outcome, Rejected, RetryLater, Unknown
from newsletter.model.subscriber import RefusalReason, Request, RequestState
from newsletter.notices.confirmation import confirmation
from newsletter.notices.post import Post
from newsletter.notices.welcome import welcome
from newsletter.sending import restored
from newsletter.sending.pace import Pace
from newsletter.store.people import requests
from newsletter.transports import Transport
from newsletter.web.site import Site

POLL_SECONDS = 1.0
PUT_OFF_SECONDS = 30.0  # once the transport says that nothing leaves now
_AT_ONCE = 100
_CLEAN_EVERY = dt.timedelta(minutes=10)
_RULES_EVERY = dt.timedelta(minutes=1)

_log = logging.getLogger("newsletter.web")


@dataclass
class Mailer:
    """Mails what visitors asked for, as fast as all mail of the store may go."""

    site: Site
    transport: Transport
    stop: threading.Event
    beat: Callable[[], None] = lambda: None  # says that this goes on
    _pace: Pace = field(default_factory=lambda: Pace(None))
    _asked_at: dt.datetime | None = None
    _cleaned_at: dt.datetime | None = None

    def run(self) -> None:
        """Work until `stop`. Failures that may pass are logged, without a name, and tried again."""
        while not self.stop.is_set():
            try:
                seconds = POLL_SECONDS if self.drain() else PUT_OFF_SECONDS
            except NewsletterError as error:
                _log.error("put_off_mails", {"error": masked(error.message)})
                seconds = PUT_OFF_SECONDS
            self.beat()
            self.stop.wait(seconds)

    def drain(self) -> bool:
        """Mail all that waits now; False where the transport takes nothing more for a while."""
        self.site.take_over_keys()  # the erased are recognised by them
        now = self.site.clock()
        if self._cleaned_at is None or now - self._cleaned_at > _CLEAN_EVERY:
            forget_old(self.site.store, self.site.settings.web, now)
            self._cleaned_at = now
        with self.site.store.read() as connection:
            waiting = requests.waiting(connection, _AT_ONCE)
            due = requests.welcomes_due(connection, _AT_ONCE)
            if not waiting and not due:
                return True
            timezone = self.site.settings.newsletter.timezone
            restored.check(connection, self.site.project.generation, timezone)
        if not self._is_allowed(now):
            return False
        work = [(self._ask, number) for number in waiting]
        work += [(self._welcome, number) for number in due]
        return self._work_off(work)

    def _work_off(self, work: Sequence[tuple[Callable[[int], Outcome | None], int]]) -> bool:
        calm = True
        for mail, request_id in work:
            outcome = None if self.stop.is_set() else mail(request_id)
            self.beat()
            if isinstance(outcome, RetryLater):
                calm = False
                if not outcome.is_failure:  # not about this mail: the next ones would fail too
                    break
        return calm

    def _is_allowed(self, now: dt.datetime) -> bool:
        """Whether the account may send at all; it is asked once a minute."""
        if self._asked_at is None or now - self._asked_at > _RULES_EVERY:
            allowance = self.transport.allowance()
            if allowance.problem:
                _log.error("put_off_mails", {"error": masked(allowance.problem)})
                return False
            most = self.site.settings.transport.max_rate
            self._pace = Pace(most or None, allowance.rate)
            self._asked_at = now
        return True

    def _ask(self, request_id: int) -> Outcome | None:
        """Mail the link that confirms a request; None where none is to be mailed."""
        site, now = self.site, self.site.clock()
        request = mailing.take(
            site.store,
            request_id,
            site.links.address_hashes,
            now,
            form_url=site.links.subscribe_url,
            keep_ip=site.settings.web.keep_ip,
        )
        if request is None:
            return None
        outcome = self._deliver(Notice.CONFIRM, asking(site, request), now)
        state, reason = _noted(outcome)
        mailing.settle(site.store, request, state, reason, site.clock())
        return outcome

    def _welcome(self, request_id: int) -> Outcome | None:
        """Mail the issue that welcomes somebody, once; None where none is to be mailed."""
        site, now = self.site, self.site.clock()
        claimed = mailing.take_welcome(site.store, request_id, site.links.address_hashes, now)
        if claimed is None:
            return None
        message = welcome(site.store, site.links, site.settings.web.welcome, *claimed)
        if message is None:
            mailing.refuse_welcome(site.store, request_id, RefusalReason.NO_WELCOME)
            return None
        outcome = self._deliver(Notice.WELCOME, message, now)
        mailing.settle_welcome(site.store, request_id, *_noted(outcome))
        return outcome

    def _deliver(self, notice: Notice, message: Message, taken_at: dt.datetime) -> Outcome:
        """Hand over a mail; not one that was in hand for so long, as where this process slept, that
        its reader may have asked again."""
        site = self.site
        post = Post(site.store, self.transport, self._pace, site.clock, self.stop)
        post.wait()
        if site.clock() - taken_at > mailing.TRY_FOR:
            return RetryLater("it was in hand for too long")
        try:
            return post.deliver(notice, message)
        except (Throttled, TransportDown, QuotaReached) as error:
            return RetryLater(error.message, is_failure=False)


def asking(site: Site, request: Request) -> Message:
    """The mail that asks whether a request was really made."""
    html = partial(site.pages.html, "mail_confirm.html")
    return confirmation(request, site.settings.newsletter, site.links, site.texts, html)


def _noted(outcome: Outcome) -> tuple[RequestState, str]:
    match outcome:
        case Accepted():
            return RequestState.MAILED, ""
        case RetryLater(reason=reason):
            return RequestState.WAITING, reason
        case Rejected(reason=reason):
            return RequestState.FAILED, f"rejected: {reason}"
        case Unknown(reason=reason):
            return RequestState.FAILED, f"may have been mailed: {reason}"
