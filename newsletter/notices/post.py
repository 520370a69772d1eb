"""The one path of a single mail: its name, its turn at the rate, and what became of it."""

import logging
import secrets
import threading
from dataclasses import dataclass

from newsletter.errors import OutcomeUnknown, SendingStopped
from newsletter.model.address import Address
from newsletter.model.email import Email, Message
from newsletter.model.notice import Notice
from newsletter.model.send import Outcome, Rejected, Unknown
from newsletter.sending.pace import Pace
from newsletter.store import Store
from newsletter.store.ledger import limiter
from newsletter.times import Clock
from newsletter.transports.base import Transport

_log = logging.getLogger(__name__)

_REF = "X-Newsletter-Ref"


@dataclass(frozen=True, slots=True)
class Post:
    """What it takes to mail notices, at the rate of all mail of the store."""

    store: Store
    transport: Transport
    pace: Pace
    clock: Clock
    stop: threading.Event

    def wait(self) -> None:
        """Wait for a turn, or until `stop`."""
        if (rate := self.pace.rate) is None:
            return
        with self.store.write() as connection:
            begins = limiter.reserve(connection, 1, rate, self.clock).begins
        self.stop.wait(max(0.0, (begins - self.clock()).total_seconds()))

    def deliver(self, notice: Notice, message: Message) -> Outcome:
        """Hand one mail over. Raises Throttled, TransportDown or QuotaReached: it did not leave."""
        try:
            [outcome] = self.transport.deliver(notice, [message])
        except OutcomeUnknown as error:
            return Unknown(error.message)
        except SendingStopped as error:  # as for an address that the sandbox refuses, not for all
            return Rejected(error.message)
        about = {"notice": message.ref, "outcome": type(outcome).__name__.lower()}
        _log.info("mail", about)
        return outcome


def automatic(
    notice: Notice, name: str, to: Address, email: Email, host: str, *about: str
) -> Message:
    """A mail that a program wrote, to one address, from the newsletter at a host rather than from a
    list. `name` tells it from others of its kind; for the rest see `with_reference`."""
    message = Message(
        ref="",
        name=name,
        to=to,
        email=email,
        values={},
        headers=(("List-Id", f"<newsletter.{host}>"), ("Auto-Submitted", "auto-generated")),
        tags=(),
    )
    return with_reference(message, notice, *about)


def with_reference(message: Message, notice: Notice, *about: str) -> Message:
    """A message under a reference of its own, which says what it is and what it is `about`."""
    name = "-".join((notice, *about, secrets.token_hex(8)))
    headers = tuple((header, value) for header, value in message.headers if header != _REF)
    return message._replace(
        ref=f"{name}.1",
        headers=(*headers, (_REF, f"{name}.1")),
        tags=(("send", notice), ("delivery", name), ("attempt", "1")),
    )
