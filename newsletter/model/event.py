"""Events: what the provider reports later about a message."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from newsletter.model.send import Reported


class EventType(StrEnum):
    """The kinds of events; OTHER is one that this version does not know.

    A source of events translates its provider's words into these: newsletter.feedback.base.
    """

    SEND = "Send"
    DELIVERY = "Delivery"
    BOUNCE = "Bounce"
    COMPLAINT = "Complaint"
    REJECT = "Reject"
    RENDERING_FAILURE = "Rendering Failure"
    DELAY = "DeliveryDelay"
    OPEN = "Open"
    CLICK = "Click"
    SUBSCRIPTION = "Subscription"
    OTHER = "other"

    @property
    def reported(self) -> Reported | None:
        """What it says of a delivery; None for events that say only that there was one."""
        return _REPORTED.get(self)

    @property
    def says_never_sent(self) -> bool:
        """Whether it proves that the provider took the message and then did not send it."""
        return self in (EventType.REJECT, EventType.RENDERING_FAILURE)


class Cause(StrEnum):
    """What a bounce or complaint says of its address.

    A source of events derives it; docs/operating.md says what follows from each.
    """

    HARD = "hard"  # nobody is there: suppressed at once
    SOFT = "soft"  # it may pass: suppressed after some in a row
    COMPLAINT = "complaint"  # the reader calls it spam: suppressed at once
    LISTED = "listed"  # the provider did not even try: suppressed, but counted in no rate
    DOUBTED = "doubted"  # it guessed that nobody is there, and did not try: nothing follows
    MESSAGE = "message"  # the message is at fault, not the address: nothing follows
    TIMEOUT = "timeout"  # our own limit of time ran out: nothing follows
    UNKNOWN = "unknown"  # reported in words that are not known here: shown, and nothing follows


class Agent(StrEnum):
    """Who opened a mail or followed a link of it, as far as the provider can tell."""

    HUMAN = "human"
    MACHINE = "machine"  # a scanner, or a mail program that fetches before anybody reads
    UNKNOWN = "unknown"  # the provider does not say


_REPORTED = {
    EventType.DELIVERY: Reported.DELIVERED,
    EventType.DELAY: Reported.DELAYED,
    EventType.BOUNCE: Reported.BOUNCED,
    EventType.COMPLAINT: Reported.COMPLAINED,
    EventType.REJECT: Reported.REJECTED,
    EventType.RENDERING_FAILURE: Reported.RENDERING_FAILED,
}


@dataclass(frozen=True, slots=True)
class Ref:
    """Which delivery an event is about, by the tag or the header that we gave it."""

    send_id: str
    number: int
    attempt: int | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One report. `key` is the same each time it comes, which may be often and in any order.

    `ref` is None where neither tags nor headers name a delivery; then `message_id` may. `cause` is
    None for all but bounces and complaints, and for those that only look like one: an out-of-office
    reply, a complaint that is taken back. It is UNKNOWN where the provider's word is not known
    here, and for an event of an unknown type. `word` is the provider's name for a bounce, a
    complaint or an unknown type. `payload` is its text as it came. `sent_at` is when the mail was
    taken, None where the event does not tell. `store` is the id of the store that sent it, where
    its tags name one. `reporter` is the provider's name for people. `agent` is there for opens and
    clicks alone, and `link` for clicks: an address as it was followed, until `sealed` in its place.
    """

    key: str
    type: EventType
    at: dt.datetime
    message_id: str
    ref: Ref | None
    detail: str
    payload: str
    cause: Cause | None = None
    sent_at: dt.datetime | None = None
    word: str = ""
    store: str = ""
    reporter: str = "the provider"
    agent: Agent | None = None
    link: str | None = None

    @property
    def reported(self) -> Reported | None:
        """What it says of its delivery: a bounce or complaint without a cause is none."""
        if self.cause is None and self.type in (EventType.BOUNCE, EventType.COMPLAINT):
            return None
        return self.type.reported


@dataclass(frozen=True, slots=True)
class NoEvent:
    """A message of the queue that reports nothing; `harmless` if it is known and expected."""

    reason: str
    harmless: bool
