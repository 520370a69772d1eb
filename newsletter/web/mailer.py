"""The mails that the public pages cause: asking for a yes, and the welcome after it.

A thread of `newsletter serve` writes them, so that no visitor waits and no answer tells what
became of an address. Each is taken in hand before the transport is called: one that may have left
is never sent again by itself.
"""

import datetime as dt
import logging
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from newsletter.audience import confirming, mailing
from newsletter.errors import (
    NewsletterError,
    OutcomeUnknown,
    QuotaReached,
    SendingStopped,
    Throttled,
    TransportDown,
)
from newsletter.links import Purpose
from newsletter.model.email import Email, Message
from newsletter.model.send import Accepted, Outcome, Rejected, RetryLater, Unknown
from newsletter.model.subscriber import Request, RequestState
from newsletter.sending import restored
from newsletter.sending.pace import Pace
from newsletter.store import limiter, requests
from newsletter.transports import Transport
from newsletter.web import welcome
from newsletter.web.frame import place_in_code
from newsletter.web.site import Site

POLL_SECONDS = 1.0
PUT_OFF_SECONDS = 30.0  # after the transport said that nothing leaves now
_FOLDER = "confirm"  # in place of a send's id
# What each mail says to whom it does not concern.
_IGNORE = {
    Purpose.CONFIRM: "mail_ignore",
    Purpose.PERSONAL: "mail_ignore_personal",
    Purpose.UNDO: "mail_ignore_undo",
}
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
    _pace: Pace | None = None
    _asked_at: dt.datetime | None = None
    _cleaned_at: dt.datetime | None = None

    def run(self) -> None:
        """Until `stop`. What fails is said in the log, without a name, and tried again."""
        while not self.stop.is_set():
            try:
                seconds = POLL_SECONDS if self.drain() else PUT_OFF_SECONDS
            except NewsletterError as error:
                _log.error("mails of the web pages wait: %s", error.message)
                seconds = PUT_OFF_SECONDS
            except Exception as error:  # noqa: BLE001 -- the last resort of the thread
                _log.error("%s at %s", type(error).__name__, place_in_code(error))
                seconds = PUT_OFF_SECONDS
            self.stop.wait(seconds)

    def drain(self) -> bool:
        """Mail all that waits now; False where the transport takes nothing more for a while."""
        now = self.site.clock()
        if self._cleaned_at is None or now - self._cleaned_at > _CLEAN_EVERY:
            mailing.clean_up(self.site.store, now)
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
            if isinstance(outcome, RetryLater):
                calm = False
                if not outcome.is_failure:  # not about this mail: the next ones would fare alike
                    break
        return calm

    def _is_allowed(self, now: dt.datetime) -> bool:
        """Whether the account may send at all; it is asked once a minute."""
        if self._asked_at is None or now - self._asked_at > _RULES_EVERY:
            allowance = self.transport.allowance()
            if allowance.problem:
                _log.error("mails of the web pages wait: %s", allowance.problem)
                return False
            asked = self.site.settings.transport.max_rate
            self._pace = Pace(asked or None, allowance.rate)
            self._asked_at = now
        return True

    def _ask(self, request_id: int) -> Outcome | None:
        """Mail the link that confirms a request; None where none is to be mailed."""
        site = self.site
        request = mailing.take(
            site.store,
            request_id,
            site.links.address_hashes,
            site.clock(),
            form_url=site.links.subscribe_url,
            keep_ip=site.settings.web.keep_ip,
        )
        if request is None:
            return None
        outcome = self._deliver(_FOLDER, confirmation(site, request))
        state, reason = _noted(outcome)
        mailing.settle(site.store, request, state, reason, site.clock())
        return outcome

    def _welcome(self, request_id: int) -> Outcome | None:
        """Mail the issue that welcomes somebody, once; None where none is to be mailed."""
        site = self.site
        hashes = site.links.address_hashes
        taken = mailing.take_welcome(site.store, request_id, hashes, site.clock())
        if taken is None:
            return None
        message = welcome.message(site, *taken)
        if message is None:
            refused = RequestState.REFUSED
            mailing.settle_welcome(site.store, request_id, refused, "nothing to mail")
            return None
        outcome = self._deliver(welcome.FOLDER, message)
        mailing.settle_welcome(site.store, request_id, *_noted(outcome))
        return outcome

    def _deliver(self, folder: str, message: Message) -> Outcome:
        self._wait_for_a_slot()
        try:
            [outcome] = self.transport.deliver(folder, [message])
        except OutcomeUnknown as error:
            return Unknown(error.message)
        except SendingStopped as error:  # as for an address that the sandbox refuses, not for all
            return Rejected(error.message)
        except (Throttled, TransportDown, QuotaReached) as error:
            return RetryLater(error.message, is_failure=False)
        return outcome

    def _wait_for_a_slot(self) -> None:
        if self._pace is None or (rate := self._pace.rate) is None:
            return
        now = self.site.clock()
        with self.site.store.write() as connection:
            begins = limiter.reserve(connection, 1, rate, now).begins
        self.stop.wait(max(0.0, (begins - now).total_seconds()))


def confirmation(site: Site, request: Request) -> Message:
    """The mail that asks whether it was them. It holds no word that a visitor typed."""
    newsletter, texts = site.settings.newsletter, site.texts
    purpose, _ = confirming.LINKS[request.kind]
    url = site.links.confirm_url(purpose, request.id, request.list_id or 0)
    words = {
        part: texts[f"mail_{request.kind}_{part}"].replace("{name}", newsletter.name)
        for part in ("subject", "text", "button")
    }
    ignore = texts[_IGNORE[purpose]]
    plain = "\n\n".join(
        (words["text"], url, ignore, f"{newsletter.name}\n{newsletter.postal_address}")
    )
    html = site.pages.html("mail_confirm.html", url=url, ignore=ignore, **words)
    email = Email(
        sender=newsletter.sender,
        reply_to=newsletter.reply_to,
        language=texts["language"],
        subject=(words["subject"],),
        preheader=(words["text"],),
        html=(html,),
        text=(plain + "\n",),
    )
    ref = f"{_FOLDER}-{secrets.token_hex(8)}"
    host = urlsplit(newsletter.base_url).hostname or "localhost"
    return Message(
        ref=f"{ref}.1",
        name=str(request.id),
        to=request.address,
        email=email,
        values={},
        headers=(
            ("List-Id", f"<newsletter.{host}>"),
            ("Auto-Submitted", "auto-generated"),
            ("X-Newsletter-Ref", f"{ref}.1"),
        ),
        tags=(("send", _FOLDER), ("delivery", ref), ("attempt", "1")),
    )


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
